//! The rules of custom metadata: what a caller notes beside a key, in the open. Texts of refusals are Vault's, and
//! several of them come as one list; none holds a value.

use std::collections::BTreeMap;

use super::input::Marks;
use crate::{
    base::unicode::is_hidden,
    contract::{Error, Result},
};

/// Keys of one custom metadata: Vault's limit.
const KEYS_MAX: usize = 64;
/// Bytes of a key: Vault's limit.
const KEY_BYTES_MAX: usize = 128;
/// Bytes of a value: Vault's limit.
const VALUE_BYTES_MAX: usize = 512;

impl Marks {
    /// What replaces the old custom metadata: null counts as an empty text, which is refused.
    pub fn replaced(self) -> Result<BTreeMap<String, String>> {
        let marks = self.0.unwrap_or_default();
        let custom = marks.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect();
        checked(custom)
    }

    /// Refuses what a patch would set, before anything is looked up.
    pub fn check(&self) -> Result<()> {
        let Some(marks) = &self.0 else { return Ok(()) };
        let set = marks.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
        checked(set).map(drop)
    }

    /// The old custom metadata with these marks merged in (RFC 7396).
    pub fn merged(self, old: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
        let Some(marks) = self.0 else { return Ok(BTreeMap::new()) };
        let mut custom = old.clone();
        for (key, value) in marks {
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

/// As much of an overlong key as tells its sender which one it is.
fn short(key: &str) -> String {
    key.chars().take(16).collect()
}
