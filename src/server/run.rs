//! Runs `strongroom server` and `strongroom dev`: from the options to a running server and its orderly stop.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

pub(crate) use super::error::ServerError;
pub use super::options::{DevOptions, KeepToken, ServerOptions};
use super::{
    backend::{self, DevKeys, Parts},
    banner::{Banner, Endpoint, State},
    binding::{AllBound, bind},
    config::{AuditConfig, Config, Environment, Storage},
    exchange::Front,
    exposed,
    limits::{Limits, Refusals},
    logging,
    machine::{Machine, need_folder},
    own_ca::{self, Issued},
    panics, private_file,
    refusals::AddressLimit,
    run_files::{PidFile, Scratch},
    serving::{self, Served, Serving},
    settings::{Dev, Settings},
    signals::Signals,
    telemetry::{Meter, Telemetry},
    tls,
};
use tokio::sync::Notify;

use crate::{
    base::{random::Random, secret::Secret, sys},
    broker::{Broker, WalkReport},
    store::{Boot, Files, Store},
};

/// Runs until SIGINT or SIGTERM. An error means that the server did not start, and has the exit code.
pub(crate) fn run(options: ServerOptions) -> Result<(), ServerError> {
    let hardening = sys::harden_process();
    tls::install_provider();
    let environment = Environment::process();
    let config = Config::load(&options.config, &environment)?;
    let settings = Settings::new(options, config, &environment)?;
    logging::start(settings.log_level);
    for warning in hardening.iter().chain(&settings.warnings) {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(settings, Machine::real(), &environment))
}

/// Makes a certificate for other names with the authority under `data`. For `operator tls`.
pub(crate) fn issue_certificate(data: &Path, names: &[String]) -> Result<Issued, ServerError> {
    let machine = Machine::real();
    need_folder(data, &machine.files)?;
    Ok(own_ca::issue(data, names, machine.clock.wall(), &machine.files)?)
}

/// Opens the store of a stopped server with its unseal key shares and checks its tokens. For `operator walk`.
pub(crate) async fn walk(data: &Path, shares: Vec<Secret<Vec<u8>>>) -> Result<WalkReport, ServerError> {
    let machine = Machine::real();
    let (store, boot) = open_store(&Storage::Sled { path: data.to_owned() }, &machine)?;
    backend::walk(store, boot, machine.random, shares).await
}

async fn serve(mut settings: Settings, machine: Machine, environment: &Environment) -> Result<(), ServerError> {
    let mut signals = Signals::new()?;
    let panicked = drain_at_panic(&machine.random);
    let scratch =
        if settings.needs_scratch { Scratch::create(&machine.files, &machine.random)? } else { Scratch::none() };
    let (store, boot) = open_store(&settings.storage, &machine)?;
    let audit = audit_devices(settings.audit, &settings.storage, &scratch, &machine.files)?;
    let bound = bind(&settings.listeners, &scratch, &machine)?;
    let telemetry = Telemetry::bind(settings.telemetry.as_ref())?;
    let reload = Arc::new(Notify::new());
    let certificates_end = bound.certificates.soonest_end();
    let (metrics, started) = (telemetry.endpoints(), machine.clock.now());
    let endpoints: Vec<_> = bound.listeners.iter().map(|bound| bound.endpoint).collect();
    let first = endpoints.first().map(Endpoint::url).unwrap_or_default();
    let api_addr = settings.api_addr.unwrap_or_else(|| first.clone());
    let limits = limits(environment);
    let broker = backend::start(Parts {
        store,
        boot,
        audit: audit.clone(),
        files: machine.files.clone(),
        clock: machine.clock.clone(),
        random: machine.random.clone(),
        api_addr: api_addr.clone(),
        default_lease_ttl: settings.default_lease_ttl,
        max_lease_ttl: settings.max_lease_ttl,
        seal: settings.seal,
        refusal_limit: Arc::new(AddressLimit::new(limits.refusals)),
    })
    .await?;
    let _set_once = panicked.set(broker.clone());
    let keys = match &settings.dev {
        Some(dev) => Some(open_dev(&broker, dev, &bound, &machine.files).await?),
        None => None,
    };
    let keeping = tokio::spawn(bound.certificates.keep_current(Arc::clone(&reload)));
    let front = Arc::new(Front::new(backend::api_dialects(&broker), limits, backend::on_refusal(&broker)));
    let meter = Meter { files: machine.files.clone(), started, api: front.connections().clone(), certificates_end };
    let api = bound.listeners.into_iter().map(|bound| Served { listener: bound.listener, front: front.clone() });
    let served = api.chain(telemetry.served(&broker, meter, limits)).collect();
    let serving = serving::start(served, limits, workers())?;
    let pid_file = PidFile::write(settings.pid_file, &machine.files)?;
    Banner {
        api_addr: &api_addr,
        listeners: &endpoints,
        metrics: &metrics,
        storage: &storage_text(&settings.storage),
        audit: &audit.iter().map(|device| device.path.clone()).collect::<Vec<_>>(),
        authority: bound.authority.as_deref(),
        state: state(&broker, keys.as_ref(), settings.dev.as_ref()),
    }
    .print();
    let forget_token = match (keys, settings.dev.as_mut().and_then(|dev| dev.keep_token.take())) {
        (Some(keys), Some(keep)) => Some(keep(&first, &keys.root_token)),
        _ => None,
    };
    signals.wait_for_stop(&reload).await;
    keeping.abort();
    stop(serving, &broker, &mut signals, &reload).await;
    if let Some(forget) = forget_token {
        forget();
    }
    pid_file.remove(&machine.files);
    drop(scratch);
    tracing::info!("stopped");
    Ok(())
}

/// Waits until open requests are answered, then closes the broker. A second signal ends the wait.
async fn stop(serving: Serving, broker: &Arc<Broker>, signals: &mut Signals, reload: &Notify) {
    tracing::info!("stopping: accepting no new connections; open requests are still answered");
    tokio::select! {
        () = serving.stop() => {}
        () = signals.wait_for_stop(reload) => tracing::warn!("stopping without waiting for open requests"),
    }
    broker.shutdown().await;
    serving.end().await;
}

fn state<'a>(broker: &Broker, keys: Option<&'a DevKeys>, dev: Option<&Dev>) -> State<'a> {
    match keys {
        Some(keys) => State::Dev { keys, is_kept: dev.is_some_and(|dev| dev.persist.is_some()) },
        None if !broker.is_initialised() => State::Uninitialised,
        None if broker.is_sealed() => State::Sealed,
        None => State::Unsealed,
    }
}

/// The limits of the listeners. A test that is refused thousands of times a
/// second may lift the limit of refused requests.
fn limits(environment: &Environment) -> Limits {
    let mut limits = Limits::default();
    if environment.variable("STRONGROOM_UNSAFE_UNLIMITED_REFUSALS").as_deref() == Some("true") {
        tracing::warn!(
            "refused requests are not limited: anybody who reaches this server may guess tokens as fast as it answers"
        );
        limits.refusals = Refusals::Unlimited;
    }
    limits
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn drain_at_panic(random: &Random) -> Arc<OnceLock<Arc<Broker>>> {
    let broker = Arc::new(OnceLock::<Arc<Broker>>::new());
    let hooked = broker.clone();
    panics::install(random.clone(), move || {
        if let Some(broker) = hooked.get() {
            broker.drain_for_panic();
        }
    });
    broker
}

fn storage_text(storage: &Storage) -> String {
    match storage {
        Storage::Sled { path } => format!("sled in {}", path.display()),
        Storage::Memory => "in memory, gone when the server stops".to_owned(),
    }
}

fn open_store(storage: &Storage, machine: &Machine) -> Result<(Store, Boot), ServerError> {
    let Storage::Sled { path } = storage else {
        return Ok((Store::memory(machine.clock.clone()), Boot::memory()));
    };
    need_folder(path, &machine.files)?;
    exposed::check_data(path, &machine.files)?;
    let store = Store::sled(path, machine.files.clone(), machine.clock.clone())?;
    let boot = Boot::open(path, machine.files.clone())?;
    machine.clock.not_before(store.last_time());
    Ok((store, boot))
}

/// The configured audit devices, or else one file beside the store. Each is opened once, so
/// that a wrong path is reported at the start.
fn audit_devices(
    configured: Vec<AuditConfig>,
    storage: &Storage,
    scratch: &Scratch,
    files: &Files,
) -> Result<Vec<AuditConfig>, ServerError> {
    let mut devices = configured;
    if devices.is_empty()
        && let Some(folder) = storage.folder().or(scratch.folder())
    {
        let path = folder.join("audit.log");
        let until = if storage.folder().is_none() { ", until the server stops" } else { "" };
        tracing::info!("no `audit` stanza: the audit log is {}{until}", path.display());
        devices.push(AuditConfig {
            name: "file".to_owned(),
            path,
            required: true,
            sync_always: false,
            rotate_bytes: None,
            keep: None,
        });
    }
    for device in &devices {
        exposed::check_audit(&device.path, files)?;
        match files.open_append(&device.path) {
            Ok(_) => {}
            Err(cause) if device.required => return Err(ServerError::Audit { path: device.path.clone(), cause }),
            Err(error) => tracing::warn!(%error, "the audit log {} cannot be written", device.path.display()),
        }
    }
    Ok(devices)
}

/// Unseals a dev server. Stores its authority's certificate where Vault's tools look for it.
async fn open_dev(broker: &Arc<Broker>, dev: &Dev, bound: &AllBound, files: &Files) -> Result<DevKeys, ServerError> {
    let keys = backend::open_dev(broker, dev, files).await?;
    if let (Some(folder), Some(authority)) = (&dev.tls_cert_dir, &bound.authority) {
        let pem = files.read(authority).map_err(|cause| ServerError::Folder { path: authority.clone(), cause })?;
        let path = folder.join("vault-ca.pem");
        private_file::replace(files, &path, &pem).map_err(|cause| ServerError::File { path, cause })?;
    }
    Ok(keys)
}
