//! Dialects: the protocols that clients speak, one folder or file each. A dialect translates HTTP into the broker's
//! typed requests, and its replies into HTTP; it decides nothing about access. [`api`] joins the dialects for the
//! listeners of the API; metrics have a listener of their own.

mod body;
mod delivery;
#[cfg(test)]
mod example;
mod metrics;
mod peer;
mod query;
mod status;
mod vault;

use std::sync::Arc;

use axum::{Router, extract::Request, response::Response};

pub use body::Slow;
#[cfg(test)]
pub(crate) use body::read as read_body;
pub use metrics::{ConnectionMeasurements, MeasureServer, ProcessMeasurements, ServerMeasurements};
use tower::Service as _;

use crate::broker::Broker;

/// What a listener answers.
pub struct Dialects {
    /// Answers the paths below `/v1/`, which are Vault's alone. They go past the router, which is 5 to 6 % of a read
    /// (docs/adr/0011). `None` if the listener does not speak Vault's API.
    vault: Option<Arc<Broker>>,
    /// Answers all other paths.
    router: Router,
}

/// What the listener of metrics answers.
pub fn metrics(broker: &Arc<Broker>, measure_server: MeasureServer) -> Dialects {
    metrics::router(Arc::clone(broker), measure_server).into()
}

/// What a listener of the API answers.
pub fn api(broker: &Arc<Broker>) -> Dialects {
    let router = Router::new().merge(status::router(Arc::clone(broker))).merge(vault::router(Arc::clone(broker)));
    #[cfg(test)]
    let router = router.merge(example::router(Arc::clone(broker)));
    Dialects { vault: Some(Arc::clone(broker)), router }
}

impl Dialects {
    /// Answers one request.
    pub async fn answer(&self, request: Request) -> Response {
        match &self.vault {
            Some(broker) if request.uri().path().starts_with("/v1/") => vault::exchange(broker, request).await,
            _ => self.router.clone().call(request).await.unwrap_or_else(|never| match never {}),
        }
    }
}

impl From<Router> for Dialects {
    fn from(router: Router) -> Self {
        Self { vault: None, router }
    }
}
