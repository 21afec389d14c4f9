//! `auth/token/`: what a token's holder, and whoever may, can do with tokens.

mod create;
mod lookup;
mod renew;
mod revoke;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    base::secret::Secret,
    contract::{Api, Call, Error, Mounted, Result, kind, list, read, write},
    services::{
        Services,
        tables::{ACCESSORS, CORE},
        tokens::Session,
    },
};

/// The token mount.
pub struct TokenMount {
    services: Arc<Services>,
}

type Tok = Call<TokenMount>;

/// Opens the token mount.
pub fn open(services: Arc<Services>) -> Result<Arc<dyn Mounted>> {
    kind::built_in(TokenMount { services }, api())
}

/// The rows of `auth/token/`.
pub fn api() -> Api<TokenMount> {
    Api::new(
        "Tokens: create, look up, renew, revoke.",
        [
            write("create", create::child, "Create a token that descends from the calling one."),
            write("create-orphan", create::orphan, "Create a token that outlives the calling one."),
            write("create/{role}", create::by_role, "Refused: token roles are not built."),
            read("lookup-self", lookup::own, "Show the calling token."),
            write("lookup-self", lookup::own_posted, "Show the calling token."),
            read("lookup", lookup::by_query, "Show a token."),
            write("lookup", lookup::by_token, "Show a token."),
            write("lookup-accessor", lookup::by_accessor, "Show the token behind an accessor, without its text."),
            list("accessors", lookup::accessors, "List the accessors of all tokens.").sudo(),
        ],
    )
    .with([
        write("renew-self", renew::own, "Renew the calling token."),
        write("renew", renew::by_token, "Renew a token."),
        write("renew-accessor", renew::by_accessor, "Renew the token behind an accessor."),
        write("revoke-self", revoke::own, "Revoke the calling token and all that descend from it."),
        write("revoke", revoke::by_token, "Revoke a token and all that descend from it."),
        write(
            "revoke-accessor",
            revoke::by_accessor,
            "Revoke the token behind an accessor and all that descend from it.",
        ),
        write("revoke-orphan", revoke::orphan, "Revoke a token and leave its children as orphans.").sudo(),
    ])
}

const INVALID_ACCESSOR: &str = "invalid accessor";

/// A token, by its text.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct ByToken {
    token: Option<Secret<String>>,
    /// How much longer it shall live.
    increment: Option<crate::base::ttl::Ttl>,
}

/// A token, by its accessor.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct ByAccessor {
    accessor: Option<Secret<String>>,
    /// How much longer it shall live.
    increment: Option<crate::base::ttl::Ttl>,
}

/// The live token with this hash.
fn session(call: &Tok, hash: &[u8; 32]) -> Result<Option<Arc<Session>>> {
    let services = &call.engine.services;
    let keys = Arc::clone(call.store.unit().keys());
    let found = services.sessions.find(hash, || services.unit_with(keys, [0; 16]))?;
    Ok(found.filter(|session| services.is_alive(session, call.now)))
}

/// The calling token. The pipeline has found it alive; if this is its last use, its record says so already.
fn own_session(call: &Tok) -> Result<Arc<Session>> {
    let credential = call.caller.credential().ok_or_else(Error::denied)?;
    let services = &call.engine.services;
    let keys = Arc::clone(call.store.unit().keys());
    services.sessions.find(&credential.hash, || services.unit_with(keys, [0; 16]))?.ok_or_else(Error::denied)
}

/// The live token with this text; `missing` is what is said where there is none.
fn session_of_token(call: &Tok, token: Option<&Secret<String>>, missing: &str) -> Result<Option<Arc<Session>>> {
    let token = token.filter(|token| !token.expose().is_empty());
    let token = token.ok_or_else(|| Error::invalid(missing))?;
    let hash = call.store.unit().keys().token_hash(token.expose())?;
    session(call, &hash)
}

fn session_of_accessor(call: &Tok, accessor: Option<&Secret<String>>) -> Result<Arc<Session>> {
    let accessor = accessor.filter(|accessor| !accessor.expose().is_empty());
    let accessor = accessor.ok_or_else(|| Error::invalid("missing accessor").listed())?;
    let invalid = || Error::invalid(INVALID_ACCESSOR).listed();
    let unit = call.store.unit();
    let hash = unit.keys().accessor_hash(accessor.expose())?;
    let entry = unit.get(&CORE, &ACCESSORS, &hash)?.ok_or_else(invalid)?;
    session(call, &entry.token)?.ok_or_else(invalid)
}
