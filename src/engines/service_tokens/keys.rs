//! The signing keys, and the two public documents with which others verify the tokens. The first role creates the first
//! key. Until then the documents list no key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    base::{limits::SERVICE_TOKEN_SECS_MAX, ttl::Ttl},
    contract::{
        Answer, Body, Call, Error, Fault, Result,
        keyset::{Generation, KeyTerms, Keyset, State},
        row::Nothing,
    },
    crypto::{ed25519::PublicKey, jose},
    engines::service_tokens::{
        ServiceTokens,
        records::{KEYS, THE_KEYS},
    },
};

/// The durations of the signing keys: a verifier may cache the public keys for an hour, and each key signs for 30 days.
const TERMS: KeyTerms = KeyTerms {
    ahead: Ttl::from_hours(1),
    lifetime: Ttl::from_hours(30 * 24),
    token_life: Ttl::from_secs(SERVICE_TOKEN_SECS_MAX),
};

#[derive(Serialize)]
struct Shown {
    kid: String,
    state: &'static str,
    created: String,
    signs_from: String,
    public_key: String,
}

#[derive(Serialize)]
struct Keys {
    keys: Vec<Shown>,
}

pub fn read(call: Call<ServiceTokens>, _: Nothing, _: Nothing) -> Result<Answer> {
    let set = load(&call)?;
    let keys = set.published(call.now, &TERMS).map(|(generation, state)| shown(generation, state));
    Answer::data(&Keys { keys: keys.collect::<Result<_>>()? })
}

pub fn rotate(call: Call<ServiceTokens>, _: Nothing, _: Nothing) -> Result<Answer> {
    let mut set = load(&call)?;
    set.rotate(call.now, &TERMS, &call.host.random)?;
    call.store.put_raw(&KEYS, THE_KEYS, &set)?;
    let newest = set.published(call.now, &TERMS).last();
    let (generation, state) = newest.ok_or_else(|| Error::internal("a rotation left no key"))?;
    Answer::data(&shown(generation, state)?)
}

/// Which key to retire.
#[derive(Deserialize, JsonSchema)]
pub struct Stolen {
    /// The key id (`kid`) of the key, as `keys` lists it and as it stands in the head of each of its tokens.
    #[schemars(extend("needed" = true, "plain" = true))]
    kid: Option<String>,
}

/// Retires a key at once, without the hour in which verifiers learn of the next one.
pub fn retire(call: Call<ServiceTokens>, _: Nothing, stolen: Stolen) -> Result<Answer> {
    let kid = stolen.kid.filter(|kid| !kid.is_empty()).ok_or_else(|| Error::invalid("missing kid"))?;
    let mut set = load(&call)?;
    if !set.retire(&kid, call.now, &call.host.random) {
        return Err(Error::new(Fault::Missing, "no key has this kid: `read keys` below this mount lists them"));
    }
    call.store.urgent();
    call.store.put_raw(&KEYS, THE_KEYS, &set)?;
    let signing = set.signing(call.now).ok_or_else(|| Error::internal("no key signs after a retirement"))?;
    Answer::data(&shown(signing, State::Active)?)
}

/// Returns the public keys as a JSON Web Key Set (RFC 7517 §5).
pub fn jwks(call: Call<ServiceTokens>, _: Nothing, _: Nothing) -> Result<Answer> {
    let keys: Vec<Value> = public_keys(&call)?.iter().map(|(kid, key)| jose::jwk(kid, key)).collect();
    Ok(document(&json!({ "keys": keys })))
}

/// Returns the discovery document (OpenID Connect Discovery 1.0 §3), with only the fields that a token verifier needs.
pub fn discovery(call: Call<ServiceTokens>, _: Nothing, _: Nothing) -> Result<Answer> {
    let issuer = issuer(&call);
    Ok(document(&json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks"),
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
    })))
}

/// The issuer: the address of the mount. It comes from the configuration, never from the `Host` header of a request.
pub fn issuer(call: &Call<ServiceTokens>) -> String {
    format!("{}/v1/{}", call.host.api_address, call.mount.path.trim_end_matches('/'))
}

/// Brings the keys up to date and returns them. Stores them only if they changed, which happens about once a month.
pub fn maintain(call: &Call<ServiceTokens>) -> Result<Keyset> {
    let mut set = load(call)?;
    if set.maintain(call.now, &TERMS, &call.host.random) {
        call.store.put_raw(&KEYS, THE_KEYS, &set)?;
    }
    Ok(set)
}

/// The keys whose signatures are accepted, each with its key id.
pub fn public_keys(call: &Call<ServiceTokens>) -> Result<Vec<(String, PublicKey)>> {
    let set = load(call)?;
    let keys = set.published(call.now, &TERMS);
    keys.map(|(generation, _)| Ok((generation.kid().to_owned(), generation.public()?))).collect()
}

fn load(call: &Call<ServiceTokens>) -> Result<Keyset> {
    Ok(call.store.get_raw(&KEYS, THE_KEYS)?.unwrap_or_default())
}

fn shown(generation: &Generation, state: State) -> Result<Shown> {
    Ok(Shown {
        kid: generation.kid().to_owned(),
        state: state.word(),
        created: generation.created().rfc3339(),
        signs_from: generation.signs_from().rfc3339(),
        public_key: generation.public()?.to_base64(),
    })
}

fn document(value: &Value) -> Answer {
    Answer::new(Body::Raw { content_type: "application/json", bytes: value.to_string().into_bytes() })
}
