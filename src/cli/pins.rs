//! The pins: for each server address, the CA that signs its certificate and the key that signs its audit log, as they
//! were first seen. A server must keep using both. They are kept in the file `pins`.

use std::path::PathBuf;

use super::{config_dir::ConfigDir, error::CliError};
use crate::client::{Address, json::Json};

const FILE: &str = "pins";

/// What is pinned for one address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Pin {
    /// The PEM text of the CA. `None` if no CA is pinned.
    pub(crate) ca: Option<String>,
    /// The Ed25519 public key of the audit log, in base64. `None` if none is pinned.
    pub(crate) audit_public_key: Option<String>,
}

pub(crate) fn find(config_dir: &ConfigDir, address: &Address) -> Result<Pin, CliError> {
    let all = config_dir.object(FILE)?;
    let text = |name: &str| all.path(&[&address.to_string(), name]).and_then(Json::as_str).map(str::to_owned);
    Ok(Pin { ca: text("ca"), audit_public_key: text("audit_public_key") })
}

/// All pinned audit keys, each with the address of its server.
pub(crate) fn audit_keys(config_dir: &ConfigDir) -> Result<Vec<(String, String)>, CliError> {
    let all = config_dir.object(FILE)?;
    let keys = all
        .as_object()
        .iter()
        .filter_map(|(address, pin)| Some((address.clone(), pin.path(&["audit_public_key"])?.as_str()?.to_owned())));
    Ok(keys.collect())
}

/// Pins what `pin` has. What it does not have stays as it was.
pub(crate) fn keep(config_dir: &ConfigDir, address: &Address, pin: &Pin) -> Result<PathBuf, CliError> {
    let here = address.to_string();
    config_dir.change(FILE, |all| {
        let mut entry = all.at(&here).cloned().unwrap_or(Json::Object(Vec::new()));
        for (name, value) in [("ca", &pin.ca), ("audit_public_key", &pin.audit_public_key)] {
            if let Some(value) = value {
                entry.set(name, Json::text(value));
            }
        }
        all.set(&here, entry);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::environment::Environment;

    #[test]
    fn pins_are_kept_per_address_and_merged() {
        let dir = tempfile::tempdir().unwrap();
        let config_dir = ConfigDir::of(&Environment::of([("STRONGROOM_HOME", dir.path().to_str().unwrap())]));
        let (a, b) = (Address::parse("https://a:1").unwrap(), Address::parse("https://b:1").unwrap());
        keep(&config_dir, &a, &Pin { ca: Some("PEM".to_owned()), audit_public_key: None }).unwrap();
        keep(&config_dir, &a, &Pin { ca: None, audit_public_key: Some("KEY".to_owned()) }).unwrap();
        let both = Pin { ca: Some("PEM".to_owned()), audit_public_key: Some("KEY".to_owned()) };
        assert_eq!(find(&config_dir, &a).unwrap(), both);
        assert_eq!(find(&config_dir, &b).unwrap(), Pin::default());
        assert_eq!(audit_keys(&config_dir).unwrap(), [("https://a:1".to_owned(), "KEY".to_owned())]);
    }
}
