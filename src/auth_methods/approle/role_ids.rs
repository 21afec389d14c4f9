//! RoleIDs: which role a login means. No secret, but not to be guessed either; stored under its keyed hash.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    auth_methods::approle::{
        AppRole,
        records::{ROLE_NAMES, ROLES, Role, RolePointer},
        roles::{self, RolePath},
    },
    base::limits::CHOSEN_ID_BYTES_MAX,
    contract::{Answer, Call, Error, Fault, Result, View, row::Nothing},
};

#[derive(Deserialize, JsonSchema)]
pub struct Input {
    /// The RoleID that the role shall have.
    role_id: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    role_id: String,
}

pub async fn read(call: Call<AppRole>, path: RolePath, _: Nothing) -> Result<Answer> {
    let (_, role) = roles::find(&call.store, &path.role_name.0).await?.ok_or_else(Error::missing)?;
    Answer::data(&Shown { role_id: role.role_id })
}

pub async fn write(call: Call<AppRole>, path: RolePath, input: Input) -> Result<Answer> {
    let Some((key, mut role)) = roles::find(&call.store, &path.role_name.0).await? else {
        return Err(Error::new(Fault::Missing, "unsupported path").listed());
    };
    role.role_id = input.role_id.filter(|id| !id.is_empty()).ok_or_else(|| Error::invalid("missing role_id"))?;
    place(&call.store, Some(key), &role).await?;
    Ok(Answer::done())
}

/// What a role of this RoleID lies under.
pub fn key_of(store: &View, role_id: &str) -> Result<[u8; 32]> {
    store.keyed_hash("role id", role_id.as_bytes())
}

/// Stores a role under its RoleID, which another role may not have, and takes it away from where it was.
pub async fn place(store: &View, old: Option<[u8; 32]>, role: &Role) -> Result<()> {
    if role.role_id.len() > CHOSEN_ID_BYTES_MAX {
        return Err(Error::invalid(format!("role_id is longer than {CHOSEN_ID_BYTES_MAX} bytes")));
    }
    let key = key_of(store, &role.role_id)?;
    if old != Some(key) {
        if store.get_raw(&ROLES, &key).await?.is_some() {
            return Err(Error::invalid("role_id already in use").listed());
        }
        if let Some(old) = old {
            store.delete_raw(&ROLES, &old).await?;
        }
        store.put(&ROLE_NAMES, &role.name, &RolePointer { key }).await?;
    }
    store.put_raw(&ROLES, &key, role).await
}
