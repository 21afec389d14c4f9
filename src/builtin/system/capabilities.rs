//! What a token may do with paths: by itself, by its text, by its accessor.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;

use super::Sys;
use crate::{
    base::secret::Secret,
    contract::{Answer, Error, Names, Result, row::Nothing},
    services::{
        policies::Acl,
        tables::{ACCESSORS, CORE},
    },
};

/// Paths, and whose rights on them are asked.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Asked {
    /// The paths.
    #[schemars(extend("plain" = true))]
    paths: Names,
    /// One path, or several: the old name of `paths`.
    #[schemars(extend("plain" = true))]
    path: Names,
    token: Option<Secret<String>>,
    accessor: Option<Secret<String>>,
}

/// Paths that one request may ask about.
const PATHS_MAX: usize = 1_000;

fn answer(acl: &Acl, asked: &Asked) -> Result<Answer> {
    let paths = if asked.paths.0.is_empty() { &asked.path.0 } else { &asked.paths.0 };
    if paths.is_empty() {
        return Err(Error::invalid("paths must be supplied"));
    }
    if paths.len() > PATHS_MAX {
        return Err(Error::invalid(format!("at most {PATHS_MAX} paths can be asked about at once")));
    }
    let mut shown: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for path in paths {
        shown.insert(path, acl.capabilities(path.trim_start_matches('/')).words());
    }
    if let [only] = paths.as_slice() {
        let words = shown.get(only.as_str()).cloned().unwrap_or_default();
        shown.insert("capabilities", words);
    }
    Answer::flat(&shown)
}

pub async fn of_self(call: Sys, _: Nothing, asked: Asked) -> Result<Answer> {
    let acl = call.engine.services.policies.load().acl(&call.caller.policies);
    answer(&acl, &asked)
}

fn acl_of(call: &Sys, hash: &[u8; 32]) -> Result<Option<Arc<Acl>>> {
    let services = &call.engine.services;
    let keys = Arc::clone(call.store.unit().keys());
    let session = services.sessions.find(hash, || services.unit_with(keys, [0; 16]))?;
    let live = session.filter(|session| services.is_alive(session, call.now));
    Ok(live.map(|session| services.policies.load().acl(&session.record.policies)))
}

pub async fn of_token(call: Sys, _: Nothing, asked: Asked) -> Result<Answer> {
    let token = asked.token.as_ref().ok_or_else(|| Error::invalid("no token found").listed())?;
    let hash = call.store.unit().keys().token_hash(token.expose())?;
    let acl = acl_of(&call, &hash)?.ok_or_else(|| Error::invalid("invalid token").listed())?;
    answer(&acl, &asked)
}

pub async fn of_accessor(call: Sys, _: Nothing, asked: Asked) -> Result<Answer> {
    let accessor = asked.accessor.as_ref().ok_or_else(|| Error::invalid("missing accessor"))?;
    let unit = call.store.unit();
    let hash = unit.keys().accessor_hash(accessor.expose())?;
    let entry = unit.get(&CORE, &ACCESSORS, &hash)?.ok_or_else(|| Error::invalid("invalid accessor").listed())?;
    let acl = acl_of(&call, &entry.token)?.ok_or_else(|| Error::invalid("invalid accessor").listed())?;
    answer(&acl, &asked)
}
