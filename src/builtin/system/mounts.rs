//! `sys/mounts` and `sys/auth`: which engine is mounted at which path. Both read the same table; the paths of auth
//! methods start with `auth/`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    mount_input::{self, Wanted},
    state::{Sys, System, VERSION},
};
use crate::{
    base::{path, ttl::Ttl},
    contract::{Answer, Class, Error, Kind, Opaque, Result, row::Nothing},
    services::{
        mounts::{MOUNT_SEGMENTS_MAX, Mount, MountRecord, SystemTtls},
        revocations::Revoked,
    },
};

#[derive(Deserialize, JsonSchema)]
pub struct At {
    /// The path of the mount, or that path with `/tune` after it. Case does not matter.
    path: Opaque,
}

/// Which of the two lists a request asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Engines,
    Auth,
}

impl Family {
    /// The full mount path of a name in this list. Each segment is checked.
    fn path(self, name: &str) -> Result<String> {
        let segments: Vec<&str> = name.split('/').collect();
        if segments.len() > MOUNT_SEGMENTS_MAX {
            return Err(Error::invalid(format!("a mount path has at most {MOUNT_SEGMENTS_MAX} segments")));
        }
        let mut whole = String::from(if self == Self::Auth { "auth/" } else { "" });
        for segment in segments {
            whole.push_str(&path::ident(segment).map_err(|error| Error::invalid(error.to_string()))?);
            whole.push('/');
        }
        Ok(whole)
    }

    fn holds(self, mount: &Mount) -> bool {
        (self == Self::Auth) == mount.is_auth()
    }

    /// The name of a full mount path in this list.
    fn named(self, path: &str) -> &str {
        if self == Self::Auth { path.strip_prefix("auth/").unwrap_or(path) } else { path }
    }
}

/// What the path after `sys/mounts/` or `sys/auth/` names: a mount, or the tuning of a mount.
enum Target {
    Mount(String),
    Tune(String),
}

impl Target {
    /// Reads the target from a path. `sys/mounts/auth/NAME/tune` tunes an auth method too, because Vault's command line
    /// uses that path.
    fn read(family: Family, at: &At) -> Result<Self> {
        match at.path.0.strip_suffix("/tune") {
            Some(name) => family.path(name).map(Self::Tune),
            None => family.path(&at.path.0).map(Self::Mount),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Shown<'a> {
    accessor: &'a str,
    config: Config<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation_status: Option<&'static str>,
    description: &'a str,
    external_entropy_access: bool,
    local: bool,
    options: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    plugin_version: &'static str,
    running_plugin_version: String,
    running_sha256: &'static str,
    seal_wrap: bool,
    #[serde(rename = "type")]
    kind: &'a str,
    uuid: &'a str,
}

#[derive(Serialize)]
struct Config<'a> {
    default_lease_ttl: Ttl,
    force_no_cache: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    listing_visibility: Option<&'a str>,
    max_lease_ttl: Ttl,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'a str>,
}

/// Whether an answer repeats the path of the mount, as command lines expect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WithPath {
    No,
    Yes,
}

impl<'a> Shown<'a> {
    pub(super) fn of(mount: &'a Mount, with_path: WithPath) -> Self {
        let record = &mount.record;
        let is_built_in = mount.is_built_in();
        let path = record.path.strip_prefix("auth/").unwrap_or(&record.path);
        Self {
            accessor: &record.accessor,
            config: Config {
                default_lease_ttl: record.default_ttl,
                force_no_cache: false,
                listing_visibility: record.listing_visibility.as_deref(),
                max_lease_ttl: record.max_ttl,
                token_type: token_type(mount),
            },
            deprecation_status: (!is_built_in).then_some("supported"),
            description: &record.description,
            external_entropy_access: false,
            local: false,
            options: (!is_built_in).then_some(&record.options),
            path: (with_path == WithPath::Yes).then_some(path),
            plugin_version: "",
            running_plugin_version: format!("v{VERSION}+builtin.strongroom"),
            running_sha256: "",
            seal_wrap: record.kind == "system",
            kind: &record.kind,
            uuid: &record.uuid,
        }
    }
}

fn list(call: &Sys, family: Family) -> Result<Answer> {
    let table = call.engine.mounts.snapshot();
    let shown: BTreeMap<&str, Shown<'_>> = table
        .all()
        .into_iter()
        .filter(|mount| family.holds(mount))
        .map(|mount| (family.named(&mount.record.path), Shown::of(mount, WithPath::No)))
        .collect();
    Answer::flat(&shown)
}

pub fn read_all(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    list(&call, Family::Engines)
}

pub fn read_all_auth(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    list(&call, Family::Auth)
}

fn read(call: &Sys, at: &At, family: Family) -> Result<Answer> {
    let target = Target::read(family, at)?;
    let (Target::Mount(path) | Target::Tune(path)) = &target;
    let table = call.engine.mounts.snapshot();
    let is_tuning = matches!(target, Target::Tune(_));
    let mount = table.at(path).filter(|mount| is_tuning || family.holds(mount));
    match (&target, mount) {
        (Target::Mount(_), Some(mount)) => Answer::flat(&Shown::of(mount, WithPath::No)),
        (Target::Tune(_), Some(mount)) => Answer::flat(&tuning(mount, call.engine.mounts.system_ttls())),
        (Target::Tune(path), None) => Err(Error::invalid(format!("cannot fetch sysview for path \"{path}\""))),
        (Target::Mount(path), None) if family == Family::Engines => {
            Err(Error::invalid(format!("No secret engine mount at {path}")))
        }
        (Target::Mount(path), None) => Err(Error::invalid(format!("No auth engine at {}", family.named(path)))),
    }
}

#[derive(Serialize)]
struct Tuning<'a> {
    default_lease_ttl: Ttl,
    description: &'a str,
    force_no_cache: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    listing_visibility: Option<&'a str>,
    max_lease_ttl: Ttl,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'a str>,
}

fn tuning<'a>(mount: &'a Mount, system: &SystemTtls) -> Tuning<'a> {
    Tuning {
        // As set: what a lease gets is also bounded by the maximum.
        default_lease_ttl: mount.record.default_ttl.or(system.default_ttl),
        description: &mount.record.description,
        force_no_cache: false,
        listing_visibility: mount.record.listing_visibility.as_deref(),
        max_lease_ttl: mount.facts.max_ttl,
        options: (!mount.record.options.is_empty()).then_some(&mount.record.options),
        token_type: token_type(mount),
    }
}

/// The token type that is shown. Only auth methods have one.
fn token_type(mount: &Mount) -> Option<&str> {
    mount.is_auth().then(|| mount.record.token_type.as_deref().unwrap_or("default-service"))
}

pub fn read_one(call: Sys, at: At, _: Nothing) -> Result<Answer> {
    read(&call, &at, Family::Engines)
}

pub fn read_one_auth(call: Sys, at: At, _: Nothing) -> Result<Answer> {
    read(&call, &at, Family::Auth)
}

async fn write(call: Sys, at: At, wanted: Wanted, family: Family) -> Result<Answer> {
    wanted.refuse_unsupported()?;
    match Target::read(family, &at)? {
        Target::Mount(path) => enable(call, path, wanted, family).await,
        Target::Tune(path) => tune(&call, &path, &wanted),
    }
}

pub async fn write_one(call: Sys, at: At, wanted: Wanted) -> Result<Answer> {
    write(call, at, wanted, Family::Engines).await
}

pub async fn write_one_auth(call: Sys, at: At, wanted: Wanted) -> Result<Answer> {
    write(call, at, wanted, Family::Auth).await
}

async fn enable(call: Sys, path: String, wanted: Wanted, family: Family) -> Result<Answer> {
    let mounts = &call.engine.mounts;
    wanted.refuse_tuning()?;
    if wanted.kind.is_empty() && wanted.plugin_name.is_empty() {
        return Err(Error::invalid("backend type must be specified as a string"));
    }
    let reserved = ["sys/", "cubbyhole/", "identity/", "auth/"];
    if family == Family::Engines && reserved.iter().any(|name| path.starts_with(name)) {
        return Err(Error::invalid(format!("cannot mount \"{path}\"")));
    }
    if path.ends_with("/tune/") {
        return Err(Error::invalid("a mount path cannot end in `tune`: that path is used to tune a mount"));
    }
    let class = if family == Family::Auth { Class::Auth } else { Class::Engine };
    let (kind, options) = kind_and_options(&wanted, class)?;
    let found = mounts.kinds().iter().find(|known| known.name == kind && known.class == class);
    let found = found.ok_or_else(|| not_built(mounts.kinds(), class))?;
    if class == Class::Auth && options.contains_key("version") {
        return Err(Error::invalid(format!("auth method \"{}\" does not allow setting a version", found.name)));
    }
    if class == Class::Auth && !options.is_empty() {
        return Err(Error::invalid("options: an auth method has none: leave them out"));
    }
    if let Some(other) = mounts.snapshot().overlapping(&path) {
        let taken = family.named(&other.record.path);
        return Err(Error::invalid(format!("path is already in use at {taken}")));
    }
    let mut record = MountRecord::new(&path, &kind, wanted.description.as_deref().unwrap_or(""), &call.engine.random);
    record.options = options;
    let config = wanted.config.unwrap_or_default();
    record.listing_visibility = mount_input::listing_visibility(&config.listing_visibility)?;
    record.token_type = mount_input::token_type(&config.token_type, &record)?;
    let (default_ttl, max_ttl) = (config.default_lease_ttl.or(Ttl::ZERO), config.max_lease_ttl.or(Ttl::ZERO));
    set_ttls(&mut record, default_ttl, max_ttl, &call.engine)?;
    mounts.enable(call.unit(), record, found).await?;
    Ok(Answer::done())
}

/// The error for a kind that is not built. It names those that are.
fn not_built(kinds: &[Kind], class: Class) -> Error {
    let names: Vec<&str> = kinds.iter().filter(|kind| kind.class == class).map(|kind| kind.name).collect();
    Error::invalid(format!("plugin not found in the catalog; what is built: {}", names.join(", ")))
}

fn kind_and_options(wanted: &Wanted, class: Class) -> Result<(String, BTreeMap<String, String>)> {
    let mut options = wanted.options.clone().unwrap_or_default();
    let mut kind = if wanted.kind.is_empty() { wanted.plugin_name.clone() } else { wanted.kind.clone() };
    if kind == "kv-v2" {
        kind = String::from("kv");
        options.insert(String::from("version"), String::from("2"));
    }
    if class == Class::Auth {
        if kind == "token" {
            return Err(Error::invalid("token credential backend cannot be instantiated"));
        }
        return Ok((kind, options));
    }
    if kind == "kv-v1" || (kind == "kv" && options.get("version").map(String::as_str) != Some("2")) {
        return Err(Error::invalid("kv version 1 is not supported: enable kv with the option version=2"));
    }
    if options.keys().any(|name| kind != "kv" || name != "version") {
        return Err(Error::invalid("options: the only supported option is `version`, and only for kv mounts"));
    }
    Ok((kind, options))
}

fn set_ttls(record: &mut MountRecord, default_ttl: Ttl, max_ttl: Ttl, system: &System) -> Result<()> {
    let bound = max_ttl.or(system.mounts.system_ttls().max_ttl);
    if default_ttl > bound {
        let which = if max_ttl.is_zero() { "system" } else { "given" };
        return Err(Error::invalid(format!("given default lease TTL greater than {which} max lease TTL")));
    }
    record.default_ttl = default_ttl;
    record.max_ttl = max_ttl;
    Ok(())
}

fn tune(call: &Sys, path: &str, wanted: &Wanted) -> Result<Answer> {
    let mounts = &call.engine.mounts;
    let table = mounts.snapshot();
    let Some(mount) = table.at(path) else {
        return Err(Error::invalid(format!("tune of path \"{path}\" failed: no mount entry found")));
    };
    wanted.refuse_enabling(&mount.record.kind)?;
    let mut record = mount.record.clone();
    if let Some(options) = &wanted.options {
        let is_same = options.iter().all(|(name, value)| record.options.get(name) == Some(value));
        if !is_same {
            return Err(Error::invalid("options: the options of a mount cannot be changed after it was enabled"));
        }
    }
    if let Some(description) = &wanted.description {
        record.description.clone_from(description);
    }
    if let Some(visibility) = &wanted.listing_visibility {
        record.listing_visibility = mount_input::listing_visibility(visibility)?;
    }
    if let Some(token_type) = &wanted.token_type {
        record.token_type = mount_input::token_type(token_type, &record)?;
    }
    let (default_ttl, max_ttl) =
        (wanted.default_lease_ttl.or(record.default_ttl), wanted.max_lease_ttl.or(record.max_ttl));
    set_ttls(&mut record, default_ttl, max_ttl, &call.engine)?;
    mounts.change(call.unit(), mount, record)?;
    Ok(Answer::done())
}

fn remove(call: &Sys, at: &At, family: Family) -> Result<Answer> {
    let mounts = &call.engine.mounts;
    let path = family.path(&at.path.0)?;
    let table = mounts.snapshot();
    let Some(mount) = table.at(&path).filter(|mount| family.holds(mount)) else { return Ok(Answer::done()) };
    if mount.is_built_in() {
        let text = if path == "auth/token/" {
            String::from("token credential backend cannot be disabled")
        } else {
            format!("cannot unmount \"{path}\"")
        };
        return Err(Error::invalid(text));
    }
    mounts.disable(call.unit(), mount)?;
    call.engine.revocations.add(call.unit(), Revoked::Mount(mount.record.id))?;
    Ok(Answer::done())
}

pub fn disable(call: Sys, at: At, _: Nothing) -> Result<Answer> {
    remove(&call, &at, Family::Engines)
}

pub fn disable_auth(call: Sys, at: At, _: Nothing) -> Result<Answer> {
    remove(&call, &at, Family::Auth)
}
