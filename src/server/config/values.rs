//! What the stanzas of a configuration say.

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
    /// All addresses that the text stands for, such as two for `localhost`.
    pub addresses: Vec<SocketAddr>,
    /// `None` means plain HTTP, which the configuration must ask for.
    pub tls: Option<Tls>,
}

/// A `telemetry` stanza that names an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TelemetryConfig {
    pub addresses: Vec<SocketAddr>,
    /// Where the address is named.
    pub location: Location,
}

/// An `audit "file"` stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditConfig {
    /// The path under `sys/audit`, without the slash.
    pub name: String,
    pub path: PathBuf,
    pub required: bool,
    pub sync_always: bool,
}

/// A `seal "static"` stanza.
pub(crate) struct StaticSeal {
    pub key_id: String,
    pub key: Secret<[u8; 32]>,
}

impl Storage {
    /// The folder of the store, in which other files of the server lie too.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Sled { path } => Some(path),
            Self::Memory => None,
        }
    }
}
