//! Makes notes: writes the members of a line in their order. The names are those of Vault's audit log; `decision`,
//! `plain` and `closed` are our own and come last. What a caller may choose freely is hashed; what is written in the
//! clear goes through [`Draft::text`], which escapes and bounds it.

use super::{
    draft::{Draft, LIST_BYTES_MAX, PATH_BYTES_MAX, with_draft},
    entry::{AuthFacts, Badge, Entry, PlainEntry, Who},
    fields::{Clear, write_data},
    keys::ValueKey,
    note::{Hashed, Note, PLAIN, RESPONSE},
    request_id::RequestId,
};
use crate::base::time::Time;

/// The note of `entry`. Without a key, values that need one become `sealed`.
pub(crate) fn note_of(entry: &Entry<'_>, key: Option<&ValueKey>) -> Note {
    with_draft(key, entry.request_id, |draft| {
        write_entry(draft, entry);
        draft.finish(RequestId::new(entry.request_id), if entry.is_response { RESPONSE } else { 0 })
    })
}

/// The note of a line that needs no key.
pub(crate) fn plain_note_of(entry: &PlainEntry<'_>) -> Note {
    with_draft(None, entry.request_id, |draft| {
        write_plain(draft, entry);
        draft.finish(RequestId::new(entry.request_id), PLAIN | if entry.is_response { RESPONSE } else { 0 })
    })
}

/// The outcome of a request for which nobody recorded one.
pub(crate) fn closing_note_of(id: &RequestId, time: Time, closed: Closed) -> Note {
    with_draft(None, id.as_str(), |draft| {
        draft.begin(time, "response");
        draft.raw(",\"request\":{\"id\":");
        draft.text(id.as_str());
        draft.raw("},\"closed\":");
        draft.text(closed.words());
        draft.finish(*id, RESPONSE)
    })
}

/// How a request ended for which nobody recorded an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It committed nothing that is known.
    NoOutcome,
    /// It committed something and got no answer.
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

fn write_entry(draft: &mut Draft<'_>, entry: &Entry<'_>) {
    draft.begin(entry.time, if entry.is_response { "response" } else { "request" });
    let (mut token, mut accessor) = (None, None);
    match entry.auth {
        Some(Who::Facts(facts)) => (token, accessor) = write_auth(draft, &facts),
        Some(Who::Badge(badge)) => {
            draft.show_badge(badge);
            (token, accessor) = (badge.token, badge.accessor);
        }
        None => {}
    }
    draft.raw(",\"request\":{\"id\":");
    draft.text(entry.request_id);
    draft.member(",\"operation\":", entry.operation);
    draft.member(",\"mount_type\":", entry.mount_type);
    draft.member(",\"mount_accessor\":", entry.mount_accessor);
    draft.hashed_before(",\"client_token\":", token);
    draft.hashed_before(",\"client_token_accessor\":", accessor);
    draft.raw(",\"path\":");
    draft.text_up_to(entry.path, PATH_BYTES_MAX);
    if let Some(data) = entry.data {
        write_data(draft, data, Clear::Numbers(entry.plain_fields));
    }
    draft.member(",\"remote_address\":", entry.remote_address);
    draft.raw("}");
    if entry.is_response {
        draft.raw(",\"response\":{\"status\":");
        draft.number(u64::from(entry.status));
        if let Some(data) = entry.response_data {
            write_data(draft, data, Clear::All(entry.shown_fields));
        }
        draft.raw("}");
    }
    draft.member(",\"error\":", entry.error.unwrap_or(""));
    if let Some(decision) = &entry.decision {
        draft.raw(if decision.allowed {
            ",\"decision\":{\"allowed\":true"
        } else {
            ",\"decision\":{\"allowed\":false"
        });
        draft.member(",\"policy\":", decision.policy);
        if !decision.rule.is_empty() {
            draft.raw(",\"rule\":");
            draft.text_up_to(decision.rule, PATH_BYTES_MAX);
        }
        if decision.line > 0 {
            draft.raw(",\"line\":");
            draft.number(u64::from(decision.line));
        }
        draft.raw("}");
    }
}

/// Writes the caller once, for all lines of one token.
pub(crate) fn badge_of(auth: &AuthFacts<'_>, key: &ValueKey) -> Badge {
    with_draft(Some(key), "", |draft| {
        let (token, accessor) = write_auth(draft, auth);
        draft.badge(token, accessor)
    })
}

/// Returns the hashes of token and accessor, which stand in the line a second time.
fn write_auth(draft: &mut Draft<'_>, auth: &AuthFacts<'_>) -> (Option<Hashed>, Option<Hashed>) {
    draft.raw(",\"auth\":{\"display_name\":");
    draft.text(auth.display_name);
    let token = draft.hashed_member(",\"client_token\":", auth.client_token);
    let accessor = draft.hashed_member(",\"accessor\":", auth.accessor);
    draft.list(",\"policies\":", auth.policies);
    draft.list(",\"token_policies\":", auth.token_policies);
    if !auth.metadata.is_empty() {
        draft.raw(",\"metadata\":{");
        let from = draft.len();
        for (n, (name, value)) in auth.metadata.iter().enumerate() {
            draft.raw(if n == 0 { "" } else { "," });
            let here = draft.here();
            draft.text(name);
            draft.raw(":");
            draft.text(value);
            if draft.len() - from > LIST_BYTES_MAX {
                draft.back_to(here);
                draft.raw("\"…\":\"truncated\"");
                break;
            }
        }
        draft.raw("}");
    }
    draft.member(",\"entity_id\":", auth.entity_id);
    draft.member(",\"token_type\":", auth.token_type);
    if auth.remaining_uses > 0 {
        draft.raw(",\"remaining_uses\":");
        draft.number(auth.remaining_uses);
    }
    draft.raw("}");
    (token, accessor)
}

fn write_plain(draft: &mut Draft<'_>, entry: &PlainEntry<'_>) {
    draft.begin(entry.time, if entry.is_response { "response" } else { "request" });
    draft.raw(",\"request\":{\"id\":");
    draft.text(entry.request_id);
    draft.member(",\"operation\":", entry.operation);
    draft.raw(",\"path\":");
    draft.text_up_to(entry.path, PATH_BYTES_MAX);
    draft.member(",\"remote_address\":", entry.remote_address);
    draft.raw("}");
    if entry.is_response {
        draft.raw(",\"response\":{\"status\":");
        draft.number(u64::from(entry.status));
        draft.raw("}");
    }
    draft.raw(",\"plain\":{\"outcome\":");
    draft.text(entry.outcome.unwrap_or(""));
    if let Some(index) = entry.share_index {
        draft.raw(",\"share\":");
        draft.number(u64::from(index));
    }
    if let Some((given, needed)) = entry.progress {
        draft.raw(",\"progress\":");
        draft.number(u64::from(given));
        draft.raw(",\"threshold\":");
        draft.number(u64::from(needed));
    }
    if let Some(count) = entry.count {
        draft.raw(",\"count\":");
        draft.number(count);
    }
    draft.raw("}");
}
