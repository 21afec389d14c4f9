//! Makes drafts: writes the members of an audit log line in their order. The names are those of Vault's audit log,
//! except `decision`, `plain` and `closed`, which are our own and come last. What a caller may choose freely is hashed.
//! What is written in the clear goes through [`LineWriter::text`], which escapes it and limits its length.

use super::{
    draft_line::{DraftLine, DraftParts, Hashed, PLAIN, RESPONSE, SEALED_TEXT},
    facts::{AuthFacts, AuthSource, CachedAuthFields, LineFacts, PlainFacts},
    fields::{Clear, write_data},
    keys::ValueKey,
    line_writer::{LIST_BYTES_MAX, LineWriter, PATH_BYTES_MAX, with_line_writer},
    request_id::RequestId,
};
use crate::base::time::Time;

/// The draft of a request or an outcome. Without a key, each value that needs one becomes `sealed`.
pub(crate) fn draft_of(facts: &LineFacts<'_>, key: Option<&ValueKey>) -> DraftLine {
    with_line_writer(key, facts.request_id, |line| {
        write_line(line, facts);
        line.finish(RequestId::new(facts.request_id), if facts.is_response { RESPONSE } else { 0 })
    })
}

/// The draft of a line that needs no key.
pub(crate) fn plain_draft_of(facts: &PlainFacts<'_>) -> DraftLine {
    with_line_writer(None, facts.request_id, |line| {
        write_plain(line, facts);
        line.finish(RequestId::new(facts.request_id), PLAIN | if facts.is_response { RESPONSE } else { 0 })
    })
}

/// The draft of an outcome line for a request that ended without an outcome.
pub(crate) fn closing_draft_of(id: &RequestId, time: Time, closed: Closed) -> DraftLine {
    with_line_writer(None, id.as_str(), |line| {
        line.begin(time, "response");
        line.raw(",\"request\":{\"id\":");
        line.text(id.as_str());
        line.raw("},\"closed\":");
        line.text(closed.words());
        line.finish(*id, RESPONSE)
    })
}

/// The draft of an outcome that comes when the keys are gone: all that may be said without them. `None` if `draft` is none
/// of an outcome.
pub(crate) fn keyless_draft_of(draft: &[u8]) -> Option<DraftLine> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Said {
        time: String,
        response: Option<Status>,
        closed: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Status {
        status: u16,
    }
    let parts = DraftParts::read(draft).filter(DraftParts::is_response)?;
    let members = std::str::from_utf8(parts.text).ok()?.replace('\0', SEALED_TEXT);
    let said: Said = serde_json::from_str(&format!("{{{members}}}")).ok()?;
    Some(with_line_writer(None, parts.id.as_str(), |line| {
        line.begin(Time::parse_rfc3339(&said.time).unwrap_or_default(), "response");
        line.raw(",\"request\":{\"id\":");
        line.text(parts.id.as_str());
        line.raw("}");
        match (said.response, said.closed) {
            (Some(response), _) => {
                line.raw(",\"response\":{\"status\":");
                line.number(u64::from(response.status));
                line.raw("}");
            }
            (None, closed) => {
                line.raw(",\"closed\":");
                line.text(closed.as_deref().unwrap_or(Closed::NoOutcome.words()));
            }
        }
        line.finish(parts.id, RESPONSE)
    }))
}

/// How a request ended that got no outcome of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// No commit of the request is known.
    NoOutcome,
    /// The request committed a change, but was not answered.
    Committed,
}

impl Closed {
    const fn words(self) -> &'static str {
        match self {
            Self::NoOutcome => "none",
            Self::Committed => "committed, not answered",
        }
    }
}

fn write_line(line: &mut LineWriter<'_>, facts: &LineFacts<'_>) {
    line.begin(facts.time, if facts.is_response { "response" } else { "request" });
    let (mut token, mut accessor) = (None, None);
    match facts.auth {
        Some(AuthSource::Facts(auth)) => (token, accessor) = write_auth(line, &auth),
        Some(AuthSource::Cached(cached)) => {
            line.cached(cached);
            (token, accessor) = (cached.token, cached.accessor);
        }
        None => {}
    }
    line.raw(",\"request\":{\"id\":");
    line.text(facts.request_id);
    line.member(",\"operation\":", facts.operation);
    line.member(",\"mount_type\":", facts.mount_type);
    line.member(",\"mount_accessor\":", facts.mount_accessor);
    line.hashed_before(",\"client_token\":", token);
    line.hashed_before(",\"client_token_accessor\":", accessor);
    line.raw(",\"path\":");
    line.text_up_to(facts.path, PATH_BYTES_MAX);
    if let Some(data) = facts.data {
        write_data(line, data, Clear::Sent { plain: facts.plain_fields, known: facts.known_fields });
    }
    line.member(",\"remote_address\":", facts.remote_address);
    line.raw("}");
    if facts.is_response {
        line.raw(",\"response\":{\"status\":");
        line.number(u64::from(facts.status));
        if let Some(data) = facts.response_data {
            write_data(line, data, Clear::All(facts.shown_fields));
        }
        line.raw("}");
    }
    line.member(",\"error\":", facts.error.unwrap_or(""));
    if let Some(decision) = &facts.decision {
        line.raw(if decision.allowed { ",\"decision\":{\"allowed\":true" } else { ",\"decision\":{\"allowed\":false" });
        line.member(",\"policy\":", decision.policy);
        if !decision.rule.is_empty() {
            line.raw(",\"rule\":");
            line.text_up_to(decision.rule, PATH_BYTES_MAX);
        }
        if decision.line > 0 {
            line.raw(",\"line\":");
            line.number(u64::from(decision.line));
        }
        line.raw("}");
    }
}

/// Writes the caller's part of a line once, for all lines of one token.
pub(crate) fn cached_auth_fields_of(auth: &AuthFacts<'_>, key: &ValueKey) -> CachedAuthFields {
    with_line_writer(Some(key), "", |line| {
        let (token, accessor) = write_auth(line, auth);
        line.cache(token, accessor)
    })
}

/// Writes the caller. Returns the hashes of the token and the accessor, which the line holds a second time.
fn write_auth(line: &mut LineWriter<'_>, auth: &AuthFacts<'_>) -> (Option<Hashed>, Option<Hashed>) {
    line.raw(",\"auth\":{\"display_name\":");
    line.text(auth.display_name);
    let token = line.hashed_member(",\"client_token\":", auth.client_token);
    let accessor = line.hashed_member(",\"accessor\":", auth.accessor);
    line.list(",\"policies\":", auth.policies);
    line.list(",\"token_policies\":", auth.token_policies);
    if !auth.metadata.is_empty() {
        line.raw(",\"metadata\":{");
        let from = line.len();
        for (n, (name, value)) in auth.metadata.iter().enumerate() {
            line.raw(if n == 0 { "" } else { "," });
            let here = line.here();
            line.text(name);
            line.raw(":");
            line.text(value);
            if line.len() - from > LIST_BYTES_MAX {
                line.back_to(here);
                line.raw("\"…\":\"truncated\"");
                break;
            }
        }
        line.raw("}");
    }
    line.member(",\"entity_id\":", auth.entity_id);
    line.member(",\"token_type\":", auth.token_type);
    if auth.remaining_uses > 0 {
        line.raw(",\"remaining_uses\":");
        line.number(auth.remaining_uses);
    }
    line.raw("}");
    (token, accessor)
}

fn write_plain(line: &mut LineWriter<'_>, facts: &PlainFacts<'_>) {
    line.begin(facts.time, if facts.is_response { "response" } else { "request" });
    line.raw(",\"request\":{\"id\":");
    line.text(facts.request_id);
    line.member(",\"operation\":", facts.operation);
    line.raw(",\"path\":");
    line.text_up_to(facts.path, PATH_BYTES_MAX);
    line.member(",\"remote_address\":", facts.remote_address);
    line.raw("}");
    if facts.is_response {
        line.raw(",\"response\":{\"status\":");
        line.number(u64::from(facts.status));
        line.raw("}");
    }
    line.raw(",\"plain\":{\"outcome\":");
    line.text(facts.outcome.unwrap_or(""));
    if let Some(index) = facts.share_index {
        line.raw(",\"share\":");
        line.number(u64::from(index));
    }
    if let Some((given, needed)) = facts.progress {
        line.raw(",\"progress\":");
        line.number(u64::from(given));
        line.raw(",\"threshold\":");
        line.number(u64::from(needed));
    }
    if let Some(count) = facts.count {
        line.raw(",\"count\":");
        line.number(count);
    }
    line.raw("}");
}
