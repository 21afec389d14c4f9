//! How SecretIDs are stored: as three records each (the SecretID, its accessor, its expiry), which are written and
//! deleted together. Every storage key begins with the incarnation of the role, so a role reaches only its own
//! SecretIDs.
//!
//! A refused login commits nothing, so it cannot delete an expired SecretID. Expired SecretIDs are deleted when the
//! next SecretID of their role is created. The SecretIDs of a deleted role are deleted when other roles are written or
//! deleted. Until then they exist but do not work.

use crate::{
    auth_methods::approle::records::{
        ACCESSORS, DELETED_ROLES, EXPIRIES, Entry, Role, SECRET_IDS, SecretId, SecretIdPointer,
    },
    base::{limits::SWEEP_BATCH_MAX, time::Time},
    contract::{Error, LoginOrigin, Result, View},
};

/// Maximum number of SecretIDs that are deleted together with their role. [`sweep`] deletes the others later. Each has
/// three records.
const DELETED_MAX: usize = SWEEP_BATCH_MAX / 3;
/// Maximum number of expired SecretIDs that are deleted when a new SecretID is created.
const PRUNED_MAX: usize = 8;

/// A SecretID, and the hash under which it is stored.
pub struct Found {
    pub hash: [u8; 32],
    pub secret: SecretId,
}

impl SecretId {
    pub fn has_expired(&self, now: Time) -> bool {
        self.expires.is_some_and(|at| now.unix_nanos() >= at)
    }
}

/// The keyed hash of a SecretID. It depends on the role: the same SecretID has different hashes for two roles.
pub fn hash_of(store: &View, role: &Role, secret: &str) -> Result<[u8; 32]> {
    store.keyed_hash("secret id", &[&role.incarnation, secret.as_bytes()].concat())
}

/// The SecretID with this hash, if the role has it and it has not expired.
pub fn find(store: &View, now: Time, role: &Role, hash: [u8; 32]) -> Result<Option<Found>> {
    Ok(stored(store, role, hash)?.filter(|found| !found.secret.has_expired(now)))
}

/// The SecretID with this hash, if the role has it. It may have expired.
pub fn stored(store: &View, role: &Role, hash: [u8; 32]) -> Result<Option<Found>> {
    let secret = store.get_raw(&SECRET_IDS, &below(role, &hash))?;
    Ok(secret.map(|secret| Found { hash, secret }))
}

/// The SecretID with this accessor, if the role has it. It may have expired.
pub fn stored_by_accessor(store: &View, role: &Role, accessor: &str) -> Result<Option<Found>> {
    let name = accessor_name(store, role, accessor)?;
    match store.get_raw(&ACCESSORS, &name)? {
        Some(pointer) => stored(store, role, pointer.hash),
        None => Ok(None),
    }
}

/// Stores a new SecretID. Fails if the role already has it.
pub fn add(store: &View, now: Time, role: &Role, hash: [u8; 32], secret: &SecretId) -> Result<()> {
    prune(store, now, role)?;
    if store.get_raw(&SECRET_IDS, &below(role, &hash))?.is_some() {
        return Err(Error::invalid("failed to store secret_id: SecretID is already registered").listed());
    }
    store.put_raw(&SECRET_IDS, &below(role, &hash), secret)?;
    store.put_raw(&ACCESSORS, &accessor_name(store, role, &secret.accessor)?, &SecretIdPointer { hash })?;
    if let Some(at) = secret.expires {
        store.put_raw(&EXPIRIES, &expiry_name(role, at, &hash), &Entry {})?;
    }
    Ok(())
}

/// The origin of a login with a SecretID. The accessor is random, so a SecretID that is registered once more has another
/// origin.
pub fn origin(store: &View, role: &Role, secret: &SecretId) -> Result<LoginOrigin> {
    let hash = store.keyed_hash("accessor", &[&role.incarnation, secret.accessor.as_bytes()].concat())?;
    let credential = hash.first_chunk().copied().unwrap_or_default();
    Ok(LoginOrigin { principal: role.incarnation, credential })
}

/// Counts one use of a SecretID, and deletes it after the last use. Writes nothing if its uses are not limited.
pub fn spend(store: &View, now: Time, role: &Role, found: Found) -> Result<()> {
    let Found { hash, mut secret } = found;
    match secret.uses {
        0 => Ok(()),
        1 => remove(store, role, &Found { hash, secret }),
        _ => {
            secret.uses -= 1;
            secret.updated = now.unix_nanos();
            store.put_raw(&SECRET_IDS, &below(role, &hash), &secret)
        }
    }
}

/// Deletes a SecretID with its accessor and expiry.
pub fn remove(store: &View, role: &Role, found: &Found) -> Result<()> {
    store.delete_raw(&SECRET_IDS, &below(role, &found.hash))?;
    store.delete_raw(&ACCESSORS, &accessor_name(store, role, &found.secret.accessor)?)?;
    if let Some(at) = found.secret.expires {
        store.delete_raw(&EXPIRIES, &expiry_name(role, at, &found.hash))?;
    }
    Ok(())
}

/// The SecretIDs of a role, including expired ones, at most the first `limit`.
pub fn all(store: &View, role: &Role, limit: usize) -> Result<Vec<Found>> {
    let records = store.scan_raw(&SECRET_IDS, &role.incarnation, limit)?;
    Ok(records.into_iter().filter_map(|(name, secret)| Some(Found { hash: last(&name)?, secret })).collect())
}

/// Deletes the SecretIDs of a role that is deleted in the same unit of work, at most [`DELETED_MAX`]. No other role has
/// the incarnation of the deleted role, so any remaining SecretIDs no longer work. A tombstone marks them for
/// [`sweep`].
pub fn delete_all(store: &View, role: &Role) -> Result<()> {
    let found = all(store, role, DELETED_MAX + 1)?;
    for secret in found.iter().take(DELETED_MAX) {
        remove(store, role, secret)?;
    }
    if found.len() > DELETED_MAX {
        store.put_raw(&DELETED_ROLES, &role.incarnation, &Entry {})?;
    }
    Ok(())
}

/// Deletes SecretIDs that a deleted role has left, at most [`DELETED_MAX`] in one call.
pub fn sweep(store: &View) -> Result<()> {
    let deleted = store.scan_raw(&DELETED_ROLES, &[], 1)?;
    let Some(incarnation) = deleted.first().and_then(|(name, _)| name.as_slice().try_into().ok()) else {
        return Ok(());
    };
    let role = Role { incarnation, ..Role::default() };
    let found = all(store, &role, DELETED_MAX + 1)?;
    for secret in found.iter().take(DELETED_MAX) {
        remove(store, &role, secret)?;
    }
    if found.len() <= DELETED_MAX {
        store.delete_raw(&DELETED_ROLES, &incarnation)?;
    }
    Ok(())
}

fn prune(store: &View, now: Time, role: &Role) -> Result<()> {
    for (name, _) in store.scan_raw(&EXPIRIES, &role.incarnation, PRUNED_MAX)? {
        let at = name.get(16..24).and_then(|bytes| bytes.try_into().ok()).map_or(i64::MAX, i64::from_be_bytes);
        if at > now.unix_nanos() {
            break;
        }
        store.delete_raw(&EXPIRIES, &name)?;
        let Some(hash) = last(&name) else { continue };
        if let Some(secret) = store.get_raw(&SECRET_IDS, &below(role, &hash))? {
            remove(store, role, &Found { hash, secret })?;
        }
    }
    Ok(())
}

fn below(role: &Role, hash: &[u8; 32]) -> Vec<u8> {
    [role.incarnation.as_slice(), hash].concat()
}

fn accessor_name(store: &View, role: &Role, accessor: &str) -> Result<Vec<u8>> {
    let hash = store.keyed_hash("accessor", &[&role.incarnation, accessor.as_bytes()].concat())?;
    Ok(below(role, &hash))
}

fn expiry_name(role: &Role, at: i64, hash: &[u8; 32]) -> Vec<u8> {
    [role.incarnation.as_slice(), &at.to_be_bytes(), hash].concat()
}

/// The hash at the end of a storage key.
fn last(name: &[u8]) -> Option<[u8; 32]> {
    name.last_chunk::<32>().copied()
}
