//! The order in which every request is handled: path, locate, identify, body, judge, record, perform, record the
//! outcome, render. Each step hands the next a proof; dispatch takes a `Permit`, which only policies make, and a
//! receipt, which only the audit log makes.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    base::{limits, time::Time},
    broker::{
        Broker,
        identify::{Identity, identify},
        locate::{Place, Snapshot, locate},
        perform,
    },
    contract::{Error, Fault, Verb},
    services::Services,
    wire::{self, Ask, Body, BodyError, Peer, Refused, Request, Response},
};

/// One request on its way.
pub(super) struct Trip {
    pub broker: Arc<Broker>,
    pub id: uuid::Uuid,
    pub id_text: Arc<str>,
    pub now: Time,
    pub ask: Ask,
    pub peer: Peer,
    /// The peer's address as lines show it.
    pub remote: String,
    pub fields: wire::BodyFields,
}

impl Trip {
    pub fn services(&self) -> &Arc<Services> {
        &self.broker.services
    }
}

/// Counts a request that is under way, so that a seal can wait for it.
struct UnderWay(Arc<Services>);

impl UnderWay {
    fn begin(services: &Arc<Services>) -> Self {
        services.under_way.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(services))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(super) async fn handle(broker: &Arc<Broker>, request: Request) -> Response {
    // path: one canonical form, for everybody.
    let ask = match Ask::read(&request) {
        Ok(ask) => ask,
        Err(refused) => return early(broker, &request, refused),
    };
    let namespace = ask.namespace.clone();
    let is_head = ask.is_head;
    let mut response = handle_ask(broker, ask, request).await;
    if let Some(value) = namespace.and_then(|text| http::HeaderValue::from_str(&text).ok()) {
        response.headers.push((http::HeaderName::from_static("x-vault-namespace"), value));
    }
    if is_head {
        response.body = bytes::Bytes::new();
    }
    response
}

async fn handle_ask(broker: &Arc<Broker>, ask: Ask, request: Request) -> Response {
    let services = &broker.services;
    let id = services.random.request_id();
    let now = services.clock.now();
    let under_way = UnderWay::begin(services);

    // locate: mount and row, from one snapshot.
    let snapshot = Snapshot::take(broker);
    let place = locate(&snapshot, &ask);
    if snapshot.is_sealed && !place.facts().is_some_and(|facts| facts.is_sealed_ok) {
        return wire::render_error(&Error::unavailable("Vault is sealed"));
    }

    // identify: who asks; a row that is not public asks for a live token.
    let identity = match identify(broker, &snapshot, &ask, &request.peer, now) {
        Ok(identity) => identity,
        Err(error) => return refuse_early(broker, &ask, &request.peer, &error),
    };
    let is_public = place.facts().is_some_and(|facts| facts.is_public);
    if identity.session.is_none() && !is_public {
        return refuse_early(broker, &ask, &request.peer, &Error::denied());
    }

    // body: read only now, as much as row and caller may send.
    let body = match read_body(request.body, &place, &identity).await {
        Ok(body) => body,
        Err(error) => return refuse_early(broker, &ask, &request.peer, &error),
    };
    let fields = match wire::read_fields(&ask, &body, place.facts(), place.params()) {
        Ok(fields) => fields,
        Err(error) => return refuse_early(broker, &ask, &request.peer, &error),
    };

    let changes = ask.operation.changes();
    let remote = request.peer.address.ip().to_string();
    let id_text = Arc::from(&*id.hyphenated().encode_lower(&mut [0; uuid::fmt::Hyphenated::LENGTH]));
    let trip = Trip { broker: Arc::clone(broker), id, id_text, now, ask, peer: request.peer, remote, fields };
    // judge, record, perform, record the outcome, render. A change runs on a task of its own: a client that hangs up
    // changes nothing. A read never waits for anything but its audit line, which the task that writes it hands over.
    if changes {
        let task = tokio::spawn(async move {
            let _under_way = under_way;
            perform::run(trip, snapshot, place, identity).await
        });
        return task.await.unwrap_or_else(|_| wire::render_error(&Error::internal("the request's task ended early")));
    }
    perform::run(trip, snapshot, place, identity).await
}

async fn read_body(body: Body, place: &Place, identity: &Identity) -> Result<bytes::Bytes, Error> {
    let cap = match place.facts().map(|facts| facts.verb) {
        Some(Verb::Login) => limits::BODY_LOGIN_BYTES_MAX,
        _ if identity.session.is_none() => limits::BODY_ANONYMOUS_BYTES_MAX,
        _ => limits::BODY_BYTES_MAX,
    };
    body.read(cap).await.map_err(|error| match error {
        BodyError::TooLarge => Error::new(Fault::TooLarge, format!("the request body is larger than {cap} bytes")),
        BodyError::TooSlow | BodyError::Broken => Error::invalid(error.to_string()),
    })
}

/// A refusal before anybody is known: sampled in the log, so that probes cannot fill a disk.
fn refuse_early(broker: &Broker, ask: &Ask, peer: &Peer, error: &Error) -> Response {
    broker.sampler.refused(
        &broker.services,
        ask.operation.word(),
        ask.path.joined(),
        peer,
        wire::fault_code(error.fault),
    );
    wire::render_error(error)
}

fn early(broker: &Broker, request: &Request, refused: Refused) -> Response {
    // The path did not parse, so it is not written down.
    broker.sampler.refused(&broker.services, "refused", "", &request.peer, refused.status);
    let status = refused.status;
    let mut response = wire::render_error(&Error::from(refused));
    response.status = status;
    response
}
