//! Routes a request: finds the mount and the API row of its path, on one snapshot of mounts, policies and revocation
//! markers. From here on, identifiers in the path are in lower case.

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

/// What a request is judged by: the keys, mounts, policies and revocation markers of one moment. The request uses the
/// same snapshot from beginning to end.
pub(super) struct Snapshot {
    /// The keys of the store. `None` while it is sealed.
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

    /// Makes the snapshot a precondition of the unit of work.
    pub fn expect(&self, unit: &Unit) -> Result<(), BarrierError> {
        guards::expect(unit, Registry::Mounts, &self.mounts.version)?;
        guards::expect(unit, Registry::Policies, &self.policies.version)?;
        guards::expect(unit, Registry::Revocations, &self.markers.version)
    }
}

/// The route of a request: where its path leads.
pub(super) struct Route {
    /// The path by which access is judged and which the audit log shows. That of a list ends in a slash.
    pub full: String,
    pub target: Target,
}

/// A mount and its engine. The engines of built-in mounts are held by the broker itself.
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
    /// There is a mount, but its API has no such path.
    NoPath {
        at: MountPoint,
    },
    /// There is a mount, but its API does not have this operation on the path.
    NoRow {
        at: MountPoint,
        error: Error,
    },
    /// The documentation of a path within a mount, or of the whole mount if no API row has that path.
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
            Target::Row { at, .. } | Target::NoPath { at } | Target::NoRow { at, .. } | Target::Help { at, .. } => {
                Some(at)
            }
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

    /// Whether this is a login. Its caller counts as a stranger even if it also shows a token; otherwise any token
    /// would lift the limit on guesses.
    pub fn is_login(&self) -> bool {
        self.facts().is_some_and(|facts| facts.verb == Verb::Login)
    }

    /// Whether anybody may make this request, with or without a token.
    pub fn is_public(&self) -> bool {
        self.facts().is_some_and(RowFacts::is_public)
    }
}

/// A request that ends before it is judged, and why.
pub(super) struct Stopped {
    pub routed: Routed,
    pub error: Error,
}

impl Stopped {
    pub fn of(routed: Routed, error: Error) -> Box<Self> {
        Box::new(Self { routed, error })
    }
}

/// A request whose route is known.
pub(super) struct Routed {
    pub context: Box<RequestContext>,
    pub snapshot: Snapshot,
    pub route: Route,
}

impl Routed {
    /// Routes a request on a fresh snapshot. While the store is sealed, only a few API rows answer. All other requests
    /// are refused here, and count against the address as a stranger's.
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

    /// Routes the same request on a fresh snapshot.
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
    let writes_to_slash = context.path.is_slashed() && context.operation == Operation::Update;
    match found {
        Found::NoPath if writes_to_slash => Target::NoRow { at, error: Error::invalid(WRITE_TO_SLASH) },
        Found::NoPath => Target::NoPath { at },
        Found::NoOperation { .. } => {
            Target::NoRow { at, error: Error::new(Fault::Unsupported, "unsupported operation").listed() }
        }
        Found::Row { row, params, .. } => match at.engine.facts(row).cloned() {
            None => Target::NoPath { at },
            Some(facts) if context.path.is_slashed() && facts.trailing_slash == TrailingSlash::Refused => {
                let text = if writes_to_slash { WRITE_TO_SLASH } else { "only a list may end in '/'" };
                Target::NoRow { at, error: Error::invalid(text) }
            }
            Some(facts) => Target::Row { at, row, params, facts },
        },
    }
}

const WRITE_TO_SLASH: &str = "cannot write to a path ending in '/'";

/// The help of a path: its API rows for all operations.
fn help(at: MountPoint, asked: String) -> Target {
    let found = Operation::ALL.into_iter().map(|operation| at.engine.find(operation, &asked));
    let rows = found.filter_map(|found| match found {
        Found::Row { row, .. } => at.engine.facts(row).cloned(),
        _ => None,
    });
    Target::Help { rows: rows.collect(), asked, at }
}
