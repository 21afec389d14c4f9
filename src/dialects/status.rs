//! Probes for whoever runs the server: `/livez` says that the process answers, `/readyz` that it can do its work.
//! Neither needs a token or leaves an audit log line, and neither says more than a few words.

use std::sync::Arc;

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use http::{HeaderValue, StatusCode, header};

use crate::broker::{Broker, Readiness};

/// The routes of this dialect.
pub(super) fn router(broker: Arc<Broker>) -> Router {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready)).with_state(broker)
}

/// Answers 200 as long as the process answers, sealed or not: restarting a sealed server would not help.
async fn live() -> impl IntoResponse {
    word(StatusCode::OK, "ok")
}

/// Answers 200 if requests are served; otherwise 503 and what is missing.
async fn ready(State(broker): State<Arc<Broker>>) -> impl IntoResponse {
    match missing(broker.readiness()) {
        None => word(StatusCode::OK, "ok"),
        Some(missing) => word(StatusCode::SERVICE_UNAVAILABLE, missing),
    }
}

const fn missing(readiness: Readiness) -> Option<&'static str> {
    match readiness {
        Readiness { is_initialised: false, .. } => Some("not initialised"),
        Readiness { is_sealed: true, .. } => Some("sealed"),
        Readiness { is_store_open: false, .. } => {
            Some("the store has closed itself after a failure: see the server's log")
        }
        Readiness { is_audit_ready: false, .. } => {
            Some("a required audit device cannot be written: see the server's log")
        }
        _ => None,
    }
}

fn word(status: StatusCode, text: &'static str) -> impl IntoResponse {
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (status, [no_store], format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a probe, as a router answers them.
    fn said(readiness: Readiness) -> &'static str {
        missing(readiness).unwrap_or("ok")
    }

    #[test]
    fn a_server_is_ready_only_when_nothing_is_missing() {
        let ready = Readiness { is_initialised: true, is_sealed: false, is_audit_ready: true, is_store_open: true };
        assert_eq!(said(ready), "ok");
        assert_eq!(said(Readiness { is_initialised: false, ..ready }), "not initialised");
        assert_eq!(said(Readiness { is_sealed: true, ..ready }), "sealed");
        assert!(said(Readiness { is_store_open: false, ..ready }).starts_with("the store"));
        assert!(said(Readiness { is_audit_ready: false, ..ready }).contains("audit device"));
    }
}
