//! Service tokens: short-lived JSON Web Tokens (RFC 9068) by which one service shows another who it is. A role says for
//! which audiences they may be made out; what they say of the caller is what the broker knows of it.
//!
//! The other service verifies a token with the public keys of `jwks`, without asking. A token that was handed out is
//! not stored, so it can be revoked only where somebody asks: `verify` does, third parties do not.

mod keys;
mod records;
mod revocations;
mod roles;
mod signatures;
mod signer;
#[cfg(test)]
mod tests;
mod tokens;

use crate::contract::{Access, Api, Host, Recording, Result, SecretsEngine, delete, list, read, write};

/// One mount of the engine: one issuer.
#[derive(Default)]
pub struct ServiceTokens {
    signer: signer::Signer,
}

impl SecretsEngine for ServiceTokens {
    const KIND: &'static str = "service_tokens";

    fn api() -> Api<Self> {
        Api::new(
            "Service tokens: signed tokens, minutes long, by which services know each other.",
            [
                list("roles", roles::list, "List the names of all roles."),
                read("roles/{name}", roles::read, "Show for whom and how long a role's tokens are good."),
                write("roles/{name}", roles::write, "Create a role or change it.").exists(roles::exists),
                delete("roles/{name}", roles::delete, "Delete a role; its tokens end in their own time."),
                write("token/{role}", tokens::issue, "Make a token for one or more of the role's audiences."),
                write("verify", tokens::verify, "Tell whether a token is good, and what it says."),
                write("revoke", revocations::revoke, "Revoke a token by its jti or by itself."),
            ],
        )
        .with([
            read("keys", keys::read, "Show the public parts of the signing keys."),
            write("keys/rotate", keys::rotate, "Publish the next signing key, which takes over in an hour."),
            read("jwks", keys::jwks, "Serve the public keys as a JSON Web Key Set.")
                .access(Access::Public)
                .recording(Recording::Unrecorded),
            read(".well-known/openid-configuration", keys::discovery, "Serve the issuer's discovery document.")
                .access(Access::Public)
                .recording(Recording::Unrecorded),
        ])
    }

    async fn open(_host: Host) -> Result<Self> {
        Ok(Self::default())
    }
}
