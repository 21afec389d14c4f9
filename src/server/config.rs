//! The configuration: HCL or JSON, from files, folders and the environment, with Vault's names. An unknown key stops
//! the start; the error names its line and the key that was probably meant. A key that Vault has and Strongroom does
//! not use gives a warning. `Config` has no `Debug`, because it holds the key of a static seal.

mod environment;
mod error;
mod keys;
mod section;
mod stanzas;
mod values;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, hash_map::Entry},
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use self::section::{Section, Stanza};
pub(crate) use self::{
    environment::{Environment, Setting},
    error::{ConfigError, Location, Problem},
    stanzas::{DEFAULT_ADDRESS, resolve},
    values::{AuditConfig, ListenerConfig, StaticSeal, Storage, TelemetryConfig},
};
use crate::base::{hcl, limits::CONFIG_BYTES_MAX, ttl::Ttl};

/// The configuration. What it does not mention is `None` or empty.
#[derive(Default)]
pub(crate) struct Config {
    pub storage: Option<Storage>,
    pub listeners: Vec<ListenerConfig>,
    pub audit: Vec<AuditConfig>,
    pub seal: Option<StaticSeal>,
    pub telemetry: Option<TelemetryConfig>,
    pub api_addr: Option<String>,
    pub cluster_name: Option<String>,
    pub default_lease_ttl: Option<Ttl>,
    pub max_lease_ttl: Option<Ttl>,
    pub log_level: Option<String>,
    pub pid_file: Option<PathBuf>,
    /// The value of `unsafe_allow_api_audit_creation`.
    pub allows_api_audit: bool,
    /// Warnings for the operator's log.
    pub warnings: Vec<String>,
    /// Where the stanzas stand that may stand once, by what they configure.
    stood: HashMap<&'static str, Stanza>,
}

impl Config {
    /// Reads every path, then the variable `…_LOCAL_CONFIG`. A folder stands for all of its *.hcl and
    /// *.json, in the order of their names. The value of a key in a later file replaces an earlier one; listeners and
    /// audit devices are added to those before. Every other stanza may stand once, in whichever file.
    pub(crate) fn load(paths: &[PathBuf], environment: &Environment) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for path in paths {
            for file in files(path)? {
                let text = read(&file).map_err(|cause| ConfigError::unreadable(&file, &cause))?;
                config.add(&file.display().to_string(), &text, environment)?;
            }
        }
        if let Some(Setting { name, value }) = environment.setting("LOCAL_CONFIG") {
            config.add(&name, &value, environment)?;
        }
        config.check()?;
        Ok(config)
    }

    /// Adds one text to the configuration. Messages name it `source`.
    fn add(&mut self, source: &str, text: &str, environment: &Environment) -> Result<(), ConfigError> {
        let body = hcl::parse(text).map_err(|error| ConfigError::syntax(source, error))?;
        let section = Section::new(source, "", &body);
        section.check(keys::TOP, keys::TOP_UNUSED, &mut self.warnings)?;
        for key in ["storage", "backend"] {
            for block in section.blocks(key, 1, &[])? {
                self.once("storage", &block)?;
                self.storage = Some(stanzas::storage(&block, &mut self.warnings)?);
            }
        }
        for block in section.blocks("listener", 1, &[])? {
            self.listeners.push(stanzas::listener(&block, &mut self.warnings)?);
        }
        for block in section.blocks("audit", 2, &["options"])? {
            self.audit.push(stanzas::audit(&block, &mut self.warnings)?);
        }
        for block in section.blocks("seal", 1, &[])? {
            self.once("seal", &block)?;
            self.seal = stanzas::seal(&block, environment, &mut self.warnings)?;
        }
        for block in section.blocks("telemetry", 0, &[])? {
            self.once("telemetry", &block)?;
            later(&mut self.telemetry, stanzas::telemetry(&block, &mut self.warnings)?);
        }
        later(&mut self.api_addr, section.text("api_addr")?);
        later(&mut self.cluster_name, section.text("cluster_name")?);
        later(&mut self.default_lease_ttl, section.ttl("default_lease_ttl")?);
        later(&mut self.max_lease_ttl, section.ttl("max_lease_ttl")?);
        later(&mut self.log_level, section.text("log_level")?);
        later(&mut self.pid_file, section.text("pid_file")?.map(PathBuf::from));
        self.allows_api_audit |= section.flag("unsafe_allow_api_audit_creation")?.unwrap_or(false);
        Ok(())
    }

    /// Refuses a second stanza for `role`: nobody could say which of the two counts.
    fn once(&mut self, role: &'static str, block: &Section<'_>) -> Result<(), ConfigError> {
        match self.stood.entry(role) {
            Entry::Occupied(first) => Err(block.again(first.get())),
            Entry::Vacant(free) => {
                free.insert(block.stanza());
                Ok(())
            }
        }
    }

    /// Checks what concerns several stanzas or files.
    fn check(&self) -> Result<(), ConfigError> {
        if let (Some(default), Some(max)) = (self.default_lease_ttl, self.max_lease_ttl)
            && default > max
        {
            return Err(ConfigError::several(Problem::TtlOrder));
        }
        for (at, device) in self.audit.iter().enumerate() {
            let earlier = self.audit.iter().take(at);
            if earlier.clone().any(|other| other.name == device.name) {
                return Err(ConfigError::several(Problem::AuditNamedTwice(device.name.clone())));
            }
            if earlier.clone().any(|other| other.path == device.path) {
                return Err(ConfigError::several(Problem::AuditFileTwice(device.path.clone())));
            }
        }
        Ok(())
    }
}

/// Replaces `old` if there is a new value.
fn later<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |cause: io::Error| ConfigError::unreadable(path, &cause);
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|ending| ending == "hcl" || ending == "json") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() { Err(ConfigError::several(Problem::FolderEmpty(path.to_owned()))) } else { Ok(files) }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(CONFIG_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    if text.len() > CONFIG_BYTES_MAX {
        Err(io::Error::other(format!("too long: at most {CONFIG_BYTES_MAX} bytes")))
    } else {
        Ok(text)
    }
}
