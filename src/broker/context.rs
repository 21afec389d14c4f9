//! The request context: what stays the same for one request, however often it is judged.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    base::{path::CanonicalPath, time::Time},
    broker::{
        request::{Body, Peer, Request},
        shared::Shared,
    },
    contract::{Credential, Operation},
    services::{Services, admission::UnderWay, counts::CountedRequest},
};

/// The context of one request on its way through the pipeline.
pub(super) struct RequestContext {
    pub broker: Arc<Shared>,
    pub id: Uuid,
    pub id_text: Arc<str>,
    /// The time of this request. The clock is read once for it.
    pub now: Time,
    pub operation: Operation,
    pub path: CanonicalPath,
    pub query: Vec<(String, String)>,
    pub credential: Option<Credential>,
    pub peer: Peer,
    /// The address of the peer, as audit log lines show it.
    pub remote: String,
    /// Counts the request as under way while this value lives, so that a seal can wait for it.
    _under_way: UnderWay,
    pub counted: CountedRequest,
}

impl RequestContext {
    /// Gives the request its id and its time. Returns the body apart.
    pub fn new(broker: &Arc<Shared>, request: Request) -> (Box<Self>, Body) {
        let id = broker.services.random.request_id();
        Self::with_id(broker, request, id)
    }

    pub fn with_id(broker: &Arc<Shared>, request: Request, id: Uuid) -> (Box<Self>, Body) {
        let Request { operation, path, query, credential, peer, body } = request;
        let services = &broker.services;
        let context = Box::new(Self {
            broker: Arc::clone(broker),
            id,
            id_text: Arc::from(&*id.hyphenated().encode_lower(&mut [0; uuid::fmt::Hyphenated::LENGTH])),
            now: services.clock.now(),
            operation,
            path,
            query,
            credential,
            remote: peer.address.ip().to_string(),
            peer,
            _under_way: services.admission.enter(),
            counted: services.counts.begin(operation, services.clock.stopwatch()),
        });
        (context, body)
    }

    pub fn services(&self) -> &Services {
        &self.broker.services
    }
}
