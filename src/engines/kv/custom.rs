//! The rules of custom metadata: texts that a caller stores with a key and that are not secret. The error texts are
//! Vault's. Several errors are reported together as one list. No error contains a value.

use std::collections::BTreeMap;

use super::input::CustomChanges;
use crate::{
    base::unicode::is_hidden,
    contract::{Error, Result},
};

/// Maximum number of keys in the custom metadata of a secret; more are refused with 400. Vault has the same limit.
const KEYS_MAX: usize = 64;
/// Maximum number of bytes of a key; a longer key is refused with 400. Vault has the same limit.
const KEY_BYTES_MAX: usize = 128;
/// Maximum number of bytes of a value; a longer value is refused with 400. Vault has the same limit.
const VALUE_BYTES_MAX: usize = 512;

impl CustomChanges {
    /// The custom metadata that replaces the old one. A null value counts as an empty text, which is refused.
    pub fn replaced(self) -> Result<BTreeMap<String, String>> {
        let changes = self.0.unwrap_or_default();
        let custom = changes.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect();
        checked(custom)
    }

    /// Checks the changes of a patch before the key is read.
    pub fn check(&self) -> Result<()> {
        let Some(changes) = &self.0 else { return Ok(()) };
        let set = changes.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
        checked(set).map(drop)
    }

    /// The old custom metadata with these changes merged in (RFC 7396).
    pub fn merged(self, old: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
        let Some(changes) = self.0 else { return Ok(BTreeMap::new()) };
        let mut custom = old.clone();
        for (key, value) in changes {
            match value {
                Some(value) => custom.insert(key, value),
                None => custom.remove(&key),
            };
        }
        checked(custom)
    }
}

fn checked(custom: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut wrong = Vec::new();
    if custom.len() > KEYS_MAX {
        wrong.push(format!("payload must contain at most {KEYS_MAX} keys, provided {}", custom.len()));
    } else {
        for (key, value) in &custom {
            check(key, value, &mut wrong);
        }
    }
    match wrong.as_slice() {
        [] => Ok(custom),
        [only] => Err(Error::invalid(format!("custom_metadata validation failed: {only}")).listed()),
        several => {
            let lines = several.join("\n\t* custom_metadata validation failed: ");
            let count = several.len();
            Err(Error::invalid(format!("{count} errors occurred:\n\t* custom_metadata validation failed: {lines}\n\n")))
        }
    }
}

fn check(key: &str, value: &str, wrong: &mut Vec<String>) {
    if key.chars().any(is_hidden) {
        wrong.push("a key contains unprintable characters".to_owned());
        return;
    }
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        wrong.push(format!(
            "length of key \"{}\" is {} but must be 0 < len(key) <= {KEY_BYTES_MAX}",
            short(key),
            key.len()
        ));
        return;
    }
    if value.is_empty() || value.len() > VALUE_BYTES_MAX {
        wrong.push(format!(
            "length of value for key \"{key}\" is {} but must be 0 < len(value) <= {VALUE_BYTES_MAX}",
            value.len()
        ));
    }
    if value.chars().any(is_hidden) {
        wrong.push(format!("value for key \"{key}\" contains unprintable characters"));
    }
}

/// The beginning of a key that is too long, so that its sender can tell which key it is.
fn short(key: &str) -> String {
    key.chars().take(16).collect()
}
