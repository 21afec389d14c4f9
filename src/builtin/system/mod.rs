//! `sys/`: the server itself. Init, unseal, seal and health; mounts; policies; capabilities; audit.

mod audit;
mod capabilities;
mod explain;
mod health;
mod init;
mod internal;
mod mount_input;
mod mounts;
mod policies;
mod rows;
mod seal;
mod specs;
mod state;

use std::sync::Arc;

use self::state::{OncePerSecond, System};
use crate::{
    builtin::token,
    contract::{
        Access, BuiltInApi, Mounted, Recording, Result, TrailingSlash, WhenSealed, WhenUnrecordable, delete, kind,
        list, read, waits, write,
    },
    services::Services,
};

/// Opens the system mount.
pub(crate) fn open(services: &Services) -> Result<Arc<dyn Mounted>> {
    let system = System {
        barrier: Arc::clone(&services.barrier),
        audit: services.audit.clone(),
        lifecycle: Arc::clone(&services.lifecycle),
        mounts: services.mounts.clone(),
        policies: services.policies.clone(),
        revocations: services.revocations.clone(),
        tokens: services.tokens.clone(),
        random: services.random.clone(),
        stranger_lines: OncePerSecond::default(),
        system_rows: api().into_facts(),
        token_rows: token::api().into_facts(),
    };
    kind::built_in(system, api())
}

/// The rows of `sys/`.
pub fn api() -> BuiltInApi<System> {
    with_policies(with_mounts(state())).with([
        write("capabilities", capabilities::of_token, "Tell what a token may do with paths."),
        write("capabilities-self", capabilities::of_self, "Tell what the calling token may do with paths."),
        write(
            "capabilities-accessor",
            capabilities::of_accessor,
            "Tell what the token behind an accessor may do with paths.",
        ),
        read("internal/ui/mounts", internal::visible_mounts, "List the mounts that a login page may show.")
            .access(Access::Public),
        read(
            "internal/ui/mounts/{*path}",
            internal::mount_of,
            "Show the mount of a path; command lines ask this before each KV request.",
        )
        .access(Access::Public)
        .trailing_slash(TrailingSlash::Accepted),
        read(
            "internal/explain/{*path}",
            explain::explain,
            "Tell what the calling token may do with a path and by which rules, so that a refusal can be explained.",
        )
        .access(Access::Public)
        .trailing_slash(TrailingSlash::Accepted),
        read(
            "internal/specs/rows",
            specs::rows,
            "List every row of every mount: verb, path, help, whether it is public.",
        )
        .access(Access::Sudo),
        read(
            "internal/specs/openapi",
            waits(specs::openapi),
            "Show the OpenAPI document of the mounts below which the caller may do something.",
        )
        .access(Access::Public),
        read("audit", audit::list, "List the audit devices.")
            .access(Access::Sudo)
            .trailing_slash(TrailingSlash::Accepted),
        write("audit/{*path}", audit::enable, "Refused: audit devices are declared in the configuration file.")
            .access(Access::Sudo),
        delete("audit/{*path}", audit::disable, "Refused for devices of the configuration file.").access(Access::Sudo),
        write("audit-hash/{*path}", audit::hash, "Hash a text as an audit device hashes it, to find it in the log.")
            .access(Access::Sudo),
    ])
}

fn state() -> BuiltInApi<System> {
    BuiltInApi::new(
        "The server about itself: seal, mounts, policies, capabilities, audit.",
        [
            read("init", init::status, "Tell whether the store is initialised.")
                .access(Access::Public)
                .when_sealed(WhenSealed::Answers)
                .recording(Recording::Unrecorded),
            write("init", waits(init::make), "Create a store: its keys, its shares and the first root token.")
                .access(Access::Public)
                .when_sealed(WhenSealed::Answers),
            read("seal-status", seal::status, "Tell whether the store is sealed, and how far an unseal has come.")
                .access(Access::Public)
                .when_sealed(WhenSealed::Answers)
                .recording(Recording::Unrecorded),
            write("unseal", waits(seal::unseal), "Submit one share of the key; the last share needed opens the store.")
                .access(Access::Public)
                .when_sealed(WhenSealed::Answers),
            write("seal", seal::seal, "Seal the store: wipe its keys from memory.")
                .access(Access::Sudo)
                .when_unrecordable(WhenUnrecordable::Proceeds),
            read("health", health::health, "Tell the state of the server by status code.")
                .access(Access::Public)
                .when_sealed(WhenSealed::Answers)
                .recording(Recording::Unrecorded),
            read("leader", health::leader, "Tell which node is active.")
                .access(Access::Public)
                .when_sealed(WhenSealed::Answers)
                .recording(Recording::Unrecorded),
            read("key-status", seal::key_status, "Tell the term of the key that seals records."),
        ],
    )
}

fn with_mounts(api: BuiltInApi<System>) -> BuiltInApi<System> {
    api.with([
        read("mounts", mounts::read_all, "List the secrets engines.").trailing_slash(TrailingSlash::Accepted),
        read("mounts/{*path:ident}", mounts::read_one, "Show one secrets engine, or its tuning under PATH/tune.")
            .trailing_slash(TrailingSlash::Accepted),
        write("mounts/{*path:ident}", waits(mounts::write_one), "Enable a secrets engine, or tune it under PATH/tune."),
        delete("mounts/{*path:ident}", mounts::disable, "Disable a secrets engine and delete all its data.")
            .trailing_slash(TrailingSlash::Accepted),
        read("auth", mounts::read_all_auth, "List the auth methods.").trailing_slash(TrailingSlash::Accepted),
        read("auth/{*path:ident}", mounts::read_one_auth, "Show one auth method, or its tuning under PATH/tune.")
            .trailing_slash(TrailingSlash::Accepted)
            .access(Access::Sudo),
        write(
            "auth/{*path:ident}",
            waits(mounts::write_one_auth),
            "Enable an auth method, or tune it under PATH/tune.",
        )
        .access(Access::Sudo),
        delete(
            "auth/{*path:ident}",
            mounts::disable_auth,
            "Disable an auth method and revoke every token that it issued.",
        )
        .trailing_slash(TrailingSlash::Accepted)
        .access(Access::Sudo),
    ])
}

fn with_policies(api: BuiltInApi<System>) -> BuiltInApi<System> {
    api.with([
        read("policy", policies::list_old, "List the policies.").trailing_slash(TrailingSlash::Accepted),
        list("policy", policies::list_old, "List the policies."),
        read("policy/{name:ident}", policies::read_old, "Show a policy."),
        write("policy/{name:ident}", policies::save, "Create or replace a policy."),
        delete("policy/{name:ident}", policies::delete, "Delete a policy."),
        list("policies/acl", policies::list, "List the policies."),
        read("policies/acl/{name:ident}", policies::read, "Show a policy."),
        write("policies/acl/{name:ident}", policies::save, "Create or replace a policy."),
        delete("policies/acl/{name:ident}", policies::delete, "Delete a policy."),
    ])
}
