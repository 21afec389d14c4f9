//! Everything stored about a secret except its data: its versions, its settings and its custom metadata. A write
//! changes the fields that it contains and leaves the others. A patch does the same, but merges custom metadata instead
//! of replacing it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    At, Kv,
    input::{Count, CustomChanges},
    records,
    records::{CasRule, Key, Moment},
};
use crate::{
    base::ttl::Ttl,
    contract::{Answer, Call, Error, Flag, Int, ListPage, Result, given, row::Nothing},
};

/// The settings of a key. A field that is absent stays unchanged.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// How many versions to keep. 0 means the mount's setting.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Int>")]
    max_versions: Option<Count>,
    /// Whether writes of data must name the current version.
    #[serde(default, deserialize_with = "given")]
    cas_required: Option<Flag>,
    /// New versions are deleted after this time, or after the mount's time if that is shorter. 0 means the mount's
    /// setting.
    #[serde(default)]
    delete_version_after: Option<Ttl>,
    /// Texts under names to store with the secret, at most 64. They are not secret.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    custom_metadata: Option<CustomChanges>,
    /// Whether writes of metadata must name the current version of the metadata.
    #[serde(default, deserialize_with = "given")]
    metadata_cas_required: Option<Flag>,
    /// The current version of the metadata. The write is refused if the number does not match.
    #[serde(default)]
    metadata_cas: Option<Int>,
}

impl Settings {
    /// Whether the request sets nothing. Such a request has no effect, as in Vault.
    const fn is_empty(&self) -> bool {
        self.max_versions.is_none()
            && self.cas_required.is_none()
            && self.delete_version_after.is_none()
            && self.custom_metadata.is_none()
            && self.metadata_cas_required.is_none()
    }

    fn check_cas(&self, key: &Key, rule: CasRule) -> Result<()> {
        match self.metadata_cas {
            None if rule == CasRule::Required => {
                Err(Error::invalid("metadata check-and-set parameter required for this call"))
            }
            Some(Int(number)) if u64::try_from(number) != Ok(key.metadata_version) => {
                Err(Error::invalid("metadata check-and-set parameter does not match the current version"))
            }
            _ => Ok(()),
        }
    }

    /// Sets everything except custom metadata.
    fn set(&self, key: &mut Key) {
        if let Some(Count(most)) = self.max_versions {
            key.max_versions = most;
        }
        if let Some(Flag(is_required)) = self.cas_required {
            key.is_cas_required = is_required;
        }
        if let Some(after) = self.delete_version_after {
            key.delete_version_after = after;
        }
        if let Some(Flag(is_required)) = self.metadata_cas_required {
            key.is_metadata_cas_required = is_required;
        }
    }
}

/// The metadata of a key, as an answer shows it.
#[derive(Serialize)]
struct Shown<'k> {
    cas_required: bool,
    created_time: String,
    current_metadata_version: u64,
    current_version: u64,
    custom_metadata: Option<&'k BTreeMap<String, String>>,
    delete_version_after: String,
    max_versions: u32,
    metadata_cas_required: bool,
    oldest_version: u64,
    updated_time: String,
    versions: BTreeMap<u64, ShownVersion>,
}

#[derive(Serialize)]
struct ShownVersion {
    created_time: String,
    deletion_time: String,
    destroyed: bool,
}

/// Whether the key exists. With this the broker tells a create from an update.
pub fn exists(call: Call<Kv>, at: At) -> Result<bool> {
    call.store.has(&records::KEYS, &at.path.0)
}

pub fn read(call: Call<Kv>, at: At, _: Nothing) -> Result<Answer> {
    let key = records::key(&call.store, &at.path.0)?.ok_or_else(Error::missing)?;
    let versions = key.versions.iter().map(|version| {
        let shown = ShownVersion {
            created_time: version.created.text(),
            deletion_time: version.deletion.map_or_else(String::new, Moment::text),
            destroyed: version.is_destroyed,
        };
        (version.number, shown)
    });
    Answer::data(&Shown {
        cas_required: key.is_cas_required,
        created_time: key.created.text(),
        current_metadata_version: key.metadata_version,
        current_version: key.current,
        custom_metadata: key.custom(),
        delete_version_after: key.delete_version_after.go_format(),
        max_versions: key.max_versions,
        metadata_cas_required: key.is_metadata_cas_required,
        oldest_version: key.oldest,
        updated_time: key.updated.text(),
        versions: versions.collect(),
    })
}

/// Changes the settings and custom metadata of a key. Creates the key if it does not exist; a new key has no version
/// yet.
pub fn write(call: Call<Kv>, at: At, mut settings: Settings) -> Result<Answer> {
    if settings.is_empty() {
        return Ok(Answer::done());
    }
    let custom = settings.custom_metadata.take().map(CustomChanges::replaced).transpose()?;
    let config = records::config(&call.store)?;
    let mut key = records::key(&call.store, &at.path.0)?.unwrap_or_else(|| Key::new(call.now));
    settings.check_cas(&key, key.metadata_cas_rule(&config))?;
    if let Some(custom) = custom {
        key.custom = custom;
    }
    settings.set(&mut key);
    put(&call, &at.path.0, key)
}

pub fn patch(call: Call<Kv>, at: At, mut settings: Settings) -> Result<Answer> {
    if let Some(changes) = &settings.custom_metadata {
        changes.check()?;
    }
    if settings.is_empty() {
        return Ok(Answer::done());
    }
    let config = records::config(&call.store)?;
    let mut key = records::key(&call.store, &at.path.0)?.ok_or_else(Error::missing)?;
    settings.check_cas(&key, key.metadata_cas_rule(&config))?;
    if let Some(changes) = settings.custom_metadata.take() {
        key.custom = changes.merged(&key.custom)?;
    }
    settings.set(&mut key);
    put(&call, &at.path.0, key)
}

fn put(call: &Call<Kv>, path: &str, mut key: Key) -> Result<Answer> {
    key.metadata_version += 1;
    key.updated = call.now.into();
    call.store.put(&records::KEYS, path, &key)?;
    Ok(Answer::done())
}

pub fn delete(call: Call<Kv>, at: At, _: Nothing) -> Result<Answer> {
    records::remove(&call.store, &at.path.0)?;
    Ok(Answer::done())
}

pub async fn list_root(call: Call<Kv>, _: Nothing, page: ListPage) -> Result<Answer> {
    call.list(&records::KEYS, "", page).await
}

/// A name that is both a secret and a folder is listed twice: as `a` and as `a/`.
pub async fn list(call: Call<Kv>, at: At, page: ListPage) -> Result<Answer> {
    call.list(&records::KEYS, &at.path.0, page).await
}
