//! Init, unseal and seal as the whole server does them: the barrier turns the keys, the services load or forget their
//! snapshots, the audit log is brought up before the first request and closed after the last.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    barrier::{BarrierError, InitPlan, Initialised, SealStatus, ShamirPlan, Submitted},
    base::{secret::Secret, ttl::Ttl},
    contract::{Error, Result},
    services::{
        Services, audit, guards,
        mounts::{self, MountRecord},
        policies::{DEFAULT_POLICY, PolicyRecord},
        policy_set, tokens,
    },
    store::Sequence,
};

/// What a new store was made with; shown once.
pub struct Made {
    pub initialised: Initialised,
    pub root_token: Secret<String>,
}

/// How long a seal waits for requests under way.
const DRAIN: Duration = Duration::from_secs(5);

impl Services {
    /// Makes a new store. Nothing of it is in force before its shares have left or came back.
    pub fn initialise(
        &self,
        shamir: Option<ShamirPlan>,
        root_token: Option<String>,
        root_ttl: Option<Ttl>,
    ) -> Result<Made> {
        let now = self.clock.now();
        let fixed = self.fixed_seal.as_ref().map(|(id, key)| (id.clone(), Secret::new(*key.expose())));
        let plan = InitPlan {
            shamir,
            fixed,
            cluster_name: format!("strongroom-{}", data_encoding::HEXLOWER.encode(&self.random.bytes::<4>())),
            now,
        };
        let mut root = None;
        let initialised = self.barrier.initialise(plan, |unit| {
            for (path, kind, description) in [
                ("sys/", "system", "system endpoints used for control, policy and debugging"),
                ("auth/token/", "token", "token based credentials"),
            ] {
                mounts::save(unit, &MountRecord::new(path, kind, description, &self.random))?;
            }
            let record = PolicyRecord {
                name: String::from("default"),
                text: DEFAULT_POLICY.to_owned(),
                version: 1,
                modified: now.unix_nanos(),
            };
            policy_set::save(unit, &record)?;
            guards::advance(unit, guards::Kind::Marks)?;
            root = Some(tokens::seed_root(unit, root_token.clone(), root_ttl, now, &self.random)?);
            Ok::<(), Error>(())
        })?;
        let root_token = root.ok_or_else(|| Error::internal("no root token was made"))?;
        Ok(Made { initialised, root_token })
    }

    /// Takes a share; opens the store with the last one that is needed.
    pub async fn submit_share(self: &Arc<Self>, share: Secret<Vec<u8>>) -> Result<SealStatus> {
        if !self.audit.is_ready() {
            return Err(Error::unavailable(
                "a required audit device cannot be written: the share was not taken; see the server's log and mend the device",
            ));
        }
        match self.barrier.submit(share).map_err(|error| Error::invalid(error.to_string()))? {
            Submitted::Progress => {}
            Submitted::Opened(opening) => self.open(*opening).await?,
        }
        Ok(self.barrier.status())
    }

    /// Opens with the key of `seal "static"`, if there is one and the store is sealed by it.
    pub async fn open_fixed(self: &Arc<Self>) -> Result<bool> {
        let Some((id, key)) = &self.fixed_seal else { return Ok(false) };
        if !self.barrier.status().is_initialised {
            return Ok(false);
        }
        let opening = self.barrier.open_fixed(id, key).map_err(|error| Error::invalid(error.to_string()))?;
        self.open(opening).await?;
        Ok(true)
    }

    async fn open(self: &Arc<Self>, opening: crate::barrier::Opening) -> Result<()> {
        let keys = self.barrier.complete(opening).await?;
        let builtin = self.builtin.get().map(Vec::as_slice).unwrap_or_default();
        self.load(Arc::clone(&keys), builtin).await?;
        let audit_keys = keys.audit()?;
        let status = self.barrier.status();
        let log = audit::Keys {
            mac: audit_keys.mac,
            signing: audit_keys.signing,
            cluster: status.cluster_id,
            log_id: String::from("main"),
        };
        let backlog = self.barrier.store().notes_since(Sequence(0));
        self.audit.unseal(log, backlog).map_err(|error| Error::unavailable(error.to_string()))?;
        self.is_closing.store(false, Ordering::Release);
        self.barrier.admit(keys);
        self.sweep.notify_one();
        Ok(())
    }

    /// Closes admission, waits for what is under way, closes the audit log and wipes the keys. `own` counts the
    /// requests that do the sealing themselves.
    pub async fn seal(&self, own: usize) {
        self.is_closing.store(true, Ordering::Release);
        let drained = async {
            while self.under_way.load(Ordering::Acquire) > own {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("sealing with requests still under way: they will be refused");
        }
        self.audit.seal().await;
        self.barrier.seal();
        self.forget();
    }

    /// Fails while the server is sealing or sealed.
    pub fn admitted(&self) -> Result<(), BarrierError> {
        if self.is_closing.load(Ordering::Acquire) { Err(BarrierError::Sealed) } else { Ok(()) }
    }
}
