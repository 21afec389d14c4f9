//! `sys/`: the server about itself. Init, unseal, seal and health; mounts; policies; capabilities; audit.

mod audit;
mod capabilities;
mod health;
mod init;
mod internal;
mod mounts;
mod policies;
mod seal;

use std::sync::Arc;

use crate::{
    contract::{Api, Call, Mounted, Result, delete, kind, list, read, write},
    services::Services,
};

/// The system mount.
pub struct System {
    services: Arc<Services>,
    /// As `sys/health` and `sys/seal-status` give it: the API level that is served, as plain semver.
    api_level: &'static str,
}

type Sys = Call<System>;

/// The Vault API level that clients are told; the Terraform provider reads it as semver and gates features by it.
pub const API_LEVEL: &str = "1.19.0";
/// Our own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Opens the system mount.
pub fn open(services: Arc<Services>) -> Result<Arc<dyn Mounted>> {
    kind::built_in(System { services, api_level: API_LEVEL }, api())
}

/// The rows of `sys/`.
pub fn api() -> Api<System> {
    with_policies(with_mounts(state())).with([
        write("capabilities", capabilities::of_token, "Tell what a token may do with paths."),
        write("capabilities-self", capabilities::of_self, "Tell what the calling token may do with paths."),
        write(
            "capabilities-accessor",
            capabilities::of_accessor,
            "Tell what the token behind an accessor may do with paths.",
        ),
        read("internal/ui/mounts", internal::visible_mounts, "List the mounts that a login page may show.").public(),
        read(
            "internal/ui/mounts/{*path}",
            internal::mount_of,
            "Show the mount under which a path lies; command lines ask this before each KV call.",
        )
        .public()
        .slashed_ok(),
        read(
            "internal/specs/rows",
            internal::rows,
            "List every row of every mount: verb, path, help, whether it is public.",
        )
        .sudo(),
        read("audit", audit::list, "List the audit devices.").sudo().slashed_ok(),
        write("audit/{*path}", audit::enable, "Refused: audit devices are declared in the configuration file.").sudo(),
        delete("audit/{*path}", audit::disable, "Refused for devices of the configuration file.").sudo(),
        write("audit-hash/{*path}", audit::hash, "Hash a text as an audit device hashes it, to find it in the log.")
            .sudo(),
    ])
}

fn state() -> Api<System> {
    Api::new(
        "The server about itself: seal, mounts, policies, capabilities, audit.",
        [
            read("init", init::status, "Tell whether the store is initialised.").public().sealed_ok().unrecorded(),
            write("init", init::make, "Make a new store: keys, shares and the first root token.").public().sealed_ok(),
            read("seal-status", seal::status, "Tell whether the store is sealed, and how far an unseal has come.")
                .public()
                .sealed_ok()
                .unrecorded(),
            write("unseal", seal::unseal, "Hand in one share of the key; the last one that is needed opens the store.")
                .public()
                .sealed_ok(),
            write("seal", seal::seal, "Seal the store: wipe its keys from memory.").sudo().unstoppable(),
            read("health", health::health, "Tell the state of the server by status code.")
                .public()
                .sealed_ok()
                .unrecorded(),
            read("leader", health::leader, "Tell which node is active.").public().sealed_ok().unrecorded(),
            read("key-status", seal::key_status, "Tell the term of the key that seals records."),
        ],
    )
}

fn with_mounts(api: Api<System>) -> Api<System> {
    api.with([
        read("mounts", mounts::read_all, "List the secrets engines.").slashed_ok(),
        read("mounts/{*path}", mounts::read_one, "Show one secrets engine, or its tuning under PATH/tune.")
            .slashed_ok(),
        write("mounts/{*path}", mounts::write_one, "Enable a secrets engine, or tune it under PATH/tune."),
        delete("mounts/{*path}", mounts::disable, "Disable a secrets engine and delete all that it keeps.")
            .slashed_ok(),
        read("auth", mounts::read_all_auth, "List the auth methods.").slashed_ok(),
        read("auth/{*path}", mounts::read_one_auth, "Show one auth method, or its tuning under PATH/tune.")
            .slashed_ok()
            .sudo(),
        write("auth/{*path}", mounts::write_one_auth, "Enable an auth method, or tune it under PATH/tune.").sudo(),
        delete("auth/{*path}", mounts::disable_auth, "Disable an auth method and revoke every token that it gave out.")
            .slashed_ok()
            .sudo(),
    ])
}

fn with_policies(api: Api<System>) -> Api<System> {
    api.with([
        read("policy", policies::list_old, "List the policies.").slashed_ok(),
        list("policy", policies::list_old, "List the policies."),
        read("policy/{name}", policies::read_old, "Show a policy."),
        write("policy/{name}", policies::save, "Create or replace a policy."),
        delete("policy/{name}", policies::delete, "Delete a policy."),
        list("policies/acl", policies::list, "List the policies."),
        read("policies/acl/{name}", policies::read, "Show a policy."),
        write("policies/acl/{name}", policies::save, "Create or replace a policy."),
        delete("policies/acl/{name}", policies::delete, "Delete a policy."),
    ])
}
