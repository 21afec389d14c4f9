//! From a path to a mount and a row, on one snapshot of mounts, policies and marks.

use std::sync::Arc;

use crate::{
    barrier::Keys,
    broker::Broker,
    contract::{Error, Fault, Found, Operation, Params, RowFacts, RowRef},
    services::{
        marks::Marks,
        mounts::{Mount, MountTable},
        policy_set::PolicySet,
    },
    wire::Ask,
};

/// What a request is judged by, from beginning to end.
pub(super) struct Snapshot {
    pub keys: Option<Arc<Keys>>,
    pub is_sealed: bool,
    pub mounts: Arc<MountTable>,
    pub policies: Arc<PolicySet>,
    pub marks: Arc<Marks>,
}

impl Snapshot {
    pub fn take(broker: &Broker) -> Self {
        let services = &broker.services;
        let keys = services.admitted().and_then(|()| services.barrier.keys()).ok();
        let is_sealed = keys.is_none();
        let mounts = if is_sealed { Arc::clone(&broker.sealed_mounts) } else { services.mounts.load_full() };
        Self { keys, is_sealed, mounts, policies: services.policies.load_full(), marks: services.marks.load_full() }
    }
}

/// Where a request leads.
pub(super) struct Place {
    /// The path by which access is judged and the log is written; a list's ends in a slash.
    pub full: String,
    pub target: Target,
}

pub(super) enum Target {
    Row {
        mount: Arc<Mount>,
        row: RowRef,
        params: Params,
        facts: Arc<RowFacts>,
    },
    /// There is a mount, but the path or the operation is not of its API.
    Nothing {
        mount: Arc<Mount>,
        error: Error,
    },
    NoMount,
}

impl Place {
    pub fn facts(&self) -> Option<&RowFacts> {
        match &self.target {
            Target::Row { facts, .. } => Some(facts),
            _ => None,
        }
    }

    /// Whether it is performed even where no audit device takes its line.
    pub fn is_unstoppable(&self) -> bool {
        self.facts().is_some_and(|facts| facts.is_unstoppable)
    }

    pub fn mount(&self) -> Option<&Arc<Mount>> {
        match &self.target {
            Target::Row { mount, .. } | Target::Nothing { mount, .. } => Some(mount),
            Target::NoMount => None,
        }
    }

    pub fn params(&self) -> &[(String, String)] {
        match &self.target {
            Target::Row { params, .. } => &params.0,
            _ => &[],
        }
    }
}

pub(super) fn locate(snapshot: &Snapshot, ask: &Ask) -> Place {
    let is_listing = matches!(ask.operation, Operation::List | Operation::Scan);
    let slash = if is_listing { "/" } else { "" };
    let Some(located) = snapshot.mounts.locate(&ask.path) else {
        return Place { full: format!("{}{slash}", ask.path.joined()), target: Target::NoMount };
    };
    let mut full = located.full;
    if is_listing && !full.ends_with('/') {
        full.push('/');
    }
    let mount = located.mount;
    let nothing = |mount, fault, text: &str| Target::Nothing { mount, error: Error::new(fault, text).listed() };
    let target = match mount.opened.find(ask.operation, &located.rest) {
        Found::NoPath => nothing(mount, Fault::Missing, "unsupported path"),
        Found::NoOperation => nothing(mount, Fault::Unsupported, "unsupported operation"),
        Found::Row(row, params) => match mount.opened.facts(row).cloned() {
            None => nothing(mount, Fault::Missing, "unsupported path"),
            Some(facts) if ask.path.is_slashed() && !facts.is_slashed_ok => {
                let text = if ask.operation == Operation::Update {
                    "cannot write to a path ending in '/'"
                } else {
                    "only a list may end in '/'"
                };
                Target::Nothing { mount, error: Error::invalid(text) }
            }
            Some(facts) => Target::Row { mount, row, params, facts },
        },
    };
    Place { full, target }
}
