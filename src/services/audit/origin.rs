//! The full name under which a log's checkpoints are signed: `<cluster>/<log>.<log id>/<device>`.

use crate::crypto::ed25519::PublicKey;

/// What the checkpoints of all devices have in common: the first part of their full names, and the public key.
pub(crate) struct Signer {
    prefix: String,
    public: PublicKey,
}

impl Signer {
    pub(crate) fn new(cluster: &str, log: &str, public: PublicKey) -> Self {
        Self { prefix: format!("{}/{}", word(cluster), word(log)), public }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) const fn public(&self) -> &PublicKey {
        &self.public
    }
}

/// The full name of the log `log_id` of a device.
pub(crate) fn origin(prefix: &str, log_id: &str, device: &str) -> String {
    format!("{prefix}.{log_id}/{}", word(device))
}

/// The log id in the full name `origin`. Empty if the name has another form.
pub(crate) fn log_id_of(origin: &str) -> String {
    let log = origin.split('/').nth(1).unwrap_or("");
    log.rsplit('.').next().unwrap_or("").to_owned()
}

/// Replaces each character that may not be part of a name by `-`. The full name is split at slashes, and a key name
/// contains neither space nor plus (C2SP signed-note).
fn word(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    text.chars().map(plain).collect()
}
