//! All policies as one snapshot, with the compiled rules for the combinations of policies that callers have. The
//! compiled rules belong to the snapshot, so a changed policy also discards them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use quick_cache::{Weighter, sync::Cache};

use super::{acl::Acl, policy::Policy};
use crate::{base::limits::ACL_CACHE_BYTES_MAX, services::guards::Version};

/// Every policy of the store.
pub(crate) struct PolicySet {
    pub version: Version,
    by_name: HashMap<String, Arc<Policy>>,
    /// Policies whose records cannot be decrypted or parsed.
    unreadable: HashSet<String>,
    compiled: Cache<Vec<String>, Arc<Acl>, AclBytes>,
    pub(super) is_open: bool,
}

/// Estimates the memory that compiled rules take, for the cache.
#[derive(Clone)]
struct AclBytes;

impl Weighter<Vec<String>, Arc<Acl>> for AclBytes {
    fn weight(&self, names: &Vec<String>, acl: &Arc<Acl>) -> u64 {
        let names: usize = names.iter().map(|name| name.len() + size_of::<String>()).sum();
        (names + acl.bytes()) as u64
    }
}

/// The number of entries that the cache is prepared for. It can hold more: its bound is in bytes.
const ACLS_EXPECTED: usize = 64;

impl Default for PolicySet {
    fn default() -> Self {
        Self {
            version: Version::default(),
            by_name: HashMap::new(),
            unreadable: HashSet::new(),
            compiled: Cache::with_weighter(ACLS_EXPECTED, ACL_CACHE_BYTES_MAX, AclBytes),
            is_open: false,
        }
    }
}

impl PolicySet {
    /// The empty set of an open store.
    pub(super) fn open(version: Version) -> Self {
        Self { version, is_open: true, ..Self::default() }
    }

    /// The same policies at another version, without compiled rules.
    pub(super) fn at(&self, version: Version) -> Self {
        Self {
            version,
            by_name: self.by_name.clone(),
            unreadable: self.unreadable.clone(),
            is_open: self.is_open,
            ..Self::default()
        }
    }

    pub(super) fn insert(&mut self, policy: Arc<Policy>) {
        let name = &policy.record.name;
        self.unreadable.remove(name);
        self.by_name.insert(name.clone(), policy);
    }

    /// Marks a policy as unreadable. Tokens that name it are granted nothing, because
    /// it may contain a `deny` that is not known.
    pub(super) fn insert_unreadable(&mut self, name: String) {
        self.unreadable.insert(name);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
        self.unreadable.remove(name);
    }

    pub fn policy(&self, name: &str) -> Option<&Arc<Policy>> {
        self.by_name.get(name)
    }

    /// The names of all policies in order, with the built-in `root` at the end, as in Vault.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.by_name.keys().chain(&self.unreadable).cloned().collect();
        names.sort_unstable();
        names.push(String::from("root"));
        names
    }

    /// The compiled rules of a caller with these policies.
    pub fn acl(&self, names: &[String]) -> Arc<Acl> {
        if let Some(acl) = self.compiled.get(names) {
            return acl;
        }
        let acl = Arc::new(self.compile(names));
        self.compiled.insert(names.to_vec(), Arc::clone(&acl));
        acl
    }

    fn compile(&self, names: &[String]) -> Acl {
        if names.iter().any(|name| name == "root") {
            return Acl::root();
        }
        if names.iter().any(|name| self.unreadable.contains(name)) {
            return Acl::compile(&[]);
        }
        let policies: Vec<_> = names.iter().filter_map(|name| self.by_name.get(name).cloned()).collect();
        Acl::compile(&policies)
    }
}
