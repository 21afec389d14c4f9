//! How a broker is made, opened and closed.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicUsize},
};

use arc_swap::ArcSwap;

use crate::{
    barrier::{Barrier, BootError, ShamirPlan},
    base::{random::Random, secret::Secret, time::Clock, ttl::Ttl},
    broker::{Broker, KINDS, audit_lines::Sampler, errands, stripes::Stripes},
    builtin::{system, token},
    contract::{Error, Host},
    services::{
        Services,
        audit::{Audit, DeviceConfig},
        mounts::{Mount, MountRecord, MountTable, SystemTtls},
        tokens::SessionCache,
    },
    store::{Boot, Files, Store},
};

/// All that a broker is made from.
pub struct Setup {
    pub store: Store,
    pub boot: Boot,
    pub audit_devices: Vec<DeviceConfig>,
    pub files: Files,
    pub clock: Clock,
    pub random: Random,
    /// Where clients reach the server; tokens name it as their issuer.
    pub api_address: String,
    pub default_lease_ttl: Ttl,
    pub max_lease_ttl: Ttl,
    /// The key of `seal "static"`, with its id.
    pub fixed_seal: Option<(String, Secret<[u8; 32]>)>,
}

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Boot(#[from] BootError),
    #[error("{0}")]
    Broken(String),
}

/// What a development server shows.
pub struct DevInit {
    /// Base64, as Vault's tools look for it.
    pub unseal_key: Secret<String>,
    pub root_token: Secret<String>,
}

impl Broker {
    /// Makes a broker, sealed. Needs a runtime for its errands.
    pub fn start(setup: Setup) -> Result<Arc<Self>, StartError> {
        let barrier = Barrier::new(setup.store, setup.boot, setup.random.clone())?;
        let audit = Audit::start(setup.audit_devices, setup.files, setup.clock.clone());
        let services = Arc::new(Services {
            barrier,
            audit,
            clock: setup.clock,
            random: setup.random.clone(),
            system: SystemTtls { default_ttl: setup.default_lease_ttl, max_ttl: setup.max_lease_ttl },
            host: Host { random: setup.random, api_address: setup.api_address.trim_end_matches('/').into() },
            kinds: KINDS,
            mounts: ArcSwap::default(),
            policies: ArcSwap::default(),
            marks: ArcSwap::default(),
            sessions: SessionCache::default(),
            builtin: OnceLock::new(),
            fixed_seal: setup.fixed_seal,
            is_closing: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            sweep: tokio::sync::Notify::new(),
        });
        let broken = |error: Error| StartError::Broken(error.cause.unwrap_or(error.message));
        let system = system::open(Arc::clone(&services)).map_err(broken)?;
        let token = token::open(Arc::clone(&services)).map_err(broken)?;
        let mut sealed_mounts = MountTable::default();
        let record = MountRecord::new("sys/", "system", "", &services.random);
        sealed_mounts.insert(Mount::new(record, Arc::clone(&system), &services.system));
        if services.builtin.set(vec![("sys/", system), ("auth/token/", token)]).is_err() {
            return Err(StartError::Broken(String::from("the built-in mounts were set twice")));
        }
        tokio::spawn(errands::run(Arc::downgrade(&services)));
        tokio::spawn(errands::release_notes(Arc::downgrade(&services)));
        Ok(Arc::new(Self {
            services,
            sealed_mounts: Arc::new(sealed_mounts),
            stripes: Stripes::default(),
            use_turns: Stripes::default(),
            sampler: Sampler::default(),
        }))
    }

    /// Opens a store that is sealed by the configuration's key. Says whether it did.
    pub async fn open_fixed(self: &Arc<Self>) -> Result<bool, StartError> {
        self.services.open_fixed().await.map_err(|error| StartError::Broken(error.cause.unwrap_or(error.message)))
    }

    /// Initialises with one share, unseals and mounts `secret/`: for development servers. On a store that exists
    /// already it fails.
    pub async fn dev_init(self: &Arc<Self>, root_token: Option<String>) -> Result<DevInit, StartError> {
        let broken = |error: Error| StartError::Broken(error.cause.unwrap_or(error.message));
        let plan = ShamirPlan { shares: 1, threshold: 1 };
        let made = self.services.initialise(Some(plan), root_token, None).map_err(broken)?;
        let share = made.initialised.shares.into_iter().next();
        let share = share.ok_or_else(|| StartError::Broken(String::from("init made no share")))?;
        let unseal_key = Secret::new(data_encoding::BASE64.encode(share.expose()));
        self.services.submit_share(share).await.map_err(broken)?;
        self.mount_secret().await.map_err(broken)?;
        Ok(DevInit { unseal_key, root_token: made.root_token })
    }

    async fn mount_secret(&self) -> Result<(), Error> {
        let services = &self.services;
        let Some(kind) = KINDS.iter().find(|kind| kind.name == "kv") else { return Ok(()) };
        let mut record = MountRecord::new("secret/", "kv", "key/value secret storage", &services.random);
        record.options.insert(String::from("version"), String::from("2"));
        let opened = kind.open(services.host.clone()).await?;
        let unit = services.unit(services.random.bytes())?;
        crate::services::mounts::save(&unit, &record)?;
        services.mount_changes(&unit, Mount::new(record, opened, &services.system));
        unit.commit(Vec::new()).await?;
        Ok(())
    }

    /// Whether the store is sealed; for the lines a server prints at its start.
    pub fn is_sealed(&self) -> bool {
        self.services.barrier.status().is_sealed
    }

    pub fn is_initialised(&self) -> bool {
        self.services.barrier.status().is_initialised
    }

    /// Seals and closes the store: the orderly end.
    pub async fn shutdown(&self) {
        self.services.seal(0).await;
        self.services.barrier.store().clone().close();
    }
}
