//! Issues tokens, and verifies them for other services. Issuing a token writes nothing to the store.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    base::{limits::AUDIENCES_MAX, secret::Secret, ttl::Ttl},
    contract::{Answer, Call, Caller, Error, Fault, Names, Result, RoleName},
    crypto::jose,
    engines::service_tokens::{
        ServiceTokens, keys,
        records::{ROLES, Role},
        revocations,
        signatures::{self, TYP},
    },
};

#[derive(Deserialize, JsonSchema)]
pub struct TokenPath {
    /// The name of the role.
    role: RoleName,
}

#[derive(Deserialize, JsonSchema)]
pub struct Wanted {
    /// The services that the token is for: one or more of the role's audiences. Required, under this name or as `aud`.
    #[schemars(extend("plain" = true))]
    audience: Option<Names>,
    /// Another name for `audience`.
    #[schemars(extend("plain" = true))]
    aud: Option<Names>,
}

#[derive(Deserialize, JsonSchema)]
pub struct Asked {
    /// The token to verify.
    #[schemars(extend("needed" = true))]
    token: Option<Secret<String>>,
    /// The audience that asks; a token for another audience is not valid. If absent, any audience is accepted.
    #[schemars(extend("plain" = true))]
    audience: Option<Names>,
}

/// The claims of a token (RFC 9068 §2.2).
#[derive(Serialize)]
struct Said<'a> {
    iss: &'a str,
    sub: &'a str,
    client_id: &'a str,
    aud: Audience<'a>,
    iat: i64,
    exp: i64,
    jti: &'a str,
}

/// The audiences of a token. A single audience is a plain text (RFC 7519 §4.1.3), which the simplest verifiers
/// understand.
#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Many(&'a [String]),
}

#[derive(Serialize)]
struct Issued<'a> {
    token: &'a str,
    token_type: &'static str,
    expires_in: Ttl,
    jti: &'a str,
    kid: &'a str,
}

pub fn issue(call: Call<ServiceTokens>, path: TokenPath, wanted: Wanted) -> Result<Answer> {
    let role: Role = call.store.get(&ROLES, &path.role.0)?.ok_or_else(|| no_role(&path.role.0))?;
    let audiences = audiences(&role, wanted)?;
    if call.caller.entity_id.is_empty() {
        return Err(Error::invalid(
            "a service token names an entity and your token has none: log in and use the token of that login",
        ));
    }
    let set = keys::maintain(&call)?;
    let generation = set.signing(call.now).ok_or_else(|| Error::internal("no key can sign now"))?;
    let signer = call.engine.signer.key(generation);
    let (kid, key) = &*signer;
    let jti = call.host.random.uuid().to_string();
    let said = Said {
        iss: &keys::issuer(&call),
        sub: &call.caller.entity_id,
        client_id: &client_id(&call.caller),
        aud: match audiences.as_slice() {
            [one] => Audience::One(one),
            many => Audience::Many(many),
        },
        iat: call.now.unix_secs(),
        exp: call.now.plus(role.ttl).unix_secs(),
        jti: &jti,
    };
    let token = jose::sign(key, kid, TYP, &said)
        .map_err(|error| Error::internal(format!("a service token could not be signed: {error}")))?;
    Answer::data(&Issued { token: &token, token_type: "Bearer", expires_in: role.ttl, jti: &jti, kid })
}

/// Verifies a token. The status is 200 for any token: the body says whether the token is valid.
pub fn verify(call: Call<ServiceTokens>, _: crate::contract::row::Nothing, asked: Asked) -> Result<Answer> {
    let token = asked.token.ok_or_else(|| Error::invalid("missing token"))?;
    let audiences = asked.audience.map(|audience| audience.0);
    let token = token.expose();
    let said = match signatures::verify(&call, token, audiences.as_deref())? {
        Ok(claims) if !revocations::has(&call, &claims)? => claims.all,
        _ => Map::new(),
    };
    let mut answer = Map::from_iter([("active".to_owned(), Value::Bool(!said.is_empty()))]);
    answer.extend(said.into_iter().filter(|(name, _)| name != "active"));
    Answer::data(&json!(answer))
}

/// The auth method and the role with which the caller logged in, such as `auth/approle/web`: two auth methods can have
/// roles of one name. The creator of a child token chooses its metadata, so for a child token the client id is the entity.
fn client_id(caller: &Caller) -> Cow<'_, str> {
    // A slash in a role's name could make it look like the role of another auth method.
    let role = caller.metadata.get("role_name").filter(|name| !name.is_empty() && !name.contains('/'));
    match (&caller.login_mount, role) {
        (Some(mount), Some(role)) => Cow::Owned(format!("{mount}{role}")),
        _ => Cow::Borrowed(&caller.entity_id),
    }
}

fn audiences(role: &Role, wanted: Wanted) -> Result<Vec<String>> {
    let mut names = match (wanted.audience, wanted.aud) {
        (Some(_), Some(_)) => return Err(Error::invalid("give `audience` or `aud`, not both")),
        (Some(names), None) | (None, Some(names)) => names.0,
        (None, None) => Vec::new(),
    };
    if names.is_empty() {
        return Err(Error::invalid("missing audience: name the services that the token is for"));
    }
    if names.len() > AUDIENCES_MAX || !names.iter().all(|name| role.audiences.contains(name)) {
        return Err(Error::invalid("audience: each must be one of the role's audiences"));
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn no_role(name: &str) -> Error {
    Error::new(Fault::Missing, format!("no role named `{name}`: create it with `write roles/{name}` below this mount"))
}
