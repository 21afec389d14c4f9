//! Everything that the method stores.

use std::collections::BTreeMap;

use crate::{base::ttl::Ttl, contract::Table};

/// From a role's name to its record.
pub const ROLE_NAMES: Table<RolePointer> = Table::sealed(1);
/// By the keyed hash of the RoleID, which is what a login knows.
pub const ROLES: Table<Role> = Table::plain(2);
/// By incarnation of the role (16 bytes) and keyed hash of the SecretID (32).
pub const SECRET_IDS: Table<SecretId> = Table::plain(3);
/// By incarnation of the role and keyed hash of the accessor.
pub const ACCESSORS: Table<SecretIdPointer> = Table::plain(4);
/// By incarnation of the role, time of expiry (8 bytes, big-endian nanoseconds) and keyed hash of the SecretID.
pub const EXPIRIES: Table<Entry> = Table::plain(5);
/// By incarnation: roles that are deleted and have SecretIDs left.
pub const DELETED_ROLES: Table<Entry> = Table::plain(6);

/// A role: who may log in with it and what the tokens are like.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug, Default)]
pub struct Role {
    #[n(0)]
    pub name: String,
    #[n(1)]
    pub role_id: String,
    /// Drawn when the role is created; a role of the same name later has another, and none of this one's SecretIDs.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub incarnation: [u8; 16],
    /// Logins that a SecretID is good for; zero: any number.
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
    pub has_no_default_policy: bool,
    /// Whether `token_type` was set to `service`, which is also what the default means.
    #[n(12)]
    pub is_service: bool,
    /// Whether the policies were set by their old name, under which they are then shown too.
    #[n(13)]
    pub has_old_policies: bool,
    /// Whether the period was set by its old name.
    #[n(14)]
    pub has_old_period: bool,
}

/// Where a role lies.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub struct RolePointer {
    /// Its name in [`ROLES`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: [u8; 32],
}

/// What is kept of a SecretID.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug, Default)]
pub struct SecretId {
    #[n(0)]
    pub accessor: String,
    /// Moments are nanoseconds since the epoch.
    #[n(1)]
    pub created: i64,
    #[n(2)]
    pub updated: i64,
    #[n(3)]
    pub expires: Option<i64>,
    #[n(4)]
    pub ttl: Ttl,
    /// Logins that are left; zero: any number.
    #[n(5)]
    pub uses: u32,
    /// Goes into the metadata of the tokens.
    #[n(6)]
    pub metadata: BTreeMap<String, String>,
}

/// From an accessor to its SecretID.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub struct SecretIdPointer {
    /// The keyed hash of the SecretID.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub hash: [u8; 32],
}

/// A record whose name says everything.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, Debug)]
pub struct Entry {}
