//! Tokens that may be used a few times only. A use is taken off in a unit of its own, before anything is performed; the
//! last one leaves the token dead, and it is deleted once its last request is over.

use std::sync::Arc;

use crate::{
    barrier::BarrierError,
    broker::{identify::Identity, locate::Snapshot, perform::Recorded, pipeline::Trip},
    contract::{Error, Result},
    services::{
        tables::{CORE, TOKENS},
        tokens::{self, SPENT, Session},
    },
};

/// Takes one use off the token, in a unit of its own: a refused request has cost a use too. Its batch is the request's
/// first and carries the request's line.
pub(super) async fn spend(
    trip: &Trip,
    snapshot: &Snapshot,
    identity: &mut Identity,
    recorded: &mut Option<Recorded>,
) -> Result<()> {
    let services = trip.services();
    loop {
        let Some(session) = identity.session.as_ref().filter(|session| session.record.num_uses > 0) else {
            return Ok(());
        };
        let keys = snapshot.keys.clone().ok_or(BarrierError::Sealed)?;
        let unit = services.unit_with(keys, trip.id.into_bytes());
        let Some(mut record) = unit.get(&CORE, &TOKENS, &session.hash)? else { return Err(Error::denied()) };
        record.num_uses = match record.num_uses {
            SPENT => return Err(Error::denied()),
            1 => SPENT,
            uses => uses.saturating_sub(1),
        };
        unit.put(&CORE, &TOKENS, &session.hash, &record)?;
        unit.urgent();
        services.session_changes(&unit, session.hash);
        let notes = recorded.as_ref().and_then(|recorded| recorded.note.as_ref()).map(|note| note.as_bytes().to_vec());
        match unit.commit(notes.into_iter().collect()).await {
            Err(BarrierError::Conflict) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        if let Some(recorded) = recorded {
            recorded.note = None;
        }
        let hash = session.hash;
        let unit = services.unit(trip.id.into_bytes())?;
        let (record, tag) = unit.get_tagged(&CORE, &TOKENS, &hash)?.ok_or_else(Error::denied)?;
        identity.session = Some(Arc::new(Session::new(hash, record, tag)));
        return Ok(());
    }
}

/// A token without uses is deleted once its last request is over.
pub(super) async fn bury(trip: &Trip, identity: &Identity) {
    let Some(session) = identity.session.as_ref().filter(|session| session.record.num_uses == SPENT) else { return };
    let services = trip.services();
    let result = async {
        let unit = services.unit(trip.id.into_bytes())?;
        if let Some(record) = unit.get(&CORE, &TOKENS, &session.hash)? {
            if tokens::revoke(&unit, &session.hash, &record)? {
                services.marks_change(&unit);
            }
            services.session_changes(&unit, session.hash);
            unit.commit(Vec::new()).await?;
        }
        Ok::<(), BarrierError>(())
    };
    // It is dead already; what stays behind is found at its expiry.
    if let Err(error) = result.await {
        tracing::debug!(%error, "a spent token stays until it expires");
    }
}
