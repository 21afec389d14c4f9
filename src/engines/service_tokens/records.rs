//! Everything that the engine stores. Of tokens it stores only those that are revoked, until they end.

use crate::{base::ttl::Ttl, contract::Table, contract::keyset::Keyset};

/// By name.
pub const ROLES: Table<Role> = Table::sealed(1);
/// One record, under [`THE_KEYS`].
pub const KEYS: Table<Keyset> = Table::plain(2);
/// By the keyed hash of the jti.
pub const REVOCATIONS: Table<Revocation> = Table::plain(3);
/// By time of end (8 bytes, big-endian nanoseconds) and keyed hash of the jti.
pub const ENDS: Table<Entry> = Table::plain(4);

pub const THE_KEYS: &[u8] = b"k";

/// What tokens may be made.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug, Default)]
pub struct Role {
    #[n(0)]
    pub audiences: Vec<String>,
    #[n(1)]
    pub ttl: Ttl,
}

/// A token that is refused until it ends.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub struct Revocation {
    /// In nanoseconds since the epoch.
    #[n(0)]
    pub until: i64,
}

/// A record whose name says everything.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, Debug)]
pub struct Entry {}
