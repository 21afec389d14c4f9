//! What we hold each server to: the CA that vouches for it and the key that signs its audit log, as they were on the
//! first day. Kept per address in `pins`.

use std::path::PathBuf;

use super::{fault::Fault, home::Home};
use crate::client::{Address, json::Json};

const FILE: &str = "pins";

/// What is pinned for one address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pin {
    /// PEM text of the CA.
    pub ca: Option<String>,
    /// Ed25519, base64.
    pub audit_public_key: Option<String>,
}

pub fn find(home: &Home, address: &Address) -> Result<Pin, Fault> {
    let all = home.object(FILE)?;
    let text = |name: &str| all.path(&[&address.to_string(), name]).and_then(Json::as_str).map(str::to_owned);
    Ok(Pin { ca: text("ca"), audit_public_key: text("audit_public_key") })
}

/// Every audit key that is pinned, with the address it is pinned for.
pub fn audit_keys(home: &Home) -> Result<Vec<(String, String)>, Fault> {
    let all = home.object(FILE)?;
    let keys = all
        .as_object()
        .iter()
        .filter_map(|(address, pin)| Some((address.clone(), pin.path(&["audit_public_key"])?.as_str()?.to_owned())));
    Ok(keys.collect())
}

/// Adds what `pin` has to what is pinned; what it has not stays.
pub fn keep(home: &Home, address: &Address, pin: &Pin) -> Result<PathBuf, Fault> {
    let here = address.to_string();
    home.change(FILE, |all| {
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
    fn pins_are_kept_per_address_and_added_to() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::of(&Environment::of([("STRONGROOM_HOME", dir.path().to_str().unwrap())]));
        let (a, b) = (Address::parse("https://a:1").unwrap(), Address::parse("https://b:1").unwrap());
        keep(&home, &a, &Pin { ca: Some("PEM".to_owned()), audit_public_key: None }).unwrap();
        keep(&home, &a, &Pin { ca: None, audit_public_key: Some("KEY".to_owned()) }).unwrap();
        let both = Pin { ca: Some("PEM".to_owned()), audit_public_key: Some("KEY".to_owned()) };
        assert_eq!(find(&home, &a).unwrap(), both);
        assert_eq!(find(&home, &b).unwrap(), Pin::default());
        assert_eq!(audit_keys(&home).unwrap(), [("https://a:1".to_owned(), "KEY".to_owned())]);
    }
}
