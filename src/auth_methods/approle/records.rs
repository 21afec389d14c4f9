//! The stored records of AppRole.

use std::collections::BTreeMap;

use crate::{base::ttl::Ttl, contract::Table};

/// Pointers to roles, by the name of the role.
pub const ROLE_NAMES: Table<RolePointer> = Table::sealed(1);
/// Roles by the keyed hash of the RoleID, which a login knows.
pub const ROLES: Table<Role> = Table::plain(2);
/// SecretIDs by the incarnation of the role (16 bytes) and the keyed hash of the SecretID (32 bytes).
pub const SECRET_IDS: Table<SecretId> = Table::plain(3);
/// Pointers to SecretIDs, by the incarnation of the role and the keyed hash of the accessor.
pub const ACCESSORS: Table<SecretIdPointer> = Table::plain(4);
/// SecretIDs by the incarnation of the role, the time of expiry (8 bytes, big-endian nanoseconds) and the keyed hash of
/// the SecretID.
pub const EXPIRIES: Table<Entry> = Table::plain(5);
/// Tombstones: the incarnations of deleted roles that still have SecretIDs in the store.
pub const DELETED_ROLES: Table<Entry> = Table::plain(6);

/// A role: the properties of its tokens and of its SecretIDs.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug, Default)]
pub struct Role {
    #[n(0)]
    pub name: String,
    #[n(1)]
    pub role_id: String,
    /// A random number chosen when the role is created. A later role with the same name has another number, so it gets
    /// none of the old SecretIDs.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub incarnation: [u8; 16],
    /// How many logins one SecretID allows. Zero means no limit.
    #[n(3)]
    pub secret_id_num_uses: u32,
    #[n(4)]
    pub secret_id_ttl: Ttl,
    #[n(5)]
    pub token_policies: Vec<String>,
    #[n(6)]
    pub token_ttl: Ttl,
    #[n(7)]
    pub token_max_ttl: Ttl,
    #[n(8)]
    pub token_explicit_max_ttl: Ttl,
    #[n(9)]
    pub token_period: Ttl,
    #[n(10)]
    pub token_num_uses: u32,
    #[n(11)]
    /// If true, tokens of this role do not get the policy `default`.
    pub has_no_default_policy: bool,
    /// Whether `token_type` was set to `service`. The default means the same.
    #[n(12)]
    pub is_service: bool,
    /// Whether the policies were set by their old name `policies`. An answer then shows them under that name too.
    #[n(13)]
    pub has_old_policies: bool,
    /// Whether the period was set by its old name `period`. An answer then shows it under that name too.
    #[n(14)]
    pub has_old_period: bool,
}

/// Where a role is stored.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub struct RolePointer {
    /// The key of the role in [`ROLES`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: [u8; 32],
}

/// What is stored about a SecretID.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug, Default)]
pub struct SecretId {
    #[n(0)]
    pub accessor: String,
    /// When the SecretID was created. All times in this record are nanoseconds since the Unix epoch.
    #[n(1)]
    pub created: i64,
    #[n(2)]
    pub updated: i64,
    #[n(3)]
    pub expires: Option<i64>,
    #[n(4)]
    pub ttl: Ttl,
    /// How many logins are left for the SecretID. Zero means no limit.
    #[n(5)]
    pub uses: u32,
    /// The metadata of the SecretID, which is copied into the metadata of the tokens.
    #[n(6)]
    pub metadata: BTreeMap<String, String>,
}

/// Leads from an accessor to its SecretID.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub struct SecretIdPointer {
    /// The keyed hash of the SecretID.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub hash: [u8; 32],
}

/// A record without fields: its name holds everything.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, Debug)]
pub struct Entry {}
