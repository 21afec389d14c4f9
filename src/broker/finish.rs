//! Ends a request: its outcome is recorded, what has to follow is done, and the answer is returned. If the outcome
//! cannot be recorded, the answer is withheld, unless a commit has stored the outcome's line.

use crate::{
    blocking,
    broker::{known::Known, lines, request::Reply, uses::delete_if_spent},
    contract::{AfterAnswer, Answer, Error, Result, WhenUnrecordable},
    services::{
        audit::DraftLine,
        counts::CountedOutcome,
        recorded::{Decision, Outcome, Recordable as _, Recorded},
    },
    store::Sequence,
};

/// Records the outcome of a request and returns its answer. `sequence` is the sequence number of its commit.
pub(super) async fn finish<D: Decision<Request = Known> + Send + 'static>(
    recorded: Recorded<D>,
    result: Result<Answer>,
    sequence: Option<Sequence>,
) -> Reply {
    let is_big = result.as_ref().is_ok_and(|answer| answer.body.json_bytes() > BIG_ANSWER_BYTES);
    if !is_big {
        let note = outcome_note(&recorded, &result);
        return settle(recorded, Ended { result, sequence, note }).await;
    }
    let noted = blocking::run(move || (outcome_note(&recorded, &result), recorded, result)).await;
    match noted {
        Ok((note, recorded, result)) => settle(recorded, Ended { result, sequence, note }).await,
        Err(stopping) => Reply::refusal(stopping.into()),
    }
}

/// If the answer has more bytes than this, its audit log line is made on the blocking pool,
/// because the whole answer is read for it.
const BIG_ANSWER_BYTES: usize = 256 << 10;

fn outcome_note<D: Decision<Request = Known>>(recorded: &Recorded<D>, result: &Result<Answer>) -> Option<DraftLine> {
    recorded.has_sealed_lines().then(|| lines::outcome(recorded.request(), recorded.decided(), result.as_ref()))
}

/// How a request ended. `note` is the line of its outcome, if a commit has already stored it.
pub(super) struct Ended {
    pub result: Result<Answer>,
    pub sequence: Option<Sequence>,
    pub note: Option<DraftLine>,
}

/// Does the same as [`finish`], with a line that was made before.
pub(super) async fn settle<D: Decision<Request = Known>>(recorded: Recorded<D>, ended: Ended) -> Reply {
    let Ended { result, sequence, note } = ended;
    let broker = recorded.request().routed.context.broker.clone();
    let audit = &broker.services.audit;
    let outcome = Outcome {
        note,
        status: result.as_ref().map_or_else(|error| error.fault.status(), Answer::status),
        is_success: result.is_ok(),
        sequence,
    };
    let (decision, written) = recorded.finish(audit, outcome).await;
    let known = decision.request();
    if let Err(error) = written {
        tracing::error!(%error, "an outcome cannot be recorded");
        // A committed change has its audit lines in the store, so its answer may be
        // sent. What was only read must not leave.
        if sequence.is_none() && known.when_unrecordable() == WhenUnrecordable::Refuses {
            known.routed.context.counted.ended(CountedOutcome::Unavailable);
            return Reply {
                outcome: Err(Error::unavailable("the audit log cannot be written: the answer is withheld")),
                request_id: known.routed.context.id_text.clone(),
                mount: None,
            };
        }
    }
    known.routed.context.counted.ended(CountedOutcome::of(result.as_ref()));
    delete_if_spent(known).await;
    count_refusal(known, &result);
    if let Err(Error { cause: Some(cause), .. }) = &result {
        tracing::error!(request = %known.routed.context.id_text, cause, "a request failed");
    }
    if let Ok(Answer { after: AfterAnswer::Seal, .. }) = &result {
        broker.services.lifecycle.seal(1).await;
    }
    Reply {
        outcome: result,
        request_id: known.routed.context.id_text.clone(),
        mount: known.routed.route.mount().cloned(),
    }
}

/// Answers a request that could not be recorded and was therefore not performed.
pub(super) fn unrecorded<D: Decision<Request = Known>>((decision, error): (D, Error)) -> Reply {
    decision.request().routed.context.counted.ended(CountedOutcome::of(Err(&error)));
    Reply::refusal(error)
}

/// Counts a stranger's failed request against its address, if the failure is the stranger's own fault.
fn count_refusal(known: &Known, result: &Result<Answer>) {
    let context = &known.routed.context;
    let is_fault = result.as_ref().is_err_and(|error| error.fault.counts_as_refusal());
    if is_fault && known.is_stranger() && !known.routed.is_exempt() {
        context.broker.refusal_limit.count(context.peer.address.ip());
    }
}
