//! AppRole: a service proves who it is with a RoleID, which names its role, and a SecretID, which only it has. An
//! operator makes both, and may bound how long and how often a SecretID works.
//!
//! Neither is stored as it is: a role lies under a keyed hash of its RoleID and a SecretID under a keyed hash of
//! itself, below the incarnation of its role. So a login is two look-ups, and what belongs to one role, or to a role
//! that is gone, cannot be reached through another.

mod login;
mod metadata;
mod records;
mod role_ids;
mod role_storage;
mod roles;
mod secret_id_storage;
mod secret_ids;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Mutex};

use crate::contract::{Api, AuthMethod, Call, Host, Renewal, Result, delete, list, login, read, write};

/// One mount of the method.
#[derive(Default)]
pub struct AppRole {
    /// The key of some role that exists, read by logins that name none: a miss then costs what a hit costs.
    decoy: Mutex<Option<[u8; 32]>>,
}

impl AuthMethod for AppRole {
    const KIND: &'static str = "approle";

    fn api() -> Api<Self> {
        Api::new(
            "AppRole: services log in with a RoleID and a SecretID.",
            [
                login("login", login::log_in, "Log in with a RoleID and a SecretID."),
                list("role", roles::list, "List the names of all roles."),
                read("role/{role_name:ident}", roles::read, "Show what a role gives to those who log in with it."),
                write("role/{role_name:ident}", roles::write, "Create a role or change it.").exists(roles::exists),
                delete("role/{role_name:ident}", roles::delete, "Delete a role with its SecretIDs."),
                read("role/{role_name:ident}/role-id", role_ids::read, "Show the RoleID of a role."),
                write("role/{role_name:ident}/role-id", role_ids::write, "Give a role a RoleID of your choice."),
            ],
        )
        .with([
            list("role/{role_name:ident}/secret-id", secret_ids::list, "List the accessors of a role's SecretIDs."),
            write("role/{role_name:ident}/secret-id", secret_ids::make, "Make a SecretID for a role."),
            write(
                "role/{role_name:ident}/custom-secret-id",
                secret_ids::register,
                "Register a SecretID of your choice for a role.",
            ),
            write("role/{role_name:ident}/secret-id/lookup", secret_ids::look_up, "Show what is known of a SecretID."),
            write("role/{role_name:ident}/secret-id/destroy", secret_ids::destroy, "Destroy a SecretID."),
            delete("role/{role_name:ident}/secret-id/destroy", secret_ids::destroy, "Destroy a SecretID."),
            write(
                "role/{role_name:ident}/secret-id-accessor/lookup",
                secret_ids::look_up_accessor,
                "Show what is known of the SecretID of an accessor.",
            ),
            write(
                "role/{role_name:ident}/secret-id-accessor/destroy",
                secret_ids::destroy_accessor,
                "Destroy the SecretID of an accessor.",
            ),
            delete(
                "role/{role_name:ident}/secret-id-accessor/destroy",
                secret_ids::destroy_accessor,
                "Destroy the SecretID of an accessor.",
            ),
        ])
    }

    async fn open(_host: Host) -> Result<Self> {
        Ok(Self::default())
    }

    async fn renew(call: Call<Self>, metadata: BTreeMap<String, String>) -> Result<Renewal> {
        login::renew(call, &metadata).await
    }
}
