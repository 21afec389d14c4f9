//! `strongroom server` and `strongroom dev`: from options to a running server and to its orderly end.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use tokio::signal::unix::{Signal, SignalKind, signal};

pub use super::error::ServerError;
use super::{
    Limits, Refusals,
    announce::{self, Ready, State},
    config::{AuditConfig, Config, Environment, Storage},
    listener::{self, Listener, Serving},
    logging,
    own_ca::{self, Issued},
    panics,
    plan::{Dev, Listen, Plan, Secured, beside},
    private_file,
    refusals::Buckets,
    seam::{self, DevKeys, Parts},
    tls::{self, Clients, Tls, Version},
};
use crate::{
    base::{
        random::Random,
        secret::Secret,
        sys,
        time::{Clock, Time},
    },
    broker::{Broker, WalkReport},
    store::{Boot, Files, Store},
};

/// How a server is to run.
#[derive(Default)]
pub struct ServerOptions {
    /// Everything under one folder: store, audit log, certificates.
    pub data: Option<PathBuf>,
    pub config: Vec<PathBuf>,
    /// `HOST:PORT`, where the configuration names no listener.
    pub listen: Option<String>,
    pub log_level: Option<String>,
    pub dev: Option<DevOptions>,
}

/// A server to try things on.
pub struct DevOptions {
    pub root_token_id: Option<Secret<String>>,
    /// Plain HTTP, as Vault's dev server speaks, unless this is set.
    pub tls: bool,
    pub tls_cert_dir: Option<PathBuf>,
    pub kv_v1: bool,
    pub persist: Option<PathBuf>,
    /// Keep the root token in `~/.vault-token`.
    pub store_token: bool,
}

/// Runs until SIGINT or SIGTERM. `Err` means that it did not start; the exit code is the error's.
pub fn run(options: ServerOptions) -> Result<(), ServerError> {
    let hardening = sys::harden_process();
    tls::install_provider();
    let environment = Environment::process();
    let config = Config::load(&options.config, &environment)?;
    let plan = Plan::new(options, config, &environment)?;
    logging::start(plan.log_level);
    for warning in hardening.iter().chain(&plan.warnings) {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(plan, Machine::real(), &environment))
}

/// Makes a certificate for other names by the authority under `data`; what `operator tls` calls.
pub fn issue_certificate(data: &Path, names: &[String]) -> Result<Issued, ServerError> {
    let machine = Machine::real();
    need_folder(data, &machine.files)?;
    Ok(own_ca::issue(data, names, machine.clock.now(), &machine.files)?)
}

/// Opens the store of a stopped server with its shares and walks its tokens; what `operator walk` calls.
pub async fn walk(data: &Path, shares: Vec<Secret<Vec<u8>>>) -> Result<WalkReport, ServerError> {
    let machine = Machine::real();
    let (store, boot) = open_store(&Storage::Sled { path: data.to_owned() }, &machine)?;
    seam::walk(store, boot, machine.random, shares).await
}

/// What comes from outside.
struct Machine {
    files: Files,
    clock: Clock,
    random: Random,
}

impl Machine {
    fn real() -> Self {
        Self { files: Files::real(), clock: Clock::system(Time::EPOCH), random: Random::system() }
    }
}

async fn serve(plan: Plan, machine: Machine, environment: &Environment) -> Result<(), ServerError> {
    let mut signals = Signals::new()?;
    let panicked = drain_at_panic(&machine.random);
    let scratch = Scratch::new(plan.needs_scratch, &machine)?;
    let (store, boot) = open_store(&plan.storage, &machine)?;
    let audit = audit_devices(plan.audit, &plan.storage, &scratch, &machine.files)?;
    let bound = bind(&plan.listeners, &scratch, &machine)?;
    let first = bound.listeners.first().map(Bound::url).unwrap_or_default();
    let api_addr = plan.api_addr.unwrap_or(first);
    let limits = limits(environment);
    let broker = seam::start(Parts {
        store,
        boot,
        audit: audit.clone(),
        files: machine.files.clone(),
        clock: machine.clock.clone(),
        random: machine.random.clone(),
        api_addr: api_addr.clone(),
        default_lease_ttl: plan.default_lease_ttl,
        max_lease_ttl: plan.max_lease_ttl,
        seal: plan.seal,
        refusal_limit: Arc::new(Buckets::new(limits.refusals)),
    })
    .await?;
    let _set_once = panicked.set(broker.clone());
    let keys = match &plan.dev {
        Some(dev) => Some(open_dev(&broker, dev, &bound, &machine.files, environment).await?),
        None => None,
    };
    let listeners: Vec<_> = bound.listeners.iter().map(|bound| (bound.listener.address(), bound.is_tls)).collect();
    let sockets = bound.listeners.into_iter().map(|bound| bound.listener).collect();
    let serving = listener::start(sockets, seam::handler(&broker), limits, workers())?;
    let pid_file = PidFile::write(plan.pid_file, &machine.files)?;
    Ready {
        api_addr: &api_addr,
        listeners: &listeners,
        storage: &storage_text(&plan.storage),
        audit: &audit.iter().map(|device| device.path.clone()).collect::<Vec<_>>(),
        authority: bound.authority.as_deref(),
        state: state(&broker, keys.as_ref(), plan.dev.as_ref()),
    }
    .say();
    drop(keys);
    signals.wait_for_stop().await;
    stop(serving, &broker, &mut signals).await;
    pid_file.remove(&machine.files);
    scratch.remove(&machine.files);
    tracing::info!("stopped");
    Ok(())
}

/// Answers what is open, then closes the broker. A second signal does not wait for the answers.
async fn stop(mut serving: Serving, broker: &Arc<Broker>, signals: &mut Signals) {
    tracing::info!("stopping: no new connections, open requests are answered");
    tokio::select! {
        () = serving.stop() => {}
        () = signals.wait_for_stop() => tracing::warn!("stopping without waiting for open requests"),
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

/// The limits of the listener. A test that refuses on purpose, thousands of times a second, may lift one of them.
fn limits(environment: &Environment) -> Limits {
    let mut limits = Limits::default();
    if environment.variable("STRONGROOM_UNSAFE_UNLIMITED_REFUSALS").as_deref() == Some("true") {
        tracing::warn!("refused requests are not limited: whoever reaches this server may guess as fast as it answers");
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

/// The last folder of `path` is made if it is missing; what leads to it must be there, or it is a slip of the pen.
fn need_folder(path: &Path, files: &Files) -> Result<(), ServerError> {
    let absolute = std::path::absolute(path).map_err(|cause| ServerError::Folder { path: path.to_owned(), cause })?;
    match absolute.parent() {
        Some(parent) if !files.exists(parent) => Err(ServerError::FolderMissing(parent.to_owned())),
        _ => files.create_dir_all(&absolute).map_err(|cause| ServerError::Folder { path: path.to_owned(), cause }),
    }
}

fn open_store(storage: &Storage, machine: &Machine) -> Result<(Store, Boot), ServerError> {
    let Storage::Sled { path } = storage else {
        return Ok((Store::memory(machine.clock.clone()), Boot::memory()));
    };
    need_folder(path, &machine.files)?;
    let store = Store::sled(path, machine.files.clone(), machine.clock.clone())?;
    let boot = Boot::open(path, machine.files.clone())?;
    machine.clock.not_before(store.last_time());
    Ok((store, boot))
}

/// The configured devices, or a file beside the store; each is tried once, so that a wrong path is told at the start.
fn audit_devices(
    configured: Vec<AuditConfig>,
    storage: &Storage,
    scratch: &Scratch,
    files: &Files,
) -> Result<Vec<AuditConfig>, ServerError> {
    let mut devices = configured;
    if devices.is_empty()
        && let Some(folder) = beside(storage).or(scratch.folder())
    {
        let path = folder.join("audit.log");
        tracing::info!("no `audit` stanza: the audit log is {}", path.display());
        devices.push(AuditConfig { name: "file".to_owned(), path, required: true, sync_always: false });
    }
    for device in &devices {
        match files.open_append(&device.path) {
            Ok(_) => {}
            Err(cause) if device.required => return Err(ServerError::Audit { path: device.path.clone(), cause }),
            Err(error) => tracing::warn!(%error, "the audit log {} cannot be written", device.path.display()),
        }
    }
    Ok(devices)
}

struct Bound {
    listener: Listener,
    is_tls: bool,
}

impl Bound {
    fn url(&self) -> String {
        announce::url(self.listener.address(), self.is_tls)
    }
}

struct AllBound {
    listeners: Vec<Bound>,
    /// The certificate of our own authority, where one is used.
    authority: Option<PathBuf>,
}

fn bind(planned: &[Listen], scratch: &Scratch, machine: &Machine) -> Result<AllBound, ServerError> {
    let mut all = AllBound { listeners: Vec::new(), authority: None };
    for listen in planned {
        let tls = match &listen.tls {
            Secured::Plain => None,
            Secured::Files(files) => Some(files.load()?),
            Secured::Own { folder, names } => {
                let folder = folder.as_deref().or(scratch.folder()).unwrap_or(Path::new("."));
                need_folder(folder, &machine.files)?;
                let issued = own_ca::ensure(folder, names, machine.clock.now(), &machine.files)?;
                if issued.is_new {
                    tracing::info!("made a certificate that ends {}", issued.not_after.rfc3339());
                }
                all.authority = Some(std::path::absolute(&issued.authority).unwrap_or(issued.authority));
                let (certificate, key) = (issued.server.clone(), issued.server);
                Some(Tls { certificate, key, oldest: Version::Tls13, clients: Clients::Unasked }.load()?)
            }
        };
        for address in &listen.addresses {
            let listener = Listener::bind(*address, tls.clone()).map_err(|cause| unbound(*address, cause))?;
            all.listeners.push(Bound { listener, is_tls: tls.is_some() });
        }
    }
    Ok(all)
}

fn unbound(address: SocketAddr, cause: std::io::Error) -> ServerError {
    match cause.kind() {
        std::io::ErrorKind::AddrInUse => ServerError::AddressInUse { address },
        _ => ServerError::Listen { address, cause },
    }
}

/// Opens a dev server and leaves its token and authority where Vault's tools look for them.
async fn open_dev(
    broker: &Arc<Broker>,
    dev: &Dev,
    bound: &AllBound,
    files: &Files,
    environment: &Environment,
) -> Result<DevKeys, ServerError> {
    let keys = seam::open_dev(broker, dev, files).await?;
    let write = |path: PathBuf, bytes: &[u8]| {
        private_file::replace(files, &path, bytes).map_err(|cause| ServerError::File { path, cause })
    };
    if let (Some(folder), Some(authority)) = (&dev.tls_cert_dir, &bound.authority) {
        let pem = files.read(authority).map_err(|cause| ServerError::Folder { path: authority.clone(), cause })?;
        write(folder.join("vault-ca.pem"), &pem)?;
    }
    if let (true, Some(home)) = (dev.stores_token, environment.variable("HOME")) {
        let token = keys.root_token.expose();
        write(Path::new(&home).join(".vault-token"), token.as_bytes())?;
    }
    Ok(keys)
}

/// A folder of its own, closed to others, for the files of a server that keeps nothing.
struct Scratch(Option<PathBuf>);

impl Scratch {
    fn new(is_needed: bool, machine: &Machine) -> Result<Self, ServerError> {
        if !is_needed {
            return Ok(Self(None));
        }
        let name = data_encoding::HEXLOWER.encode(&machine.random.bytes::<8>());
        let path = std::env::temp_dir().join(format!("strongroom-{name}"));
        machine.files.create_dir_all(&path).map_err(|cause| ServerError::Folder { path: path.clone(), cause })?;
        Ok(Self(Some(path)))
    }

    fn folder(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// Takes the certificates away; an audit log stays, and so does its folder.
    fn remove(self, files: &Files) {
        let Some(folder) = self.0 else { return };
        let tls = folder.join("tls");
        for name in files.names(&tls).unwrap_or_default() {
            let _left_behind = files.remove(&tls.join(name));
        }
    }
}

struct PidFile(Option<PathBuf>);

impl PidFile {
    fn write(path: Option<PathBuf>, files: &Files) -> Result<Self, ServerError> {
        let Some(path) = path else { return Ok(Self(None)) };
        private_file::replace(files, &path, std::process::id().to_string().as_bytes())
            .map_err(|cause| ServerError::File { path: path.clone(), cause })?;
        Ok(Self(Some(path)))
    }

    fn remove(self, files: &Files) {
        if let Some(path) = self.0 {
            let _left_behind = files.remove(&path);
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn wait_for_stop(&mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => tracing::warn!("SIGHUP has no effect: reloading is not built, restart instead"),
            }
        }
    }
}
