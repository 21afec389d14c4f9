//! Vault's HTTP API: its verbs and raw paths, its envelopes and its errors. Start with read.rs, then envelope.rs.
//!
//! axum's routes cannot express Vault's methods (`LIST`, `HELP`, `SCAN`) and free paths, so one function answers every
//! path that no other dialect has.

mod body;
mod envelope;
mod read;

use std::sync::Arc;

use axum::{
    Router,
    body::Body as HttpBody,
    extract::{Request as HttpRequest, State},
    response::Response,
};
use http::{HeaderName, HeaderValue, Method};

use self::{
    envelope::{render, render_error, render_refusal},
    read::{Head, Refused},
};
use crate::{
    broker::{Body, Broker, Peer, Reply, Request},
    contract::{AfterAnswer, Answer, Error, Fault, Operation},
    dialects::{body::HttpBody as Source, delivery::Reported, peer::peer_of},
};

/// The routes of this dialect: every path that no other dialect has.
pub(super) fn router(broker: Arc<Broker>) -> Router {
    let answer = async |State(broker): State<Arc<Broker>>, request: HttpRequest| exchange(&broker, request).await;
    Router::new().fallback(answer).with_state(broker)
}

/// Answers one request.
pub(super) async fn exchange(broker: &Broker, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let peer = peer_of(&parts);
    let head = match Head::read(&parts) {
        Ok(head) => head,
        Err(refused) => return refuse(broker, &peer, refused),
    };
    let Head { operation, path, query, credential, namespace, media_type } = head;
    let decode = body::decoder(operation, media_type.as_deref());
    let body = Body { source: Source::source(body), decode };
    let reply = broker.handle(Request { operation, path, query, credential, peer, body }).await;
    let mut response = reply_of(&reply, operation);
    if let Ok(Answer { after: AfterAnswer::Tell(delivery), .. }) = reply.outcome {
        response = response.map(|body| Reported::body(body, delivery));
    }
    if let Some(value) = namespace.and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().append(HeaderName::from_static("x-vault-namespace"), value);
    }
    if parts.method == Method::HEAD {
        *response.body_mut() = HttpBody::empty();
    }
    response
}

fn reply_of(reply: &Reply, operation: Operation) -> Response {
    match &reply.outcome {
        Ok(answer) => render(answer, &reply.request_id, reply.mount_kind()),
        Err(error) => {
            let mut response = render_error(error);
            // The body of an error has no place for the id by which the request is found in the audit log.
            if let Ok(id) = HeaderValue::from_str(&reply.request_id)
                && !id.is_empty()
            {
                response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
            }
            // If a PATCH finds nothing, Vault answers without a body.
            if operation == Operation::Patch && error.fault == Fault::Missing && error.message.is_empty() {
                *response.body_mut() = HttpBody::empty();
            }
            response
        }
    }
}

/// Refuses a request whose head could not be read. It counts against the address as a stranger's.
fn refuse(broker: &Broker, peer: &Peer, refused: Refused) -> Response {
    let fault = match refused.status {
        404 => Fault::Missing,
        405 => Fault::Unsupported,
        415 => Fault::WrongType,
        _ => Fault::Invalid,
    };
    let reply = broker.refuse_unread(peer, Error::new(fault, refused.message.clone().unwrap_or_default()));
    match reply.outcome {
        Err(error) if error.fault != fault => render_error(&error),
        _ => render_refusal(refused.status, refused.message),
    }
}
