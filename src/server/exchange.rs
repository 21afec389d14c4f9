//! One request and its answer, between a connection and the dialects. This file has the deadline of a request,
//! the 500 for a handler that panicked, and what concerns the connection. It does not interpret paths.

use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc};

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use futures_util::FutureExt as _;
use http::{HeaderValue, StatusCode, header};
use hyper::body::Body as _;
use tokio::time::timeout;

use super::{body_rate::MinRateBody, connection_counts::ConnectionCounts, limits::Limits};
use crate::{broker::Peer, dialects::Dialects};

/// What all connections of a listener share.
pub(crate) struct Front {
    dialects: Dialects,
    limits: Limits,
    on_refusal: OnRefusal,
    connections: ConnectionCounts,
}

/// Is called with the client's address for each request that the listener itself refused. Nothing else can count those.
pub(crate) type OnRefusal = Box<dyn Fn(IpAddr) + Send + Sync>;

/// Answers the requests of one connection.
pub(crate) struct PeerService {
    front: Arc<Front>,
    peer: Peer,
}

impl PeerService {
    pub(crate) fn answer(&self, request: Request) -> impl Future<Output = Response> + Send + use<> {
        let (front, peer) = (Arc::clone(&self.front), self.peer.clone());
        async move { exchange(&front, peer, request).await }
    }
}

impl Front {
    pub(crate) fn new(dialects: Dialects, limits: Limits, on_refusal: OnRefusal) -> Self {
        Self { dialects, limits, on_refusal, connections: ConnectionCounts::default() }
    }

    /// Uses `counts` to count the connections.
    pub(crate) fn counted_by(self, counts: ConnectionCounts) -> Self {
        Self { connections: counts, ..self }
    }

    pub(crate) fn connections(&self) -> &ConnectionCounts {
        &self.connections
    }

    /// Must be called for each request that the listener itself refused.
    pub(crate) fn refused(&self, address: IpAddr) {
        (self.on_refusal)(address);
    }

    /// Answers the requests of a connection from `peer`.
    pub(crate) fn for_peer(self: &Arc<Self>, peer: Peer) -> PeerService {
        PeerService { front: Arc::clone(self), peer }
    }
}

async fn exchange(front: &Front, peer: Peer, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    if !is_for_us(&parts) {
        front.refused(peer.address.ip());
        return closing(refusal(StatusCode::BAD_REQUEST, "the request target names another host than the header Host"));
    }
    let wants_upgrade = parts.headers.contains_key(header::UPGRADE);
    parts.extensions.insert(peer);
    let (body, end) = if body.is_end_stream() {
        (Body::empty(), None)
    } else {
        let body = MinRateBody::new(body, &front.limits);
        let end = body.end();
        (Body::new(body), Some(end))
    };
    let response = answer(front, Request::from_parts(parts, body)).await;
    // After an upgrade request, what follows may be of another protocol and is never read as a request. A body that was
    // not read to its end lies before the next request. In both cases the client is told that the connection ends here.
    let is_unread = end.is_some_and(|end| !end.is_reached());
    if wants_upgrade || is_unread { closing(response) } else { response }
}

async fn answer(front: &Front, request: Request) -> Response {
    // If a handler panics, only its own caller gets a 500; other requests are not affected.
    let answering = AssertUnwindSafe(front.dialects.answer(request)).catch_unwind();
    match timeout(front.limits.request, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panicked)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
        Err(_) => refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "the request took too long: check whether it took effect before you repeat it",
        ),
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

fn refusal(status: StatusCode, message: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, serde_json::json!({ "errors": [message] }).to_string()).into_response()
}

fn closing(mut reply: Response) -> Response {
    reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    reply
}
