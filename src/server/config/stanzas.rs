//! Reads the stanzas `storage`, `listener`, `audit`, `seal` and `telemetry`. A kind or option that Vault has and
//! Strongroom does not support is refused by name.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
};

use zeroize::{Zeroize as _, Zeroizing};

use super::{
    environment::Environment,
    error::{ConfigError, Problem},
    keys,
    section::Section,
    values::{AuditConfig, ListenerConfig, StaticSeal, Storage, TelemetryConfig},
};
use crate::{
    base::{host::is_half_an_ip, limits::AUDIT_FILE_BYTES_MIN, secret::Secret},
    server::tls::{Clients, Tls, Version},
};

pub(crate) fn storage(block: &Section<'_>, warnings: &mut Vec<String>) -> Result<Storage, ConfigError> {
    match kind(block, "storage", "sled")? {
        "sled" => {
            block.check(keys::SLED, keys::NONE, warnings)?;
            Ok(Storage::Sled { path: required(block, "`storage \"sled\"`", "path")?.into() })
        }
        "inmem" => {
            block.check(keys::NONE, keys::NONE, warnings)?;
            Ok(Storage::Memory)
        }
        other => Err(block.at(
            "",
            Problem::NotBuilt {
                stanza: "storage",
                kind: other.to_owned(),
                instead: "`storage \"sled\" { path = \"…\" }`, or `inmem` for trying things out",
            },
        )),
    }
}

pub(crate) fn listener(block: &Section<'_>, warnings: &mut Vec<String>) -> Result<ListenerConfig, ConfigError> {
    let kind = kind(block, "listener", "tcp")?;
    if kind != "tcp" {
        let instead = "`listener \"tcp\" { address = \"127.0.0.1:8200\" }`";
        return Err(block.at("", Problem::NotBuilt { stanza: "listener", kind: kind.to_owned(), instead }));
    }
    block.check(keys::LISTENER, keys::LISTENER_UNUSED, warnings)?;
    let address = block.text("address")?.unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    let addresses =
        resolve(&address).map_err(|cause| block.at("address", Problem::Address { key: "address", cause }))?;
    let tls = match block.flag("tls_disable")? {
        Some(true) => None,
        _ => Some(tls(block)?),
    };
    if tls.is_none() && !addresses.iter().all(|address| address.ip().is_loopback()) {
        warnings.push(block.warning(
            "PLAIN HTTP BEYOND THIS MACHINE: tokens and secrets cross the network unencrypted (`tls_disable`)",
        ));
    }
    Ok(ListenerConfig { addresses, tls })
}

/// The address on which a server listens by default.
pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:8200";

/// Resolves `host:port`, `[::1]:port`, `:port` for every address, or a host alone, which gets Vault's port 8200.
pub(crate) fn resolve(address: &str) -> Result<Vec<SocketAddr>, String> {
    let full = match address.strip_prefix(':') {
        _ if address.parse::<std::net::Ipv6Addr>().is_ok() => format!("[{address}]:8200"),
        Some(port) => format!("[::]:{port}"),
        None if address.contains(':') => address.to_owned(),
        None => format!("{address}:8200"),
    };
    if full.rsplit_once(':').is_some_and(|(host, _)| is_half_an_ip(host)) {
        return Err(
            "it begins with a number that is no IP address: write HOST:PORT, or :PORT for every address".to_owned()
        );
    }
    let mut addresses: Vec<_> = full.to_socket_addrs().map_err(|error| error.to_string())?.collect();
    addresses.sort();
    addresses.dedup();
    if addresses.is_empty() { Err("the name has no address".to_owned()) } else { Ok(addresses) }
}

fn tls(block: &Section<'_>) -> Result<Tls, ConfigError> {
    let (certificate, key) = (block.text("tls_cert_file")?, block.text("tls_key_file")?);
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Err(block.at("", Problem::CertificateMissing));
    };
    let oldest = match block.text("tls_min_version")?.as_deref() {
        None | Some("tls13") => Version::Tls13,
        Some("tls12") => Version::Tls12,
        Some(_) => {
            let expected = "\"tls12\" or \"tls13\": older versions are not supported";
            return Err(block.at("tls_min_version", Problem::Value { key: "tls_min_version".to_owned(), expected }));
        }
    };
    let authority = block.text("tls_client_ca_file")?.map(PathBuf::from);
    let is_required = block.flag("tls_require_and_verify_client_cert")?.unwrap_or(false);
    let is_disabled = block.flag("tls_disable_client_certs")?.unwrap_or(false);
    let clients = match (is_required, is_disabled, authority) {
        (false, true, _) | (false, false, None) => Clients::Unasked,
        (false, false, Some(_)) => Clients::Asked,
        (true, false, Some(authority)) => Clients::Required(authority),
        (true, ..) => return Err(block.at("tls_require_and_verify_client_cert", Problem::ClientCertificates)),
    };
    Ok(Tls { certificate: certificate.into(), key: key.into(), oldest, clients })
}

pub(crate) fn audit(block: &Section<'_>, warnings: &mut Vec<String>) -> Result<AuditConfig, ConfigError> {
    block.check(keys::AUDIT, keys::AUDIT_UNUSED, warnings)?;
    let kind = match block.labels.first() {
        Some(kind) => (*kind).to_owned(),
        None => required(block, "`audit`", "type")?,
    };
    if kind != "file" {
        let instead = "`audit \"file\" { path = \"…\" }`";
        return Err(block.at("", Problem::NotBuilt { stanza: "audit", kind, instead }));
    }
    let mut path = block.text("path")?;
    if let Some(options) = block.block("options", 0)? {
        options.check(keys::AUDIT_OPTIONS, keys::AUDIT_OPTIONS_UNUSED, warnings)?;
        path = options.text("file_path")?.or(options.text("path")?).or(path);
        if options.flag("log_raw")? == Some(true) {
            let instead = "audit devices never write values in clear";
            return Err(options.at("log_raw", Problem::OptionNotBuilt { key: "log_raw".to_owned(), instead }));
        }
        if options.text("format")?.is_some_and(|format| format != "json") {
            let instead = "audit lines are always JSON";
            return Err(options.at("format", Problem::OptionNotBuilt { key: "format".to_owned(), instead }));
        }
    }
    let Some(path) = path else {
        return Err(block.at("", Problem::Missing { stanza: "`audit \"file\"`", key: "path" }));
    };
    if !path.contains('/') && ["stdout", "stderr", "discard"].contains(&path.as_str()) {
        let instead = "name a file, because only a file can be verified";
        return Err(block.at("path", Problem::OptionNotBuilt { key: path, instead }));
    }
    let sync_always = match block.text("sync")?.as_deref() {
        None => false,
        Some("always") => true,
        Some(_) => {
            return Err(block.at("sync", Problem::Value { key: "sync".to_owned(), expected: "\"always\", or absent" }));
        }
    };
    let name = block.labels.get(1).map_or("file", |name| name.trim_end_matches('/')).to_owned();
    let (rotate_bytes, keep) = (block.number("rotate_bytes")?, block.number("keep")?);
    if rotate_bytes.is_some_and(|bytes| (1..AUDIT_FILE_BYTES_MIN).contains(&bytes)) {
        let expected = "0 for never, or at least 65536 bytes";
        return Err(block.at("rotate_bytes", Problem::Value { key: "rotate_bytes".to_owned(), expected }));
    }
    let keep = keep.map(|keep| u32::try_from(keep).unwrap_or(u32::MAX));
    Ok(AuditConfig {
        name,
        path: path.into(),
        required: block.flag("required")?.unwrap_or(true),
        sync_always,
        rotate_bytes,
        keep,
    })
}

/// Reads a `telemetry` stanza. `None` if it names no address: then there are no metrics.
pub(crate) fn telemetry(
    block: &Section<'_>,
    warnings: &mut Vec<String>,
) -> Result<Option<TelemetryConfig>, ConfigError> {
    block.check(keys::TELEMETRY, keys::TELEMETRY_UNUSED, warnings)?;
    let Some(address) = block.text("address")? else { return Ok(None) };
    let addresses =
        resolve(&address).map_err(|cause| block.at("address", Problem::Address { key: "address", cause }))?;
    if !addresses.iter().all(|address| address.ip().is_loopback()) {
        if block.flag("tls_disable")? != Some(true) {
            return Err(block.at("address", Problem::TelemetryBeyondMachine));
        }
        warnings.push(
            block.warning("PLAIN HTTP BEYOND THIS MACHINE: metrics cross the network unencrypted (`tls_disable`)"),
        );
    }
    Ok(Some(TelemetryConfig { addresses, location: block.location_of("address") }))
}

/// Reads a `seal` stanza. `None` for `seal "shamir"`, the default.
pub(crate) fn seal(
    block: &Section<'_>,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Result<Option<StaticSeal>, ConfigError> {
    match kind(block, "seal", "static")? {
        "shamir" => return Ok(None),
        "static" => {}
        other => {
            let instead = "`seal \"static\"`, or none for shares";
            return Err(block.at("", Problem::NotBuilt { stanza: "seal", kind: other.to_owned(), instead }));
        }
    }
    block.check(keys::SEAL, keys::NONE, warnings)?;
    for key in ["previous_key", "previous_key_id"] {
        if block.text(key)?.is_some() {
            let instead = "the seal key cannot be changed yet";
            return Err(block.at(key, Problem::OptionNotBuilt { key: key.to_owned(), instead }));
        }
    }
    if block.flag("disabled")? == Some(true) {
        let instead = "seals cannot be migrated yet";
        return Err(block.at("disabled", Problem::OptionNotBuilt { key: "disabled".to_owned(), instead }));
    }
    let key_id = required(block, "`seal \"static\"`", "current_key_id")?;
    let key = Zeroizing::new(required(block, "`seal \"static\"`", "current_key")?);
    let key = seal_key(&key, environment).map_err(|problem| block.at("current_key", problem))?;
    Ok(Some(StaticSeal { key_id, key }))
}

/// Reads the key from `file://PATH` or from `env://NAME`. Any other text is the key itself.
fn seal_key(text: &str, environment: &Environment) -> Result<Secret<[u8; 32]>, Problem> {
    let unreadable = |cause: String| Problem::SealKeyUnreadable { key: "current_key", cause };
    let bytes = if let Some(path) = text.strip_prefix("file://") {
        let cause = |error: std::io::Error| unreadable(format!("{path}: {error}"));
        let bytes = Zeroizing::new(std::fs::read(Path::new(path)).map_err(cause)?);
        if let Ok(raw) = <[u8; 32]>::try_from(bytes.as_slice()) {
            return Ok(Secret::new(raw));
        }
        bytes
    } else if let Some(name) = text.strip_prefix("env://") {
        let value = environment.variable(name).ok_or_else(|| unreadable(format!("{name} is not set")))?;
        Zeroizing::new(value.into_bytes())
    } else {
        Zeroizing::new(text.as_bytes().to_vec())
    };
    key_of(&bytes).ok_or(Problem::SealKey("current_key"))
}

fn key_of(bytes: &[u8]) -> Option<Secret<[u8; 32]>> {
    let text = bytes.trim_ascii();
    let forms = [data_encoding::HEXLOWER_PERMISSIVE, data_encoding::BASE64, data_encoding::BASE64URL_NOPAD];
    forms.iter().find_map(|form| {
        let mut key = form.decode(text).ok()?;
        let fixed = <[u8; 32]>::try_from(key.as_slice()).ok().map(Secret::new);
        key.zeroize();
        fixed
    })
}

fn kind<'a>(block: &Section<'a>, stanza: &'static str, example: &'static str) -> Result<&'a str, ConfigError> {
    block.labels.first().copied().ok_or_else(|| block.at("", Problem::KindMissing { stanza, example }))
}

fn required(block: &Section<'_>, stanza: &'static str, key: &'static str) -> Result<String, ConfigError> {
    block.text(key)?.ok_or_else(|| block.at("", Problem::Missing { stanza, key }))
}
