//! The identity of a request's caller, and how the broker knows it.

use std::sync::Arc;

use crate::{
    barrier::Unit,
    broker::{context::RequestContext, routed::Snapshot},
    contract::{Caller, Login, OwnToken, Principal, Result},
    services::{identity::PrincipalAt, mounts::Mount, tokens::Session},
};

/// The caller of a request.
#[derive(Clone)]
pub(super) struct Identity {
    pub caller: Arc<Caller>,
    pub standing: Standing,
}

/// How the broker knows the caller.
#[derive(Clone)]
pub(super) enum Standing {
    /// Not at all. A caller whose token is not alive is not known either.
    Nobody,
    /// By a live token.
    Token { session: Arc<Session>, own: Arc<OwnToken> },
    /// By a credential that an auth method recognised, or by the login before it in a chain.
    Recognised,
}

impl Identity {
    pub fn nobody(context: &RequestContext) -> Self {
        Self { caller: Arc::new(caller(Arc::default(), context)), standing: Standing::Nobody }
    }

    /// A caller without a token whom an auth method knows. Its entity is found
    /// or created in the request's unit of work.
    pub fn recognised(login: Login, mount: &Arc<Mount>, unit: &Unit, context: &RequestContext) -> Result<Self> {
        login.check_bounds()?;
        let policies = login.token_policies()?;
        let of = PrincipalAt {
            mount_accessor: &mount.record.accessor,
            principal: &login.origin.principal,
            name: &login.alias,
        };
        let principal = Principal {
            entity_id: context.services().identity.find_or_create(unit, &of, context.now)?.to_string(),
            display_name: login.display_name,
            policies,
            metadata: login.metadata,
            login_mount: Some(mount.record.path.clone()),
        };
        Ok(Self { caller: Arc::new(caller(Arc::new(principal), context)), standing: Standing::Recognised })
    }

    pub fn of_token(session: Arc<Session>, own: OwnToken, context: &RequestContext) -> Self {
        let caller = Arc::new(caller(Arc::clone(&session.principal), context));
        Self { caller, standing: Standing::Token { session, own: Arc::new(own) } }
    }

    pub fn is_known(&self) -> bool {
        !matches!(self.standing, Standing::Nobody)
    }

    pub fn session(&self) -> Option<&Arc<Session>> {
        match &self.standing {
            Standing::Token { session, .. } => Some(session),
            Standing::Nobody | Standing::Recognised => None,
        }
    }

    pub fn own_token(&self) -> Option<&Arc<OwnToken>> {
        match &self.standing {
            Standing::Token { own, .. } => Some(own),
            Standing::Nobody | Standing::Recognised => None,
        }
    }
}

fn caller(principal: Arc<Principal>, context: &RequestContext) -> Caller {
    let certificate = context.peer.certificate.clone();
    Caller { principal, address: Some(context.peer.address), certificate }
}

/// Makes a unit of work for this request. While the store is sealed, such a unit can read and write nothing.
pub(super) fn fresh_unit(context: &RequestContext, snapshot: &Snapshot) -> Arc<Unit> {
    let barrier = &context.services().barrier;
    Arc::new(match &snapshot.keys {
        Some(keys) => barrier.unit_with(Arc::clone(keys), context.id.into_bytes()),
        None => barrier.keyless_unit(),
    })
}
