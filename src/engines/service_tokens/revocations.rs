//! Revocations: tokens that `verify` refuses although they have not expired. Each revocation is stored until its token
//! expires. Every new revocation also deletes a few expired ones.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    base::{limits::SERVICE_TOKEN_SECS_MAX, secret::Secret, time::Time, ttl::Ttl},
    contract::{Answer, Call, Error, Result, row::Nothing},
    crypto::jose::{Claims, JoseError},
    engines::service_tokens::{
        ServiceTokens,
        records::{ENDS, Entry, REVOCATIONS, Revocation},
        signatures,
    },
};

/// Maximum number of expired revocations that one new revocation deletes.
const PRUNED_MAX: usize = 8;

#[derive(Deserialize, JsonSchema)]
pub struct Input {
    /// The id (`jti`) of the token to revoke, which is a UUID. Give this or `token`.
    jti: Option<String>,
    /// The token to revoke. Give this or `jti`.
    token: Option<Secret<String>>,
}

pub fn revoke(call: Call<ServiceTokens>, _: Nothing, input: Input) -> Result<Answer> {
    call.store.urgent();
    let (jti, until) = match (input.jti, input.token) {
        (Some(jti), None) => {
            let is_ours = jti.len() == 36 && uuid::Uuid::try_parse(&jti).is_ok();
            if !is_ours {
                return Err(Error::invalid("jti: not the id of a service token, which is a UUID"));
            }
            (jti.to_ascii_lowercase(), call.now.plus(Ttl::from_secs(SERVICE_TOKEN_SECS_MAX)))
        }
        (None, Some(token)) => {
            let token = token.expose();
            match signatures::verify(&call, token, None)? {
                Ok(Claims { id: Some(jti), expires_at, .. }) => (jti, expires_at),
                Err(JoseError::Expired) => return Ok(Answer::done()),
                _ => return Err(Error::invalid("token: not a service token of this mount")),
            }
        }
        (None, None) => return Err(Error::invalid("missing jti or token")),
        (Some(_), Some(_)) => return Err(Error::invalid("give `jti` or `token`, not both")),
    };
    prune(&call)?;
    let hash = hash_of(&call, &jti)?;
    if call.store.get_raw(&REVOCATIONS, &hash)?.is_none() {
        let until = until.unix_nanos();
        call.store.put_raw(&REVOCATIONS, &hash, &Revocation { until })?;
        call.store.put_raw(&ENDS, &[until.to_be_bytes().as_slice(), &hash].concat(), &Entry {})?;
    }
    Ok(Answer::done())
}

/// Whether a token is revoked. A token without an id counts as revoked: this mount issues none.
pub fn has(call: &Call<ServiceTokens>, claims: &Claims) -> Result<bool> {
    let Some(jti) = &claims.id else { return Ok(true) };
    let revocation = call.store.get_raw(&REVOCATIONS, &hash_of(call, jti)?)?;
    Ok(revocation.is_some())
}

fn prune(call: &Call<ServiceTokens>) -> Result<()> {
    for (name, _) in call.store.scan_raw(&ENDS, &[], PRUNED_MAX)? {
        let Some((end, hash)) = name.split_first_chunk::<8>() else { continue };
        if Time::from_unix_nanos(i64::from_be_bytes(*end)) > call.now {
            break;
        }
        call.store.delete_raw(&REVOCATIONS, hash)?;
        call.store.delete_raw(&ENDS, &name)?;
    }
    Ok(())
}

fn hash_of(call: &Call<ServiceTokens>, jti: &str) -> Result<[u8; 32]> {
    call.store.keyed_hash("jti", jti.as_bytes())
}
