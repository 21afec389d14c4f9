//! The service of policies: the snapshot by which requests are judged, and the only way to change a policy. A change
//! stages the record, the version guard and the new snapshot together, so no caller can forget one of them.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{
    policy::{Policy, PolicyRecord},
    set::PolicySet,
};
use crate::{
    barrier::{BarrierError, Page, Table, Unit},
    services::{
        guards::{self, Registry},
        table_ids::{self, CORE},
    },
};

/// Policies by name.
const POLICIES: Table<PolicyRecord> = Table::sealed(table_ids::POLICIES);

/// The policies of the store. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Policies {
    current: Arc<ArcSwap<PolicySet>>,
}

impl Policies {
    /// Reads and parses every policy. If a policy cannot be read, tokens that name it are
    /// granted nothing, but the store still opens.
    pub fn load(&self, unit: &Unit) -> Result<(), BarrierError> {
        let mut set = PolicySet::open(guards::load(unit, Registry::Policies)?);
        for name in unit.names(&CORE, &POLICIES, &[], Page::default())? {
            let cause = match unit.get(&CORE, &POLICIES, &name.text) {
                Ok(Some(record)) => match Policy::parse(record) {
                    Ok(policy) => {
                        set.insert(Arc::new(policy));
                        continue;
                    }
                    Err(error) => error.to_string(),
                },
                Ok(None) => continue,
                Err(error) => error.to_string(),
            };
            tracing::error!(
                policy = name.text,
                cause,
                "a policy cannot be read: tokens that name it may do nothing until it is written again"
            );
            set.insert_unreadable(name.text);
        }
        self.current.store(Arc::new(set));
        Ok(())
    }

    pub fn forget(&self) {
        self.current.store(Arc::default());
    }

    pub fn snapshot(&self) -> Arc<PolicySet> {
        self.current.load_full()
    }

    /// The version of the stored policy with this name. Zero if there is no such policy or it cannot be read.
    pub fn stored_version(&self, unit: &Unit, name: &str) -> Result<u64, BarrierError> {
        match unit.get(&CORE, &POLICIES, name) {
            Ok(record) => Ok(record.map_or(0, |record| record.version)),
            Err(BarrierError::Integrity { .. }) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Writes a policy, in place of the one that has its name.
    pub fn save(&self, unit: &Unit, policy: Policy) -> Result<(), BarrierError> {
        let next = guards::advance(unit, Registry::Policies)?;
        unit.put(&CORE, &POLICIES, &policy.record.name, &policy.record)?;
        let (service, policy) = (self.clone(), Arc::new(policy));
        unit.after_commit(move |_| service.change(&next, |set| set.insert(Arc::clone(&policy))));
        Ok(())
    }

    /// Deletes a policy, if there is one.
    pub fn delete(&self, unit: &Unit, name: &str) -> Result<(), BarrierError> {
        if !unit.has(&CORE, &POLICIES, name)? {
            return Ok(());
        }
        let next = guards::advance(unit, Registry::Policies)?;
        unit.urgent();
        unit.delete(&CORE, &POLICIES, name)?;
        let (service, name) = (self.clone(), name.to_owned());
        unit.after_commit(move |_| service.change(&next, |set| set.remove(&name)));
        Ok(())
    }

    /// Changes the snapshot, unless the store is sealed: then it stays empty, even if a commit finishes after the seal.
    fn change(&self, next: &guards::NextVersion, change: impl Fn(&mut PolicySet)) {
        self.current.rcu(|set| {
            if !set.is_open {
                return Arc::clone(set);
            }
            let mut changed = set.at(next.committed());
            change(&mut changed);
            Arc::new(changed)
        });
    }
}
