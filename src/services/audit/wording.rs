//! The members of a line in their order. The names are those of Vault's audit log; `decision`, `plain` and `closed` are
//! our own and stand last. What a caller may choose freely is hashed; what is written clear goes through
//! [`Draft::text`], which escapes and bounds it.

use super::{
    draft::{Draft, LIST_BYTES_MAX, Mark, PATH_BYTES_MAX},
    entry::{AuthFacts, Badge, Entry, PlainEntry, Who},
    fields::Clear,
};
use crate::base::time::Time;

pub(super) fn write_entry(draft: &mut Draft<'_>, entry: &Entry<'_>) {
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
    draft.again(",\"client_token\":", token);
    draft.again(",\"client_token_accessor\":", accessor);
    draft.raw(",\"path\":");
    draft.text_up_to(entry.path, PATH_BYTES_MAX);
    if let Some(data) = entry.data {
        draft.data(data, Clear::Numbers(entry.plain_fields));
    }
    draft.member(",\"remote_address\":", entry.remote_address);
    draft.raw("}");
    if entry.is_response {
        draft.raw(",\"response\":{\"status\":");
        draft.number(u64::from(entry.status));
        if let Some(data) = entry.response_data {
            draft.data(data, Clear::All(entry.shown_fields));
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

/// Writes the caller once and for all.
pub(super) fn write_badge(draft: &mut Draft<'_>, auth: &AuthFacts<'_>) -> Badge {
    let (token, accessor) = write_auth(draft, auth);
    draft.badge(token, accessor)
}

/// Gives the marks of token and accessor, which stand in the line twice.
fn write_auth(draft: &mut Draft<'_>, auth: &AuthFacts<'_>) -> (Option<Mark>, Option<Mark>) {
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

pub(super) fn write_plain(draft: &mut Draft<'_>, entry: &PlainEntry<'_>) {
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

pub(super) fn write_closing(draft: &mut Draft<'_>, id: &str, time: Time, closed: &str) {
    draft.begin(time, "response");
    draft.raw(",\"request\":{\"id\":");
    draft.text(id);
    draft.raw("},\"closed\":");
    draft.text(closed);
}
