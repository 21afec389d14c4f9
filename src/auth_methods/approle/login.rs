//! The login, and the renewal of tokens that a login issued. Every failed login gets the same answer and takes the same
//! time: an unknown RoleID causes as many look-ups as a known RoleID.

use std::sync::PoisonError;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    auth_methods::approle::{
        AppRole,
        records::{ROLES, Role},
        role_storage,
        secret_id_storage::{self, Found},
    },
    base::{limits::DISPLAY_NAME_BYTES_MAX, secret::Secret},
    contract::{Answer, Call, Error, IssuedToken, Login, Renewal, Result, row::Nothing},
};

/// The RoleID and the SecretID with which a service logs in.
#[derive(Deserialize, JsonSchema)]
pub struct Input {
    /// The RoleID. It selects the role.
    #[schemars(extend("needed" = true))]
    role_id: Option<String>,
    /// The SecretID. It proves the identity of the service.
    #[schemars(extend("needed" = true))]
    secret_id: Option<Secret<String>>,
}

/// The metadata key under which a token stores the name of its role.
pub const ROLE_NAME: &str = "role_name";

pub fn log_in(call: Call<AppRole>, _: Nothing, input: Input) -> Result<Answer> {
    let role_id = input.role_id.filter(|id| !id.is_empty()).ok_or_else(|| Error::invalid("missing role_id"))?;
    let secret_id = input.secret_id.ok_or_else(|| Error::invalid("missing secret_id"))?;
    let secret_id = secret_id.expose();
    if secret_id.is_empty() {
        return Err(Error::invalid("missing secret_id"));
    }
    let key = role_storage::key_of(&call.store, &role_id)?;
    let role: Option<Role> = call.store.get_raw(&ROLES, &key)?;
    let hash = secret_id_storage::hash_of(&call.store, role.as_ref().unwrap_or(&Role::default()), secret_id)?;
    let Some(role) = role else {
        read_decoy(&call)?;
        return Err(refused());
    };
    remember_decoy(&call.engine, key);
    let found = secret_id_storage::find(&call.store, call.now, &role, hash)?.ok_or_else(refused)?;
    let login = login(&call, &role, &found)?;
    secret_id_storage::spend(&call.store, call.now, &role, found)?;
    Ok(Answer::login(login))
}

/// Decides whether a token of this mount may be renewed. It may only while the role exists that issued it; a later role
/// of the same name has another incarnation.
pub fn renew(call: Call<AppRole>, token: &IssuedToken) -> Result<Renewal> {
    let name = token.metadata.get(ROLE_NAME).ok_or_else(|| Error::invalid("the token names no role"))?;
    let incarnation = token.origin.map(|origin| origin.principal);
    match role_storage::find(&call.store, name)? {
        Some((_, role)) if Some(role.incarnation) == incarnation => {
            Ok(Renewal { ttl: role.token_ttl, max_ttl: role.token_max_ttl, period: role.token_period })
        }
        _ => Err(Error::invalid(format!("role \"{name}\" does not exist during renewal"))),
    }
}

fn login(call: &Call<AppRole>, role: &Role, found: &Found) -> Result<Login> {
    let mut metadata = found.secret.metadata.clone();
    metadata.insert(ROLE_NAME.to_owned(), role.name.clone());
    Ok(Login {
        origin: secret_id_storage::origin(&call.store, role, &found.secret)?,
        // Not the RoleID, which another role can have later.
        alias: uuid::Uuid::from_bytes(role.incarnation).to_string(),
        display_name: display_name(&call.mount.path),
        policies: role.token_policies.clone(),
        metadata,
        ttl: role.token_ttl,
        max_ttl: role.token_max_ttl,
        explicit_max_ttl: role.token_explicit_max_ttl,
        period: role.token_period,
        num_uses: role.token_num_uses,
        has_no_default_policy: role.has_no_default_policy,
    })
}

/// The display name, as Vault derives it from the mount: `auth/team/approle/` gives `team-approle`. A very long one is cut.
pub fn display_name(mount: &str) -> String {
    let mut name = mount.strip_prefix("auth/").unwrap_or(mount).trim_end_matches('/').replace('/', "-");
    name.truncate(name.floor_char_boundary(DISPLAY_NAME_BYTES_MAX));
    name
}

/// The same error for every failed login, whatever the reason.
fn refused() -> Error {
    Error::invalid("invalid role or secret ID")
}

fn remember_decoy(engine: &AppRole, key: [u8; 32]) {
    engine.decoy.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(key);
}

/// Reads an existing role and ignores it, for a login with an unknown RoleID. A login with a known role and a wrong
/// SecretID opens one record and misses another, so a login with an unknown RoleID does the same.
fn read_decoy(call: &Call<AppRole>) -> Result<()> {
    let remembered = *call.engine.decoy.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = remembered
        && call.store.get_raw(&ROLES, &key)?.is_some()
    {
        return Ok(());
    }
    let some = call.store.scan_raw(&ROLES, &[], 1)?;
    let key = some.first().and_then(|(name, _)| name.as_slice().try_into().ok());
    *call.engine.decoy.lock().unwrap_or_else(PoisonError::into_inner) = key;
    Ok(())
}
