//! The records of the engine. The only tokens that it stores are revoked ones, until they expire.

use crate::{base::ttl::Ttl, contract::Table, contract::keyset::Keyset};

/// Roles by name.
pub const ROLES: Table<Role> = Table::sealed(1);
/// The signing keys: one record, under the name [`THE_KEYS`].
pub const KEYS: Table<Keyset> = Table::plain(2);
/// Revocations by the keyed hash of the token id (`jti`).
pub const REVOCATIONS: Table<Revocation> = Table::plain(3);
/// Revocations by the expiry of the token (8 bytes, big-endian nanoseconds) and the keyed hash of its id.
pub const ENDS: Table<Entry> = Table::plain(4);

pub const THE_KEYS: &[u8] = b"k";

/// A role: which audiences its tokens may have, and how long they are valid.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug, Default)]
pub struct Role {
    #[n(0)]
    pub audiences: Vec<String>,
    #[n(1)]
    pub ttl: Ttl,
}

/// The revocation of a token. It is kept until the token expires.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub struct Revocation {
    /// When the token expires, in nanoseconds since the Unix epoch.
    #[n(0)]
    pub until: i64,
}

/// A record without fields: its name holds everything.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, Debug)]
pub struct Entry {}
