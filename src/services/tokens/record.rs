//! What is stored of a token. The token itself is not: only its keyed hash, as the record's name.

use std::collections::BTreeMap;

use crate::{
    barrier::{MountId, Table},
    base::{time::Time, ttl::Ttl},
    services::{revocations::Ancestor, table_ids},
};

/// By the token's hash.
pub(crate) const TOKENS: Table<TokenRecord> = Table::plain(table_ids::TOKENS);
/// By the accessor's hash.
pub(crate) const ACCESSORS: Table<AccessorEntry> = Table::plain(table_ids::ACCESSORS);
/// By time of expiry (8 bytes, big-endian seconds) and token hash.
pub(crate) const EXPIRIES: Table<TokenEntry> = Table::plain(table_ids::EXPIRIES);
/// By the parent's hash and the child's.
pub(crate) const CHILDREN: Table<TokenEntry> = Table::plain(table_ids::CHILDREN);
/// By the id of the auth mount that gave the token out and the token's hash.
pub(crate) const LOGINS: Table<TokenEntry> = Table::plain(table_ids::LOGINS);

/// `num_uses` of a token whose last use is under way.
pub const SPENT: u32 = u32::MAX;

#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug, Default)]
pub struct TokenRecord {
    #[n(0)]
    pub accessor: String,
    #[n(1)]
    pub policies: Vec<String>,
    /// Where it was made: `auth/approle/login`.
    #[n(2)]
    pub path: String,
    #[n(3)]
    pub display_name: String,
    #[n(4)]
    pub metadata: BTreeMap<String, String>,
    #[cbor(n(5), with = "minicbor::bytes")]
    pub entity: Option<[u8; 16]>,
    /// In nanoseconds since the epoch.
    #[n(6)]
    pub created: i64,
    /// In seconds since the epoch; `None` lives for ever.
    #[n(7)]
    pub expires: Option<i64>,
    #[n(8)]
    pub creation_ttl: Ttl,
    #[n(9)]
    pub explicit_max_ttl: Ttl,
    #[n(10)]
    pub period: Ttl,
    /// Uses that are left; zero: unlimited; [`SPENT`]: none.
    #[n(11)]
    pub num_uses: u32,
    #[n(12)]
    pub is_renewable: bool,
    /// The tokens that it descends from, the parent first.
    #[n(13)]
    pub ancestors: Vec<Ancestor>,
    /// The generation of marks under which it was made.
    #[n(14)]
    pub stamp: u64,
    /// The auth mount that it logged in through.
    #[cbor(n(15), with = "minicbor::bytes")]
    pub login_mount: Option<MountId>,
    #[n(16)]
    pub renewed: Option<i64>,
    /// Set with the first child, in the child's own batch: so a revocation that saw none meets a conflict.
    #[n(17)]
    pub has_children: bool,
    /// The token of `init`, which Vault shows without `issue_time` and `renewable`.
    #[n(18)]
    pub is_initial_root: bool,
}

/// From an accessor to its token.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Debug)]
pub struct AccessorEntry {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub token: [u8; 32],
    #[n(1)]
    pub accessor: String,
}

/// An entry whose name says everything.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, Debug)]
pub struct TokenEntry {}

impl TokenRecord {
    pub fn parent(&self) -> Option<&[u8; 32]> {
        self.ancestors.first().map(|ancestor| &ancestor.0)
    }

    pub fn is_orphan(&self) -> bool {
        self.ancestors.is_empty()
    }

    /// The entity as the wire shows it; empty where there is none.
    pub fn entity_id(&self) -> String {
        self.entity.map(|id| uuid::Uuid::from_bytes(id).to_string()).unwrap_or_default()
    }

    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }

    pub fn is_expired(&self, now: Time) -> bool {
        self.expires.is_some_and(|at| now.unix_secs() >= at)
    }

    /// What is left of it, in whole seconds; zero for a token that does not expire.
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

/// The name of an entry under another id: a parent's hash or a mount's id.
pub fn pair_key(first: &[u8], hash: &[u8; 32]) -> Vec<u8> {
    let mut key = first.to_vec();
    key.extend_from_slice(hash);
    key
}
