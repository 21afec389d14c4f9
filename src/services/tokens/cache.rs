//! Tokens that were used lately, opened. An entry is only ever a shortcut: expiry and marks are checked at each use,
//! and every change of a token's record removes its entry before the change is acknowledged.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use crate::{
    barrier::{BarrierError, Unit},
    contract::Principal,
    services::{
        audit::Badge,
        tables::{CORE, TOKENS},
        tokens::record::TokenRecord,
    },
    store::Tag,
};

/// A token that was found, with its record as it was read.
pub struct Session {
    pub hash: [u8; 32],
    pub record: TokenRecord,
    pub tag: Tag,
    /// Who it speaks for.
    pub principal: Arc<Principal>,
    /// The same for audit lines, once the first was written.
    pub badge: OnceLock<Badge>,
}

impl Session {
    pub fn new(hash: [u8; 32], record: TokenRecord, tag: Tag) -> Self {
        let principal = Arc::new(Principal {
            entity_id: record.entity_id(),
            display_name: record.display_name.clone(),
            policies: record.policies.clone(),
            metadata: record.metadata.clone(),
            is_login: record.login_mount.is_some(),
        });
        Self { hash, record, tag, principal, badge: OnceLock::new() }
    }
}

const SHARDS: usize = 16;
/// Entries of one shard: 4,096 tokens in all, some 6 MB.
const SHARD_ENTRIES_MAX: usize = 256;

#[derive(Default)]
pub struct SessionCache {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    /// Grows with each removal, so that a reader that was overtaken does not put back what it read before.
    epoch: u64,
    entries: HashMap<[u8; 32], Arc<Session>>,
}

impl SessionCache {
    fn shard(&self, hash: &[u8; 32]) -> Option<MutexGuard<'_, Shard>> {
        let index = usize::from(hash.first().copied().unwrap_or_default()) % SHARDS;
        Some(self.shards.get(index)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The token's record, from here or from the store.
    pub fn find(&self, hash: &[u8; 32], unit: impl FnOnce() -> Unit) -> Result<Option<Arc<Session>>, BarrierError> {
        let epoch = match self.shard(hash) {
            Some(shard) => match shard.entries.get(hash) {
                Some(session) => return Ok(Some(Arc::clone(session))),
                None => shard.epoch,
            },
            None => 0,
        };
        let Some((record, tag)) = unit().get_tagged(&CORE, &TOKENS, hash)? else { return Ok(None) };
        let session = Arc::new(Session::new(*hash, record, tag));
        if let Some(mut shard) = self.shard(hash).filter(|shard| shard.epoch == epoch) {
            if shard.entries.len() >= SHARD_ENTRIES_MAX {
                shard.entries.clear();
            }
            shard.entries.insert(*hash, Arc::clone(&session));
        }
        Ok(Some(session))
    }

    /// Forgets a token whose record changes.
    pub fn remove(&self, hash: &[u8; 32]) {
        if let Some(mut shard) = self.shard(hash) {
            shard.epoch += 1;
            shard.entries.remove(hash);
        }
    }

    /// Forgets everything: at seal.
    pub fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.epoch += 1;
            shard.entries.clear();
        }
    }
}
