//! Service tokens: short-lived JSON Web Tokens (RFC 9068) with which one service proves its identity to another. A role
//! sets the audiences for which a token may be issued. The claims about the caller come from the broker, not from the
//! caller.
//!
//! The other service verifies a token with the public keys from `jwks`, without calling the broker. Issued tokens are
//! not stored. A revocation therefore affects only services that ask the broker with `verify`.

mod keys;
mod records;
mod revocations;
mod roles;
mod signatures;
mod signer;
#[cfg(test)]
mod tests;
mod tokens;

use crate::contract::{Access, Api, Host, Recording, Result, SecretsEngine, delete, list, read, waits, write};

/// One mount of the engine. Each mount is its own issuer.
#[derive(Default)]
pub struct ServiceTokens {
    signer: signer::Signer,
}

impl SecretsEngine for ServiceTokens {
    const KIND: &'static str = "service_tokens";

    fn api() -> Api<Self> {
        Api::new(
            "Service tokens: short-lived signed tokens with which services prove who they are to each other.",
            [
                list("roles", waits(roles::list), "List the names of all roles."),
                read("roles/{name}", roles::read, "Show the audiences of a role's tokens and how long they are valid."),
                write("roles/{name}", roles::write, "Create a role or change it.").exists(roles::exists),
                delete("roles/{name}", roles::delete, "Delete a role; its tokens stay valid until they expire."),
                write("token/{role}", tokens::issue, "Issue a token for one or more of the role's audiences."),
                write("verify", tokens::verify, "Tell whether a token is valid, and show its claims."),
                write("revoke", revocations::revoke, "Revoke a token by its jti or by itself."),
            ],
        )
        .with([
            read("keys", keys::read, "Show the public parts of the signing keys."),
            write("keys/rotate", keys::rotate, "Publish the next signing key, which takes over in an hour."),
            write("keys/retire", keys::retire, "Retire a stolen signing key at once, with all its tokens."),
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
