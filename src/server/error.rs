//! Why a server does not start. Each message says what to do.

use std::{io, net::SocketAddr, path::PathBuf};

use super::{
    config::{ConfigError, Location},
    own_ca::CaError,
    tls::TlsError,
};
use crate::store::OpenError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(
        "no storage is configured: run `strongroom server --data DIR`, or add a `storage` stanza to the configuration"
    )]
    StorageMissing,
    #[error("`--data` and the configuration's `storage` stanza cannot be used together: remove one")]
    StorageTwice,
    #[error(
        "no listener is configured: add a `listener` stanza to the configuration, or run `strongroom server --data DIR`"
    )]
    ListenerMissing,
    #[error("`--listen` and the configuration's `listener` stanza cannot be used together: remove one")]
    ListenerTwice,
    #[error("`{text}` is not an address to listen on: {cause}")]
    Address { text: String, cause: String },
    #[error("KV version 1 is not supported: remove `-dev-kv-v1`; `secret/` is then version 2")]
    KvOne,
    #[error("`{0}` is not a log level: use error, warn, info, debug or trace")]
    LogLevel(String),
    #[error("{} does not exist: create it, or choose another folder", .0.display())]
    FolderMissing(PathBuf),
    #[error("{} is a file, and the server keeps its files in a folder: name another one", .0.display())]
    FolderIsFile(PathBuf),
    #[error("{}: {cause}", path.display())]
    Folder { path: PathBuf, cause: io::Error },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(
        "cannot write the audit log {}: {cause}: give this user the right to write it, or name another file in an `audit` stanza",
        path.display()
    )]
    Audit { path: PathBuf, cause: io::Error },
    #[error("`{}` is not safe: {what}; {fix} {}", path.display(), path.display())]
    Exposed { path: PathBuf, what: &'static str, fix: &'static str },
    #[error(transparent)]
    Authority(#[from] CaError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot listen on {address}: another process uses it: stop that process, or choose another address")]
    AddressInUse { address: SocketAddr },
    #[error("cannot listen on {address}: {cause}")]
    Listen { address: SocketAddr, cause: io::Error },
    #[error(
        "{location}cannot listen on {address} for metrics: another process uses it, or a `listener` of this configuration: \
         choose another `address` in `telemetry`"
    )]
    TelemetryInUse { location: Location, address: SocketAddr },
    #[error("{location}cannot listen on {address} for metrics: {cause}: choose another `address` in `telemetry`")]
    TelemetryListen { location: Location, address: SocketAddr, cause: io::Error },
    #[error("cannot open the data in this store: {0}")]
    Damaged(String),
    #[error("cannot start the server: {0}")]
    Start(String),
    #[error(
        "{} belongs to a dev server whose keys are missing: restore its file `dev-keys`, or remove the folder to start anew",
        .0.display()
    )]
    DevKeysMissing(PathBuf),
    #[error("the stored key of the dev server does not unseal its store: {0}")]
    DevUnseal(String),
    #[error("cannot write {}: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("cannot get a thread or an event queue from the system: {0}")]
    Machine(#[from] io::Error),
}

impl ServerError {
    /// The exit code of the command: 8 if stored data is damaged, otherwise 1.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Open(OpenError::Damaged { .. }) | Self::Damaged(_) | Self::Authority(CaError::Damaged { .. }) => 8,
            _ => 1,
        }
    }
}
