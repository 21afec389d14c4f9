//! Metrics for Prometheus: `GET /metrics`, on a listener of its own. It needs no token, so it shows only numbers about
//! the whole server and none about a path, a mount, a policy or a caller. It answers while sealed too.
//!
//! All metrics are in `catalogue.rs`. docs/reference/metrics.md is made from it too.

mod catalogue;
mod exposition;
mod measured;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

pub use self::measured::{ConnectionMeasurements, ProcessMeasurements, ServerMeasurements};
use self::{exposition::Form, measured::Measured};
use crate::{blocking, broker::Broker};

/// Measures what the broker does not know: connections and the process. May block.
pub type MeasureServer = Arc<dyn Fn() -> ServerMeasurements + Send + Sync>;

#[derive(Clone)]
struct Source {
    broker: Arc<Broker>,
    measure_server: MeasureServer,
}

/// The routes of this dialect. They are not part of [`super::api`], because metrics have a listener of their own.
pub(super) fn router(broker: Arc<Broker>, measure_server: MeasureServer) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state(Source { broker, measure_server })
}

async fn scrape(State(source): State<Source>, headers: HeaderMap) -> Response {
    let form = Form::wanted(&headers);
    let measure = move || form.text(Measured { broker: source.broker.measure(), server: (source.measure_server)() });
    // Measuring asks the file system for sizes, and a worker thread must not wait for a disk.
    match blocking::run(measure).await {
        Ok(Ok(text)) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(form.content_type())),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (headers, text).into_response()
        }
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
