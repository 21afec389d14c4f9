//! Tells what a token may do with paths. The token is the caller's, or is given by its text or its accessor.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    rows::canonical,
    state::{Sys, System},
};
use crate::{
    base::{limits::CAPABILITIES_PATHS_MAX, secret::Secret},
    contract::{Answer, Error, Names, Result, row::Nothing},
    services::policies::Acl,
};

/// The paths, and the token to check.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Asked {
    /// The paths to check.
    #[schemars(extend("plain" = true))]
    paths: Names,
    /// The old name of `paths`: one path, or several.
    #[schemars(extend("plain" = true))]
    path: Names,
    /// The token whose rights are asked for. `capabilities` needs it.
    token: Option<Secret<String>>,
    /// The accessor of the token whose rights are asked for. `capabilities-accessor` needs it.
    accessor: Option<Secret<String>>,
}

fn answer(call: &Sys, acl: &Acl, asked: &Asked) -> Result<Answer> {
    let paths = if asked.paths.0.is_empty() { &asked.path.0 } else { &asked.paths.0 };
    if paths.is_empty() {
        return Err(Error::invalid("paths must be supplied"));
    }
    if paths.len() > CAPABILITIES_PATHS_MAX {
        return Err(Error::invalid(format!("too many paths: at most {CAPABILITIES_PATHS_MAX} in one request")));
    }
    let mut shown: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    let table = call.engine.mounts.snapshot();
    for path in paths {
        // The path is checked in its canonical spelling, as a request to it would be.
        let judged = canonical(&call.engine, &table, path.trim_start_matches('/'));
        shown.insert(path, acl.capabilities(&judged).words());
    }
    if let [only] = paths.as_slice() {
        let words = shown.get(only.as_str()).cloned().unwrap_or_default();
        shown.insert("capabilities", words);
    }
    Answer::flat(&shown)
}

pub fn of_self(call: Sys, _: Nothing, asked: Asked) -> Result<Answer> {
    let acl = call.engine.policies.snapshot().acl(&call.caller.policies);
    answer(&call, &acl, &asked)
}

fn acl_of(call: &Sys, hash: &[u8; 32]) -> Result<Option<Arc<Acl>>> {
    let System { barrier, tokens, policies, .. } = &*call.engine;
    let keys = call.unit().keys();
    let live = tokens.find_alive(hash, call.now, || barrier.unit_with(Arc::clone(keys), [0; 16]))?;
    Ok(live.map(|session| policies.snapshot().acl(&session.record.policies)))
}

pub fn of_token(call: Sys, _: Nothing, asked: Asked) -> Result<Answer> {
    let token = asked.token.as_ref().ok_or_else(|| Error::invalid("no token found").listed())?;
    let hash = call.unit().keys().token_hash(token.expose())?;
    let acl = acl_of(&call, &hash)?.ok_or_else(|| Error::invalid("invalid token").listed())?;
    answer(&call, &acl, &asked)
}

pub fn of_accessor(call: Sys, _: Nothing, asked: Asked) -> Result<Answer> {
    let accessor = asked.accessor.as_ref().ok_or_else(|| Error::invalid("missing accessor"))?;
    let invalid = || Error::invalid("invalid accessor").listed();
    let hash = call.engine.tokens.by_accessor(call.unit(), accessor.expose())?.ok_or_else(invalid)?;
    let acl = acl_of(&call, &hash)?.ok_or_else(invalid)?;
    answer(&call, &acl, &asked)
}
