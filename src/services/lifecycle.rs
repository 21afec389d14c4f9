//! Init, unseal and seal across all parts of the server. The barrier handles the keys, the services load or drop what
//! they hold in memory, and the audit log opens before the first request and closes after the last one.

use std::sync::Arc;

use crate::{
    barrier::{Barrier, InitPlan, Initialised, Keys, Opening, SealStatus, ShamirPlan, Submitted},
    base::{random::Random, secret::Secret, time::Clock},
    contract::{Error, Result},
    services::{
        admission::Admission,
        audit::{self, Audit},
        guards::{self, Registry},
        mounts::{self, Mounts},
        policies::{DEFAULT_POLICY, Policies, Policy, PolicyRecord},
        revocations::Revocations,
        tokens::{self, RootPlan, Tokens},
    },
    store::Sequence,
};

/// The key of `seal "static"`, as the configuration declares it.
pub struct StaticKey {
    pub id: String,
    pub key: Secret<[u8; 32]>,
}

/// The parameters of a new store.
pub(crate) struct NewStore {
    /// The unseal key shares to make. `None` if the store is sealed with the configuration's key alone.
    pub shamir: Option<ShamirPlan>,
    pub root: RootPlan,
}

/// The result of an init. Its secrets are shown once and not kept.
pub(crate) struct Made {
    pub initialised: Initialised,
    pub root_token: Secret<String>,
}

/// The service that initialises, opens and seals the store. It has every service that holds something of an open store.
pub(crate) struct Lifecycle {
    pub barrier: Arc<Barrier>,
    pub audit: Audit,
    pub admission: Admission,
    pub mounts: Mounts,
    pub policies: Policies,
    pub tokens: Tokens,
    pub revocations: Revocations,
    pub clock: Clock,
    pub random: Random,
    pub static_key: Option<StaticKey>,
}

impl Lifecycle {
    pub fn has_static_key(&self) -> bool {
        self.static_key.is_some()
    }

    /// Makes a new store. It takes effect only once its shares have been sent to the
    /// caller, or have been submitted to unseal it.
    pub fn initialise(&self, new: NewStore) -> Result<Made> {
        let now = self.clock.now();
        let fixed = self.static_key.as_ref().map(|fixed| (fixed.id.clone(), Secret::new(*fixed.key.expose())));
        let plan = InitPlan {
            shamir: new.shamir,
            fixed,
            cluster_name: format!("strongroom-{}", data_encoding::HEXLOWER.encode(&self.random.bytes::<4>())),
            now,
        };
        let mut root_token = None;
        let initialised = self.barrier.initialise(plan, |unit| {
            mounts::seed(unit, &self.random)?;
            let record = PolicyRecord {
                name: String::from("default"),
                text: DEFAULT_POLICY.to_owned(),
                version: 1,
                modified: now.unix_nanos(),
            };
            let default = Policy::parse(record).map_err(|error| Error::internal(error.to_string()))?;
            self.policies.save(unit, default)?;
            guards::advance(unit, Registry::Revocations)?;
            root_token = Some(tokens::seed_root(unit, new.root, now, &self.random)?);
            Ok::<(), Error>(())
        })?;
        let root_token = root_token.ok_or_else(|| Error::internal("no root token was made"))?;
        Ok(Made { initialised, root_token })
    }

    /// Takes an unseal key share. The last one that is needed opens the store.
    pub async fn submit_share(&self, share: Secret<Vec<u8>>) -> Result<SealStatus> {
        if !self.audit.is_ready() {
            return Err(Error::unavailable(
                "a required audit device cannot be written: the share was not taken; see the server's log and mend the device",
            ));
        }
        if let Submitted::Opened(opening) =
            self.barrier.submit(share, self.clock.now()).map_err(|error| Error::invalid(error.to_string()))?
        {
            self.open(*opening).await?;
        }
        Ok(self.barrier.status())
    }

    /// Forgets the shares that were submitted so far. See [`Barrier::reset`] for who may ask.
    pub fn forget_shares(&self, share: Option<&Secret<Vec<u8>>>) -> Result<SealStatus> {
        self.barrier.reset(share, self.clock.now()).map_err(|error| Error::invalid(error.to_string()))?;
        Ok(self.barrier.status())
    }

    /// Opens the store with the key of `seal "static"`. Returns false if there is no such key or no store yet.
    pub async fn open_static(&self) -> Result<bool> {
        let Some(fixed) = &self.static_key else { return Ok(false) };
        if !self.barrier.status().is_initialised {
            return Ok(false);
        }
        let opening =
            self.barrier.open_fixed(&fixed.id, &fixed.key).map_err(|error| Error::invalid(error.to_string()))?;
        self.open(opening).await?;
        Ok(true)
    }

    async fn open(&self, opening: Opening) -> Result<()> {
        let keys = self.barrier.complete(opening).await?;
        self.load(&keys).await?;
        let audit_keys = keys.audit()?;
        let status = self.barrier.status();
        let log = audit::LogKeys {
            mac: audit_keys.mac,
            signing: audit_keys.signing,
            cluster: status.cluster_id,
            log_id: String::from("main"),
        };
        let backlog = self.barrier.store().notes_since(Sequence(0));
        self.audit.unseal(log, backlog).await.map_err(|error| Error::unavailable(error.to_string()))?;
        self.admission.open();
        self.barrier.admit(keys);
        self.revocations.wake_sweeper();
        tracing::info!("unsealed: requests are served");
        Ok(())
    }

    /// Loads what the services hold in memory. After that the store can be opened to requests.
    async fn load(&self, keys: &Arc<Keys>) -> Result<()> {
        let unit = self.barrier.unit_with(Arc::clone(keys), [0; 16]);
        self.policies.load(&unit)?;
        self.revocations.load(&unit)?;
        self.mounts.load(&unit).await?;
        self.clock.not_before(self.barrier.store().last_time());
        Ok(())
    }

    /// Closes admission, waits for the requests under way, closes the audit log and wipes the keys. `own` is the number
    /// of requests under way that do the sealing themselves.
    pub async fn seal(&self, own: usize) {
        let was_open = !self.barrier.status().is_sealed;
        if !self.admission.close(own).await {
            tracing::warn!("sealing with requests still under way: they will be refused");
        }
        self.audit.seal().await;
        self.barrier.seal();
        self.mounts.forget();
        self.policies.forget();
        self.revocations.forget();
        self.tokens.forget();
        if was_open {
            tracing::info!("sealed: the keys are wiped from memory");
        }
    }
}
