//! The service of tokens: the cache of tokens, and the only way to make, change and end a token. Each change stages the
//! records and the removal from the cache together, so that no caller can forget one of them.

use std::sync::Arc;

use super::{
    cache::{Session, SessionCache},
    lease::{Lease, LeaseTerms},
    mint::{self, Minted, Plan},
    record::{ACCESSORS, CHILDREN, EXPIRIES, LOGINS, SPENT, TOKENS, TokenRecord},
    renew,
    revoke::{self, Orphaned},
};
use crate::{
    barrier::{BarrierError, Unit},
    base::{random::Random, time::Time},
    contract::Result,
    services::{
        revocations::{Ancestor, Lineage, Markers, Revocations, Revoked},
        table_ids::CORE,
    },
};

/// The tokens of the store. Clones share them.
#[derive(Clone)]
pub(crate) struct Tokens {
    cache: Arc<SessionCache>,
    revocations: Revocations,
    random: Random,
}

/// The result of taking one use off a token with a limited number of uses.
pub(crate) enum Use {
    /// The use was taken.
    Taken,
    /// No use was left, or the token is gone.
    NoneLeft,
}

impl Tokens {
    pub fn new(revocations: Revocations, random: Random) -> Self {
        Self { cache: Arc::default(), revocations, random }
    }

    /// Drops all cached tokens when the store is sealed.
    pub fn forget(&self) {
        self.cache.clear();
    }

    /// The number of tokens in the cache.
    pub fn cached(&self) -> usize {
        self.cache.len()
    }

    /// The token with this hash, even if it is expired or revoked. `None` if there is no record of it.
    pub fn find(&self, hash: &[u8; 32], unit: impl FnOnce() -> Unit) -> Result<Option<Arc<Session>>, BarrierError> {
        self.cache.find(hash, unit)
    }

    /// The token with this hash, read from the store and not from the cache. `None` if there is no record of it.
    pub fn read(&self, unit: &Unit, hash: &[u8; 32]) -> Result<Option<Arc<Session>>, BarrierError> {
        let found = unit.get_tagged(&CORE, &TOKENS, hash)?;
        Ok(found.map(|(record, tag)| Arc::new(Session::new(*hash, record, tag))))
    }

    /// The token's record as this unit of work would leave it. `None` if there is none.
    pub fn record(&self, unit: &Unit, hash: &[u8; 32]) -> Result<Option<TokenRecord>, BarrierError> {
        unit.get(&CORE, &TOKENS, hash)
    }

    /// The hash of the token that belongs to an accessor. `None` if there is none.
    pub fn by_accessor(&self, unit: &Unit, accessor: &str) -> Result<Option<[u8; 32]>, BarrierError> {
        let hash = unit.keys().accessor_hash(accessor)?;
        Ok(unit.get(&CORE, &ACCESSORS, &hash)?.map(|entry| entry.token))
    }

    /// The accessors of at most `limit` tokens, in no particular order.
    pub fn accessors(&self, unit: &Unit, limit: usize) -> Result<Vec<String>, BarrierError> {
        let entries = unit.scan(&CORE, &ACCESSORS, &[], limit)?;
        Ok(entries.into_iter().map(|(_, entry)| entry.accessor).collect())
    }

    /// Whether a token may be used: it is neither expired nor revoked, and has uses left.
    pub fn is_alive(
        &self,
        session: &Session,
        markers: &Markers,
        now: Time,
        unit: impl Fn() -> Unit,
    ) -> Result<bool, BarrierError> {
        Ok(session.record.num_uses != SPENT && self.stands(session, markers, now, unit)?)
    }

    /// Whether neither a token nor one of those it descends from is expired or revoked. It may have no uses left: the
    /// request that has taken the last use goes on with it.
    pub fn stands(
        &self,
        session: &Session,
        markers: &Markers,
        now: Time,
        unit: impl Fn() -> Unit,
    ) -> Result<bool, BarrierError> {
        let record = &session.record;
        let lineage = Lineage {
            stamp: record.stamp,
            hash: &session.hash,
            ancestors: &record.ancestors,
            login_mount: record.login_mount.as_ref(),
            origin: record.origin.as_ref(),
        };
        if record.is_expired(now) || markers.kill(lineage) {
            return Ok(false);
        }
        let is_dead = |ancestor: &TokenRecord| {
            ancestor.is_expired(now) || markers.kill_login(ancestor.login_mount.as_ref(), ancestor.origin.as_ref())
        };
        // The sweeper ends what descends from a dead token some seconds later, so each ancestor is asked here too.
        // An ancestor without a record has been swept.
        for Ancestor(hash) in &record.ancestors {
            if self.find(hash, &unit)?.is_none_or(|ancestor| is_dead(&ancestor.record)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The token with this hash, if it is alive by the newest revocation markers.
    pub fn find_alive(
        &self,
        hash: &[u8; 32],
        now: Time,
        unit: impl Fn() -> Unit,
    ) -> Result<Option<Arc<Session>>, BarrierError> {
        let markers = self.revocations.snapshot();
        let Some(session) = self.find(hash, &unit)? else { return Ok(None) };
        Ok(self.is_alive(&session, &markers, now, unit)?.then_some(session))
    }

    /// Adds a precondition to the unit of work: the token's record is still the one that was found.
    pub fn expect(&self, unit: &Unit, session: &Session) -> Result<(), BarrierError> {
        unit.expect(&CORE, &TOKENS, &session.hash, crate::store::Old::Tag(session.tag))
    }

    /// Makes a token. It exists once the unit of work is committed.
    pub fn mint(&self, unit: &Unit, plan: Plan<'_>, now: Time) -> Result<Minted> {
        let flagged = plan.parent.filter(|parent| !parent.record.has_children).map(|parent| parent.hash);
        let minted = mint::mint(unit, plan, now, &self.random)?;
        if let Some(parent) = flagged {
            // With its first child the record of the parent says that it has children.
            self.forget_after(unit, parent);
        }
        Ok(minted)
    }

    /// Moves the expiry of a renewable token. Returns the new lease and the record as it will be after the commit.
    pub fn renew(&self, unit: &Unit, hash: &[u8; 32], terms: &LeaseTerms, now: Time) -> Result<(Lease, TokenRecord)> {
        let renewed = renew::renew(unit, hash, terms, now)?;
        self.forget_after(unit, *hash);
        Ok(renewed)
    }

    /// Ends a token and all its descendants.
    pub fn revoke(&self, unit: &Unit, hash: &[u8; 32], record: &TokenRecord) -> Result<(), BarrierError> {
        unit.urgent();
        if record.has_children {
            self.revocations.add(unit, Revoked::Tree(*hash))?;
            self.forget_after(unit, *hash);
            return Ok(());
        }
        self.erase(unit, hash, record)
    }

    /// Deletes a token's record and entries. Does nothing to its descendants.
    pub fn erase(&self, unit: &Unit, hash: &[u8; 32], record: &TokenRecord) -> Result<(), BarrierError> {
        revoke::erase(unit, hash, record)?;
        self.forget_after(unit, *hash);
        Ok(())
    }

    /// Ends a token and makes its children, at most `limit` of them, orphans. If it
    /// cannot do that for all, it writes nothing.
    pub fn revoke_orphan(
        &self,
        unit: &Unit,
        hash: &[u8; 32],
        record: &TokenRecord,
        limit: usize,
    ) -> Result<Orphaned, BarrierError> {
        let outcome = revoke::orphan_children(unit, hash, limit)?;
        if let Orphaned::All(children) = &outcome {
            for child in children {
                self.forget_after(unit, *child);
            }
            self.erase(unit, hash, record)?;
        }
        Ok(outcome)
    }

    /// Takes one use off a token with a limited number of uses. The last use leaves the token [`SPENT`].
    pub fn take_use(&self, unit: &Unit, hash: &[u8; 32]) -> Result<Use, BarrierError> {
        let Some(mut record) = unit.get(&CORE, &TOKENS, hash)? else { return Ok(Use::NoneLeft) };
        record.num_uses = match record.num_uses {
            SPENT => return Ok(Use::NoneLeft),
            1 => SPENT,
            uses => uses.saturating_sub(1),
        };
        unit.put(&CORE, &TOKENS, hash, &record)?;
        unit.urgent();
        self.forget_after(unit, *hash);
        Ok(Use::Taken)
    }

    /// Deletes an expiry entry whose token is gone or expires later.
    pub fn drop_expiry(&self, unit: &Unit, key: &[u8]) -> Result<(), BarrierError> {
        unit.delete(&CORE, &EXPIRIES, key)
    }

    /// The first `limit` expiry entries: when each token expires (Unix seconds), its hash, and the entry's key.
    pub fn expiries(&self, unit: &Unit, limit: usize) -> Result<Vec<(u64, [u8; 32], Vec<u8>)>, BarrierError> {
        let entries = unit.scan(&CORE, &EXPIRIES, &[], limit)?;
        let read = |key: Vec<u8>| {
            let (at, hash) = key.split_first_chunk::<8>()?;
            Some((u64::from_be_bytes(*at), hash.try_into().ok()?, key))
        };
        Ok(entries.into_iter().filter_map(|(key, _)| read(key)).collect())
    }

    /// The hashes of at most `limit` children of a token.
    pub fn children(&self, unit: &Unit, hash: &[u8; 32], limit: usize) -> Result<Vec<[u8; 32]>, BarrierError> {
        let pairs = unit.scan(&CORE, &CHILDREN, hash, limit)?;
        Ok(pairs.into_iter().filter_map(|(pair, _)| pair.get(32..)?.try_into().ok()).collect())
    }

    /// The hashes of at most `limit` tokens that an auth mount issued. `prefix` is the mount's id, which the principal
    /// and the credential of the logins may follow.
    pub fn logins(&self, unit: &Unit, prefix: &[u8], limit: usize) -> Result<Vec<[u8; 32]>, BarrierError> {
        let entries = unit.scan(&CORE, &LOGINS, prefix, limit)?;
        Ok(entries.into_iter().filter_map(|(key, _)| key.last_chunk().copied()).collect())
    }

    /// Removes a token from the cache after the commit, because its record has changed.
    fn forget_after(&self, unit: &Unit, hash: [u8; 32]) {
        let cache = Arc::clone(&self.cache);
        unit.after_commit(move |_| cache.remove(&hash));
    }
}
