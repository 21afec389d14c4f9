//! Ends a token. A token without children is deleted with all its entries in one batch. A token with children gets a
//! revocation marker, which kills the whole tree at once; the sweeper deletes it later.

use crate::{
    barrier::{BarrierError, Unit},
    services::{
        table_ids::CORE,
        tokens::record::{ACCESSORS, CHILDREN, EXPIRIES, LOGINS, TOKENS, TokenRecord, expiry_key, login_key, pair_key},
    },
};

/// Deletes a token's record and all its entries.
pub(super) fn erase(unit: &Unit, hash: &[u8; 32], record: &TokenRecord) -> Result<(), BarrierError> {
    unit.delete(&CORE, &TOKENS, hash)?;
    unit.delete(&CORE, &ACCESSORS, &unit.keys().accessor_hash(&record.accessor)?)?;
    if let Some(expires) = record.expires {
        unit.delete(&CORE, &EXPIRIES, &expiry_key(expires, hash))?;
    }
    if let Some(parent) = record.parent() {
        unit.delete(&CORE, &CHILDREN, &pair_key(parent, hash))?;
    }
    if let Some(key) = login_key(record, hash) {
        unit.delete(&CORE, &LOGINS, &key)?;
    }
    Ok(())
}

/// What happened to the children of a token that was deleted alone.
pub(crate) enum Orphaned {
    /// All of them live on as orphans.
    All(Vec<[u8; 32]>),
    /// There are more children than the limit.
    TooMany,
    /// A child has children itself, whose records also name this token as an ancestor.
    HasGrandchildren,
}

/// Makes the children of a token orphans, at most `limit` of them.
pub(super) fn orphan_children(unit: &Unit, hash: &[u8; 32], limit: usize) -> Result<Orphaned, BarrierError> {
    let children = unit.scan(&CORE, &CHILDREN, hash, limit + 1)?;
    if children.len() > limit {
        return Ok(Orphaned::TooMany);
    }
    let mut orphaned = Vec::with_capacity(children.len());
    for (pair, _) in children {
        let Some(child) = pair.get(32..).and_then(|child| <[u8; 32]>::try_from(child).ok()) else { continue };
        let Some(mut record) = unit.get(&CORE, &TOKENS, &child)? else { continue };
        if record.has_children {
            return Ok(Orphaned::HasGrandchildren);
        }
        record.ancestors.clear();
        unit.put(&CORE, &TOKENS, &child, &record)?;
        unit.delete(&CORE, &CHILDREN, &pair)?;
        orphaned.push(child);
    }
    Ok(Orphaned::All(orphaned))
}
