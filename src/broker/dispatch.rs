//! Runs a row and makes of its answer what the caller gets: a login becomes a token in the same unit, help is a fold over
//! the rows, a panic is an outcome like any other.

use std::{
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
};

use crate::{
    barrier::Unit,
    base::ttl::Ttl,
    broker::{
        identify::Identity,
        locate::{Place, Snapshot, Target},
        perform::context,
        pipeline::Trip,
    },
    contract::{Answer, Body, Class, Error, Fault, Login, Result, Verb},
    services::{
        access::Permit,
        audit::Receipt,
        identity,
        mounts::Mount,
        tokens::{Plan, Terms, lease, mint},
    },
};

/// Runs the row. Takes a permit and a receipt, so that nothing runs that was not judged and recorded.
pub(super) async fn dispatch(
    trip: &Trip,
    snapshot: &Snapshot,
    place: &Place,
    identity: &Identity,
    unit: &Arc<Unit>,
    _: &Permit,
    _: &Receipt,
) -> Result<Answer> {
    if trip.ask.is_help
        && let Some(mount) = place.mount()
    {
        return help(mount, place.facts().map_or("", |facts| facts.help));
    }
    let (mount, row, params, facts) = match &place.target {
        Target::Row { mount, row, params, facts } => (mount, *row, params, facts),
        Target::Nothing { error, .. } => {
            return Err(Error { is_listed: error.is_listed, ..Error::new(error.fault, error.message.clone()) });
        }
        Target::NoMount => {
            let text = format!("no handler for route \"{}\". route entry not found.", place.full);
            return Err(Error::new(Fault::Missing, text));
        }
    };
    let context = context(trip, mount, identity, unit);
    let mut answer = guarded(mount.opened.run(row, context, params.clone(), trip.fields.fields.clone())).await?;
    answer = match answer.body {
        Body::Login(login) if facts.verb == Verb::Login && mount.opened.class() == Class::Auth => {
            let warnings = answer.warnings;
            Answer { warnings, ..grant(trip, snapshot, place, mount, unit, *login)? }
        }
        Body::Login(_) => return Err(Error::internal("a login from a row that is no login")),
        Body::Auth(_) if mount.opened.class() != Class::BuiltIn => {
            return Err(Error::internal("a token from a mount that makes none"));
        }
        body => Answer { body, ..answer },
    };
    if let Some(warning) =
        trip.fields.warning.as_ref().filter(|_| !matches!(answer.body, Body::Done | Body::Raw { .. }))
    {
        answer.warnings.push(warning.clone());
    }
    Ok(answer)
}

/// A panic in a handler is that caller's 500 and nobody else's: it is recorded like any other outcome.
pub(super) async fn guarded(mut handler: Pin<Box<dyn Future<Output = Result<Answer>> + Send>>) -> Result<Answer> {
    poll_fn(|cx| match std::panic::catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
        Ok(poll) => poll,
        Err(_) => std::task::Poll::Ready(Err(Error::internal("a handler panicked"))),
    })
    .await
}

fn help(mount: &Mount, line: &str) -> Result<Answer> {
    let rows: Vec<String> = mount
        .opened
        .rows()
        .iter()
        .map(|row| format!("    {:<7} {}\n        {}", row.verb.word(), row.path, row.help))
        .collect();
    let head = if line.is_empty() { String::new() } else { format!("{line}\n\n") };
    let text = format!("{head}{}\n\n{}\n", mount.opened.summary(), rows.join("\n"));
    Answer::bare(&serde_json::json!({ "help": text, "see_also": null, "openapi": null }))
}

/// Turns a login into a token, in the same unit.
fn grant(trip: &Trip, snapshot: &Snapshot, place: &Place, mount: &Mount, unit: &Unit, login: Login) -> Result<Answer> {
    let services = trip.services();
    let entity = identity::find_or_make(unit, &mount.record.accessor, &login.alias, trip.now, &services.random)?;
    let mut policies = login.policies;
    if !login.has_no_default_policy {
        policies.push(String::from("default"));
    }
    policies.sort_unstable();
    policies.dedup();
    if policies.iter().any(|policy| policy == "root") {
        return Err(Error::internal("a login asked for the root policy"));
    }
    let terms = Terms {
        default_ttl: login.ttl.or(mount.facts.default_ttl),
        max_ttl: mount.facts.max_ttl,
        role_max_ttl: login.max_ttl,
        explicit_max_ttl: login.explicit_max_ttl,
        period: login.period,
        asked: Ttl::ZERO,
    };
    let granted = lease(&terms, trip.now, trip.now);
    let plan = Plan {
        policies,
        path: place.full.clone(),
        display_name: login.display_name,
        metadata: login.metadata,
        entity: Some(entity),
        ttl: Some(granted.ttl),
        explicit_max_ttl: login.explicit_max_ttl,
        period: login.period,
        num_uses: login.num_uses,
        is_renewable: true,
        login_mount: Some(mount.record.id),
        stamp: snapshot.marks.generation(),
        ..Plan::default()
    };
    let minted = mint(unit, plan, trip.now, &services.random)?;
    Ok(Answer::new(Body::Auth(Box::new(minted.granted()))))
}
