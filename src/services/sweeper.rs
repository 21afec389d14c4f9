//! The broker's own errand: what has expired or is under a mark is dead already; the sweeper takes it out of the store,
//! in batches, and removes a mark when nothing is left under it. A restart goes on where it was.

use std::sync::Arc;

use crate::{
    barrier::{BarrierError, MountId, Unit},
    base::limits::SWEEP_BATCH_MAX,
    contract::Result,
    services::{
        Services, guards,
        marks::{self, Mark, Marked},
        tables::{CHILDREN, CORE, EXPIRIES, LOGINS, MARKS, TOKENS},
        tokens::{self, TokenRecord},
    },
};

/// Sweeps until nothing is due. Gives the number of tokens deleted.
pub async fn sweep(services: &Arc<Services>) -> Result<usize> {
    let mut swept = 0;
    loop {
        let step = expire(services).await? + sweep_marks(services).await?;
        if step == 0 {
            return Ok(swept);
        }
        swept += step;
    }
}

fn unit(services: &Arc<Services>) -> Result<Unit, BarrierError> {
    let unit = services.unit(services.random.bytes())?;
    unit.urgent();
    Ok(unit)
}

/// Revokes one batch of what has expired.
async fn expire(services: &Arc<Services>) -> Result<usize> {
    let now = services.clock.now();
    let unit = unit(services)?;
    let due = unit.scan(&CORE, &EXPIRIES, &[], &[], SWEEP_BATCH_MAX)?;
    let mut count = 0;
    for (key, _) in due {
        let Some((at, hash)) = key.split_first_chunk::<8>() else { continue };
        if u64::from_be_bytes(*at) > u64::try_from(now.unix_secs()).unwrap_or_default() {
            break;
        }
        let Ok(hash) = <[u8; 32]>::try_from(hash) else { continue };
        match unit.get(&CORE, &TOKENS, &hash)? {
            Some(record) if record.is_expired(now) => {
                if record.has_children && services.marks.load().kill(record.stamp, [&hash], None) {
                    continue;
                }
                if tokens::revoke(&unit, &hash, &record)? {
                    services.marks_change(&unit);
                }
                services.session_changes(&unit, hash);
            }
            _ => unit.delete(&CORE, &EXPIRIES, &key)?,
        }
        count += 1;
    }
    commit(unit, count).await
}

/// A conflict means that somebody else changed one of the tokens: the next round looks again.
async fn commit(unit: Unit, count: usize) -> Result<usize> {
    if !unit.writes_something() {
        return Ok(0);
    }
    match unit.commit(Vec::new()).await {
        Ok(_) | Err(BarrierError::Conflict) => Ok(count.max(1)),
        Err(error) => Err(error.into()),
    }
}

/// Deletes one batch under the oldest mark, or the mark itself.
async fn sweep_marks(services: &Arc<Services>) -> Result<usize> {
    let unit = unit(services)?;
    let Some(mark) = marks::all(&unit)?.into_iter().next() else { return Ok(0) };
    let count = match &mark.what {
        Marked::Tree(hash) => erase_tree(services, &unit, hash)?,
        Marked::Mount(id) => erase_mount(services, &unit, id)?,
    };
    if count == 0 {
        return remove(services, unit, &mark).await;
    }
    commit(unit, count).await
}

async fn remove(services: &Arc<Services>, unit: Unit, mark: &Mark) -> Result<usize> {
    guards::advance(&unit, guards::Kind::Marks)?;
    unit.delete(&CORE, &MARKS, &mark.generation.to_be_bytes())?;
    services.marks_change(&unit);
    commit(unit, 1).await
}

fn erase_tree(services: &Arc<Services>, unit: &Unit, root: &[u8; 32]) -> Result<usize> {
    let mut dead = Vec::new();
    collect(unit, root, &mut dead)?;
    for (hash, record) in &dead {
        tokens::erase(unit, hash, record)?;
        services.session_changes(unit, *hash);
    }
    Ok(dead.len())
}

/// Gathers a token and its descendants, the deepest first, so that whoever is left over still hangs on the tree. Says
/// whether all of them were gathered.
fn collect(unit: &Unit, hash: &[u8; 32], dead: &mut Vec<([u8; 32], TokenRecord)>) -> Result<bool> {
    for (pair, _) in unit.scan(&CORE, &CHILDREN, hash, hash, SWEEP_BATCH_MAX + 1)? {
        let Some(child) = pair.get(32..).and_then(|child| <[u8; 32]>::try_from(child).ok()) else { continue };
        if dead.len() >= SWEEP_BATCH_MAX || !collect(unit, &child, dead)? {
            return Ok(false);
        }
    }
    if dead.len() >= SWEEP_BATCH_MAX {
        return Ok(false);
    }
    if let Some(record) = unit.get(&CORE, &TOKENS, hash)? {
        dead.push((*hash, record));
    }
    Ok(true)
}

fn erase_mount(services: &Arc<Services>, unit: &Unit, id: &MountId) -> Result<usize> {
    let mut count = 0;
    for (pair, _) in unit.scan(&CORE, &LOGINS, id, id, SWEEP_BATCH_MAX)? {
        let Some(hash) = pair.get(16..).and_then(|hash| <[u8; 32]>::try_from(hash).ok()) else { continue };
        count += erase_tree(services, unit, &hash)?;
        if count >= SWEEP_BATCH_MAX {
            break;
        }
    }
    if count == 0 {
        for key in unit.keys_of_mount(id, SWEEP_BATCH_MAX)? {
            unit.delete_key(&key)?;
            count += 1;
        }
    }
    Ok(count)
}
