//! `sys/internal/explain`: all that a command line needs to tell its user why a request was refused. It is one request, so
//! that the questions of a program do not stand in the audit log as attempts of its user. It tells nothing that the
//! caller could not find out by trying.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{rows::canonical, state::Sys};
use crate::{
    contract::{Access, Answer, Error, Opaque, Result, row::Nothing},
    services::{
        mounts::Mount,
        policies::{Acl, Wanted},
    },
};

#[derive(Deserialize, JsonSchema)]
pub struct At {
    /// The path to explain, as a request would name it.
    path: Opaque,
}

#[derive(Serialize)]
struct Explanation<'a> {
    display_name: &'a str,
    policies: &'a [String],
    /// The mount of the path. `None` if there is none, or if the caller may do nothing below it.
    mount: Option<MountFacts<'a>>,
    /// The mounts below which the caller may do something. Empty if the mount of the path is one of them.
    mounts: Vec<&'a str>,
    /// What the caller may do with the path, and with the list of what is below it (with a slash at its end). For a mount
    /// of KV version 2 also with the same path with and without `data/` or `metadata/`, because people often mistake one
    /// for the other.
    capabilities: BTreeMap<String, Vec<&'static str>>,
    /// The rule that decides for each of these paths, if the caller may read its policy.
    rules: BTreeMap<String, RuleFacts>,
}

#[derive(Serialize)]
struct MountFacts<'a> {
    path: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    options: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct RuleFacts {
    policy: String,
    path: String,
    line: u32,
}

/// Explains what the caller may do with a path, and by which rules.
pub fn explain(call: Sys, at: At, _: Nothing) -> Result<Answer> {
    if call.own_token().is_none() {
        return Err(Error::denied());
    }
    let (asked, table) = (at.path.0, call.engine.mounts.snapshot());
    let acl = call.engine.policies.snapshot().acl(&call.caller.policies);
    let located = table.locate(&asked).filter(|located| acl.allows_any_below(&located.mount.record.path));
    let mount = located.as_ref().map(|located| &*located.mount);
    let visible = || {
        let all = table.all().into_iter().map(|mount| mount.record.path.as_str());
        all.filter(|path| acl.allows_any_below(path)).collect()
    };
    let mut explanation = Explanation {
        display_name: &call.caller.display_name,
        policies: &call.caller.policies,
        mount: mount.map(|mount| MountFacts {
            path: &mount.record.path,
            kind: &mount.record.kind,
            options: &mount.record.options,
        }),
        mounts: if mount.is_some() { Vec::new() } else { visible() },
        capabilities: BTreeMap::new(),
        rules: BTreeMap::new(),
    };
    let folder = format!("{}/", asked.trim_end_matches('/'));
    for path in [asked.clone(), folder].into_iter().chain(mount.map_or_else(Vec::new, |mount| mistaken(mount, &asked)))
    {
        let judged = canonical(&call.engine, &table, &path).into_owned();
        if let Some(rule) = rule(&acl, &judged) {
            explanation.rules.insert(path.clone(), rule);
        }
        let words = acl.capabilities(&judged).words();
        explanation.capabilities.insert(path, words);
    }
    Answer::data(&explanation)
}

/// The paths that are often mistaken for this one: in KV version 2, those with and without the segment after the mount.
fn mistaken(mount: &Mount, path: &str) -> Vec<String> {
    let version = mount.record.options.get("version").map(String::as_str);
    let Some(rest) =
        path.strip_prefix(&mount.record.path).filter(|_| mount.record.kind == "kv" && version == Some("2"))
    else {
        return Vec::new();
    };
    let mount = &mount.record.path;
    match rest.split_once('/') {
        Some((first, name)) if PREFIXES.contains(&first) => vec![format!("{mount}{name}")],
        _ if PREFIXES.contains(&rest) => Vec::new(),
        _ => ["data", "metadata"].map(|prefix| format!("{mount}{prefix}/{rest}")).to_vec(),
    }
}

/// The segments that can follow the mount in KV version 2.
const PREFIXES: [&str; 8] =
    ["data", "metadata", "delete", "undelete", "destroy", "subkeys", "detailed-metadata", "config"];

fn rule(acl: &Acl, path: &str) -> Option<RuleFacts> {
    let rule = acl.judge(path, Wanted::Read, Access::Ordinary).rule?;
    let may_read = acl.capabilities(&format!("sys/policies/acl/{}", rule.policy)).grants(Wanted::Read);
    may_read.then(|| RuleFacts { policy: rule.policy.to_string(), path: rule.pattern.to_string(), line: rule.line })
}
