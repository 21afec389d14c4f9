//! Why a server does not start, each in one sentence that says what to do.

use std::{io, net::SocketAddr, path::PathBuf};

use super::{config::ConfigError, own_ca::CaError, tls::TlsError};
use crate::store::OpenError;

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("nothing says where to keep data: run `strongroom server --data DIR`, or configure a `storage` stanza")]
    StorageMissing,
    #[error("both `--data` and the configuration's `storage` say where to keep data: leave one out")]
    StorageTwice,
    #[error("nothing says where to listen: configure a `listener` stanza, or run `strongroom server --data DIR`")]
    ListenerMissing,
    #[error("both `--listen` and the configuration's `listener` say where to listen: leave one out")]
    ListenerTwice,
    #[error("`{text}` is no address that can be listened on: {cause}")]
    Address { text: String, cause: String },
    #[error("KV version 1 is not built: leave out `-dev-kv-v1`, and `secret/` is version 2")]
    KvOne,
    #[error("`{0}` is no log level: use error, warn, info, debug or trace")]
    LogLevel(String),
    #[error("{} does not exist: create it, or name another folder", .0.display())]
    FolderMissing(PathBuf),
    #[error("{}: {cause}", path.display())]
    Folder { path: PathBuf, cause: io::Error },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(
        "the audit log {} cannot be written: {cause}: let this user write it, or name another file in an `audit` stanza",
        path.display()
    )]
    Audit { path: PathBuf, cause: io::Error },
    #[error(transparent)]
    Authority(#[from] CaError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot listen on {address}: another process does: stop it, or choose another address")]
    AddressInUse { address: SocketAddr },
    #[error("cannot listen on {address}: {cause}")]
    Listen { address: SocketAddr, cause: io::Error },
    #[error("the data in this store does not open: {0}")]
    Damaged(String),
    #[error("the server does not start: {0}")]
    Start(String),
    #[error(
        "{} belongs to a dev server whose keys are missing: put them back, or remove the folder to start afresh",
        .0.display()
    )]
    DevKeysMissing(PathBuf),
    #[error("the dev server's kept key does not unseal its store: {0}")]
    DevUnseal(String),
    #[error("{} cannot be written: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("the machine gives no thread or event queue: {0}")]
    Machine(#[from] io::Error),
}

impl ServerError {
    /// The exit code of the command: 8 where data is damaged, else 1.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Open(OpenError::Damaged { .. }) | Self::Damaged(_) | Self::Authority(CaError::Damaged { .. }) => 8,
            _ => 1,
        }
    }
}
