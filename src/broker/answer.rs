//! Makes the answer to a request: runs its API row, and turns a login into a token in the same unit of work. Help is
//! computed from the API rows. A handler that panics gives an error like any other failure.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;

use crate::{
    base::ttl::Ttl,
    broker::{
        known::Known,
        routed::{MountPoint, Target},
    },
    contract::{
        Answer, Body, Class, Error, Fault, Login, Result, RowFacts, Verb, help,
        openapi::{self, Described, MountPaths},
    },
    services::{
        access::Permitted,
        identity::PrincipalAt,
        recorded::Recorded,
        revocations::Revoked,
        tokens::{LeaseTerms, Plan, PlannedLogin, lease},
    },
};

/// A request that may be performed: it was permitted and recorded in the audit log.
pub(super) type Work = Recorded<Permitted<Known>>;

/// Performs the request in its unit of work. The token of a login exists once that unit is committed.
pub(super) async fn answer(work: &Work) -> Result<Answer> {
    let known = work.request();
    let answer = run_row(work).await?;
    let Target::Row { at, facts, .. } = &known.routed.route.target else { return Ok(answer) };
    let class = at.engine.class();
    let mut answer = match answer.body {
        Body::Login(login) if facts.verb == Verb::Login && class == Class::Auth => {
            Answer { warnings: answer.warnings, ..grant(known, at, *login)? }
        }
        Body::Login(_) => return Err(Error::internal("a login from a row that is not a login row")),
        Body::Auth(_) if class != Class::BuiltIn => {
            return Err(Error::internal("a token from a mount that may not make tokens"));
        }
        body => Answer { body, ..answer },
    };
    if let Ok(input) = &known.input
        && let Some(warning) = input.warning.as_ref().filter(|_| !matches!(answer.body, Body::Done | Body::Raw { .. }))
    {
        answer.warnings.push(warning.clone());
    }
    Ok(answer)
}

/// The answer of the API row itself: a login is not turned into a token yet.
pub(super) async fn run_row(work: &Work) -> Result<Answer> {
    let known = work.request();
    match &known.routed.route.target {
        Target::Help { at, asked, rows } => Ok(help(at, asked, rows)),
        Target::NoRow { error, .. } => Err(error.clone()),
        Target::NoPath { at } => at.engine.elsewhere(known.routed.context.operation),
        Target::NoMount => {
            let text = format!("no handler for route \"{}\". route entry not found.", known.routed.route.full);
            Err(Error::new(Fault::Missing, text))
        }
        Target::Row { at, .. } => {
            known.input.as_ref().map_err(Clone::clone)?;
            // If a handler panics, only its own caller notices: the answer is 500,
            // and it is recorded like any other outcome.
            let run = AssertUnwindSafe(at.engine.run(work)).catch_unwind();
            let answer = run.await.unwrap_or_else(|_| Err(Error::internal("a handler panicked")))?;
            end_logins(known, at, &answer)?;
            Ok(answer)
        }
    }
}

/// Revokes the tokens of the logins that the row has ended, in the same unit of work.
fn end_logins(known: &Known, at: &MountPoint, answer: &Answer) -> Result<()> {
    let Some(ended) = answer.ended else { return Ok(()) };
    if at.engine.class() != Class::Auth {
        return Err(Error::internal("logins ended by a mount that is not an auth method"));
    }
    let revoked = Revoked::Logins(at.mount.record.id, ended);
    known.routed.context.services().revocations.add(&known.unit, revoked)?;
    Ok(())
}

/// The help of a path, as text and as an OpenAPI document. The paths in the document are relative to the mount.
fn help(at: &MountPoint, asked: &str, rows: &[Arc<RowFacts>]) -> Answer {
    let all: Vec<&RowFacts> = at.engine.rows().into_iter().map(AsRef::as_ref).collect();
    let these: Vec<&RowFacts> = rows.iter().map(AsRef::as_ref).collect();
    let (text, described) = if these.is_empty() {
        (help::of_mount(at.engine.summary(), &all), all)
    } else {
        (help::of_path(asked, &these), these)
    };
    let described = Described { path: "", kind: &at.mount.record.kind, class: at.engine.class(), rows: described };
    let document = openapi::document(&[described], MountPaths::Real);
    let answer = serde_json::json!({ "help": text, "see_also": null, "openapi": document });
    // The body is raw, so that the audit log does not repeat the documentation with each request.
    Answer::new(Body::Raw { content_type: "application/json", bytes: answer.to_string().into_bytes() })
}

/// Turns a login into a token, in the same unit of work.
fn grant(known: &Known, at: &MountPoint, login: Login) -> Result<Answer> {
    let (context, mount) = (&known.routed.context, &at.mount);
    let (services, unit) = (context.services(), &known.unit);
    login.check_bounds()?;
    let principal =
        PrincipalAt { mount_accessor: &mount.record.accessor, principal: &login.origin.principal, name: &login.alias };
    let entity = services.identity.find_or_create(unit, &principal, context.now)?;
    let policies = login.token_policies()?;
    let terms = LeaseTerms {
        default_ttl: login.ttl.or(mount.facts.default_ttl),
        max_ttl: mount.facts.max_ttl,
        role_max_ttl: login.max_ttl,
        explicit_max_ttl: login.explicit_max_ttl,
        period: login.period,
        asked: Ttl::ZERO,
    };
    let granted = lease(&terms, context.now, context.now);
    let plan = Plan {
        policies,
        path: known.routed.route.full.clone(),
        display_name: login.display_name,
        metadata: login.metadata,
        entity: Some(entity),
        ttl: Some(granted.ttl),
        explicit_max_ttl: login.explicit_max_ttl,
        period: login.period,
        num_uses: login.num_uses,
        is_renewable: true,
        login: Some(PlannedLogin { mount: &mount.facts, origin: login.origin }),
        stamp: known.routed.snapshot.markers.version.generation,
        ..Plan::default()
    };
    let minted = services.tokens.mint(unit, plan, context.now)?;
    Ok(Answer::new(Body::Auth(Box::new(minted.granted()))))
}
