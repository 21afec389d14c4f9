//! The stored records of a token. The token itself is not stored: its record is named by the token's keyed hash.

use std::collections::BTreeMap;

use crate::{
    barrier::{MountId, Table},
    base::{time::Time, ttl::Ttl},
    contract::LoginOrigin,
    services::{revocations::Ancestor, table_ids},
};

/// Token records by the token's hash.
pub(crate) const TOKENS: Table<TokenRecord> = Table::plain(table_ids::TOKENS);
/// Accessor entries by the accessor's hash.
pub(crate) const ACCESSORS: Table<AccessorEntry> = Table::plain(table_ids::ACCESSORS);
/// Expiry entries by time of expiry (8 bytes, big-endian seconds) and the token's hash.
pub(crate) const EXPIRIES: Table<TokenEntry> = Table::plain(table_ids::EXPIRIES);
/// Child entries by the parent's hash and the child's hash.
pub(crate) const CHILDREN: Table<TokenEntry> = Table::plain(table_ids::CHILDREN);
/// Login entries by the id of the auth mount that issued the token, the principal and the credential of the login, and
/// the token's hash.
pub(crate) const LOGINS: Table<TokenEntry> = Table::plain(table_ids::LOGINS);

/// The value of `num_uses` for a token whose last use is under way.
pub const SPENT: u32 = u32::MAX;

#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug, Default)]
pub struct TokenRecord {
    #[n(0)]
    pub accessor: String,
    #[n(1)]
    pub policies: Vec<String>,
    /// The path of the request that made the token, such as `auth/approle/login`.
    #[n(2)]
    pub path: String,
    #[n(3)]
    pub display_name: String,
    #[n(4)]
    pub metadata: BTreeMap<String, String>,
    #[cbor(n(5), with = "minicbor::bytes")]
    pub entity: Option<[u8; 16]>,
    /// The time of creation, in nanoseconds since the epoch.
    #[n(6)]
    pub created: i64,
    /// The time of expiry, in seconds since the epoch. `None`: the token never expires.
    #[n(7)]
    pub expires: Option<i64>,
    #[n(8)]
    pub creation_ttl: Ttl,
    #[n(9)]
    pub explicit_max_ttl: Ttl,
    #[n(10)]
    pub period: Ttl,
    /// The uses that are left. Zero: unlimited. [`SPENT`]: none is left.
    #[n(11)]
    pub num_uses: u32,
    #[n(12)]
    pub is_renewable: bool,
    /// The tokens from which this one descends, the parent first.
    #[n(13)]
    pub ancestors: Vec<Ancestor>,
    /// The generation of revocation markers under which the token was made.
    #[n(14)]
    pub stamp: u64,
    /// The auth mount of the login that made the token. `None` if no login did.
    #[cbor(n(15), with = "minicbor::bytes")]
    pub login_mount: Option<MountId>,
    #[n(16)]
    pub renewed: Option<i64>,
    /// True once the token has had a child. Set in the batch of the first child, so that a
    /// revocation that saw no child meets a conflict.
    #[n(17)]
    pub has_children: bool,
    /// True for the root token of `init`, which Vault shows without `issue_time` and `renewable`.
    #[n(18)]
    pub is_initial_root: bool,
    /// The origin of the login that made the token. `None` if no login did.
    #[n(19)]
    pub origin: Option<LoginOrigin>,
    /// The path of the auth mount at the time of the login, such as `auth/approle/`. `None` if no login made the token.
    #[n(20)]
    pub login_path: Option<String>,
}

/// The entry that leads from an accessor to its token.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub struct AccessorEntry {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub token: [u8; 32],
    #[n(1)]
    pub accessor: String,
}

/// An entry without content: its name says everything.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, Debug)]
pub struct TokenEntry {}

impl TokenRecord {
    pub fn parent(&self) -> Option<&[u8; 32]> {
        self.ancestors.first().map(|ancestor| &ancestor.0)
    }

    pub fn is_orphan(&self) -> bool {
        self.ancestors.is_empty()
    }

    /// The entity id as answers show it. Empty if the token has no entity.
    pub fn entity_id(&self) -> String {
        self.entity.map(|id| uuid::Uuid::from_bytes(id).to_string()).unwrap_or_default()
    }

    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }

    pub fn is_expired(&self, now: Time) -> bool {
        self.expires.is_some_and(|at| now.unix_secs() >= at)
    }

    /// The time that is left until the token expires, in whole seconds. Zero for a token that never expires.
    pub fn ttl_left(&self, now: Time) -> Ttl {
        self.expires.map_or(Ttl::ZERO, |at| Time::from_unix_secs(at).since(now))
    }
}

/// The name of an expiry entry.
pub fn expiry_key(expires: i64, hash: &[u8; 32]) -> Vec<u8> {
    let mut key = u64::try_from(expires).unwrap_or_default().to_be_bytes().to_vec();
    key.extend_from_slice(hash);
    key
}

/// The name of the login entry of a token. `None` if no login made the token.
pub fn login_key(record: &TokenRecord, hash: &[u8; 32]) -> Option<Vec<u8>> {
    let LoginOrigin { principal, credential } = record.origin.unwrap_or_default();
    let mount = record.login_mount.as_ref()?;
    Some([mount.as_slice(), &principal, &credential, hash].concat())
}

/// The name of a child entry: the parent's hash, then the token's hash.
pub fn pair_key(first: &[u8], hash: &[u8; 32]) -> Vec<u8> {
    let mut key = first.to_vec();
    key.extend_from_slice(hash);
    key
}
