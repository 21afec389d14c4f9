//! One request and its answer: an axum handler, without a router, turns hyper's words into `wire` words and back. Here
//! stand the bucket per address, the deadline of a request, and the 500 of a handler that panicked. What a path means is
//! none of this floor's business.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{extract::State, handler::Handler as _, response::Response as Reply};
use http::{HeaderValue, StatusCode, header};
use hyper::body::Body as _;
use tokio::time::{Instant, timeout};
use tower::Service;

use super::{limits::Limits, pace::Paced, refusals::Buckets};
use crate::wire::{self, Body, Peer};

/// What answers requests: the broker, or a stand-in of a test.
#[derive(Clone)]
pub struct Handler(Arc<dyn Fn(wire::Request) -> Answering + Send + Sync>);

type Answering = Pin<Box<dyn Future<Output = wire::Response> + Send>>;

impl Handler {
    pub fn new<F: Future<Output = wire::Response> + Send + 'static>(
        answer: impl Fn(wire::Request) -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move |request| Box::pin(answer(request))))
    }
}

/// What all connections share.
pub struct Front {
    handler: Handler,
    pub limits: Limits,
    refusals: Buckets,
}

impl Front {
    pub fn new(handler: Handler, limits: Limits) -> Self {
        Self { handler, limits, refusals: Buckets::new(limits.refusals) }
    }

    /// What answers the requests of one connection.
    pub fn service(
        self: &Arc<Self>,
        peer: Peer,
    ) -> impl Service<axum::extract::Request, Response = Reply, Error = Infallible, Future: Send + Unpin>
    + Clone
    + Send
    + use<> {
        exchange.with_state(Arc::new(Line { front: Arc::clone(self), peer }))
    }

    async fn answer(&self, request: wire::Request) -> wire::Response {
        let answering = Guarded((self.handler.0)(request));
        match timeout(self.limits.request, answering).await {
            Ok(Ok(response)) => response,
            Ok(Err(Panicked)) => refusal(500, "internal error"),
            Err(_) => refusal(503, "the request took too long: look up whether it took effect before repeating it"),
        }
    }
}

/// What the requests of one connection have in common.
struct Line {
    front: Arc<Front>,
    peer: Peer,
}

async fn exchange(State(line): State<Arc<Line>>, request: axum::extract::Request) -> Reply {
    let (parts, body) = request.into_parts();
    let (front, peer) = (&line.front, line.peer.clone());
    let address = peer.address.ip();
    if let Some(wait) = front.refusals.wait(address, Instant::now()) {
        let mut response = refusal(429, "too many refused requests from this address: wait before the next");
        response.headers.push((header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1)));
        return reply(response);
    }
    if !is_for_us(&parts) {
        return closing(reply(refusal(400, "the request target names another host")));
    }
    let is_anonymous = !parts.headers.contains_key("x-vault-token") && !parts.headers.contains_key("authorization");
    let wants_upgrade = parts.headers.contains_key(header::UPGRADE);
    let target = parts.uri.path_and_query().map_or_else(|| parts.uri.path(), |whole| whole.as_str()).to_owned();
    let body = if body.is_end_stream() { Body::Empty } else { Body::Stream(Box::pin(Paced::new(body, &front.limits))) };
    let method = parts.method.as_str().to_owned();
    let response = front.answer(wire::Request { method, target, headers: parts.headers, peer, body }).await;
    if response.status == 403 || (response.status == 400 && is_anonymous) {
        front.refusals.count(address, Instant::now());
    }
    if wants_upgrade {
        // What follows may be of the other protocol: it is never read as a request.
        closing(reply(response))
    } else {
        reply(response)
    }
}

/// RFC 9112 §3.2.2: a target in absolute form must name the host that `Host` names.
fn is_for_us(parts: &http::request::Parts) -> bool {
    let Some(authority) = parts.uri.authority() else { return true };
    parts
        .headers
        .get(header::HOST)
        .is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()))
}

fn refusal(status: u16, message: &str) -> wire::Response {
    wire::Response::json(status, serde_json::json!({ "errors": [message] }).to_string())
}

fn reply(response: wire::Response) -> Reply {
    let mut reply = Reply::new(axum::body::Body::from(response.body));
    *reply.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        reply.headers_mut().append(name, value);
    }
    reply
}

fn closing(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// A future whose panic is a value: one caller gets a 500, the others notice nothing.
struct Guarded(Answering);

struct Panicked;

impl Future for Guarded {
    type Output = Result<wire::Response, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}
