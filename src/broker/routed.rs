//! From a path to a mount and a row, on one snapshot of mounts, policies and revocation markers. Identifiers in the path
//! are in their one spelling from here on.

use std::sync::Arc;

use crate::{
    barrier::{BarrierError, Keys, Unit},
    broker::{context::RequestContext, shared::Shared, strangers},
    contract::{Error, Fault, Found, Operation, Params, RowFacts, RowRef, TrailingSlash, Verb, WhenSealed},
    services::{
        guards::{self, Registry},
        mounts::{Mount, MountTable},
        opened::OpenEngine,
        policies::PolicySet,
        revocations::Markers,
    },
};

/// What a request is judged by, from beginning to end.
pub(super) struct Snapshot {
    /// `None` while the store is sealed.
    pub keys: Option<Arc<Keys>>,
    pub mounts: Arc<MountTable>,
    pub policies: Arc<PolicySet>,
    pub markers: Arc<Markers>,
}

impl Snapshot {
    pub fn take(broker: &Shared) -> Self {
        let services = &broker.services;
        let keys = if services.admission.is_closed() { None } else { services.barrier.keys().ok() };
        let mounts = if keys.is_some() { services.mounts.snapshot() } else { Arc::clone(&broker.sealed_mounts) };
        Self { keys, mounts, policies: services.policies.snapshot(), markers: services.revocations.snapshot() }
    }

    pub fn is_sealed(&self) -> bool {
        self.keys.is_none()
    }

    /// Makes the snapshot a precondition of the unit.
    pub fn expect(&self, unit: &Unit) -> Result<(), BarrierError> {
        guards::expect(unit, Registry::Mounts, &self.mounts.version)?;
        guards::expect(unit, Registry::Policies, &self.policies.version)?;
        guards::expect(unit, Registry::Revocations, &self.markers.version)
    }
}

/// Where a request leads.
pub(super) struct Route {
    /// The path by which access is judged and the log is written; a list's ends in a slash.
    pub full: String,
    pub target: Target,
}

/// A mount and its engine, which the broker holds itself for the mounts that every broker has.
pub(super) struct MountPoint {
    pub mount: Arc<Mount>,
    pub engine: OpenEngine,
}

pub(super) enum Target {
    Row {
        at: MountPoint,
        row: RowRef,
        params: Params,
        facts: Arc<RowFacts>,
    },
    /// There is a mount, but the path or the operation is not of its API.
    NoRow {
        at: MountPoint,
        error: Error,
    },
    /// The documentation of a path within a mount, or of the whole mount if no row has the path.
    Help {
        at: MountPoint,
        /// The path within the mount.
        asked: String,
        rows: Vec<Arc<RowFacts>>,
    },
    NoMount,
}

impl Route {
    pub fn facts(&self) -> Option<&RowFacts> {
        match &self.target {
            Target::Row { facts, .. } => Some(facts),
            _ => None,
        }
    }

    pub fn at(&self) -> Option<&MountPoint> {
        match &self.target {
            Target::Row { at, .. } | Target::NoRow { at, .. } | Target::Help { at, .. } => Some(at),
            Target::NoMount => None,
        }
    }

    pub fn mount(&self) -> Option<&Arc<Mount>> {
        self.at().map(|at| &at.mount)
    }

    pub fn params(&self) -> &[(String, String)] {
        match &self.target {
            Target::Row { params, .. } => &params.0,
            _ => &[],
        }
    }

    /// Whether a caller proves here who it is. Whoever logs in is a stranger, whatever token it shows beside: else any
    /// token would lift the limit on guesses.
    pub fn is_login(&self) -> bool {
        self.facts().is_some_and(|facts| facts.verb == Verb::Login)
    }

    /// Whether anybody may ask it, with or without a token.
    pub fn is_public(&self) -> bool {
        self.facts().is_some_and(RowFacts::is_public)
    }
}

/// Why a request ends before it is judged.
pub(super) struct Stopped {
    pub routed: Routed,
    pub error: Error,
}

impl Stopped {
    pub fn of(routed: Routed, error: Error) -> Box<Self> {
        Box::new(Self { routed, error })
    }
}

/// A request that knows where it leads.
pub(super) struct Routed {
    pub context: Box<RequestContext>,
    pub snapshot: Snapshot,
    pub route: Route,
}

impl Routed {
    /// Routes a request on a fresh snapshot. A sealed store answers few rows; all others are refused here, and whoever
    /// keeps asking is a stranger like any other.
    pub fn new(context: Box<RequestContext>) -> Result<Self, Box<Stopped>> {
        let routed = Self::on_fresh_snapshot(context);
        let answers_sealed = routed.route.facts().is_some_and(|facts| facts.when_sealed == WhenSealed::Answers);
        if !routed.snapshot.is_sealed() || answers_sealed {
            return Ok(routed);
        }
        let (limit, address) = (&routed.context.broker.refusal_limit, routed.context.peer.address.ip());
        let error = strangers::charge(limit, address, Error::unavailable("Vault is sealed"));
        Err(Stopped::of(routed, error))
    }

    /// The same request on a fresh snapshot.
    pub fn again(self) -> Self {
        Self::on_fresh_snapshot(self.context)
    }

    fn on_fresh_snapshot(mut context: Box<RequestContext>) -> Self {
        let snapshot = Snapshot::take(&context.broker);
        let route = route(&context, &snapshot.mounts);
        context.counted.leads_to(route.mount().map_or("", |mount| &mount.record.kind));
        Self { context, snapshot, route }
    }
}

fn route(context: &RequestContext, mounts: &MountTable) -> Route {
    let operation = context.operation;
    let is_listing = matches!(operation, Operation::List | Operation::Scan);
    let slash = if is_listing { "/" } else { "" };
    let Some(located) = mounts.locate(context.path.joined()) else {
        return Route { full: format!("{}{slash}", context.path.joined()), target: Target::NoMount };
    };
    let Some(engine) = context.broker.engine_of(&located.mount) else {
        return Route { full: located.full, target: Target::NoMount };
    };
    let at = MountPoint { mount: located.mount, engine };
    let found = if operation == Operation::Help {
        return Route { full: located.full, target: help(at, located.rest) };
    } else {
        at.engine.find(operation, &located.rest)
    };
    let mut full = match &found {
        Found::Row { path: Some(path), .. } | Found::NoOperation { path: Some(path) } => {
            format!("{}{path}", at.mount.record.path)
        }
        _ => located.full,
    };
    if is_listing && !full.ends_with('/') {
        full.push('/');
    }
    Route { full, target: target(at, found, context) }
}

fn target(at: MountPoint, found: Found, context: &RequestContext) -> Target {
    let no_row = |at, fault, text: &str| Target::NoRow { at, error: Error::new(fault, text).listed() };
    match found {
        Found::NoPath => no_row(at, Fault::Missing, "unsupported path"),
        Found::NoOperation { .. } => no_row(at, Fault::Unsupported, "unsupported operation"),
        Found::Row { row, params, .. } => match at.engine.facts(row).cloned() {
            None => no_row(at, Fault::Missing, "unsupported path"),
            Some(facts) if context.path.is_slashed() && facts.trailing_slash == TrailingSlash::Refused => {
                let text = if context.operation == Operation::Update {
                    "cannot write to a path ending in '/'"
                } else {
                    "only a list may end in '/'"
                };
                Target::NoRow { at, error: Error::invalid(text) }
            }
            Some(facts) => Target::Row { at, row, params, facts },
        },
    }
}

/// The rows of the path, whatever their operations.
fn help(at: MountPoint, asked: String) -> Target {
    let found = Operation::ALL.into_iter().map(|operation| at.engine.find(operation, &asked));
    let rows = found.filter_map(|found| match found {
        Found::Row { row, .. } => at.engine.facts(row).cloned(),
        _ => None,
    });
    Target::Help { rows: rows.collect(), asked, at }
}
