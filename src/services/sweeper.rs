//! The sweeper deletes expired and revoked records from the store. They are unusable already, so it only frees
//! space. It works in batches, and removes a revocation marker when nothing is left of what it revoked. After
//! a restart it continues where it stopped.

use std::sync::Arc;

use crate::{
    barrier::{Barrier, BarrierError, MountId, Unit},
    base::{limits::SWEEP_BATCH_MAX, random::Random, time::Clock},
    contract::EndedLogins,
    services::{
        Services,
        revocations::{Marker, Revocations, Revoked},
        tokens::{TokenRecord, Tokens},
    },
};

/// The sweeper, with the services that it needs.
#[derive(Clone)]
pub(crate) struct Sweeper {
    pub barrier: Arc<Barrier>,
    pub tokens: Tokens,
    pub revocations: Revocations,
    pub clock: Clock,
    pub random: Random,
}

impl Sweeper {
    pub fn of(services: &Services) -> Self {
        Self {
            barrier: Arc::clone(&services.barrier),
            tokens: services.tokens.clone(),
            revocations: services.revocations.clone(),
            clock: services.clock.clone(),
            random: services.random.clone(),
        }
    }

    /// Sweeps until nothing is due. Returns the number of deleted records.
    pub async fn sweep(&self) -> Result<usize, BarrierError> {
        let mut swept = 0;
        loop {
            let step = self.expire().await? + self.finish_revocations().await?;
            if step == 0 {
                return Ok(swept);
            }
            swept += step;
        }
    }

    fn unit(&self) -> Result<Unit, BarrierError> {
        let unit = self.barrier.unit(self.random.bytes())?;
        unit.urgent();
        Ok(unit)
    }

    /// Revokes one batch of the tokens that have expired.
    async fn expire(&self) -> Result<usize, BarrierError> {
        let now = self.clock.now();
        let now_secs = u64::try_from(now.unix_secs()).unwrap_or_default();
        let unit = self.unit()?;
        let markers = self.revocations.snapshot();
        let mut count = 0;
        for (at, hash, key) in self.tokens.expiries(&unit, SWEEP_BATCH_MAX)? {
            if at > now_secs {
                break;
            }
            match self.tokens.record(&unit, &hash)? {
                // A token tree whose marker exists already is deleted because of that marker.
                Some(record) if record.has_children && markers.kill_tree(record.stamp, &hash) => continue,
                Some(record) if record.is_expired(now) => self.tokens.revoke(&unit, &hash, &record)?,
                _ => self.tokens.drop_expiry(&unit, &key)?,
            }
            count += 1;
        }
        commit(unit, count).await
    }

    /// Deletes one batch of what the oldest marker revoked. If nothing is left, deletes the marker.
    async fn finish_revocations(&self) -> Result<usize, BarrierError> {
        let unit = self.unit()?;
        let Some(marker) = Revocations::oldest(&unit)? else { return Ok(0) };
        let count = match &marker.revoked {
            Revoked::Tree(hash) => self.erase_tree(&unit, hash, Age::Before(marker.generation))?,
            Revoked::Mount(id) => self.erase_mount(&unit, id)?,
            Revoked::Logins(id, ended) => self.erase_logins(&unit, &login_prefix(id, ended))?,
        };
        if count == 0 {
            return self.remove(unit, marker).await;
        }
        commit(unit, count).await
    }

    async fn remove(&self, unit: Unit, marker: Marker) -> Result<usize, BarrierError> {
        self.revocations.remove(&unit, marker)?;
        commit(unit, 1).await
    }

    fn erase_tree(&self, unit: &Unit, root: &[u8; 32], age: Age) -> Result<usize, BarrierError> {
        let mut dead = Vec::new();
        self.collect(unit, root, age, &mut dead)?;
        for (hash, record) in &dead {
            self.tokens.erase(unit, hash, record)?;
        }
        Ok(dead.len())
    }

    /// Collects a token and its descendants, the deepest first, so that those that are left over are still linked to
    /// the tree. Returns false if there are more than one batch may hold.
    fn collect(
        &self,
        unit: &Unit,
        hash: &[u8; 32],
        age: Age,
        dead: &mut Vec<([u8; 32], TokenRecord)>,
    ) -> Result<bool, BarrierError> {
        let record = self.tokens.record(unit, hash)?;
        // A token has its record until all its descendants are deleted, so nothing old descends from a newer token.
        if record.as_ref().is_some_and(|record| !age.includes(record)) {
            return Ok(true);
        }
        for child in self.tokens.children(unit, hash, SWEEP_BATCH_MAX + 1)? {
            if dead.len() >= SWEEP_BATCH_MAX || !self.collect(unit, &child, age, dead)? {
                return Ok(false);
            }
        }
        if dead.len() >= SWEEP_BATCH_MAX {
            return Ok(false);
        }
        if let Some(record) = record {
            dead.push((*hash, record));
        }
        Ok(true)
    }

    fn erase_logins(&self, unit: &Unit, prefix: &[u8]) -> Result<usize, BarrierError> {
        let mut count = 0;
        for hash in self.tokens.logins(unit, prefix, SWEEP_BATCH_MAX)? {
            count += self.erase_tree(unit, &hash, Age::Any)?;
            if count >= SWEEP_BATCH_MAX {
                break;
            }
        }
        Ok(count)
    }

    fn erase_mount(&self, unit: &Unit, id: &MountId) -> Result<usize, BarrierError> {
        let mut count = self.erase_logins(unit, id)?;
        if count == 0 {
            for key in unit.keys_of_mount(id, SWEEP_BATCH_MAX)? {
                unit.delete_key(&key)?;
                count += 1;
            }
        }
        Ok(count)
    }
}

/// The age of the tokens of a tree that are dead.
#[derive(Clone, Copy)]
enum Age {
    /// Those that were made before this generation. A caller may choose a token's text, and make it anew once the old
    /// record is deleted but its marker is not.
    Before(u64),
    /// All, because no login is newer than the marker that ended it.
    Any,
}

impl Age {
    const fn includes(self, record: &TokenRecord) -> bool {
        match self {
            Self::Before(generation) => record.stamp < generation,
            Self::Any => true,
        }
    }
}

/// How the entries of the logins begin whose tokens end.
fn login_prefix(mount: &MountId, ended: &EndedLogins) -> Vec<u8> {
    match ended {
        EndedLogins::OfPrincipal(principal) => [mount.as_slice(), principal].concat(),
        EndedLogins::OfCredential(origin) => [mount.as_slice(), &origin.principal, &origin.credential].concat(),
    }
}

/// Commits a batch. On a conflict somebody else changed one of the records, and the next round looks again.
async fn commit(unit: Unit, count: usize) -> Result<usize, BarrierError> {
    if !unit.writes_something() {
        return Ok(0);
    }
    match unit.commit(Vec::new()).await {
        Ok(_) | Err(BarrierError::Conflict) => Ok(count.max(1)),
        Err(error) => Err(error),
    }
}
