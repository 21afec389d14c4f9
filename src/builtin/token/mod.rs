//! `auth/token/`: what callers can do with their own token, and with other tokens if their policies allow it.

mod create;
mod lookup;
mod renew;
mod revoke;
mod session;

use std::sync::Arc;

use self::session::TokenMount;
use crate::{
    contract::{Access, BuiltInApi, Mounted, Result, kind, list, read, waits, write},
    services::Services,
};

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
            write("create/{role}", create::by_role, "Refused: token roles are not supported."),
            read("lookup-self", lookup::own, "Show the calling token."),
            write("lookup-self", lookup::own_posted, "Show the calling token."),
            read("lookup", lookup::by_query, "Show a token."),
            write("lookup", lookup::by_token, "Show a token."),
            write("lookup-accessor", lookup::by_accessor, "Show the token behind an accessor, without its text."),
            list("accessors", waits(lookup::accessors), "List the accessors of all tokens.").access(Access::Sudo),
        ],
    )
    .with([
        write("renew-self", waits(renew::own), "Renew the calling token."),
        write("renew", waits(renew::by_token), "Renew a token."),
        write("renew-accessor", waits(renew::by_accessor), "Renew the token behind an accessor."),
        write("revoke-self", revoke::own, "Revoke the calling token and all its descendants."),
        write("revoke", revoke::by_token, "Revoke a token and all its descendants."),
        write("revoke-accessor", revoke::by_accessor, "Revoke the token behind an accessor and all its descendants."),
        write("revoke-orphan", revoke::orphan, "Revoke a token and leave its children as orphans.")
            .access(Access::Sudo),
    ])
}
