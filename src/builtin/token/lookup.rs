//! Shows tokens and lists their accessors.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::{
    create::creation_secs,
    session::{ByAccessor, ByToken, Tok, invalid_accessor, own_session, session_of_accessor, session_of_token},
};
use crate::{
    base::{limits::ACCESSORS_MAX, time::Time, ttl::Ttl},
    blocking,
    contract::{Answer, Error, Fault, Result, row::Nothing},
    services::tokens::{SPENT, Session},
};

#[derive(Serialize)]
struct Shown<'a> {
    accessor: &'a str,
    creation_time: i64,
    creation_ttl: Ttl,
    display_name: &'a str,
    entity_id: String,
    expire_time: Option<String>,
    explicit_max_ttl: Ttl,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_renewal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_renewal_time: Option<i64>,
    meta: Option<&'a BTreeMap<String, String>>,
    num_uses: i64,
    orphan: bool,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<Ttl>,
    policies: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    renewable: Option<bool>,
    ttl: Ttl,
    #[serde(rename = "type")]
    kind: &'static str,
}

fn shown(session: &Session, token: &str, now: Time) -> Result<Answer> {
    let record = &session.record;
    let is_plain = !record.is_initial_root;
    let renewed = record.renewed.map(Time::from_unix_nanos);
    Answer::data(&Shown {
        accessor: &record.accessor,
        creation_time: creation_secs(record.created),
        creation_ttl: record.creation_ttl,
        display_name: &record.display_name,
        entity_id: record.entity_id(),
        expire_time: record.expires.map(|at| Time::from_unix_secs(at).rfc3339()),
        explicit_max_ttl: record.explicit_max_ttl,
        id: token,
        issue_time: is_plain.then(|| Time::from_unix_nanos(record.created).rfc3339()),
        last_renewal: renewed.map(Time::rfc3339),
        last_renewal_time: renewed.map(Time::unix_secs),
        meta: (!record.metadata.is_empty()).then_some(&record.metadata),
        num_uses: if record.num_uses == SPENT { -1 } else { i64::from(record.num_uses) },
        orphan: record.is_orphan(),
        path: &record.path,
        period: (!record.period.is_zero()).then_some(record.period),
        policies: &record.policies,
        renewable: is_plain.then_some(record.is_renewable),
        ttl: record.ttl_left(now),
        kind: "service",
    })
}

pub fn own(call: Tok, _: Nothing, _: Nothing) -> Result<Answer> {
    let session = own_session(&call)?;
    let token = call.own_token().map_or("", |own| own.token.expose().as_str());
    shown(&session, token, call.now)
}

pub fn own_posted(call: Tok, at: Nothing, input: Nothing) -> Result<Answer> {
    own(call, at, input)
}

pub fn by_token(call: Tok, _: Nothing, input: ByToken) -> Result<Answer> {
    if input.token.as_ref().is_none_or(|token| token.expose().is_empty()) {
        return own(call, Nothing {}, Nothing {});
    }
    let found = session_of_token(&call, input.token.as_ref(), "missing token")?;
    let session = found.ok_or_else(|| Error::new(Fault::Denied, "bad token"))?;
    let token = input.token.as_ref().map_or("", |token| token.expose().as_str());
    shown(&session, token, call.now)
}

/// As in Vault, shows the calling token if the query names no token. A token in the query is refused.
pub fn by_query(call: Tok, at: Nothing, input: ByToken) -> Result<Answer> {
    if input.token.is_some() {
        return Err(Error::invalid("a token must not be in the URL: send it in the body of a POST request"));
    }
    own(call, at, Nothing {})
}

pub fn by_accessor(call: Tok, _: Nothing, input: ByAccessor) -> Result<Answer> {
    let session = session_of_accessor(&call, input.accessor.as_ref())?.ok_or_else(invalid_accessor)?;
    shown(&session, "", call.now)
}

pub async fn accessors(call: Tok, _: Nothing, _: Nothing) -> Result<Answer> {
    let (tokens, unit) = (call.engine.tokens.clone(), Arc::clone(call.unit()));
    blocking::long_read(&call.caller.turn(), move |_| {
        let mut names = tokens.accessors(&unit, ACCESSORS_MAX)?;
        names.sort_unstable();
        Answer::names(names)
    })
    .await?
}
