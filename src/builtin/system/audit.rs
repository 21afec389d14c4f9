//! `sys/audit`: lists the audit devices, and hashes a text so that it can be found in their files. Devices are declared
//! in the configuration file. If an API caller could choose the path of a device, it could write to any file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::Sys;
use crate::{
    base::secret::Secret,
    contract::{Answer, Error, Opaque, Result, row::Nothing},
};

#[derive(Deserialize, JsonSchema)]
pub struct At {
    /// The name of the audit device, as `sys/audit` lists it.
    path: Opaque,
}

#[derive(Serialize)]
struct Device {
    description: &'static str,
    local: bool,
    options: BTreeMap<&'static str, String>,
    path: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

pub fn list(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    let mut devices = BTreeMap::new();
    for device in call.engine.audit.status() {
        let path = format!("{}/", device.name);
        let options = BTreeMap::from([("file_path", device.path.display().to_string())]);
        devices.insert(path.clone(), Device { description: "", local: false, options, path, kind: "file" });
    }
    Answer::flat(&devices)
}

pub fn enable(_: Sys, _: At, _: Nothing) -> Result<Answer> {
    Err(Error::invalid(
        "cannot enable audit device via API; use declarative, config-based audit device management instead",
    ))
}

pub fn disable(call: Sys, at: At, _: Nothing) -> Result<Answer> {
    let known = call.engine.audit.status().iter().any(|device| device.name == at.path.0);
    if known { Err(Error::invalid("cannot disable configuration-managed audit device")) } else { Ok(Answer::done()) }
}

/// A text to hash.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Input {
    /// The text to hash.
    #[schemars(extend("needed" = true))]
    input: Option<Secret<String>>,
}

#[derive(Serialize)]
struct Hash {
    hash: String,
}

pub fn hash(call: Sys, at: At, input: Input) -> Result<Answer> {
    let text = input.input.filter(|text| !text.expose().is_empty());
    let text = text.ok_or_else(|| Error::invalid("the \"input\" parameter is empty"))?;
    let name = at.path.0.trim_end_matches('/');
    let hash = call.engine.audit.hash(name, text.expose());
    let hash = hash.ok_or_else(|| Error::invalid("unknown audit backend: `sys/audit` lists them"))?;
    Answer::flat(&Hash { hash })
}
