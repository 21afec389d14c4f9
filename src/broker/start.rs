//! Starts, opens and closes a broker.

use std::sync::Arc;

use crate::{
    barrier::{Barrier, BootError, ShamirPlan},
    base::{random::Random, secret::Secret, time::Clock, ttl::Ttl},
    broker::{Broker, KINDS, RefusalLimit, StaticKey, background, shared::Shared},
    builtin::{system, token},
    contract::{Error, Host},
    services::{
        Services,
        admission::Admission,
        audit::{Audit, DeviceConfig},
        counts::Counts,
        identity::Identity,
        lifecycle::{Lifecycle, NewStore},
        mounts::{MountRecord, MountTable, Mounts, SYSTEM_KIND, SystemTtls, TOKEN_KIND},
        opened::OpenEngine,
        policies::Policies,
        revocations::Revocations,
        tokens::{RootPlan, Tokens},
    },
    store::{Boot, Files, Store},
    stripes::Stripes,
};

/// Everything that a broker needs to start.
pub struct Setup {
    pub store: Store,
    pub boot: Boot,
    pub audit_devices: Vec<DeviceConfig>,
    pub files: Files,
    pub clock: Clock,
    pub random: Random,
    /// The address at which clients reach the server. Signed tokens name it as their issuer.
    pub api_address: String,
    pub default_lease_ttl: Ttl,
    pub max_lease_ttl: Ttl,
    /// The key of `seal "static"`, if the configuration has one.
    pub static_key: Option<StaticKey>,
    /// Limits how often strangers of one address may be refused.
    pub refusal_limit: Arc<dyn RefusalLimit>,
}

#[cfg(test)]
impl Setup {
    /// A sealed broker over an empty store in memory, without a limit on refused requests.
    pub(crate) fn in_memory(clock: Clock, audit_devices: Vec<DeviceConfig>) -> Self {
        Self {
            store: Store::memory(clock.clone()),
            boot: Boot::memory(),
            audit_devices,
            files: Files::real(),
            clock,
            random: Random::system(),
            api_address: "https://127.0.0.1:8200".into(),
            default_lease_ttl: Ttl::from_hours(768),
            max_lease_ttl: Ttl::from_hours(768),
            static_key: None,
            refusal_limit: Arc::new(super::Unlimited),
        }
    }
}

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Boot(#[from] BootError),
    #[error("{0}")]
    Broken(String),
}

/// The secrets that a development server prints.
pub struct DevInit {
    /// The only unseal key share, in base64, as Vault's tools expect it.
    pub unseal_key: Secret<String>,
    pub root_token: Secret<String>,
}

impl Broker {
    /// Makes a sealed broker. Must be called in a runtime, which runs its background tasks.
    pub fn start(setup: Setup) -> Result<Arc<Self>, StartError> {
        let refusal_limit = Arc::clone(&setup.refusal_limit);
        let services = Arc::new(services(setup)?);
        let broken = |error: Error| StartError::Broken(error.cause.unwrap_or(error.message));
        let system = system::open(&services).map_err(broken)?;
        let token = token::open(&services).map_err(broken)?;
        let sealed_mounts = MountTable::sealed(&services.random, services.mounts.system_ttls());
        tokio::spawn(background::sweep(Arc::downgrade(&services)));
        tokio::spawn(background::release_notes(Arc::downgrade(&services)));
        tokio::spawn(background::count_strangers(Arc::downgrade(&services)));
        let shared = Shared {
            services,
            built_in: vec![(SYSTEM_KIND, OpenEngine::built_in(system)), (TOKEN_KIND, OpenEngine::built_in(token))],
            sealed_mounts: Arc::new(sealed_mounts),
            retry_queue: Stripes::default(),
            use_turns: Stripes::default(),
            refusal_limit,
        };
        Ok(Arc::new(Self { shared: Arc::new(shared) }))
    }

    /// Opens the store with the key of `seal "static"`. Returns false if there is no such key or no store yet.
    pub async fn open_static(&self) -> Result<bool, StartError> {
        let opened = self.shared.services.lifecycle.open_static().await;
        opened.map_err(|error| StartError::Broken(error.cause.unwrap_or(error.message)))
    }

    /// Submits one unseal key share, as `sys/unseal` does. For a development server that has kept its share.
    pub async fn unseal_with(&self, share: Secret<Vec<u8>>) -> Result<(), StartError> {
        let status = self.shared.services.lifecycle.submit_share(share).await;
        let status = status.map_err(|error| StartError::Broken(error.cause.unwrap_or(error.message)))?;
        if status.is_sealed {
            Err(StartError::Broken(String::from("the share did not open the store")))
        } else {
            Ok(())
        }
    }

    /// Initialises the store with one share, unseals it and mounts `secret/`. For development servers.
    /// Fails if the store is initialised already.
    pub async fn dev_init(&self, root_token: Option<String>) -> Result<DevInit, StartError> {
        let broken = |error: Error| StartError::Broken(error.cause.unwrap_or(error.message));
        let plan = ShamirPlan { shares: 1, threshold: 1 };
        let root = RootPlan { chosen: root_token, ttl: None };
        let made = self.shared.services.lifecycle.initialise(NewStore { shamir: Some(plan), root }).map_err(broken)?;
        let share = made.initialised.shares.into_iter().next();
        let share = share.ok_or_else(|| StartError::Broken(String::from("init made no share")))?;
        let unseal_key = Secret::new(data_encoding::BASE64.encode(share.expose()));
        self.shared.services.lifecycle.submit_share(share).await.map_err(broken)?;
        self.mount_secret().await.map_err(broken)?;
        Ok(DevInit { unseal_key, root_token: made.root_token })
    }

    async fn mount_secret(&self) -> Result<(), Error> {
        let services = &self.shared.services;
        let Some(kind) = KINDS.iter().find(|kind| kind.name == "kv") else { return Ok(()) };
        let mut record = MountRecord::new("secret/", "kv", "key/value secret storage", &services.random);
        record.options.insert(String::from("version"), String::from("2"));
        let unit = services.barrier.unit(services.random.bytes())?;
        services.mounts.enable(&unit, record, kind).await?;
        unit.commit(Vec::new()).await?;
        Ok(())
    }

    /// Whether the store is sealed. A server prints it at its start.
    pub fn is_sealed(&self) -> bool {
        self.shared.services.barrier.status().is_sealed
    }

    pub fn is_initialised(&self) -> bool {
        self.shared.services.barrier.status().is_initialised
    }

    /// Seals and closes the store at the end of the process.
    pub async fn shutdown(&self) {
        self.shared.services.lifecycle.seal(0).await;
        self.shared.services.barrier.store().clone().close();
    }
}

/// Makes the services of a broker.
fn services(setup: Setup) -> Result<Services, StartError> {
    let barrier = Arc::new(Barrier::new(setup.store, setup.boot, setup.random.clone())?);
    let audit = Audit::start(setup.audit_devices, setup.files, setup.clock.clone());
    let host = Host { random: setup.random.clone(), api_address: setup.api_address.trim_end_matches('/').into() };
    let system = SystemTtls { default_ttl: setup.default_lease_ttl, max_ttl: setup.max_lease_ttl };
    let (admission, policies, revocations) = (Admission::default(), Policies::default(), Revocations::default());
    let mounts = Mounts::new(KINDS, host, system);
    let tokens = Tokens::new(revocations.clone(), setup.random.clone());
    let lifecycle = Arc::new(Lifecycle {
        barrier: Arc::clone(&barrier),
        audit: audit.clone(),
        admission: admission.clone(),
        mounts: mounts.clone(),
        policies: policies.clone(),
        tokens: tokens.clone(),
        revocations: revocations.clone(),
        clock: setup.clock.clone(),
        random: setup.random.clone(),
        static_key: setup.static_key,
    });
    let identity = Identity::new(setup.random.clone());
    let counts = Counts::new([SYSTEM_KIND, TOKEN_KIND].into_iter().chain(KINDS.iter().map(|kind| kind.name)));
    let (clock, random) = (setup.clock, setup.random);
    Ok(Services {
        barrier,
        audit,
        admission,
        counts,
        mounts,
        policies,
        tokens,
        revocations,
        identity,
        lifecycle,
        clock,
        random,
    })
}
