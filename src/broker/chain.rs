//! A chain: a login, and a request of the caller who logs in, performed as one. OAuth's client_credentials grant needs
//! it. The login makes the caller of the second request without storing a token. Both requests are judged and recorded
//! under one request id, and one unit of work commits both.

use std::sync::Arc;

use crate::{
    barrier::BarrierError,
    broker::{
        answer::{Work, answer, run_row},
        context::RequestContext,
        finish::{finish, unrecorded},
        identity::Identity,
        known::Known,
        lines,
        perform::{again, expect_judged},
        pipeline::refuse_stranger,
        request::{Body, Reply, Request},
        routed::Routed,
        shared::Shared,
    },
    contract::{Answer, Body as AnswerBody, Class, Error, Login, Result},
    services::recorded::Recorded,
};

/// Two requests that are performed as one.
pub struct Chain {
    /// The first request. It must lead to a login row.
    pub login: Request,
    /// The request of the caller who logs in. A credential in it is ignored.
    pub then: Request,
}

pub(super) async fn handle(broker: &Arc<Shared>, chain: Chain) -> Reply {
    let (context, body) = RequestContext::new(broker, chain.login);
    let id = context.id;
    let login = match record_login(context, body).await {
        Ok(login) => login,
        Err(reply) => return reply,
    };
    let (context, body) = RequestContext::with_id(broker, Request { credential: None, ..chain.then }, id);
    // A change runs in a task of its own, so that it also ends properly if the client hangs up.
    let task = tokio::spawn(run(login, context, body));
    task.await.unwrap_or_else(|_| Reply::refusal(Error::internal("the request's task ended early")))
}

async fn record_login(context: Box<RequestContext>, body: Body) -> Result<Work, Reply> {
    let broker = Arc::clone(&context.broker);
    let routed = Routed::new(context).map_err(refuse_stranger)?;
    if !routed.route.is_login() {
        return Err(Reply::refusal(Error::internal("a chain that does not begin with a login")));
    }
    let known = routed.identify(body).await.map_err(refuse_stranger)?;
    let permitted = known.admit().await?;
    Recorded::record(&broker.services.audit, permitted).map_err(unrecorded)
}

/// The second request, before or after it was recorded.
enum Second {
    New(Box<RequestContext>, Body),
    Recorded(Work),
}

async fn run(mut login: Work, context: Box<RequestContext>, body: Body) -> Reply {
    let mut second = Second::New(context, body);
    loop {
        let identity = match log_in(&login).await {
            Ok(identity) => identity,
            Err(_) if login.request().may_ask_again() => {
                login = match again(login).await {
                    Ok(login) => login,
                    Err(reply) => return reply,
                };
                continue;
            }
            Err(error) => return finish(login, Err(error), None).await,
        };
        let work = match admit_second(&login, second, identity).await {
            Ok(work) => work,
            Err(reply) => {
                // The second request was refused, so the chain commits nothing and the login fails too.
                let failed = Error::invalid("the request behind this login was refused");
                finish(login, Err(failed), None).await;
                return reply;
            }
        };
        (login, second) = match attempt(login, work).await {
            Attempt::Finished(reply) => return reply,
            Attempt::Conflict(login, second) => (login, Second::Recorded(second)),
        };
        login = match again(login).await {
            Ok(login) => login,
            Err(reply) => return reply,
        };
    }
}

/// Performs the login in its unit of work. Returns the caller that it proves.
async fn log_in(work: &Work) -> Result<Identity> {
    let known = work.request();
    expect_judged(known)?;
    let answer = run_row(work).await?;
    let at = known.routed.route.at().ok_or_else(|| Error::internal("a login without a mount"))?;
    match answer.body {
        AnswerBody::Login(login) if at.engine.class() == Class::Auth => {
            let login: Login = *login;
            Identity::recognised(login, &at.mount, &known.unit, &known.routed.context)
        }
        _ => Err(Error::internal("a login row that answered without a login")),
    }
}

/// Routes, judges and records the second request, in the unit of work of the first one.
async fn admit_second(login: &Work, second: Second, identity: Identity) -> Result<Work, Reply> {
    let unit = Arc::clone(&login.request().unit);
    let audit = &login.request().routed.context.services().audit;
    match second {
        Second::New(context, body) => {
            let routed = Routed::new(context).map_err(refuse_stranger)?;
            let known = Known::of_caller(routed, identity, unit, body).await;
            let permitted = known.admit().await?;
            Recorded::record(audit, permitted).map_err(unrecorded)
        }
        Second::Recorded(work) => {
            let (permitted, proof) = work.take_apart();
            let Known { routed, input, .. } = *permitted.into_inner();
            let known = Known::with_input(routed.again(), identity, unit, input);
            let permitted = known.admit().await?;
            Recorded::again(permitted, proof).map_err(Reply::refusal)
        }
    }
}

enum Attempt {
    Finished(Reply),
    Conflict(Work, Work),
}

/// Performs the second request and commits both requests.
async fn attempt(mut login: Work, second: Work) -> Attempt {
    let unit = Arc::clone(&login.request().unit);
    let result = match expect_judged(second.request()) {
        Ok(()) => answer(&second).await,
        Err(error) => Err(error.into()),
    };
    if unit.is_stale() {
        // A stale unit of work is never committed: after a conflict the second
        // request may have gone on with another unit.
        if login.request().is_past_deadline() {
            let error = Error::from(BarrierError::Conflict);
            return Attempt::Finished(finish_both(login, second, Err(error)).await);
        }
        return Attempt::Conflict(login, second);
    }
    // The login succeeded, so its caller is no stranger: it has its lines, also if nothing is written.
    let audit = login.request().routed.context.services().audit.clone();
    let result = result.and_then(|answer| login.write_postponed(&audit).map(|()| answer));
    let answer = match result {
        Ok(answer) => answer,
        Err(error) => return Attempt::Finished(finish_both(login, second, Err(error)).await),
    };
    let lines = [
        lines::outcome(login.request(), login.decided(), Ok(&Answer::done())),
        lines::outcome(second.request(), second.decided(), Ok(&answer)),
    ];
    let requests = [login.note_for_batch(), second.note_for_batch()].into_iter().flatten();
    let notes = requests.chain(&lines).map(|note| note.as_bytes().to_vec()).collect();
    match unit.commit(notes).await {
        Ok(_) => Attempt::Finished(finish_both(login, second, Ok(answer)).await),
        Err(BarrierError::Conflict) if !login.request().is_past_deadline() => Attempt::Conflict(login, second),
        Err(error) => Attempt::Finished(finish_both(login, second, Err(error.into())).await),
    }
}

async fn finish_both(login: Work, second: Work, result: Result<Answer>) -> Reply {
    let logged_in = result.as_ref().map(|_| Answer::done()).map_err(Clone::clone);
    finish(login, logged_in, None).await;
    finish(second, result, None).await
}
