//! Judge, record, perform, record the outcome, render. On a conflict all but the recording happens again, on fresh
//! reads; a verdict that has changed meanwhile is a refusal.

use std::sync::Arc;

use crate::{
    barrier::{BarrierError, Unit},
    base::ttl::Ttl,
    broker::{
        audit_lines,
        dispatch::{dispatch, guarded},
        identify::{Identity, identify},
        locate::{Place, Snapshot, Target, locate},
        pipeline::Trip,
        uses::{bury, spend},
    },
    contract::{Answer, Context, Error, Operation, Result, View},
    services::{
        Services,
        access::{self, Permit, Refusal, Ruling},
        audit::{Note, Receipt, Urgency},
        mounts::Mount,
        tables::{CORE, TOKENS},
    },
    store::{Old, Sequence},
    wire::{self, Response},
};

/// How long a request may go on meeting others.
const CONFLICT_DEADLINE: Ttl = Ttl::from_secs(60);

/// What is recorded already, across tries.
pub(super) struct Recorded {
    receipt: Receipt,
    /// The request's line as a note, until a commit has carried it.
    pub note: Option<Note>,
}

pub(super) async fn run(trip: Trip, snapshot: Snapshot, place: Place, identity: Identity) -> Response {
    if place.facts().is_some_and(|facts| facts.is_unrecorded) || snapshot.is_sealed {
        return run_keyless(&trip, &snapshot, &place, &identity).await;
    }
    let mut recorded = None;
    let (mut snapshot, mut place, mut identity) = (snapshot, place, identity);
    // Uses are counted one request at a time, or the last one would be taken away from under another.
    let uses = identity.session.as_ref().filter(|session| session.record.num_uses > 0).map(|session| session.hash);
    let broker = Arc::clone(&trip.broker);
    let _turn = match &uses {
        Some(hash) => broker.use_turns.hold(hash).await,
        None => None,
    };
    if uses.is_some() {
        match identify(&broker, &snapshot, &trip.ask, &trip.peer, trip.now) {
            Ok(again) if again.session.is_some() => identity = again,
            Ok(_) => return refuse_unknown(&trip, &place),
            Err(error) => return wire::render_error(&error),
        }
    }
    let mut queue = None;
    loop {
        match attempt(&trip, &snapshot, &place, &mut identity, &mut recorded).await {
            Ok(response) => return response,
            Err(Conflict) if trip.services().clock.now() > trip.now.plus(CONFLICT_DEADLINE) => {
                let error = Error::from(BarrierError::Conflict);
                return finish(&trip, &place, &identity, &Ruling::default(), recorded, Err(error), None).await;
            }
            Err(Conflict) => {}
        }
        if queue.is_none() {
            queue = broker.stripes.hold(place.full.as_bytes()).await;
        }
        snapshot = Snapshot::take(&trip.broker);
        place = locate(&snapshot, &trip.ask);
        match identify(&trip.broker, &snapshot, &trip.ask, &trip.peer, trip.now) {
            Ok(again) if again.session.is_some() || identity.session.is_none() => identity = again,
            Ok(_) => {
                return finish(&trip, &place, &identity, &Ruling::default(), recorded, Err(Error::denied()), None)
                    .await;
            }
            Err(error) => {
                return finish(&trip, &place, &identity, &Ruling::default(), recorded, Err(error), None).await;
            }
        }
    }
}

/// The token has ended while the request waited for its turn.
fn refuse_unknown(trip: &Trip, place: &Place) -> Response {
    trip.broker.sampler.refused(trip.services(), trip.ask.operation.word(), &place.full, &trip.peer, 403);
    wire::render_error(&Error::denied())
}

/// Something that was read has changed: once more.
struct Conflict;

async fn attempt(
    trip: &Trip,
    snapshot: &Snapshot,
    place: &Place,
    identity: &mut Identity,
    recorded: &mut Option<Recorded>,
) -> Result<Response, Conflict> {
    // judge
    let permit = match judge(trip, snapshot, place, identity).await {
        Ok(Ok(permit)) => permit,
        Ok(Err(refusal)) => return Ok(refuse(trip, snapshot, place, identity, &refusal, recorded.take()).await),
        Err(error) if error.is_conflict => return Err(Conflict),
        Err(error) => {
            return Ok(finish(trip, place, identity, &Ruling::default(), recorded.take(), Err(error), None).await);
        }
    };
    // record
    if recorded.is_none() {
        match record(trip, place, identity, &permit) {
            Ok(first) => *recorded = Some(first),
            Err(error) => return Ok(wire::render_error(&error)),
        }
        if let Err(error) = spend(trip, snapshot, identity, recorded).await {
            return Ok(finish(trip, place, identity, permit.ruling(), recorded.take(), Err(error), None).await);
        }
    }
    // perform
    let Some(receipt) = recorded.as_ref().map(|recorded| &recorded.receipt) else {
        return Ok(wire::render_error(&Error::internal("a request without a receipt")));
    };
    let unit = match unit(trip, snapshot, identity) {
        Ok(unit) => Arc::new(unit),
        Err(error) => {
            return Ok(finish(trip, place, identity, permit.ruling(), recorded.take(), Err(error), None).await);
        }
    };
    let result = dispatch(trip, snapshot, place, identity, &unit, &permit, receipt).await;
    let answer = match result {
        Err(error) if error.is_conflict => return Err(Conflict),
        Err(error) => {
            return Ok(finish(trip, place, identity, permit.ruling(), recorded.take(), Err(error), None).await);
        }
        Ok(answer) => answer,
    };
    // commit, with both lines beside the change
    let ruling = permit.ruling();
    if !unit.writes_something() {
        return match unit.confirm_reads() {
            Err(BarrierError::Conflict) => Err(Conflict),
            Err(error) => Ok(finish(trip, place, identity, ruling, recorded.take(), Err(error.into()), None).await),
            Ok(()) => Ok(finish(trip, place, identity, ruling, recorded.take(), Ok(answer), None).await),
        };
    }
    let outcome = audit_lines::outcome(trip, place, identity, ruling, Ok(&answer));
    let request_note = recorded.as_ref().and_then(|recorded| recorded.note.as_ref());
    let notes = request_note.into_iter().chain([&outcome]).map(|note| note.as_bytes().to_vec()).collect();
    match unit.commit(notes).await {
        Ok(sequence) => Ok(settle(trip, place, identity, recorded.take(), outcome, Ok(answer), Some(sequence)).await),
        Err(BarrierError::Conflict) => Err(Conflict),
        Err(error) => Ok(finish(trip, place, identity, ruling, recorded.take(), Err(error.into()), None).await),
    }
}

/// Records the request. Where no device takes its line it is refused, but for the one that nothing may stop.
fn record(trip: &Trip, place: &Place, identity: &Identity, permit: &Permit) -> Result<Recorded> {
    let note = audit_lines::request(trip, place, identity, permit.ruling(), true);
    let urgency = if trip.ask.operation.changes() { Urgency::Now } else { Urgency::WithOutcome };
    let audit = &trip.services().audit;
    let receipt = if place.is_unstoppable() {
        let (receipt, error) = audit.insist(&note);
        if let Some(error) = error {
            let (request, who, from) = (&trip.id_text, &identity.caller.display_name, &trip.remote);
            tracing::warn!(%request, path = place.full, who, from, %error, "goes on without a line in the audit log");
        }
        receipt
    } else {
        audit.record(&note, urgency).map_err(|error| {
            tracing::error!(%error, "a request cannot be recorded and is refused");
            Error::unavailable("the audit log cannot be written: nothing was done")
        })?
    };
    Ok(Recorded { receipt, note: Some(note) })
}

/// A unit whose commit fails if the caller's token, a mount, a policy or a mark has changed since it was looked at.
fn unit(trip: &Trip, snapshot: &Snapshot, identity: &Identity) -> Result<Unit> {
    let keys = snapshot.keys.clone().ok_or(BarrierError::Sealed)?;
    let unit = trip.services().unit_with(keys, trip.id.into_bytes());
    if trip.ask.operation.changes() {
        if let Some(session) = &identity.session {
            unit.expect(&CORE, &TOKENS, &session.hash, Old::Tag(session.tag))?;
        }
        Services::expect_snapshots(&unit, &snapshot.mounts, &snapshot.policies, &snapshot.marks)?;
    }
    Ok(unit)
}

/// Whether the caller may. `exists` is asked only where creating and updating are judged differently.
async fn judge(
    trip: &Trip,
    snapshot: &Snapshot,
    place: &Place,
    identity: &Identity,
) -> Result<Result<Permit, Refusal>> {
    let facts = place.facts();
    if let Some(permit) = facts.and_then(access::public) {
        return Ok(Ok(permit));
    }
    let acl = snapshot.policies.acl(&identity.caller.policies);
    if trip.ask.is_help {
        return Ok(Ok(access::help(&acl)));
    }
    let as_update = access::judge(&acl, &place.full, access::wanted(trip.ask.operation, false), facts);
    if trip.ask.operation != Operation::Update {
        return Ok(as_update);
    }
    let as_create = access::judge(&acl, &place.full, access::wanted(trip.ask.operation, true), facts);
    if as_update.is_ok() == as_create.is_ok() {
        return Ok(as_update);
    }
    let Target::Row { mount, row, params, .. } = &place.target else { return Ok(as_update) };
    let unit = Arc::new(unit(trip, snapshot, identity)?);
    let context = context(trip, mount, identity, &unit);
    let exists = match mount.opened.exists(*row, context, params.clone()) {
        Some(question) => question.await?,
        None => true,
    };
    Ok(if exists { as_update } else { as_create })
}

pub(super) fn context(trip: &Trip, mount: &Mount, identity: &Identity, unit: &Arc<Unit>) -> Context {
    Context {
        store: View::new(Arc::clone(unit), mount.record.id),
        caller: Arc::clone(&identity.caller),
        now: trip.now,
        mount: Arc::clone(&mount.facts),
        host: trip.services().host.clone(),
        request_id: Arc::clone(&trip.id_text),
    }
}

/// A refusal leaves both lines too, and costs a use.
async fn refuse(
    trip: &Trip,
    snapshot: &Snapshot,
    place: &Place,
    identity: &mut Identity,
    refusal: &Refusal,
    mut recorded: Option<Recorded>,
) -> Response {
    let ruling = refusal.ruling();
    if recorded.is_none() {
        let note = audit_lines::request(trip, place, identity, ruling, false);
        match trip.services().audit.record(&note, Urgency::WithOutcome) {
            Ok(receipt) => recorded = Some(Recorded { receipt, note: Some(note) }),
            Err(_) => {
                return wire::render_error(&Error::unavailable("the audit log cannot be written: nothing was done"));
            }
        }
        if let Err(error) = spend(trip, snapshot, identity, &mut recorded).await {
            return finish(trip, place, identity, ruling, recorded, Err(error), None).await;
        }
    }
    finish(trip, place, identity, ruling, recorded, Err(Error::denied().listed()), None).await
}

/// Records the outcome of a request that committed nothing, and renders it.
async fn finish(
    trip: &Trip,
    place: &Place,
    identity: &Identity,
    ruling: &Ruling,
    recorded: Option<Recorded>,
    result: Result<Answer>,
    sequence: Option<Sequence>,
) -> Response {
    let outcome = audit_lines::outcome(trip, place, identity, ruling, result.as_ref());
    settle(trip, place, identity, recorded, outcome, result, sequence).await
}

async fn settle(
    trip: &Trip,
    place: &Place,
    identity: &Identity,
    recorded: Option<Recorded>,
    outcome: Note,
    result: Result<Answer>,
    sequence: Option<Sequence>,
) -> Response {
    let audit = &trip.services().audit;
    if let Some(recorded) = recorded
        && let Err(error) = audit.outcome(recorded.receipt, outcome, sequence).await
    {
        tracing::error!(%error, "an outcome cannot be recorded");
        // A change is committed with its lines beside it and may be told; what was read must not leave.
        if sequence.is_none() && !place.is_unstoppable() {
            return wire::render_error(&Error::unavailable("the audit log cannot be written: the answer is withheld"));
        }
    }
    bury(trip, identity).await;
    render(trip, place, result).await
}

async fn render(trip: &Trip, place: &Place, result: Result<Answer>) -> Response {
    match result {
        Ok(answer) => {
            if answer.seals {
                trip.services().seal(1).await;
            }
            wire::render(&answer, &trip.id_text, place.mount().map_or("", |mount| &mount.record.kind))
        }
        Err(error) => {
            if let Some(cause) = &error.cause {
                tracing::error!(request = %trip.id_text, cause, "a request failed");
            }
            let mut response = wire::render_error(&error);
            // Vault answers a PATCH of what is not there without a body.
            if trip.ask.operation == Operation::Patch && response.status == 404 && error.message.is_empty() {
                response.body = bytes::Bytes::new();
            }
            response
        }
    }
}

/// Requests of a sealed store, and those that leave no line: health and the like.
async fn run_keyless(trip: &Trip, snapshot: &Snapshot, place: &Place, identity: &Identity) -> Response {
    let Target::Row { mount, row, params, facts } = &place.target else {
        return wire::render_error(&Error::unavailable("Vault is sealed"));
    };
    if !facts.is_public {
        return wire::render_error(&Error::denied());
    }
    let is_recorded = !facts.is_unrecorded;
    if is_recorded {
        audit_lines::plain(trip, place, false, 0, None);
    }
    let unit = match &snapshot.keys {
        Some(keys) => trip.services().unit_with(Arc::clone(keys), trip.id.into_bytes()),
        None => trip.services().keyless_unit(),
    };
    let unit = Arc::new(unit);
    let context = context(trip, mount, identity, &unit);
    let mut result = guarded(mount.opened.run(*row, context, params.clone(), trip.fields.fields.clone())).await;
    if result.is_ok() && unit.writes_something() {
        // What a public document needs to exist, such as a first signing key.
        result = unit.commit(Vec::new()).await.map_err(Error::from).and(result);
    }
    let status = match &result {
        Ok(answer) => answer.status.unwrap_or(wire::code(&answer.body)),
        Err(error) => wire::fault_code(error.fault),
    };
    if is_recorded {
        audit_lines::plain(trip, place, true, status, Some(if result.is_ok() { "done" } else { "refused" }));
    }
    render(trip, place, result).await
}
