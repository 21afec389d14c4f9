//! Performs a permitted and recorded request: runs it, commits its unit of work with both audit log lines,
//! and records the outcome. On a conflict the request is routed, looked up and judged again on fresh reads.
//! If it is no longer permitted, it is refused.

use crate::{
    barrier::BarrierError,
    broker::{
        answer::{Work, answer},
        finish::{Ended, finish, settle},
        known::{Known, StillThere},
        lines,
        request::Reply,
        uses::take_use,
    },
    contract::{Answer, Error},
    services::{
        access::{Judgement, Unjudged},
        recorded::{Decision, Proof, Recorded},
    },
};

/// Performs the request and answers it. A change runs in a task of its own, so that it also ends properly if the client
/// hangs up. A read waits only for its audit log line to be written.
pub(super) async fn perform(work: Work) -> Reply {
    if !work.request().routed.context.operation.changes() {
        return run(work).await;
    }
    let task = tokio::spawn(run(work));
    task.await.unwrap_or_else(|_| Reply::refusal(Error::internal("the request's task ended early")))
}

async fn run(mut work: Work) -> Reply {
    if let Err(error) = take_use(&mut work).await {
        return finish(work, Err(error), None).await;
    }
    let mut queue = None;
    loop {
        work = match attempt(work).await {
            Attempt::Finished(reply) => return reply,
            Attempt::Conflict(work) => work,
        };
        if work.request().is_past_deadline() {
            return finish(work, Err(BarrierError::Conflict.into()), None).await;
        }
        if queue.is_none() {
            let path = work.request().routed.route.full.as_bytes().to_vec();
            let broker = work.request().routed.context.broker.clone();
            queue = broker.retry_queue.hold(&path).await;
        }
        work = match again(work).await {
            Ok(work) => work,
            Err(reply) => return reply,
        };
    }
}

enum Attempt {
    Finished(Reply),
    /// Something that the request read has changed: the caller must try again.
    Conflict(Work),
}

async fn attempt(mut work: Work) -> Attempt {
    let known = work.request();
    let result = match expect_judged(known) {
        Ok(()) => answer(&work).await,
        Err(error) => Err(error.into()),
    };
    if known.unit.is_stale() {
        return Attempt::Conflict(work);
    }
    let result = result.and_then(|answer| record_change(&mut work).map(|()| answer));
    match result {
        Ok(answer) => commit(work, answer).await,
        Err(error) => Attempt::Finished(finish(work, Err(error), None).await),
    }
}

/// Writes the line of a stranger's request that changes something, such as a login, if the line was postponed. While the
/// store is sealed, what succeeds has changed something outside of the unit of work: the progress of an unseal, or an init.
fn record_change(work: &mut Work) -> Result<(), Error> {
    let known = work.request();
    let changes_more = known.routed.snapshot.is_sealed() && known.routed.context.operation.changes();
    if !changes_more && !known.unit.writes_something() {
        return Ok(());
    }
    let audit = known.routed.context.services().audit.clone();
    work.write_postponed(&audit)
}

/// Adds preconditions to the commit: the caller's token, mounts, policies and revocation markers are
/// still those by which the request was judged.
pub(super) fn expect_judged(known: &Known) -> Result<(), BarrierError> {
    let (context, snapshot) = (&known.routed.context, &known.routed.snapshot);
    if !context.operation.changes() || snapshot.is_sealed() {
        return Ok(());
    }
    if let Some(session) = known.session() {
        context.services().tokens.expect(&known.unit, session)?;
    }
    snapshot.expect(&known.unit)
}

async fn commit(work: Work, answer: Answer) -> Attempt {
    let known = work.request();
    if !known.unit.writes_something() {
        return match known.unit.confirm_reads() {
            Err(BarrierError::Conflict) => Attempt::Conflict(work),
            Err(error) => Attempt::Finished(finish(work, Err(error.into()), None).await),
            Ok(()) if is_read_that_waits(known) => answer_if_still_permitted(work, answer).await,
            Ok(()) => Attempt::Finished(finish(work, Ok(answer), None).await),
        };
    }
    // Both audit log lines are stored with the change, so that there is never one without the other.
    let outcome = work.has_sealed_lines().then(|| lines::outcome(known, work.decided(), Ok(&answer)));
    let notes = work.note_for_batch().into_iter().chain(&outcome).map(|note| note.as_bytes().to_vec()).collect();
    match known.unit.commit(notes).await {
        Ok(sequence) => {
            let ended = Ended { result: Ok(answer), sequence: Some(sequence), note: outcome };
            Attempt::Finished(settle(work, ended).await)
        }
        Err(BarrierError::Conflict) => Attempt::Conflict(work),
        Err(error) => Attempt::Finished(finish(work, Err(error.into()), None).await),
    }
}

fn is_read_that_waits(known: &Known) -> bool {
    !known.routed.context.operation.changes() && known.routed.route.facts().is_some_and(|facts| facts.waits)
}

/// Ends a read that had to wait: its caller's token may have been revoked meanwhile, its policies changed, the mount
/// disabled. What was read is answered only if the caller might still ask for it.
async fn answer_if_still_permitted(work: Work, answer: Answer) -> Attempt {
    let mount = work.request().routed.route.mount().map(|mount| mount.record.id);
    match again(work).await {
        Err(reply) => Attempt::Finished(reply),
        Ok(work) if work.request().routed.route.mount().map(|mount| mount.record.id) == mount => {
            Attempt::Finished(finish(work, Ok(answer), None).await)
        }
        // Another mount lies there now: the request is performed on it.
        Ok(work) => Attempt::Conflict(work),
    }
}

/// Routes, looks up and judges the request once more, on fresh reads. If it is no longer permitted,
/// ends it and returns the reply as an error.
pub(super) async fn again(work: Work) -> Result<Work, Reply> {
    let (permitted, proof) = work.take_apart();
    let mut known = permitted.into_inner();
    loop {
        let still_there;
        (known, still_there) = known.again().await;
        match still_there {
            StillThere::Yes => {}
            StillThere::Unclear => continue,
            StillThere::Sealed => return Err(end(Unjudged::new(known), proof, BarrierError::Sealed.into()).await),
            StillThere::CallerGone => return Err(end(Unjudged::new(known), proof, Error::denied()).await),
        }
        known = match known.judge() {
            Judgement::Permitted(permitted) => return Recorded::again(permitted, proof).map_err(Reply::refusal),
            Judgement::Denied(denied) => return Err(end(denied, proof, Error::denied().listed()).await),
            Judgement::Failed(unjudged, error) => {
                if !unjudged.inner().may_ask_again() {
                    return Err(end(unjudged, proof, error).await);
                }
                unjudged.into_inner()
            }
        };
    }
}

/// Ends a request that was recorded and is no longer permitted.
async fn end<D: Decision<Request = Known> + Send + 'static>(decision: D, proof: Proof, error: Error) -> Reply {
    match Recorded::again(decision, proof) {
        Ok(recorded) => finish(recorded, Err(error), None).await,
        Err(error) => Reply::refusal(error),
    }
}
