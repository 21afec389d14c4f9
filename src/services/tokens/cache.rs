//! The cache of recently used tokens, with their records decrypted. Expiry and revocation are checked at each use, and
//! every change of a token's record removes its entry before the change is acknowledged. So an entry only saves a read.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use quick_cache::{Weighter, sync::Cache};

use crate::{
    barrier::{BarrierError, Unit},
    base::limits::TOKEN_CACHE_BYTES_MAX,
    contract::Principal,
    services::{
        audit::CachedAuthFields,
        table_ids::CORE,
        tokens::record::{TOKENS, TokenRecord},
    },
    store::Tag,
};

/// A token that was found, with its record as it was read.
pub struct Session {
    pub hash: [u8; 32],
    pub record: TokenRecord,
    pub tag: Tag,
    /// The principal for whom the token speaks.
    pub principal: Arc<Principal>,
    /// The caller's part of an audit log line. Set once the first line was written.
    pub audit_fields: OnceLock<CachedAuthFields>,
}

impl Session {
    pub fn new(hash: [u8; 32], record: TokenRecord, tag: Tag) -> Self {
        let principal = Arc::new(Principal {
            entity_id: record.entity_id(),
            display_name: record.display_name.clone(),
            policies: record.policies.clone(),
            metadata: record.metadata.clone(),
            login_mount: record.login_path.clone(),
        });
        Self { hash, record, tag, principal, audit_fields: OnceLock::new() }
    }
}

/// `epochs` is split into this many parts. A removal holds up only insertions into the same part.
const STRIPES: usize = 16;
/// The number of tokens that the cache is prepared for. It can hold more: its bound is in bytes.
const TOKENS_EXPECTED: usize = 256;

/// The cache of tokens. Its memory is bounded in bytes; the entries that were not used for longest are dropped first.
pub(crate) struct SessionCache {
    entries: Cache<[u8; 32], Arc<Session>, SessionBytes>,
    /// A number per stripe that grows with each removal, so that a slow reader does not put back
    /// a record that was removed since it read.
    epochs: [Mutex<u64>; STRIPES],
}

impl Default for SessionCache {
    fn default() -> Self {
        let entries = Cache::with_weighter(TOKENS_EXPECTED, TOKEN_CACHE_BYTES_MAX, SessionBytes);
        Self { entries, epochs: Default::default() }
    }
}

/// Estimates the memory that a cached token takes.
#[derive(Clone)]
struct SessionBytes;

impl Weighter<[u8; 32], Arc<Session>> for SessionBytes {
    fn weight(&self, _: &[u8; 32], session: &Arc<Session>) -> u64 {
        let record = &session.record;
        let policies: usize = record.policies.iter().map(|name| name.len() + size_of::<String>()).sum();
        let metadata: usize =
            record.metadata.iter().map(|(name, value)| name.len() + value.len() + 4 * size_of::<String>()).sum();
        let login_path = record.login_path.as_ref().map_or(0, String::len);
        let names = record.display_name.len() + record.path.len() + record.accessor.len() + login_path;
        // The caller's facts are held three times: in the record, in the principal and in the cached audit fields.
        (size_of::<Session>() + 3 * (policies + metadata + names) + record.ancestors.len() * 32) as u64
    }
}

impl SessionCache {
    fn epoch(&self, hash: &[u8; 32]) -> Option<MutexGuard<'_, u64>> {
        let index = usize::from(hash.first().copied().unwrap_or_default()) % STRIPES;
        Some(self.epochs.get(index)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the token, from the cache or from the store. `None` if there is no such token.
    pub fn find(&self, hash: &[u8; 32], unit: impl FnOnce() -> Unit) -> Result<Option<Arc<Session>>, BarrierError> {
        if let Some(session) = self.entries.get(hash) {
            return Ok(Some(session));
        }
        let epoch = self.epoch(hash).map(|epoch| *epoch);
        let Some((record, tag)) = unit().get_tagged(&CORE, &TOKENS, hash)? else { return Ok(None) };
        let session = Arc::new(Session::new(*hash, record, tag));
        self.insert_at(epoch, hash, &session);
        Ok(Some(session))
    }

    /// Inserts a token unless one was removed since `epoch`. The stripe is locked meanwhile, so that a
    /// removal comes either before or after it.
    fn insert_at(&self, epoch: Option<u64>, hash: &[u8; 32], session: &Arc<Session>) {
        let Some(held) = self.epoch(hash) else { return };
        if Some(*held) == epoch {
            self.entries.insert(*hash, Arc::clone(session));
        }
    }

    /// Removes a token whose record changes.
    pub fn remove(&self, hash: &[u8; 32]) {
        if let Some(mut epoch) = self.epoch(hash) {
            *epoch += 1;
            self.entries.remove(hash);
        }
    }

    /// Removes all tokens when the store is sealed.
    pub fn clear(&self) {
        let mut held = Vec::with_capacity(STRIPES);
        for epoch in &self.epochs {
            let mut epoch = epoch.lock().unwrap_or_else(PoisonError::into_inner);
            *epoch += 1;
            held.push(epoch);
        }
        self.entries.clear();
    }
}
