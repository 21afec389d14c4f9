//! The order in which every request is handled. Each state owns the one before it and can be made only from it:
//!
//! | state | what was done | file |
//! |---|---|---|
//! | [`Routed`] | canonical path and operation lead to a mount and an API row | routed.rs |
//! | [`Known`](super::known::Known) | the caller was looked up, the body read | known.rs, recognise.rs, input.rs |
//! | `Permitted<Known>` | policies allow exactly this request | judged.rs, services/access.rs |
//! | `Recorded<Permitted<Known>>` | its line is in the audit log | lines.rs, services/recorded.rs |
//! | [`Reply`] | the API row ran, its unit committed with both lines, the outcome is recorded | perform.rs, finish.rs |

use std::sync::Arc;

use crate::{
    broker::{
        context::RequestContext,
        finish::unrecorded,
        perform::perform,
        request::{Body, Reply, Request},
        routed::{Routed, Stopped},
        shared::Shared,
    },
    contract::{Error, Fault},
    services::{audit::Refusal, counts::CountedOutcome, recorded::Recorded},
};

pub(super) async fn handle(broker: &Arc<Shared>, request: Request) -> Reply {
    let (context, body) = RequestContext::new(broker, request);
    match run(context, body).await {
        Ok(reply) | Err(reply) => reply,
    }
}

async fn run(context: Box<RequestContext>, body: Body) -> Result<Reply, Reply> {
    let broker = Arc::clone(&context.broker);
    let routed = Routed::new(context).map_err(refuse_stranger)?;
    let known = routed.identify(body).await.map_err(refuse_stranger)?;
    let permitted = known.admit().await?;
    let recorded = Recorded::record(&broker.services.audit, permitted).map_err(unrecorded)?;
    Ok(perform(recorded).await)
}

/// Refuses a request that was not judged. The audit log samples and counts such refused requests, so that probes cannot
/// fill a disk. They count against the caller's address.
pub(super) fn refuse_stranger(stopped: Box<Stopped>) -> Reply {
    let Stopped { routed, error } = *stopped;
    let context = &routed.context;
    if error.fault.counts_as_refusal() && !routed.is_exempt() {
        context.broker.refusal_limit.count(context.peer.address.ip());
    }
    context.counted.ended(CountedOutcome::of(Err(&error)));
    let refusal = Refusal {
        operation: context.operation.word(),
        path: &routed.route.full,
        address: context.peer.address.ip(),
        status: error.fault.status(),
        reason: reason(&error),
    };
    context.services().audit.record_refusal(&refusal, context.now);
    Reply { outcome: Err(error), request_id: Arc::default(), mount: None }
}

/// The reason under which the audit log counts a refused request of a stranger.
pub(super) const fn reason(error: &Error) -> &'static str {
    match error.fault {
        Fault::Denied => "no live token",
        Fault::TooMany => "refused too often",
        Fault::TooLarge => "body too large",
        Fault::Internal | Fault::Unavailable => "not answered",
        Fault::Missing | Fault::Unsupported => "no such path",
        Fault::Invalid | Fault::Conflict | Fault::WrongType => "not a valid request",
    }
}
