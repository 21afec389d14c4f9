//! Reads and writes the data of a secret. A read of the latest version is the most frequent request of the whole
//! server. It reads one stored record and joins the JSON texts in it into one answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    At, Kv,
    input::Options,
    patch::merge,
    records,
    records::{Document, Key, NextVersion},
};
use crate::contract::{Answer, Body, Call, Error, Int, Operation, Result, given, row::Nothing};

/// Which version to read.
#[derive(Deserialize, JsonSchema)]
pub struct Which {
    /// The number of the version. 0 or absent means the latest.
    #[serde(default)]
    version: Option<Int>,
}

/// The input of a write or a patch.
#[derive(Deserialize, JsonSchema)]
pub struct Write {
    /// The secret: a JSON object.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Map<String, Value>>", extend("needed" = true))]
    data: Option<Document>,
    /// `cas`: the number of the current version, or 0 if the key must not exist. The write is refused if the number
    /// does not match.
    #[serde(default)]
    #[schemars(with = "Map<String, Value>")]
    options: Options,
}

/// A version: its metadata as JSON text, and its data. The data is `None` if the version is deleted or destroyed.
pub struct Opened {
    pub metadata: String,
    pub document: Option<Document>,
}

/// Finds a version of the key at `path`, the latest one if `version` is `None`. Fails with 404 if the key or the
/// version does not exist.
pub fn open(call: &Call<Kv>, path: &str, version: Option<Int>) -> Result<Opened> {
    let key = records::key(&call.store, path)?.ok_or_else(Error::missing)?;
    // As in Vault, a negative number also means the latest version.
    let number = version.and_then(|Int(number)| u64::try_from(number).ok()).unwrap_or(0);
    let version = *key.version(number).ok_or_else(Error::missing)?;
    let metadata = text(&key.show(&version))?;
    if version.is_gone(call.now) {
        return Ok(Opened { metadata, document: None });
    }
    let document = records::document(&call.store, path, key, version.number)?;
    Ok(Opened { metadata, document: Some(document) })
}

pub fn read(call: Call<Kv>, at: At, which: Which) -> Result<Answer> {
    let Opened { metadata, document } = open(&call, &at.path.0, which.version)?;
    // The text was parsed when it was written, so it is not parsed again.
    Ok(Answer::new(match &document {
        None => Body::Missing(format!(r#"{{"data":null,"metadata":{metadata}}}"#)),
        Some(document) => {
            let data = document.0.expose();
            Body::Data(format!(r#"{{"data":{data},"metadata":{metadata}}}"#))
        }
    }))
}

pub fn write(call: Call<Kv>, at: At, input: Write) -> Result<Answer> {
    let document = input.data.ok_or_else(no_data)?;
    let config = records::config(&call.store)?;
    let mut key = records::key(&call.store, &at.path.0)?.unwrap_or_else(|| Key::new(call.now));
    input.options.check(&key, key.cas_rule(&config))?;
    records::add(&call.store, &at.path.0, &mut key, NextVersion { document, config, now: call.now })?;
    written(&key)
}

pub fn patch(call: Call<Kv>, at: At, input: Write) -> Result<Answer> {
    let changes = input.data.ok_or_else(no_data)?;
    let path = &at.path.0;
    let config = records::config(&call.store)?;
    let mut key = records::key(&call.store, path)?.ok_or_else(Error::missing)?;
    let latest = *key.version(0).ok_or_else(Error::missing)?;
    input.options.check(&key, key.cas_rule(&config))?;
    if latest.is_gone(call.now) {
        return Answer::missing(&key.show(&latest));
    }
    let Some(old) = &key.document else { return Err(Error::internal("the current version of a key has no data")) };
    let document = merge(old, &changes)?;
    records::add(&call.store, path, &mut key, NextVersion { document, config, now: call.now })?;
    written(&key)
}

/// Deletes the latest version, if there is one.
pub fn delete(call: Call<Kv>, at: At, _: Nothing) -> Result<Answer> {
    let Some(mut key) = records::key(&call.store, &at.path.0)? else { return Ok(Answer::done()) };
    let current = key.current;
    if let Some(latest) = key.version_mut(current).filter(|latest| !latest.is_gone(call.now)) {
        latest.deletion = Some(call.now.into());
        call.store.urgent();
        call.store.put(&records::KEYS, &at.path.0, &key)?;
    }
    Ok(Answer::done())
}

/// Vault's answer to a read of `data` or `metadata` without a path.
pub fn root(_: Call<Kv>, _: Nothing, _: Nothing) -> Result<Answer> {
    let nothing = Answer::new(Body::Missing("null".to_owned()));
    Ok(nothing.warn("Non-listing operations on the root of a K/V v2 mount are not supported."))
}

/// Vault's answer at a path that is not of version 2, such as `foo` in place of `data/foo`.
pub fn elsewhere(operation: Operation) -> Answer {
    let command = match operation {
        Operation::Read => Some("get"),
        Operation::List => Some("list"),
        Operation::Update => Some("put"),
        Operation::Patch => Some("patch"),
        Operation::Delete => Some("delete"),
        Operation::Scan | Operation::Help => None,
    };
    let mut warning = String::from(
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use.",
    );
    if let Some(command) = command {
        warning.push_str(" On the command line use `strongroom kv ");
        warning.push_str(command);
        warning.push_str("` for this operation.");
    }
    Answer::new(Body::Missing("null".to_owned())).warn(warning)
}

fn written(key: &Key) -> Result<Answer> {
    let latest = key.version(0).ok_or_else(|| Error::internal("a written key has no version"))?;
    Answer::data(&key.show(latest))
}

fn no_data() -> Error {
    Error::invalid("no data provided")
}

fn text(data: &impl Serialize) -> Result<String> {
    serde_json::to_string(data).map_err(|error| Error::internal(format!("an answer cannot be serialized: {error}")))
}
