//! All policies as one snapshot, and the compiled rules of the sets of policies that callers come with. The compiled
//! rules hang off the snapshot, so a changed policy takes them with it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    barrier::{BarrierError, Unit},
    contract::{Error, Result},
    services::{
        guards::{self, Guarded},
        policies::{Acl, Policy, PolicyRecord},
        tables::{CORE, POLICIES},
    },
};

/// Compiled sets that are kept; a set costs as much as its rules.
const ACLS_MAX: usize = 1_024;

#[derive(Default)]
pub struct PolicySet {
    pub guarded: Guarded,
    by_name: HashMap<String, Arc<Policy>>,
    acls: Mutex<HashMap<Vec<String>, Arc<Acl>>>,
}

impl PolicySet {
    /// Reads and parses every policy.
    pub fn load(unit: &Unit) -> Result<Self> {
        let mut set = Self { guarded: guards::load(unit, guards::Kind::Policies)?, ..Self::default() };
        for name in unit.names(&CORE, &POLICIES, &[])? {
            let Some(record) = unit.get(&CORE, &POLICIES, &name.text)? else { continue };
            let policy = Policy::parse(record).map_err(|e| Error::internal(format!("policy {}: {e}", name.text)))?;
            set.by_name.insert(name.text, Arc::new(policy));
        }
        Ok(set)
    }

    pub fn policy(&self, name: &str) -> Option<&Arc<Policy>> {
        self.by_name.get(name)
    }

    /// All names in order, and the built-in `root` last, as Vault lists them.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.by_name.keys().cloned().collect();
        names.sort_unstable();
        names.push(String::from("root"));
        names
    }

    /// The rules of a caller with these policies.
    pub fn acl(&self, names: &[String]) -> Arc<Acl> {
        if let Some(acl) = self.acls.lock().unwrap_or_else(PoisonError::into_inner).get(names) {
            return Arc::clone(acl);
        }
        let acl = Arc::new(if names.iter().any(|name| name == "root") {
            Acl::root()
        } else {
            let policies: Vec<_> = names.iter().filter_map(|name| self.by_name.get(name).cloned()).collect();
            Acl::compile(&policies)
        });
        let mut acls = self.acls.lock().unwrap_or_else(PoisonError::into_inner);
        if acls.len() >= ACLS_MAX {
            acls.clear();
        }
        acls.insert(names.to_vec(), Arc::clone(&acl));
        acl
    }
}

/// Writes a policy and rewrites the guard.
pub fn save(unit: &Unit, record: &PolicyRecord) -> Result<(), BarrierError> {
    guards::advance(unit, guards::Kind::Policies)?;
    unit.put(&CORE, &POLICIES, &record.name, record)
}

/// Deletes a policy and rewrites the guard.
pub fn forget(unit: &Unit, name: &str) -> Result<(), BarrierError> {
    guards::advance(unit, guards::Kind::Policies)?;
    unit.urgent();
    unit.delete(&CORE, &POLICIES, name)
}
