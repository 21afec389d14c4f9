//! How roles are stored: the record under the keyed hash of the RoleID, which a login knows, and a pointer to it under
//! the role's name, which operators know.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    auth_methods::approle::records::{ROLE_NAMES, ROLES, Role, RolePointer},
    base::limits::CHOSEN_ID_BYTES_MAX,
    contract::{Error, Ident, Result, View},
};

/// The parameter of every path that names a role.
#[derive(Deserialize, JsonSchema)]
pub struct RolePath {
    /// The name of the role. Case does not matter.
    pub role_name: Ident,
}

/// The keyed hash of a RoleID: the storage key of its role.
pub fn key_of(store: &View, role_id: &str) -> Result<[u8; 32]> {
    store.keyed_hash("role id", role_id.as_bytes())
}

/// The role with this name, and its storage key. `None` if there is no such role.
pub fn find(store: &View, name: &str) -> Result<Option<([u8; 32], Role)>> {
    let Some(pointer) = store.get(&ROLE_NAMES, name)? else { return Ok(None) };
    match store.get_raw(&ROLES, &pointer.key)? {
        Some(role) => Ok(Some((pointer.key, role))),
        // Another request moved or deleted the role between the two reads.
        None => Err(store.conflict()),
    }
}

/// Stores a role under its RoleID, which no other role may have. `old` is the role's former storage key, `None` for a
/// new role; if the key changes, the record at `old` is deleted.
pub fn put(store: &View, old: Option<[u8; 32]>, role: &Role) -> Result<()> {
    if role.role_id.len() > CHOSEN_ID_BYTES_MAX {
        return Err(Error::invalid(format!("role_id is longer than {CHOSEN_ID_BYTES_MAX} bytes")));
    }
    let key = key_of(store, &role.role_id)?;
    if old != Some(key) {
        if store.get_raw(&ROLES, &key)?.is_some() {
            return Err(Error::invalid("role_id already in use").listed());
        }
        if let Some(old) = old {
            store.delete_raw(&ROLES, &old)?;
        }
        store.put(&ROLE_NAMES, &role.name, &RolePointer { key })?;
    }
    store.put_raw(&ROLES, &key, role)
}
