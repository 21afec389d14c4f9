//! How a token ends. One without children is deleted with all its entries in one batch; one with children is marked,
//! which kills the whole tree at once, and the sweeper deletes what is dead.

use crate::{
    barrier::{BarrierError, Unit},
    services::{
        marks::{self, Marked},
        tables::{ACCESSORS, CHILDREN, CORE, EXPIRIES, LOGINS, TOKENS},
        tokens::record::{TokenRecord, expiry_key, pair_key},
    },
};

/// Ends a token and all that descend from it. Says whether a mark was made.
pub fn revoke(unit: &Unit, hash: &[u8; 32], record: &TokenRecord) -> Result<bool, BarrierError> {
    unit.urgent();
    if record.has_children {
        marks::add(unit, Marked::Tree(*hash))?;
        return Ok(true);
    }
    erase(unit, hash, record)?;
    Ok(false)
}

/// Deletes a token's record and all its entries.
pub fn erase(unit: &Unit, hash: &[u8; 32], record: &TokenRecord) -> Result<(), BarrierError> {
    unit.delete(&CORE, &TOKENS, hash)?;
    unit.delete(&CORE, &ACCESSORS, &unit.keys().accessor_hash(&record.accessor)?)?;
    if let Some(expires) = record.expires {
        unit.delete(&CORE, &EXPIRIES, &expiry_key(expires, hash))?;
    }
    if let Some(parent) = record.parent() {
        unit.delete(&CORE, &CHILDREN, &pair_key(parent, hash))?;
    }
    if let Some(mount) = &record.login_mount {
        unit.delete(&CORE, &LOGINS, &pair_key(mount, hash))?;
    }
    Ok(())
}
