//! Who asks. A token is looked up by its keyed hash; expiry, marks and use counts are checked here, at each use.

use std::sync::Arc;

use crate::{
    base::{secret::Secret, time::Time},
    broker::{Broker, locate::Snapshot},
    contract::{Caller, Credential, Error, Result},
    services::tokens::Session,
    wire::{Ask, Peer},
};

/// The caller, and the token it came with.
pub(super) struct Identity {
    pub session: Option<Arc<Session>>,
    pub caller: Arc<Caller>,
}

/// Finds the caller. A token that is not alive counts as none: whether that is refused is up to the row.
pub(super) fn identify(broker: &Broker, snapshot: &Snapshot, ask: &Ask, peer: &Peer, now: Time) -> Result<Identity> {
    let nobody = || Identity { session: None, caller: Arc::new(caller(None, None, peer)) };
    let (Some(token), Some(keys)) = (&ask.token, &snapshot.keys) else { return Ok(nobody()) };
    let services = &broker.services;
    let hash = keys.token_hash(token.expose())?;
    let found = services.sessions.find(&hash, || services.unit_with(Arc::clone(keys), [0; 16])).map_err(Error::from)?;
    let Some(session) = found.filter(|session| services.is_alive(session, now)) else { return Ok(nobody()) };
    let credential = Credential { token: Secret::text(token.expose().as_str()), hash };
    let caller = Arc::new(caller(Some(&session), Some(credential), peer));
    Ok(Identity { session: Some(session), caller })
}

fn caller(session: Option<&Session>, credential: Option<Credential>, peer: &Peer) -> Caller {
    let principal = session.map(|session| Arc::clone(&session.principal)).unwrap_or_default();
    Caller { principal, certificate: peer.certificate.clone(), credential, ..Caller::nobody(Some(peer.address)) }
}
