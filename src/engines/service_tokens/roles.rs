//! Roles: which audiences a token may have, and how long it is valid.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base::{
        limits::{AUDIENCE_BYTES_MAX, AUDIENCES_MAX, SERVICE_TOKEN_SECS_MAX},
        ttl::Ttl,
    },
    contract::{Answer, Call, Error, ListPage, Names, Result, RoleName, row::Nothing},
    engines::service_tokens::{
        ServiceTokens, keys,
        records::{ROLES, Role},
    },
};

/// How long a token is valid if the role does not say: long enough for a few requests, and too short for a stolen token
/// to be of much use.
const TTL: Ttl = Ttl::from_secs(300);

#[derive(Deserialize, JsonSchema)]
pub struct RolePath {
    /// The name of the role: at most 128 letters, digits, `.`, `_`, `@` or `-`, a letter or digit first.
    name: RoleName,
}

#[derive(Deserialize, JsonSchema)]
pub struct Input {
    /// The audiences of the tokens: each token names one or more of these. A new role needs at least one; a role has at
    /// most 32, of up to 256 bytes each.
    #[schemars(extend("plain" = true))]
    audiences: Option<Names>,
    /// How long a token is valid: at most an hour. 0 means five minutes, which is also the default of a new role.
    #[schemars(extend("plain" = true))]
    ttl: Option<Ttl>,
}

#[derive(Serialize)]
struct Shown {
    audiences: Vec<String>,
    ttl: Ttl,
}

pub async fn list(call: Call<ServiceTokens>, _: Nothing, page: ListPage) -> Result<Answer> {
    call.list(&ROLES, "", page).await
}

pub fn exists(call: Call<ServiceTokens>, path: RolePath) -> Result<bool> {
    call.store.has(&ROLES, &path.name.0)
}

pub fn read(call: Call<ServiceTokens>, path: RolePath, _: Nothing) -> Result<Answer> {
    let Role { audiences, ttl } = call.store.get(&ROLES, &path.name.0)?.ok_or_else(Error::missing)?;
    Answer::data(&Shown { audiences, ttl })
}

/// Creates a role, or changes the fields that the request contains. The first role also creates the first signing key.
pub fn write(call: Call<ServiceTokens>, path: RolePath, input: Input) -> Result<Answer> {
    let mut role = call.store.get(&ROLES, &path.name.0)?.unwrap_or_else(|| Role { ttl: TTL, ..Role::default() });
    if let Some(Names(audiences)) = input.audiences {
        role.audiences = audiences;
    }
    if let Some(ttl) = input.ttl {
        role.ttl = ttl.or(TTL);
    }
    if role.audiences.is_empty() {
        return Err(Error::invalid("missing audiences: name the services that the tokens are for"));
    }
    if role.audiences.len() > AUDIENCES_MAX || role.audiences.iter().any(|name| name.len() > AUDIENCE_BYTES_MAX) {
        return Err(Error::invalid(format!(
            "audiences: a role has at most {AUDIENCES_MAX}, of up to {AUDIENCE_BYTES_MAX} bytes each"
        )));
    }
    if role.ttl > Ttl::from_secs(SERVICE_TOKEN_SECS_MAX) {
        return Err(Error::invalid(format!("ttl: a token is good for at most {SERVICE_TOKEN_SECS_MAX} seconds")));
    }
    keys::maintain(&call)?;
    call.store.put(&ROLES, &path.name.0, &role)?;
    Ok(Answer::done())
}

pub fn delete(call: Call<ServiceTokens>, path: RolePath, _: Nothing) -> Result<Answer> {
    call.store.delete(&ROLES, &path.name.0)?;
    Ok(Answer::done())
}
