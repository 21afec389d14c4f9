//! AppRole: a service logs in with a RoleID, which selects its role, and a SecretID, which only the service knows. An
//! operator creates both, and can limit how long and how often a SecretID works.
//!
//! Neither is stored in plain text. A role is stored under a keyed hash of its RoleID. A SecretID is stored under the
//! incarnation of its role (a random number) and a keyed hash of itself. A login therefore needs two look-ups, and the
//! SecretIDs of one role, or of a deleted role, cannot be reached through another role.

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

use std::sync::Mutex;

use crate::contract::{
    Api, AuthMethod, Call, Host, IssuedToken, Renewal, Result, delete, list, login, read, waits, write,
};

/// One mount of AppRole.
#[derive(Default)]
pub struct AppRole {
    /// The storage key of some existing role. A login with an unknown RoleID reads that role, so that it takes as long
    /// as a login with a known RoleID. `None` until the key of a role is known.
    decoy: Mutex<Option<[u8; 32]>>,
}

impl AuthMethod for AppRole {
    const KIND: &'static str = "approle";

    fn api() -> Api<Self> {
        Api::new(
            "AppRole: services log in with a RoleID and a SecretID.",
            [
                login("login", login::log_in, "Log in with a RoleID and a SecretID."),
                list("role", waits(roles::list), "List the names of all roles."),
                read("role/{role_name:ident}", roles::read, "Show the properties of a role and of its tokens."),
                write("role/{role_name:ident}", roles::write, "Create a role or change it.").exists(roles::exists),
                delete(
                    "role/{role_name:ident}",
                    roles::delete,
                    "Delete a role with its SecretIDs, and end its tokens.",
                ),
                read("role/{role_name:ident}/role-id", role_ids::read, "Show the RoleID of a role."),
                write("role/{role_name:ident}/role-id", role_ids::write, "Give a role a RoleID of your choice."),
            ],
        )
        .with([
            list(
                "role/{role_name:ident}/secret-id",
                waits(secret_ids::list),
                "List the accessors of a role's SecretIDs.",
            ),
            write("role/{role_name:ident}/secret-id", secret_ids::make, "Make a SecretID for a role."),
            write(
                "role/{role_name:ident}/custom-secret-id",
                secret_ids::register,
                "Register a SecretID of your choice for a role.",
            ),
            write("role/{role_name:ident}/secret-id/lookup", secret_ids::look_up, "Show the properties of a SecretID."),
            write(
                "role/{role_name:ident}/secret-id/destroy",
                secret_ids::destroy,
                "Destroy a SecretID, and end the tokens of its logins.",
            ),
            delete(
                "role/{role_name:ident}/secret-id/destroy",
                secret_ids::destroy,
                "Destroy a SecretID, and end the tokens of its logins.",
            ),
            write(
                "role/{role_name:ident}/secret-id-accessor/lookup",
                secret_ids::look_up_accessor,
                "Show the properties of the SecretID with an accessor.",
            ),
            write(
                "role/{role_name:ident}/secret-id-accessor/destroy",
                secret_ids::destroy_accessor,
                "Destroy the SecretID with an accessor, and end the tokens of its logins.",
            ),
            delete(
                "role/{role_name:ident}/secret-id-accessor/destroy",
                secret_ids::destroy_accessor,
                "Destroy the SecretID with an accessor, and end the tokens of its logins.",
            ),
        ])
    }

    async fn open(_host: Host) -> Result<Self> {
        Ok(Self::default())
    }

    async fn renew(call: Call<Self>, token: IssuedToken) -> Result<Renewal> {
        login::renew(call, &token)
    }
}
