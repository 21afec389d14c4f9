//! `sys/policy` (the old API) and `sys/policies/acl`: the same policies under two paths.

use data_encoding::BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::Sys;
use crate::{
    base::{limits::POLICY_BYTES_MAX, path, time::Time},
    contract::{Answer, Error, Opaque, Result, row::Nothing},
    services::policies::{Policy, PolicyRecord},
};

#[derive(Deserialize, JsonSchema)]
pub struct Named {
    /// The name of the policy. Case does not matter.
    name: Opaque,
}

impl Named {
    fn read(&self) -> Result<String> {
        path::ident(&self.name.0).map_err(|error| Error::invalid(error.to_string()))
    }
}

#[derive(Serialize)]
struct Keys {
    keys: Vec<String>,
}

#[derive(Serialize)]
struct OldKeys {
    keys: Vec<String>,
    policies: Vec<String>,
}

pub fn list(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    Answer::data(&Keys { keys: call.engine.policies.snapshot().names() })
}

pub fn list_old(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    let names = call.engine.policies.snapshot().names();
    Answer::flat(&OldKeys { keys: names.clone(), policies: names })
}

#[derive(Serialize)]
struct Shown {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<String>,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    cas_required: bool,
}

/// The name of the policy's text in an answer: `policy`, or `rules` on the old path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    New,
    Old,
}

fn shown(call: &Sys, at: &Named, spelling: Spelling) -> Result<Shown> {
    let name = at.read()?;
    let set = call.engine.policies.snapshot();
    let (text, version, modified) = match (name.as_str(), set.policy(&name)) {
        ("root", _) => (String::new(), 0, None),
        (_, Some(policy)) => {
            let record = &policy.record;
            (record.text.clone(), record.version, Some(Time::from_unix_nanos(record.modified).rfc3339()))
        }
        (_, None) => return Err(Error::missing()),
    };
    let (policy, rules) = match spelling {
        Spelling::New => (Some(text), None),
        Spelling::Old => (None, Some(text)),
    };
    Ok(Shown { name, policy, rules, version, modified, cas_required: false })
}

pub fn read(call: Sys, at: Named, _: Nothing) -> Result<Answer> {
    Answer::data(&shown(&call, &at, Spelling::New)?)
}

pub fn read_old(call: Sys, at: Named, _: Nothing) -> Result<Answer> {
    Answer::flat(&shown(&call, &at, Spelling::Old)?)
}

/// The text of a policy.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Text {
    /// The text of the policy, in HCL or JSON, of at most 256 KiB. Base64 is accepted too.
    #[schemars(extend("plain" = true))]
    policy: String,
    /// The old name of `policy`.
    #[schemars(extend("plain" = true))]
    rules: String,
    /// Not supported: leave it out.
    ttl: Option<serde_json::Value>,
    /// Not supported: leave it out.
    expiration: Option<serde_json::Value>,
    /// Not supported: leave it out.
    cas: Option<serde_json::Value>,
    /// Not supported: leave it out.
    cas_required: Option<serde_json::Value>,
}

pub fn save(call: Sys, at: Named, text: Text) -> Result<Answer> {
    let name = path::policy_name(&at.name.0).map_err(|error| {
        if at.name.0.eq_ignore_ascii_case("root") {
            Error::invalid("cannot update \"root\" policy")
        } else {
            Error::invalid(error.to_string())
        }
    })?;
    for (field, value) in
        [("ttl", &text.ttl), ("expiration", &text.expiration), ("cas", &text.cas), ("cas_required", &text.cas_required)]
    {
        if value.as_ref().is_some_and(|value| !value.is_null()) {
            return Err(Error::invalid(format!("{field} is not supported for policies: leave it out")));
        }
    }
    let is_old = text.policy.is_empty() && !text.rules.is_empty();
    let raw = if is_old { text.rules } else { text.policy };
    if raw.is_empty() {
        return Err(Error::invalid("'policy' parameter not supplied or empty"));
    }
    if raw.len() > POLICY_BYTES_MAX {
        return Err(Error::invalid(format!("the policy is too large: at most {POLICY_BYTES_MAX} bytes")));
    }
    let decoded = BASE64.decode(raw.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let (unit, policies) = (call.unit(), &call.engine.policies);
    let version = policies.stored_version(unit, &name)?.saturating_add(1);
    let record = PolicyRecord { name, text: decoded.unwrap_or(raw), version, modified: call.now.unix_nanos() };
    let policy = Policy::parse(record).map_err(|error| Error::invalid(format!("failed to parse policy: {error}")))?;
    policies.save(unit, policy)?;
    let warning = is_old.then(|| String::from("'rules' is deprecated, please use 'policy' instead"));
    Ok(Answer { warnings: warning.into_iter().collect(), ..Answer::done() })
}

pub fn delete(call: Sys, at: Named, _: Nothing) -> Result<Answer> {
    let name = at.read()?;
    if matches!(name.as_str(), "root" | "default") {
        let shown = if name == "root" { "\"root\"" } else { "default" };
        return Err(Error::invalid(format!("cannot delete {shown} policy")));
    }
    call.engine.policies.delete(call.unit(), &name)?;
    Ok(Answer::done())
}
