//! The example dialect "plain": `GET /plain/PATH` answers one field of a secret as
//! text, for programs that cannot read JSON.

use std::sync::Arc;

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use http::{HeaderMap, StatusCode, request::Parts};

use crate::{
    base::{path::CanonicalPath, secret::Secret},
    broker::{Body, Broker, Request},
    contract::{Answer, Body as Content, Credential, Error, Fault, Operation},
    dialects::peer::peer_of,
};

/// The routes of this dialect; `dialects::api` merges them.
pub(super) fn router(broker: Arc<Broker>) -> Router {
    Router::new().route("/plain/{*path}", get(read)).with_state(broker)
}

/// Reads the HTTP request, asks the broker, and writes the reply as plain text.
async fn read(State(broker): State<Arc<Broker>>, parts: Parts) -> impl IntoResponse {
    // The raw target is decoded once, here. Access is judged by the decoded path.
    let Ok(whole) = CanonicalPath::parse(parts.uri.path()) else {
        return rendered(Err(Error::invalid("the path is not valid")));
    };
    let Some(path) = whole.strip("plain") else { return rendered(Err(Error::missing())) };
    let reply = broker
        .handle(Request {
            operation: Operation::Read,
            path,
            query: Vec::new(),
            credential: bearer(&parts.headers),
            peer: peer_of(&parts),
            body: Body::none(),
        })
        .await;
    rendered(reply.outcome)
}

/// The credential of the request, in the broker's type. The broker decides whether it is valid.
fn bearer(headers: &HeaderMap) -> Option<Credential> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(|token| Credential::Token(Secret::text(token)))
}

/// Renders a reply. The status comes from the table in `contract::Fault`; an error shows only its message.
fn rendered(outcome: Result<Answer, Error>) -> (StatusCode, String) {
    match outcome {
        Ok(Answer { body: Content::Data(text), .. }) => (StatusCode::OK, text),
        Ok(_) => (StatusCode::NOT_FOUND, String::new()),
        Err(error) => {
            let status = StatusCode::from_u16(error.fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, if error.fault == Fault::Internal { String::new() } else { error.message })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_status_of_its_fault() {
        assert_eq!(rendered(Err(Error::denied())), (StatusCode::FORBIDDEN, String::from("permission denied")));
        assert_eq!(rendered(Answer::data(&[1])), (StatusCode::OK, String::from("[1]")));
    }

    #[test]
    fn only_a_bearer_is_a_credential_here() {
        let headers = |value: &str| HeaderMap::from_iter([(http::header::AUTHORIZATION, value.parse().unwrap())]);
        assert!(bearer(&headers("Bearer s.1")).is_some());
        assert!(bearer(&headers("Basic eDp5")).is_none());
    }
}
