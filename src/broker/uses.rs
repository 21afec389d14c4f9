//! Tokens with a limited number of uses. A use is taken in a unit of work of its own, before anything is performed. The
//! last use leaves the token spent, and it is deleted once its last request is over.

use crate::{
    barrier::BarrierError,
    broker::{identity::fresh_unit, known::Known},
    contract::{Error, Result},
    services::{
        recorded::{Decision, Recorded},
        tokens::{SPENT, Use},
    },
};

/// Takes one use off the caller's token; a refused request costs a use too. The batch that stores it is the request's
/// first, and carries the request's audit log line.
pub(super) async fn take_use<D: Decision<Request = Known>>(recorded: &mut Recorded<D>) -> Result<()> {
    loop {
        let known = recorded.request();
        let Some(session) = known.session().filter(|session| session.record.num_uses > 0) else { return Ok(()) };
        let (context, hash) = (&known.routed.context, session.hash);
        let tokens = &context.services().tokens;
        let unit = fresh_unit(context, &known.routed.snapshot);
        if matches!(tokens.take_use(&unit, &hash)?, Use::NoneLeft) {
            return Err(Error::denied());
        }
        let note = recorded.note_for_batch().map(|note| note.as_bytes().to_vec());
        match unit.commit(note.into_iter().collect()).await {
            Err(BarrierError::Conflict) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let unit = fresh_unit(context, &known.routed.snapshot);
        let session = tokens.read(&unit, &hash)?.ok_or_else(Error::denied)?;
        // Set once for each request, because a request takes one use.
        let _ = known.after_use.set(session);
        recorded.note_was_carried();
        return Ok(());
    }
}

/// Deletes the caller's token if this request took its last use.
pub(super) async fn delete_if_spent(known: &Known) {
    let Some(session) = known.session().filter(|session| session.record.num_uses == SPENT) else { return };
    let (context, hash) = (&known.routed.context, session.hash);
    let tokens = &context.services().tokens;
    let result = async {
        let unit = fresh_unit(context, &known.routed.snapshot);
        if let Some(record) = tokens.record(&unit, &hash)? {
            tokens.revoke(&unit, &hash, &record)?;
            unit.commit(Vec::new()).await?;
        }
        Ok::<(), BarrierError>(())
    };
    // The token is dead already. If its record is left behind, the sweeper finds it when the token expires.
    if let Err(error) = result.await {
        tracing::debug!(%error, "a spent token stays until it expires");
    }
}
