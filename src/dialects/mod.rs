//! Dialects: the protocols that clients speak, one folder or file each. A dialect translates HTTP into the broker's
//! typed requests, and its replies into HTTP; it decides nothing about access. [`router`] joins the dialects for the
//! listeners of the API; metrics have a listener of their own.

mod body;
#[cfg(test)]
mod example;
mod metrics;
mod peer;
mod query;
mod status;
mod vault;

use std::sync::Arc;

use axum::Router;

pub use body::Slow;
#[cfg(test)]
pub(crate) use body::read as read_body;
pub use metrics::{ConnectionMeasurements, MeasureServer, ProcessMeasurements, ServerMeasurements};

use crate::broker::Broker;

/// The routes that the listener of metrics answers.
pub fn metrics_router(broker: &Arc<Broker>, measure_server: MeasureServer) -> Router {
    metrics::router(Arc::clone(broker), measure_server)
}

/// The routes that a listener of the API answers.
pub fn router(broker: &Arc<Broker>) -> Router {
    let routes = Router::new().merge(status::router(Arc::clone(broker))).merge(vault::router(Arc::clone(broker)));
    #[cfg(test)]
    let routes = routes.merge(example::router(Arc::clone(broker)));
    routes
}
