//! The records of the engine. A [`Key`] is one record: its settings, the list of its versions and the data of the
//! current version. The data of each older version is a separate record, stored under the key's path and the version's
//! number. The last segment is always a number, so the names of two keys cannot collide.

use std::collections::BTreeMap;

use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::Serialize;

use crate::{
    base::{secret::Secret, time::Time, ttl::Ttl},
    contract::Table,
    contract::{Error, Result, View},
};

/// Keys by path.
pub const KEYS: Table<Key> = Table::sealed(1);
/// The data of versions that are no longer current, by path and number.
const FORMER: Table<Former> = Table::sealed(2);
/// The settings of the mount: one record.
const CONFIG: Table<Config> = Table::plain(3);

/// The only name in [`CONFIG`].
const CONFIG_NAME: &[u8] = b"config";

/// How many versions a key keeps if neither the key nor its mount sets a number. Vault has the same default.
const VERSIONS_DEFAULT: u64 = 10;

/// A key: its settings, its versions, and the data of its current version.
#[derive(Encode, Decode)]
pub struct Key {
    /// The number of the current version. Zero if only metadata was written so far.
    #[n(0)]
    pub current: u64,
    /// The number of the oldest version that is kept. Zero until old versions are removed.
    #[n(1)]
    pub oldest: u64,
    /// The versions that are kept, ordered by number.
    #[n(2)]
    pub versions: Vec<Version>,
    /// The data of the current version. `None` if that version is destroyed.
    #[n(3)]
    pub document: Option<Document>,
    #[n(4)]
    pub created: Moment,
    #[n(5)]
    pub updated: Moment,
    #[n(6)]
    pub custom: BTreeMap<String, String>,
    /// How many versions to keep. Zero means the mount's setting.
    #[n(7)]
    pub max_versions: u32,
    #[n(8)]
    pub is_cas_required: bool,
    /// After which time new versions are deleted. Zero means the mount's setting.
    #[n(9)]
    pub delete_version_after: Ttl,
    #[n(10)]
    pub is_metadata_cas_required: bool,
    /// How many times the metadata was written.
    #[n(11)]
    pub metadata_version: u64,
}

/// One version, as its key lists it.
#[derive(Encode, Decode, Clone, Copy)]
pub struct Version {
    #[n(0)]
    pub number: u64,
    #[n(1)]
    pub created: Moment,
    /// When the version was deleted, or will be deleted. `None` if no deletion is set.
    #[n(2)]
    pub deletion: Option<Moment>,
    #[n(3)]
    pub is_destroyed: bool,
}

/// The data of an older version.
#[derive(Encode, Decode)]
struct Former {
    #[n(0)]
    document: Document,
}

/// The settings of a mount.
#[derive(Encode, Decode, Default)]
pub struct Config {
    /// How many versions a key keeps. Zero means ten.
    #[n(0)]
    pub max_versions: u32,
    #[n(1)]
    pub is_cas_required: bool,
    #[n(2)]
    pub is_metadata_cas_required: bool,
    #[n(3)]
    pub delete_version_after: Lapse,
}

/// When a mount deletes versions automatically.
#[derive(Encode, Decode, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lapse {
    /// After this time, or after the key's own time if that is shorter. Zero means only if the key sets a time.
    #[n(0)]
    After(#[n(0)] Ttl),
    /// Never, whatever the key sets.
    #[n(1)]
    Never,
}

/// Whether a write must name the version that it replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CasRule {
    Optional,
    Required,
}

/// A version that is about to be written, and the settings of its mount.
pub struct NextVersion {
    pub document: Document,
    pub config: Config,
    pub now: Time,
}

/// The data of a secret: a JSON object or null, exactly as the caller wrote it. Wiped from memory on drop.
pub struct Document(pub Secret<String>);

/// A time in a record: nanoseconds since the Unix epoch.
#[derive(Encode, Decode, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cbor(transparent)]
pub struct Moment(#[n(0)] i64);

/// A version, as an answer shows it.
#[derive(Serialize)]
pub struct Shown<'k> {
    created_time: String,
    custom_metadata: Option<&'k BTreeMap<String, String>>,
    deletion_time: String,
    destroyed: bool,
    version: u64,
}

impl Key {
    pub fn new(now: Time) -> Self {
        Self {
            current: 0,
            oldest: 0,
            versions: Vec::new(),
            document: None,
            created: now.into(),
            updated: now.into(),
            custom: BTreeMap::new(),
            max_versions: 0,
            is_cas_required: false,
            delete_version_after: Ttl::ZERO,
            is_metadata_cas_required: false,
            metadata_version: 0,
        }
    }

    /// The version with this number; zero means the latest. `None` if the key does not keep such a version.
    pub fn version(&self, number: u64) -> Option<&Version> {
        match number {
            0 => self.versions.last(),
            number => self.index_of(number).and_then(|index| self.versions.get(index)),
        }
    }

    pub fn version_mut(&mut self, number: u64) -> Option<&mut Version> {
        self.index_of(number).and_then(|index| self.versions.get_mut(index))
    }

    fn index_of(&self, number: u64) -> Option<usize> {
        self.versions.binary_search_by_key(&number, |version| version.number).ok()
    }

    /// A version as Vault shows it: with the key's custom metadata, or null if it has none.
    pub fn show<'k>(&'k self, version: &Version) -> Shown<'k> {
        Shown {
            created_time: version.created.text(),
            custom_metadata: self.custom(),
            deletion_time: version.deletion.map_or_else(String::new, Moment::text),
            destroyed: version.is_destroyed,
            version: version.number,
        }
    }

    /// The custom metadata, or `None` if it is empty.
    pub fn custom(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.custom).filter(|custom| !custom.is_empty())
    }

    /// Whether a write of data must name the current version: if the key or its mount says so.
    pub const fn cas_rule(&self, config: &Config) -> CasRule {
        if self.is_cas_required || config.is_cas_required { CasRule::Required } else { CasRule::Optional }
    }

    /// Whether a write of metadata must name the current version of the metadata.
    pub const fn metadata_cas_rule(&self, config: &Config) -> CasRule {
        if self.is_metadata_cas_required || config.is_metadata_cas_required {
            CasRule::Required
        } else {
            CasRule::Optional
        }
    }

    /// How many versions are kept: the key's number if it has one, else the mount's. This is the rule that Vault
    /// documents; OpenBao takes the larger of the two.
    fn versions_max(&self, config: &Config) -> u64 {
        match (self.max_versions, config.max_versions) {
            (0, 0) => VERSIONS_DEFAULT,
            (0, most) | (most, _) => u64::from(most),
        }
    }

    /// When a version written now will be deleted: after the shorter of the key's and the mount's time. `None` if
    /// neither sets a time, or if the mount says never.
    fn deletion(&self, config: &Config, now: Time) -> Option<Moment> {
        let Lapse::After(mount) = config.delete_version_after else { return None };
        let key = self.delete_version_after;
        let after = key.or(mount).min(mount.or(key));
        (!after.is_zero()).then(|| now.plus(after).into())
    }
}

impl Version {
    /// Whether the data can no longer be read: the version is destroyed, or deleted by now.
    pub fn is_gone(&self, now: Time) -> bool {
        self.is_destroyed || self.deletion.is_some_and(|deletion| deletion <= now.into())
    }
}

impl Default for Lapse {
    fn default() -> Self {
        Self::After(Ttl::ZERO)
    }
}

impl Moment {
    /// The time as RFC 3339 writes it, with as many fractional digits as are needed.
    pub fn text(self) -> String {
        Time::from_unix_nanos(self.0).rfc3339()
    }
}

impl From<Time> for Moment {
    fn from(time: Time) -> Self {
        Self(time.unix_nanos())
    }
}

impl<C> Encode<C> for Document {
    fn encode<W: minicbor::encode::Write>(
        &self,
        to: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let text = self.0.expose();
        to.str(text)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Document {
    fn decode(from: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        from.str().map(|text| Self(Secret::new(text.to_owned())))
    }
}

pub fn key(store: &View, path: &str) -> Result<Option<Key>> {
    store.get(&KEYS, path)
}

pub fn config(store: &View) -> Result<Config> {
    Ok(store.get_raw(&CONFIG, CONFIG_NAME)?.unwrap_or_default())
}

pub fn put_config(store: &View, config: &Config) -> Result<()> {
    store.put_raw(&CONFIG, CONFIG_NAME, config)
}

/// The data of a version. The version must not be deleted or destroyed.
pub fn document(store: &View, path: &str, key: Key, number: u64) -> Result<Document> {
    let document = if number == key.current {
        key.document
    } else {
        store.get(&FORMER, &former(path, number))?.map(|former| former.document)
    };
    document.ok_or_else(|| Error::internal(format!("version {number} of a key has no data")))
}

/// Writes `document` as the key's next version. The data of the version before moves to a separate record, and the
/// oldest versions are removed.
pub fn add(store: &View, path: &str, key: &mut Key, next: NextVersion) -> Result<()> {
    let NextVersion { document, config, now } = next;
    if let Some(former_document) = key.document.replace(document) {
        store.put(&FORMER, &former(path, key.current), &Former { document: former_document })?;
    }
    key.current += 1;
    key.updated = now.into();
    let deletion = key.deletion(&config, now);
    key.versions.push(Version { number: key.current, created: now.into(), deletion, is_destroyed: false });
    let most = key.versions_max(&config);
    if key.current - key.oldest >= most {
        key.oldest = key.current - most + 1;
        let kept = key.versions.partition_point(|version| version.number < key.oldest);
        for version in key.versions.drain(..kept) {
            store.delete(&FORMER, &former(path, version.number))?;
        }
    }
    store.put(&KEYS, path, key)
}

/// Removes the data of a version. The caller writes `key` afterwards.
pub fn wipe(store: &View, path: &str, key: &mut Key, number: u64) -> Result<()> {
    if number == key.current {
        key.document = None;
        return Ok(());
    }
    store.delete(&FORMER, &former(path, number))
}

/// Removes a key and the data of all its versions.
pub fn remove(store: &View, path: &str) -> Result<()> {
    let Some(key) = key(store, path)? else { return Ok(()) };
    for version in &key.versions {
        store.delete(&FORMER, &former(path, version.number))?;
    }
    store.delete(&KEYS, path)
}

fn former(path: &str, number: u64) -> String {
    format!("{path}/{number}")
}
