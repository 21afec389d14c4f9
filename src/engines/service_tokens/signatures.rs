//! Verifies the signature, the issuer and the times of a token. Whether the token is revoked is not checked here: see
//! revocations.rs.

use crate::{
    contract::{Call, Result},
    crypto::jose::{self, Claims, Expect, JoseError},
    engines::service_tokens::{ServiceTokens, keys},
};

/// The `typ` of an access token (RFC 9068 §2.1). A token with another `typ` is refused.
pub const TYP: &str = "at+jwt";

/// The claims of a token that this mount signed and that has not expired. With `audiences`, the token must name one of
/// them. The inner error says why the token is refused; the outer error is a failure of the server.
pub fn verify(
    call: &Call<ServiceTokens>,
    token: &str,
    audiences: Option<&[String]>,
) -> Result<Result<Claims, JoseError>> {
    let keys = keys::public_keys(call)?;
    let expect = Expect { issuer: &keys::issuer(call), audiences, now: call.now, leeway_secs: 0 };
    Ok(jose::verify(token, &keys, TYP, &expect))
}
