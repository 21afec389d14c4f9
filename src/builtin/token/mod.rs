//! `auth/token/`: what a token's holder, and whoever may, can do with tokens.

mod create;
mod lookup;
mod renew;
mod revoke;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    barrier::Barrier,
    base::secret::Secret,
    contract::{Access, BuiltInApi, BuiltInCall, Error, Mounted, Result, kind, list, read, write},
    services::{
        Services,
        mounts::Mounts,
        policies::Policies,
        revocations::Revocations,
        tokens::{Session, Tokens},
    },
};

/// The token mount, with the services that it needs.
pub struct TokenMount {
    barrier: Arc<Barrier>,
    mounts: Mounts,
    policies: Policies,
    revocations: Revocations,
    tokens: Tokens,
}

type Tok = BuiltInCall<TokenMount>;

/// Opens the token mount.
pub(crate) fn open(services: &Services) -> Result<Arc<dyn Mounted>> {
    let mount = TokenMount {
        barrier: Arc::clone(&services.barrier),
        mounts: services.mounts.clone(),
        policies: services.policies.clone(),
        revocations: services.revocations.clone(),
        tokens: services.tokens.clone(),
    };
    kind::built_in(mount, api())
}

/// The rows of `auth/token/`.
pub fn api() -> BuiltInApi<TokenMount> {
    BuiltInApi::new(
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
            list("accessors", lookup::accessors, "List the accessors of all tokens.").access(Access::Sudo),
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
        write("revoke-orphan", revoke::orphan, "Revoke a token and leave its children as orphans.")
            .access(Access::Sudo),
    ])
}

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
    let TokenMount { barrier, tokens, .. } = &*call.engine;
    let keys = Arc::clone(call.unit().keys());
    Ok(tokens.find_alive(hash, call.now, || barrier.unit_with(keys, [0; 16]))?)
}

/// The calling token. The pipeline has found it alive; if this is its last use, its record says so already.
fn own_session(call: &Tok) -> Result<Arc<Session>> {
    let own = call.own_token().ok_or_else(Error::denied)?;
    let TokenMount { barrier, tokens, .. } = &*call.engine;
    let keys = Arc::clone(call.unit().keys());
    tokens.find(&own.hash, || barrier.unit_with(keys, [0; 16]))?.ok_or_else(Error::denied)
}

/// The live token with this text; `missing` is what is said where there is none.
fn session_of_token(call: &Tok, token: Option<&Secret<String>>, missing: &str) -> Result<Option<Arc<Session>>> {
    let token = token.filter(|token| !token.expose().is_empty());
    let token = token.ok_or_else(|| Error::invalid(missing))?;
    let hash = call.unit().keys().token_hash(token.expose())?;
    session(call, &hash)
}

/// The live token behind this accessor.
fn session_of_accessor(call: &Tok, accessor: Option<&Secret<String>>) -> Result<Option<Arc<Session>>> {
    let accessor = accessor.filter(|accessor| !accessor.expose().is_empty());
    let accessor = accessor.ok_or_else(|| Error::invalid("missing accessor").listed())?;
    match call.engine.tokens.by_accessor(call.unit(), accessor.expose())? {
        Some(hash) => session(call, &hash),
        None => Ok(None),
    }
}

fn invalid_accessor() -> Error {
    Error::invalid("invalid accessor").listed()
}
