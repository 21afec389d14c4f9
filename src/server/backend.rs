//! Makes, opens and closes the broker for the server. No other file of the server names the broker's parts.

use std::{path::Path, sync::Arc};

use zeroize::Zeroizing;

use super::{config::AuditConfig, error::ServerError, exchange::OnRefusal, private_file, settings::Dev};
use crate::{
    base::{random::Random, secret::Secret, time::Clock, ttl::Ttl},
    broker::{Broker, DeviceConfig, RefusalLimit, Rotation, Setup, StartError, StaticKey, WalkReport, offline},
    dialects::{self, Dialects, MeasureServer},
    store::{Boot, Files, Store},
};

/// Everything that a broker is made from, from the settings and from the machine.
pub struct Parts {
    pub store: Store,
    pub boot: Boot,
    pub audit: Vec<AuditConfig>,
    pub files: Files,
    pub clock: Clock,
    pub random: Random,
    pub api_addr: String,
    pub default_lease_ttl: Ttl,
    pub max_lease_ttl: Ttl,
    pub seal: Option<super::config::StaticSeal>,
    pub refusal_limit: Arc<dyn RefusalLimit>,
}

/// Makes the broker, sealed. Unseals it if the configuration has the key of a static seal.
pub async fn start(parts: Parts) -> Result<Arc<Broker>, ServerError> {
    let device = |device: AuditConfig| DeviceConfig {
        name: device.name,
        path: device.path,
        required: device.required,
        sync_always: device.sync_always,
        rotation: Rotation { bytes: device.rotate_bytes.unwrap_or(Rotation::default().bytes), keep: device.keep },
    };
    let broker = Broker::start(Setup {
        store: parts.store,
        boot: parts.boot,
        audit_devices: parts.audit.into_iter().map(device).collect(),
        files: parts.files,
        clock: parts.clock,
        random: parts.random,
        api_address: parts.api_addr,
        default_lease_ttl: parts.default_lease_ttl,
        max_lease_ttl: parts.max_lease_ttl,
        static_key: parts.seal.map(|seal| StaticKey { id: seal.key_id, key: seal.key }),
        refusal_limit: parts.refusal_limit,
    })
    .map_err(started)?;
    if broker.open_static().await.map_err(started)? {
        tracing::info!("unsealed by the configuration's key");
    }
    Ok(broker)
}

/// Answers everything on the listener of metrics.
pub fn metrics_dialect(broker: &Arc<Broker>, measure_server: MeasureServer) -> Dialects {
    dialects::metrics(broker, measure_server)
}

/// Answers everything on a listener of the API.
pub fn api_dialects(broker: &Arc<Broker>) -> Dialects {
    dialects::api(broker)
}

/// Counts requests that the listener itself refused: heads and bodies that are not HTTP, and requests for another host.
pub fn on_refusal(broker: &Arc<Broker>) -> OnRefusal {
    let broker = Arc::clone(broker);
    Box::new(move |address| broker.refused_by_listener(address))
}

/// The secrets that a dev server prints, and stores if it keeps its data.
pub struct DevKeys {
    pub unseal_key: Secret<String>,
    pub root_token: Secret<String>,
}

/// Initialises and unseals a new dev server, or unseals one whose keys were stored before.
pub async fn open_dev(broker: &Arc<Broker>, dev: &Dev, files: &Files) -> Result<DevKeys, ServerError> {
    let kept = dev.persist.as_ref().map(|folder| folder.join(DEV_KEYS));
    if !broker.is_initialised() {
        let root_token = dev.root_token_id.as_ref().map(Secret::expose).cloned();
        let made = broker.dev_init(root_token).await.map_err(started)?;
        let keys = DevKeys { unseal_key: made.unseal_key, root_token: made.root_token };
        if let Some(path) = kept {
            keys.keep(files, &path)?;
        }
        return Ok(keys);
    }
    let missing = || ServerError::DevKeysMissing(dev.persist.clone().unwrap_or_default());
    let keys = DevKeys::load(files, &kept.ok_or_else(missing)?)?.ok_or_else(missing)?;
    unseal(broker, &keys.unseal_key).await?;
    Ok(keys)
}

/// The name of the file that holds the keys of `dev --persist DIR`. It lies in DIR, beside the data.
const DEV_KEYS: &str = "dev-keys";

impl DevKeys {
    fn keep(&self, files: &Files, path: &Path) -> Result<(), ServerError> {
        let unseal_key = self.unseal_key.expose();
        let root_token = self.root_token.expose();
        let text = Zeroizing::new(format!("{unseal_key}\n{root_token}\n"));
        private_file::replace(files, path, text.as_bytes())
            .map_err(|cause| ServerError::File { path: path.to_owned(), cause })
    }

    fn load(files: &Files, path: &Path) -> Result<Option<Self>, ServerError> {
        let text = private_file::read(files, path)
            .map_err(|cause| ServerError::Folder { path: path.to_owned(), cause })?
            .map(Zeroizing::new);
        Ok(text.as_deref().and_then(|text| {
            let (unseal_key, root_token) = text.trim_end().split_once('\n')?;
            Some(Self { unseal_key: Secret::text(unseal_key), root_token: Secret::text(root_token) })
        }))
    }
}

async fn unseal(broker: &Broker, key: &Secret<String>) -> Result<(), ServerError> {
    let share = key.expose();
    let share = data_encoding::BASE64.decode(share.as_bytes());
    let share = share.map_err(|_| ServerError::DevUnseal("the stored key is damaged".to_owned()))?;
    broker.unseal_with(Secret::new(share)).await.map_err(|error| ServerError::DevUnseal(error.to_string()))
}

/// Checks the tokens in a store that no server is using.
pub async fn walk(
    store: Store,
    boot: Boot,
    random: Random,
    shares: Vec<Secret<Vec<u8>>>,
) -> Result<WalkReport, ServerError> {
    offline::walk(store, boot, random, shares).await.map_err(started)
}

fn started(error: StartError) -> ServerError {
    match error {
        StartError::Boot(error) => ServerError::Damaged(error.to_string()),
        StartError::Broken(cause) => ServerError::Start(cause),
    }
}
