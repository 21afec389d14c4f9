//! What the pipeline tells the audit log: the line of a request, the line of its outcome, and samples of what was
//! refused before anybody was known.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    base::time::Time,
    broker::{identify::Identity, locate::Place, pipeline::Trip},
    contract::{Answer, Body, Error, Granted},
    services::{
        Services,
        access::Ruling,
        audit::{AuthFacts, Decision, Entry, Note, PlainEntry, Who},
        tokens::SPENT,
    },
    wire::{self, Peer},
};

/// Fields of an `auth` answer that are our own words.
const AUTH_SHOWN: &[&str] = &["lease_duration", "renewable", "entity_id", "token_type", "orphan", "num_uses"];

/// What stands in both lines of a request.
struct Common<'a> {
    trip: &'a Trip,
    place: &'a Place,
    identity: &'a Identity,
    plain: Vec<&'a str>,
}

impl<'a> Common<'a> {
    fn new(trip: &'a Trip, place: &'a Place, identity: &'a Identity) -> Self {
        let plain = place.facts().map(|facts| facts.plain.iter().map(String::as_str).collect()).unwrap_or_default();
        Self { trip, place, identity, plain }
    }

    fn entry(&'a self, ruling: &'a Ruling, allowed: bool) -> Entry<'a> {
        let (mount_type, mount_accessor) =
            self.place.mount().map_or(("", ""), |mount| (mount.record.kind.as_str(), mount.record.accessor.as_str()));
        Entry {
            time: self.trip.services().clock.now(),
            request_id: &self.trip.id_text,
            operation: self.trip.ask.operation.word(),
            path: &self.place.full,
            mount_type,
            mount_accessor,
            remote_address: &self.trip.remote,
            data: Some(&*self.trip.fields.fields.0).filter(|fields| *fields != "{}"),
            auth: self.auth(),
            decision: Some(decision(ruling, allowed)),
            plain_fields: &self.plain,
            shown_fields: self.place.facts().map_or(&[], |facts| facts.shown),
            ..Entry::default()
        }
    }

    /// Made with a token's first line.
    fn auth(&'a self) -> Option<Who<'a>> {
        let badge = &self.identity.session.as_ref()?.badge;
        if badge.get().is_none()
            && let Some(made) = self.facts().and_then(|facts| self.trip.services().audit.badge(&facts))
        {
            let _another_was_first = badge.set(made);
        }
        badge.get().map(Who::Badge).or_else(|| self.facts().map(Who::Facts))
    }

    fn facts(&'a self) -> Option<AuthFacts<'a>> {
        let session = self.identity.session.as_ref()?;
        let record = &session.record;
        let token = self.identity.caller.credential()?.token.expose();
        Some(AuthFacts {
            accessor: &record.accessor,
            client_token: token,
            display_name: &record.display_name,
            policies: &record.policies,
            token_policies: &record.policies,
            metadata: &record.metadata,
            entity_id: &self.identity.caller.entity_id,
            token_type: "service",
            remaining_uses: if record.num_uses == SPENT { 0 } else { u64::from(record.num_uses) },
        })
    }
}

fn decision(ruling: &Ruling, allowed: bool) -> Decision<'_> {
    match &ruling.rule {
        Some(rule) => Decision { rule: &rule.pattern, policy: &rule.policy, line: rule.line, allowed },
        None if ruling.is_root => Decision { policy: "root", allowed, ..Decision::default() },
        None => Decision { allowed, ..Decision::default() },
    }
}

/// The line of a request, before it is performed.
pub(super) fn request(trip: &Trip, place: &Place, identity: &Identity, ruling: &Ruling, allowed: bool) -> Note {
    let common = Common::new(trip, place, identity);
    trip.services().audit.note(&common.entry(ruling, allowed))
}

/// The line of an outcome.
pub(super) fn outcome(
    trip: &Trip,
    place: &Place,
    identity: &Identity,
    ruling: &Ruling,
    result: Result<&Answer, &Error>,
) -> Note {
    let common = Common::new(trip, place, identity);
    let allowed = !matches!(result, Err(error) if error.fault == crate::contract::Fault::Denied);
    let mut entry = Entry { is_response: true, ..common.entry(ruling, allowed) };
    // Who read stands in the request's line, a few lines above under the same id; a reader of the log joins the two.
    if !trip.ask.operation.changes() && allowed {
        entry.auth = None;
    }
    let (auth_text, error_text);
    match result {
        Ok(answer) => {
            entry.status = answer.status.unwrap_or(wire::code(&answer.body));
            match &answer.body {
                Body::Data(text) | Body::Missing(text) | Body::Flat(text) | Body::Bare(text) => {
                    entry.response_data = Some(text);
                }
                Body::Auth(granted) => {
                    auth_text = wire::auth_json(granted);
                    entry.response_data = Some(&auth_text);
                    entry.auth = entry.auth.or_else(|| Some(granted_facts(granted).into()));
                    entry.shown_fields = AUTH_SHOWN;
                }
                Body::Raw { .. } | Body::Login(_) | Body::Done => {}
            }
        }
        Err(error) => {
            entry.status = wire::fault_code(error.fault);
            error_text = without_names(&error.text().unwrap_or_default(), place);
            entry.error = Some(&error_text);
        }
    }
    trip.services().audit.note(&entry)
}

/// An error's text without the names that the caller gave, which may be anything: those of the path, and what stands in
/// quotes. The path itself has its own field.
fn without_names(text: &str, place: &Place) -> String {
    let mut text = text.to_owned();
    for (_, value) in place.params().iter().filter(|(_, value)| !value.is_empty()) {
        text = text.replace(value, "…").replace(&value.to_ascii_lowercase(), "…");
    }
    let mut out = String::with_capacity(text.len());
    let mut open: Option<char> = None;
    for c in text.chars() {
        match open {
            Some(quote) if c == quote => open = None,
            Some(_) => continue,
            None if matches!(c, '"' | '`') => {
                open = Some(c);
                out.push(c);
                out.push('…');
                continue;
            }
            None => {}
        }
        out.push(c);
    }
    out
}

/// Who a login has shown itself to be.
fn granted_facts(granted: &Granted) -> AuthFacts<'_> {
    let token = granted.token.expose();
    AuthFacts {
        accessor: &granted.accessor,
        client_token: token,
        display_name: &granted.display_name,
        policies: &granted.policies,
        token_policies: &granted.token_policies,
        metadata: &granted.metadata,
        entity_id: &granted.entity_id,
        token_type: granted.kind,
        remaining_uses: u64::from(granted.num_uses),
    }
}

/// A line that needs no key, while the store is sealed.
pub(super) fn plain(trip: &Trip, place: &Place, is_response: bool, status: u16, outcome: Option<&str>) {
    let seal = trip.services().barrier.status();
    let is_unseal = place.full == "sys/unseal";
    trip.services().audit.plain(PlainEntry {
        is_response,
        time: trip.services().clock.now(),
        request_id: &trip.id_text,
        operation: trip.ask.operation.word(),
        path: &place.full,
        remote_address: &trip.remote,
        progress: is_unseal.then_some((seal.progress, seal.threshold)),
        status,
        outcome,
        ..PlainEntry::default()
    });
}

/// Refusals written in full each second; the rest of the second is one line with a count.
const SAMPLES_PER_SECOND: u64 = 100;

/// Keeps probes from filling the log.
#[derive(Default)]
pub(super) struct Sampler {
    second: Mutex<i64>,
    seen: AtomicU64,
}

impl Sampler {
    pub fn refused(&self, services: &Services, operation: &str, path: &str, peer: &Peer, status: u16) {
        let now = services.clock.now();
        let left_out = self.turn(now);
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        if let Some(count) = left_out.filter(|count| *count > 0) {
            services.audit.plain(PlainEntry {
                is_response: true,
                time: now,
                operation: "refused",
                count: Some(count),
                ..PlainEntry::default()
            });
        }
        if seen < SAMPLES_PER_SECOND {
            let remote = peer.address.ip().to_string();
            services.audit.plain(PlainEntry {
                is_response: true,
                time: now,
                operation,
                path,
                remote_address: &remote,
                status,
                outcome: Some("refused before it was judged"),
                ..PlainEntry::default()
            });
        }
    }

    /// At the turn of a second: how many refusals of the last one were left out.
    fn turn(&self, now: Time) -> Option<u64> {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if *second == now.unix_secs() {
            return None;
        }
        *second = now.unix_secs();
        Some(self.seen.swap(0, Ordering::Relaxed).saturating_sub(SAMPLES_PER_SECOND))
    }
}
