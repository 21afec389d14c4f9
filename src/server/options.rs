//! The options of the commands `server` and `dev`.

use std::path::PathBuf;

use crate::base::secret::Secret;

/// How to run a server.
#[derive(Default)]
pub struct ServerOptions {
    /// The folder for the store, the audit log and the certificates.
    pub data: Option<PathBuf>,
    pub config: Vec<PathBuf>,
    /// The address to listen on, as `HOST:PORT`. Allowed only if the configuration has no listener.
    pub listen: Option<String>,
    pub log_level: Option<String>,
    pub dev: Option<DevOptions>,
}

/// The options of a dev server, for trying things out.
pub struct DevOptions {
    pub root_token_id: Option<Secret<String>>,
    /// Whether the server speaks TLS. Without TLS it speaks plain HTTP, as Vault's dev server does.
    pub tls: bool,
    pub tls_cert_dir: Option<PathBuf>,
    pub kv_v1: bool,
    pub persist: Option<PathBuf>,
    /// Keeps the root token where clients of this machine find it. `None`: it is only printed.
    pub keep_token: Option<KeepToken>,
}

/// Called once a dev server has its root token, with the URL for clients on this machine.
pub type KeepToken = Box<dyn FnOnce(&str, &Secret<String>) -> ForgetToken>;

/// Called when that server stops.
pub type ForgetToken = Box<dyn FnOnce()>;
