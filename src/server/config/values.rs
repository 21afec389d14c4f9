//! The values of a configuration's stanzas.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::error::Location;
use crate::{base::secret::Secret, server::tls::Tls};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Sled { path: PathBuf },
    Memory,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenerConfig {
    /// All addresses that the address text stands for, such as two for `localhost`.
    pub addresses: Vec<SocketAddr>,
    /// The TLS settings. `None` means plain HTTP, for which the configuration must ask.
    pub tls: Option<Tls>,
}

/// A `telemetry` stanza that names an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TelemetryConfig {
    pub addresses: Vec<SocketAddr>,
    /// The place of the address in the configuration.
    pub location: Location,
}

/// An `audit "file"` stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditConfig {
    /// The name of the device: its path under `sys/audit`, without the slash.
    pub name: String,
    pub path: PathBuf,
    pub required: bool,
    pub sync_always: bool,
    /// The file is rotated at this size. `None` means the default size, 0 never.
    pub rotate_bytes: Option<u64>,
    /// How many rotated files are kept. `None` means all of them.
    pub keep: Option<u32>,
}

/// A `seal "static"` stanza.
pub(crate) struct StaticSeal {
    pub key_id: String,
    pub key: Secret<[u8; 32]>,
}

impl Storage {
    /// The folder of the store. Other files of the server lie in it too. `None` for a store in memory.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Sled { path } => Some(path),
            Self::Memory => None,
        }
    }
}
