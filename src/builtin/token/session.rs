//! The engine of the token mount, and how its handlers find the tokens of a request.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    barrier::Barrier,
    base::{secret::Secret, ttl::Ttl},
    contract::{BuiltInCall, Error, Result},
    services::{
        mounts::Mounts,
        policies::Policies,
        revocations::Revocations,
        tokens::{Session, Tokens},
    },
};

/// The token mount and the services that it needs.
pub struct TokenMount {
    pub(super) barrier: Arc<Barrier>,
    pub(super) mounts: Mounts,
    pub(super) policies: Policies,
    pub(super) revocations: Revocations,
    pub(super) tokens: Tokens,
}

pub(super) type Tok = BuiltInCall<TokenMount>;

/// A token, given by its text.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct ByToken {
    /// The text of the token. Rows for the calling token do not read it.
    pub(super) token: Option<Secret<String>>,
    /// For how long to renew the token. 0 or absent means for as long as the token was valid at first. Only rows that
    /// renew read this.
    pub(super) increment: Option<Ttl>,
}

/// A token, given by its accessor.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct ByAccessor {
    /// The accessor of the token.
    #[schemars(extend("needed" = true))]
    pub(super) accessor: Option<Secret<String>>,
    /// For how long to renew the token. 0 or absent means for as long as the token was valid at first. Only rows that
    /// renew read this.
    pub(super) increment: Option<Ttl>,
}

/// The live token with this hash; `None` if there is none.
pub(super) fn session(call: &Tok, hash: &[u8; 32]) -> Result<Option<Arc<Session>>> {
    let TokenMount { barrier, tokens, .. } = &*call.engine;
    let keys = call.unit().keys();
    Ok(tokens.find_alive(hash, call.now, || barrier.unit_with(Arc::clone(keys), [0; 16]))?)
}

/// The calling token. The pipeline has checked that it is valid. If this is its last use, its record is already marked
/// as used up.
pub(super) fn own_session(call: &Tok) -> Result<Arc<Session>> {
    let own = call.own_token().ok_or_else(Error::denied)?;
    let TokenMount { barrier, tokens, .. } = &*call.engine;
    let keys = Arc::clone(call.unit().keys());
    tokens.find(&own.hash, || barrier.unit_with(keys, [0; 16]))?.ok_or_else(Error::denied)
}

/// The live token with this text; `None` if there is none. `missing` is the error if the request names no token.
pub(super) fn session_of_token(
    call: &Tok,
    token: Option<&Secret<String>>,
    missing: &str,
) -> Result<Option<Arc<Session>>> {
    let token = token.filter(|token| !token.expose().is_empty());
    let token = token.ok_or_else(|| Error::invalid(missing))?;
    let hash = call.unit().keys().token_hash(token.expose())?;
    session(call, &hash)
}

/// The live token with this accessor; `None` if there is none.
pub(super) fn session_of_accessor(call: &Tok, accessor: Option<&Secret<String>>) -> Result<Option<Arc<Session>>> {
    let accessor = accessor.filter(|accessor| !accessor.expose().is_empty());
    let accessor = accessor.ok_or_else(|| Error::invalid("missing accessor").listed())?;
    match call.engine.tokens.by_accessor(call.unit(), accessor.expose())? {
        Some(hash) => session(call, &hash),
        None => Ok(None),
    }
}

pub(super) fn invalid_accessor() -> Error {
    Error::invalid("invalid accessor").listed()
}
