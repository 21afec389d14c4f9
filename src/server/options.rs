//! What the commands `server` and `dev` ask for.

use std::path::PathBuf;

use crate::base::secret::Secret;

/// How to run a server.
#[derive(Default)]
pub struct ServerOptions {
    /// The folder for store, audit log and certificates.
    pub data: Option<PathBuf>,
    pub config: Vec<PathBuf>,
    /// `HOST:PORT`. Allowed only if the configuration has no listener.
    pub listen: Option<String>,
    pub log_level: Option<String>,
    pub dev: Option<DevOptions>,
}

/// A server for trying things out.
pub struct DevOptions {
    pub root_token_id: Option<Secret<String>>,
    /// Without it the server speaks plain HTTP, as Vault's dev server does.
    pub tls: bool,
    pub tls_cert_dir: Option<PathBuf>,
    pub kv_v1: bool,
    pub persist: Option<PathBuf>,
    /// Store the root token in `~/.vault-token`.
    pub store_token: bool,
}
