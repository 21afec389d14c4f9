//! Deletes, undeletes and destroys versions by number. As in Vault, numbers of versions that do not exist are ignored.
//! A destroyed version stays destroyed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, Kv, input::Numbers, records};
use crate::contract::{Answer, Call, Error, Int, Result};

/// The versions to change.
#[derive(Deserialize, JsonSchema)]
pub struct Versions {
    /// The numbers of the versions, at least one.
    #[serde(default)]
    #[schemars(with = "Vec<Int>", extend("needed" = true))]
    versions: Numbers,
}

impl Versions {
    fn numbers(self, refusal: &str) -> Result<Vec<u64>> {
        if self.versions.0.is_empty() {
            return Err(Error::invalid(refusal));
        }
        Ok(self.versions.0.into_iter().filter_map(|number| u64::try_from(number).ok()).collect())
    }
}

pub fn delete(call: Call<Kv>, at: At, input: Versions) -> Result<Answer> {
    let numbers = input.numbers("No version number provided")?;
    let Some(mut key) = records::key(&call.store, &at.path.0)? else { return Ok(Answer::done()) };
    let mut is_changed = false;
    for number in numbers {
        if let Some(version) = key.version_mut(number).filter(|version| !version.is_gone(call.now)) {
            version.deletion = Some(call.now.into());
            is_changed = true;
        }
    }
    if is_changed {
        call.store.urgent();
        call.store.put(&records::KEYS, &at.path.0, &key)?;
    }
    Ok(Answer::done())
}

/// Makes deleted versions readable again. Also cancels a deletion that is due in the future.
pub fn undelete(call: Call<Kv>, at: At, input: Versions) -> Result<Answer> {
    let numbers = input.numbers("No version number provided")?;
    let Some(mut key) = records::key(&call.store, &at.path.0)? else { return Ok(Answer::done()) };
    let mut is_changed = false;
    for number in numbers {
        if let Some(version) = key.version_mut(number).filter(|version| !version.is_destroyed) {
            is_changed |= version.deletion.take().is_some();
        }
    }
    if is_changed {
        call.store.put(&records::KEYS, &at.path.0, &key)?;
    }
    Ok(Answer::done())
}

pub fn destroy(call: Call<Kv>, at: At, input: Versions) -> Result<Answer> {
    let numbers = input.numbers("no version number provided")?;
    let Some(mut key) = records::key(&call.store, &at.path.0)? else { return Ok(Answer::done()) };
    let mut is_changed = false;
    for number in numbers {
        let Some(version) = key.version_mut(number).filter(|version| !version.is_destroyed) else { continue };
        version.is_destroyed = true;
        records::wipe(&call.store, &at.path.0, &mut key, number)?;
        is_changed = true;
    }
    if is_changed {
        call.store.urgent();
        call.store.put(&records::KEYS, &at.path.0, &key)?;
    }
    Ok(Answer::done())
}
