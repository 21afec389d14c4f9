//! Probes for whoever runs the server: `/livez` says that the process answers, `/readyz` that it can do its work. Neither
//! asks for a token or leaves a line in the audit log, and neither tells more than a word.

use std::sync::Arc;

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use http::{HeaderValue, StatusCode, header};

use crate::broker::{Broker, Readiness};

/// The routes of this dialect.
pub(super) fn router(broker: Arc<Broker>) -> Router {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready)).with_state(broker)
}

/// 200 as long as the process answers, sealed or not: a service manager that restarted a sealed server would not help.
async fn live() -> impl IntoResponse {
    word(StatusCode::OK, "ok")
}

/// 200 where requests are served; else 503 and what is missing.
async fn ready(State(broker): State<Arc<Broker>>) -> impl IntoResponse {
    let readiness = broker.readiness();
    let missing = match readiness {
        _ if readiness.is_ready() => return word(StatusCode::OK, "ok"),
        Readiness { is_initialised: false, .. } => "not initialised",
        Readiness { is_sealed: true, .. } => "sealed",
        Readiness { is_store_open: false, .. } => "the store has closed itself: see the server's log",
        _ => "a required audit device cannot be written: see the server's log",
    };
    word(StatusCode::SERVICE_UNAVAILABLE, missing)
}

fn word(status: StatusCode, text: &'static str) -> impl IntoResponse {
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (status, [no_store], format!("{text}\n"))
}
