//! JSON Web Tokens signed with Ed25519 (RFC 7519, 7515, 8037). A token has no say in how it is verified: the algorithm
//! is EdDSA because our keys are, the key is one that the caller handed in, and the time is an argument.
//!
//! jsonwebtoken makes and verifies the signature. Header and claims are checked here, because its own checks accept
//! floats as dates, read the machine's clock, and do not look at `typ`, `crit` or repeated names.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use serde_json::{Map, Value, value::RawValue};

use super::{
    ed25519::{PublicKey, SigningKey},
    error::CryptoError,
};
use crate::base::{json, time::Time, ttl::Ttl};

/// Maximum number of bytes of a token; a longer token is refused. Our own tokens are far shorter, and a token of this
/// length still fits a header line of the usual servers in front of us.
pub(crate) const JWT_BYTES_MAX: usize = 16 << 10;
/// Maximum number of seconds that clocks may differ. A larger leeway counts as this one.
pub(crate) const JWT_LEEWAY_SECS_MAX: u64 = 60;

/// What a token must say to be accepted.
pub struct Expect<'a> {
    /// The issuer: `iss` must be equal to it, byte for byte.
    pub issuer: &'a str,
    /// `aud` must hold one of these, byte for byte; an empty list matches no token. With `None`, any audience is
    /// accepted here and the caller checks `aud` itself, but the token must have the claim.
    pub audiences: Option<&'a [String]>,
    pub now: Time,
    /// Seconds by which `exp`, `nbf` and `iat` may be missed; at most [`JWT_LEEWAY_SECS_MAX`] count.
    pub leeway_secs: u64,
}

/// What a verified token says. A claim that the token does not have is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: Option<String>,
    /// `aud`: at least one audience, each a text that is not empty.
    pub audiences: Vec<String>,
    /// `exp`.
    pub expires_at: Time,
    /// `nbf`.
    pub not_before: Option<Time>,
    /// `iat`.
    pub issued_at: Option<Time>,
    /// `jti`.
    pub id: Option<String>,
    /// Every claim as it was sent, including the claims above.
    pub all: Map<String, Value>,
}

/// Why a token is refused. The error holds no part of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    #[error("token is longer than 16 KiB")]
    TooLong,
    #[error("not a signed token: three parts in strict base64url are needed, the first two with a JSON object in each")]
    Shape,
    #[error("token header asks for an extension that is not supported")]
    Extension,
    #[error("token is not signed with EdDSA")]
    Algorithm,
    #[error("token has another `typ` than the expected one")]
    Type,
    #[error("token is not signed with a known key: its `kid` is missing or unknown")]
    UnknownKey,
    #[error("token signature does not verify")]
    Signature,
    #[error("token claim `{0}` is missing or malformed")]
    Claim(&'static str),
    #[error("token has expired")]
    Expired,
    #[error("token is not valid yet")]
    Early,
    #[error("token is from another issuer than the expected one")]
    Issuer,
    #[error("token is for another audience than the expected one")]
    Audience,
}

/// Signs `claims` and returns the token in its compact form. Its header holds `typ`, `alg` and `kid` and nothing else.
pub(crate) fn sign(
    key: &SigningKey,
    kid: &str,
    typ: &str,
    claims: &impl serde::Serialize,
) -> Result<String, CryptoError> {
    let mut header = jsonwebtoken::Header::new(Algorithm::EdDSA);
    header.typ = Some(typ.to_owned());
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, key.for_tokens()).map_err(|error| match error.kind() {
        ErrorKind::Json(_) => CryptoError::Shape,
        _ => CryptoError::Key,
    })
}

/// Returns what `token` says if one of `keys` signed it and it meets `typ` and `expect`. Each of `keys` is a `kid` with
/// its key. The claims are not read before the signature is verified.
pub(crate) fn verify(
    token: &str,
    keys: &[(String, PublicKey)],
    typ: &str,
    expect: &Expect<'_>,
) -> Result<Claims, JoseError> {
    if token.len() > JWT_BYTES_MAX {
        return Err(JoseError::TooLong);
    }
    let kid = judge_header(token, typ)?;
    let (_, key) = keys.iter().find(|(id, _)| *id == kid).ok_or(JoseError::UnknownKey)?;
    let claims = signed_claims(token, key)?;
    judge_claims(claims.get(), expect)
}

/// The public key as a JSON Web Key (RFC 8037 §2), for a key set.
pub(crate) fn jwk(kid: &str, key: &PublicKey) -> Value {
    serde_json::json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "x": BASE64URL_NOPAD.encode(key.as_bytes()),
        "kid": kid,
        "use": "sig",
        "alg": "EdDSA",
    })
}

/// Checks the shape of the three parts and the header, and returns the header's `kid`. The members `jku`, `jwk`, `x5u`
/// and `x5c`, which say where to find a key, are ignored, as all unknown members are.
fn judge_header(token: &str, typ: &str) -> Result<String, JoseError> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(JoseError::Shape);
    };
    if claims.is_empty() {
        return Err(JoseError::Shape);
    }
    if signature.len() != SIGNATURE_CHARS {
        return Err(JoseError::Signature);
    }
    let header = BASE64URL_NOPAD.decode(header.as_bytes()).map_err(|_| JoseError::Shape)?;
    let header = object(&header)?;
    // RFC 7515 §4.1.11 (crit), RFC 7797 (b64), RFC 7516 (zip, enc), RFC 7519 §5.2 (cty: a token within a token).
    if ["crit", "b64", "zip", "enc", "cty"].iter().any(|name| header.contains_key(*name)) {
        return Err(JoseError::Extension);
    }
    let says = |name: &str| header.get(name).and_then(Value::as_str);
    // RFC 8725 §3.1: compared with the one algorithm that our keys have, never used to choose one.
    if says("alg") != Some("EdDSA") {
        return Err(JoseError::Algorithm);
    }
    if says("typ") != Some(typ) {
        return Err(JoseError::Type);
    }
    says("kid").map(str::to_owned).ok_or(JoseError::UnknownKey)
}

/// The text of the token's claims, if `key` signed them.
fn signed_claims(token: &str, key: &PublicKey) -> Result<Box<RawValue>, JoseError> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    // jsonwebtoken would read the machine's clock. `judge_claims` checks all of this more strictly.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode(token, &DecodingKey::from_ed_der(key.as_bytes()), &validation)
        .map(|token| token.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => JoseError::Signature,
            _ => JoseError::Shape,
        })
}

fn judge_claims(text: &str, expect: &Expect<'_>) -> Result<Claims, JoseError> {
    let all = object(text.as_bytes())?;
    let claims = Claims {
        issuer: text_claim(&all, "iss")?.ok_or(JoseError::Claim("iss"))?,
        subject: text_claim(&all, "sub")?,
        audiences: audiences(&all)?,
        expires_at: date_claim(&all, "exp")?.ok_or(JoseError::Claim("exp"))?,
        not_before: date_claim(&all, "nbf")?,
        issued_at: date_claim(&all, "iat")?,
        id: text_claim(&all, "jti")?,
        all,
    };
    if claims.issuer != expect.issuer {
        return Err(JoseError::Issuer);
    }
    if expect.audiences.is_some_and(|ours| !ours.iter().any(|audience| claims.audiences.contains(audience))) {
        return Err(JoseError::Audience);
    }
    let leeway = Ttl::from_secs(expect.leeway_secs.min(JWT_LEEWAY_SECS_MAX));
    // RFC 7519 §4.1.4: "on or after which the JWT must not be accepted".
    if expect.now >= claims.expires_at.plus(leeway) {
        return Err(JoseError::Expired);
    }
    let latest = expect.now.plus(leeway);
    if [claims.not_before, claims.issued_at].into_iter().flatten().any(|from| from > latest) {
        return Err(JoseError::Early);
    }
    Ok(claims)
}

/// Reads a JSON object. A name that is repeated in one object, at any depth, is an error.
fn object(bytes: &[u8]) -> Result<Map<String, Value>, JoseError> {
    let text = json::scan(bytes).map_err(|_| JoseError::Shape)?;
    serde_json::from_str(text).map_err(|_| JoseError::Shape)
}

/// Reads a text claim. `None` if the token does not have the claim. An empty text, null or any other value is an error.
fn text_claim(all: &Map<String, Value>, name: &'static str) -> Result<Option<String>, JoseError> {
    match all.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(JoseError::Claim(name)),
    }
}

/// Reads a date claim: whole seconds since 1970, within the range of [`Time`]. `None` if the token does not have the
/// claim. RFC 7519 §2 also allows fractions; they are refused, because two readers can round them differently.
fn date_claim(all: &Map<String, Value>, name: &'static str) -> Result<Option<Time>, JoseError> {
    let Some(value) = all.get(name) else { return Ok(None) };
    let secs = value.as_u64().filter(|secs| *secs <= Ttl::MAX.as_secs()).ok_or(JoseError::Claim(name))?;
    Ok(Some(Time::EPOCH.plus(Ttl::from_secs(secs))))
}

fn audiences(all: &Map<String, Value>) -> Result<Vec<String>, JoseError> {
    let audience = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err(JoseError::Claim("aud")),
    };
    match all.get("aud") {
        Some(Value::Array(many)) if !many.is_empty() => many.iter().map(audience).collect(),
        Some(one @ Value::String(_)) => Ok(vec![audience(one)?]),
        _ => Err(JoseError::Claim("aud")),
    }
}

/// Characters of a signature: 64 bytes in base64url.
const SIGNATURE_CHARS: usize = 86;

#[cfg(test)]
mod tests;
