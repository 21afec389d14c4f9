//! The facts that the pipeline gives to the audit log about a request and its outcome.

use crate::{
    broker::known::Known,
    contract::{Answer, Body, Error, Fault, Granted, Recording, WhenUnrecordable},
    services::{
        audit::{AuditError, AuthFacts, AuthSource, Decision, DraftLine, LineFacts, PlainFacts, Urgency},
        recorded::{Decided, Recordable, StrangersRequest},
        tokens::SPENT,
    },
};

/// Fields of an `auth` answer whose texts the server itself writes.
const AUTH_SHOWN: &[&str] = &["lease_duration", "renewable", "entity_id", "token_type", "orphan", "num_uses"];

impl Recordable for Known {
    fn request_id(&self) -> &str {
        &self.routed.context.id_text
    }

    fn recording(&self) -> Recording {
        self.routed.route.facts().map_or(Recording::Paired, |facts| facts.recording)
    }

    fn when_unrecordable(&self) -> WhenUnrecordable {
        self.routed.route.facts().map_or(WhenUnrecordable::Refuses, |facts| facts.when_unrecordable)
    }

    fn is_sealed(&self) -> bool {
        self.routed.snapshot.is_sealed()
    }

    fn urgency(&self) -> Urgency {
        if self.routed.context.operation.changes() { Urgency::Now } else { Urgency::WithOutcome }
    }

    fn as_strangers(&self) -> Option<StrangersRequest> {
        if self.identity.is_known() || !self.routed.route.is_public() {
            return None;
        }
        Some(if self.routed.route.is_login() { StrangersRequest::Login } else { StrangersRequest::Public })
    }

    fn line(&self, decision: Decided<'_>) -> DraftLine {
        let fields = self.fields();
        let names = FieldNames::of(self);
        self.routed.context.services().audit.draft(&entry(self, decision, &fields.0, &names))
    }

    fn plain_line(&self) -> PlainFacts<'_> {
        let (context, route) = (&self.routed.context, &self.routed.route);
        let seal = context.services().barrier.status();
        let is_unseal = route.full == "sys/unseal";
        PlainFacts {
            time: context.services().clock.now(),
            request_id: &context.id_text,
            operation: if is_unseal && self.fields().says("reset") { "reset" } else { context.operation.word() },
            path: &route.full,
            remote_address: &context.remote,
            progress: is_unseal.then_some((seal.progress, seal.threshold)),
            ..PlainFacts::default()
        }
    }

    fn warn_unrecorded(&self, error: &AuditError) {
        let (context, path) = (&self.routed.context, &self.routed.route.full);
        let (request, who, from) = (&context.id_text, &self.identity.caller.display_name, &context.remote);
        tracing::warn!(%request, path, who, from, %error, "goes on without a line in the audit log");
    }
}

/// The names of the fields that the API row has. Empty if the path leads to no row: then a caller chose every name.
#[derive(Default)]
struct FieldNames<'a> {
    plain: Vec<&'a str>,
    /// All of them. A body may repeat what the path gives.
    known: Vec<&'a str>,
}

impl<'a> FieldNames<'a> {
    fn of(known: &'a Known) -> Self {
        let route = &known.routed.route;
        let Some(facts) = route.facts() else { return Self::default() };
        let params = route.params().iter().map(|(name, _)| name.as_str());
        Self {
            plain: facts.input.plain().iter().map(String::as_str).collect(),
            known: facts.input.names().iter().map(String::as_str).chain(params).collect(),
        }
    }
}

/// The facts that both lines of a request have.
fn entry<'a>(known: &'a Known, decision: Decided<'a>, fields: &'a str, names: &'a FieldNames<'a>) -> LineFacts<'a> {
    let (context, route) = (&known.routed.context, &known.routed.route);
    let (mount_type, mount_accessor) =
        route.mount().map_or(("", ""), |mount| (mount.record.kind.as_str(), mount.record.accessor.as_str()));
    LineFacts {
        time: context.services().clock.now(),
        request_id: &context.id_text,
        operation: context.operation.word(),
        path: &route.full,
        mount_type,
        mount_accessor,
        remote_address: &context.remote,
        data: Some(fields).filter(|fields| *fields != "{}"),
        auth: auth(known),
        decision: Some(decided(decision)),
        plain_fields: &names.plain,
        known_fields: &names.known,
        shown_fields: route.facts().map_or(&[], |facts| facts.shown),
        ..LineFacts::default()
    }
}

/// The caller's part of a line. It is made with the token's first line and kept with the cached token.
fn auth(known: &Known) -> Option<AuthSource<'_>> {
    let Some(session) = known.session() else {
        return known.identity.is_known().then(|| AuthSource::Facts(recognised_facts(known)));
    };
    let cached = &session.audit_fields;
    if cached.get().is_none()
        && let Some(made) =
            token_facts(known).and_then(|facts| known.routed.context.services().audit.cache_auth_fields(&facts))
    {
        let _another_was_first = cached.set(made);
    }
    cached.get().map(AuthSource::Cached).or_else(|| token_facts(known).map(AuthSource::Facts))
}

fn token_facts(known: &Known) -> Option<AuthFacts<'_>> {
    let record = &known.session()?.record;
    let token = known.identity.own_token()?.token.expose();
    Some(AuthFacts {
        accessor: &record.accessor,
        client_token: token,
        display_name: &record.display_name,
        policies: &record.policies,
        token_policies: &record.policies,
        metadata: &record.metadata,
        entity_id: &known.identity.caller.entity_id,
        token_type: "service",
        remaining_uses: if record.num_uses == SPENT { 0 } else { u64::from(record.num_uses) },
    })
}

/// The facts about a caller who has no token.
fn recognised_facts(known: &Known) -> AuthFacts<'_> {
    let caller = &known.identity.caller;
    AuthFacts {
        accessor: "",
        client_token: "",
        display_name: &caller.display_name,
        policies: &caller.policies,
        token_policies: &caller.policies,
        metadata: &caller.metadata,
        entity_id: &caller.entity_id,
        token_type: "none",
        remaining_uses: 0,
    }
}

fn decided(decision: Decided<'_>) -> Decision<'_> {
    let (ruling, allowed) = match decision {
        Decided::Allowed(ruling) => (ruling, true),
        Decided::Refused(ruling) => (ruling, false),
    };
    match &ruling.rule {
        Some(rule) => Decision { rule: &rule.pattern, policy: &rule.policy, line: rule.line, allowed },
        None if ruling.is_root => Decision { policy: "root", allowed, ..Decision::default() },
        None => Decision { allowed, ..Decision::default() },
    }
}

/// The draft of the outcome's line.
pub(super) fn outcome(known: &Known, decision: Decided<'_>, result: Result<&Answer, &Error>) -> DraftLine {
    let ruling = match decision {
        Decided::Allowed(ruling) | Decided::Refused(ruling) => ruling,
    };
    let is_denied = matches!(result, Err(error) if error.fault == Fault::Denied);
    let decision = if is_denied { Decided::Refused(ruling) } else { decision };
    let (fields, names) = (known.fields(), FieldNames::of(known));
    let mut entry = LineFacts { is_response: true, ..entry(known, decision, &fields.0, &names) };
    // This line need not repeat the caller: the request's own line, earlier in the log, has the same id and names the
    // caller. A reader of the log joins the two.
    if !known.routed.context.operation.changes() && matches!(decision, Decided::Allowed(_)) {
        entry.auth = None;
    }
    let (auth_text, error_text);
    match result {
        Ok(answer) => {
            entry.status = answer.status();
            match &answer.body {
                Body::Data(text) | Body::Missing(text) | Body::Flat(text) | Body::Bare(text) => {
                    entry.response_data = Some(text);
                }
                Body::Auth(granted) => {
                    auth_text = granted.to_json();
                    entry.response_data = Some(&auth_text);
                    entry.auth = entry.auth.or_else(|| Some(granted_facts(granted).into()));
                    entry.shown_fields = AUTH_SHOWN;
                }
                Body::Raw { .. } | Body::Login(_) | Body::Done => {}
            }
        }
        Err(error) => {
            entry.status = error.fault.status();
            error_text = without_names(&error.text().unwrap_or_default(), known);
            entry.error = Some(&error_text);
        }
    }
    known.routed.context.services().audit.draft(&entry)
}

/// The facts about the caller that a login has proved.
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

/// An error's text without the names that the caller gave, which may be anything: the names of the path, and what
/// stands in quotes. The path itself has a field of its own.
fn without_names(text: &str, known: &Known) -> String {
    let mut text = text.to_owned();
    for (_, value) in known.routed.route.params().iter().filter(|(_, value)| !value.is_empty()) {
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
