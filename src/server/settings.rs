//! Decides from options, configuration and environment what a server does, before anything is opened. It reads no
//! files, so that tests can try every combination.

use std::{net::SocketAddr, path::PathBuf};

use tracing_subscriber::filter::LevelFilter;

use super::{
    config::{AuditConfig, Config, Environment, StaticSeal, Storage, TelemetryConfig, resolve},
    error::ServerError,
    logging,
    options::{DevOptions, KeepToken, ServerOptions},
    tls::Tls,
};
use crate::base::{secret::Secret, ttl::Ttl};

/// Everything that is decided before the start.
pub(crate) struct Settings {
    pub storage: Storage,
    pub listeners: Vec<ListenerSettings>,
    /// The listener of metrics. `None`: there are no metrics.
    pub telemetry: Option<TelemetryConfig>,
    /// The audit devices. If there is none, a file beside the store or in the temporary folder is used.
    pub audit: Vec<AuditConfig>,
    pub seal: Option<StaticSeal>,
    /// The URL at which clients reach the server. `None` means the first listener's.
    pub api_addr: Option<String>,
    pub default_lease_ttl: Ttl,
    pub max_lease_ttl: Ttl,
    pub log_level: LevelFilter,
    pub pid_file: Option<PathBuf>,
    pub dev: Option<Dev>,
    /// Whether a temporary folder is needed for files that have no other folder.
    pub needs_scratch: bool,
    pub warnings: Vec<String>,
}

/// The settings of one listener.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListenerSettings {
    pub addresses: Vec<SocketAddr>,
    pub security: Security,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Security {
    PlainHttp,
    Files(Tls),
    /// TLS with a certificate from the server's own authority, for these names and the machine's own. `folder` has the
    /// authority's files; `None` means the temporary folder.
    OwnAuthority {
        folder: Option<PathBuf>,
        names: Vec<String>,
    },
}

pub(crate) struct Dev {
    pub root_token_id: Option<Secret<String>>,
    pub keep_token: Option<KeepToken>,
    /// The folder of a dev server that keeps its data. Its keys lie there too. `None` if it keeps nothing.
    pub persist: Option<PathBuf>,
    /// The folder in which Vault's tools look for the authority's certificate. `None` if it is not written.
    pub tls_cert_dir: Option<PathBuf>,
}

/// The default of `default_lease_ttl` and `max_lease_ttl`: 32 days, as in Vault.
const LEASE_TTL: Ttl = Ttl::from_hours(768);

impl Settings {
    pub(crate) fn new(options: ServerOptions, config: Config, environment: &Environment) -> Result<Self, ServerError> {
        let ServerOptions { data, listen, log_level, dev, .. } = options;
        if dev.as_ref().is_some_and(|dev| dev.kv_v1) {
            return Err(ServerError::KvOne);
        }
        let mut warnings = config.warnings;
        let storage = storage(data.clone(), dev.as_ref(), config.storage, &mut warnings)?;
        let has_listeners = !config.listeners.is_empty();
        let mut listeners = Vec::new();
        match (&dev, &data) {
            (Some(dev), _) => listeners.push(dev_listener(dev, listen.as_deref(), &mut warnings)?),
            (None, Some(_)) if has_listeners && listen.is_some() => return Err(ServerError::ListenerTwice),
            (None, Some(folder)) if !has_listeners => {
                listeners.push(own_authority(listen.as_deref(), Some(folder.clone()))?);
            }
            (None, None) if !has_listeners => return Err(ServerError::ListenerMissing),
            (None, None) if listen.is_some() => return Err(ServerError::ListenerTwice),
            (None, _) => {}
        }
        listeners.extend(config.listeners.into_iter().map(|listener| ListenerSettings {
            addresses: listener.addresses,
            security: listener.tls.map_or(Security::PlainHttp, Security::Files),
        }));
        let max_lease_ttl = config.max_lease_ttl.unwrap_or(LEASE_TTL);
        let has_temporary_authority =
            listeners.iter().any(|listener| matches!(listener.security, Security::OwnAuthority { folder: None, .. }));
        let log_level = log_level.or(config.log_level);
        if config.allows_api_audit {
            warnings.push(
                "`unsafe_allow_api_audit_creation` has no effect here: audit devices over the API are not supported"
                    .to_owned(),
            );
        }
        Ok(Self {
            needs_scratch: has_temporary_authority || (storage == Storage::Memory && config.audit.is_empty()),
            storage,
            listeners,
            telemetry: config.telemetry,
            audit: config.audit,
            seal: config.seal,
            api_addr: environment.setting("API_ADDR").map(|setting| setting.value).or(config.api_addr),
            default_lease_ttl: config.default_lease_ttl.unwrap_or(LEASE_TTL).min(max_lease_ttl),
            max_lease_ttl,
            log_level: logging::level(log_level.as_deref().unwrap_or("info"))?,
            pid_file: config.pid_file,
            dev: dev.map(|dev| Dev {
                root_token_id: dev.root_token_id,
                keep_token: dev.keep_token,
                persist: dev.persist,
                tls_cert_dir: dev.tls_cert_dir.filter(|_| dev.tls),
            }),
            warnings,
        })
    }
}

fn storage(
    data: Option<PathBuf>,
    dev: Option<&DevOptions>,
    configured: Option<Storage>,
    warnings: &mut Vec<String>,
) -> Result<Storage, ServerError> {
    if let Some(dev) = dev {
        if configured.is_some() {
            warnings.push("a dev server ignores the configuration's `storage`".to_owned());
        }
        return Ok(dev.persist.clone().map_or(Storage::Memory, |path| Storage::Sled { path }));
    }
    match (data, configured) {
        (Some(_), Some(_)) => Err(ServerError::StorageTwice),
        (Some(path), None) => Ok(Storage::Sled { path }),
        (None, Some(configured)) => Ok(configured),
        (None, None) => Err(ServerError::StorageMissing),
    }
}

fn dev_listener(
    dev: &DevOptions,
    listen: Option<&str>,
    warnings: &mut Vec<String>,
) -> Result<ListenerSettings, ServerError> {
    if dev.tls {
        return own_authority(listen, dev.tls_cert_dir.clone().or_else(|| dev.persist.clone()));
    }
    let addresses = addresses(listen)?;
    let reach = if addresses.iter().all(|address| address.ip().is_loopback()) {
        "on this machine"
    } else {
        "BEYOND THIS MACHINE"
    };
    warnings.push(format!("plain HTTP {reach}: tokens and secrets are sent unencrypted (dev mode)"));
    Ok(ListenerSettings { addresses, security: Security::PlainHttp })
}

fn own_authority(listen: Option<&str>, folder: Option<PathBuf>) -> Result<ListenerSettings, ServerError> {
    let addresses = addresses(listen)?;
    let by_name = listen.and_then(host).map(str::to_owned);
    let by_address = addresses.iter().map(SocketAddr::ip).filter(|ip| !ip.is_loopback() && !ip.is_unspecified());
    let mut names: Vec<String> = by_name.into_iter().chain(by_address.map(|ip| ip.to_string())).collect();
    names.sort();
    names.dedup();
    Ok(ListenerSettings { addresses, security: Security::OwnAuthority { folder, names } })
}

/// The host in `host:port`. `None` if it is an address and not a name.
fn host(text: &str) -> Option<&str> {
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    let is_name = !host.is_empty() && !host.contains(':') && host.parse::<std::net::IpAddr>().is_err();
    is_name.then_some(host).filter(|host| !host.starts_with('['))
}

fn addresses(listen: Option<&str>) -> Result<Vec<SocketAddr>, ServerError> {
    let text = listen.unwrap_or(super::config::DEFAULT_ADDRESS);
    resolve(text).map_err(|cause| ServerError::Address { text: text.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ServerOptions {
        ServerOptions { data: None, config: Vec::new(), listen: None, log_level: None, dev: None }
    }

    const VAULTS_DEV: DevOptions = DevOptions {
        root_token_id: None,
        tls: false,
        tls_cert_dir: None,
        kv_v1: false,
        persist: None,
        keep_token: None,
    };

    fn dev(dev: DevOptions) -> ServerOptions {
        ServerOptions { dev: Some(dev), ..options() }
    }

    fn settings(options: ServerOptions, config: Config) -> Result<Settings, ServerError> {
        Settings::new(options, config, &Environment::of(&[]))
    }

    fn configured(text: &str) -> Config {
        Config::load(&[], &Environment::of(&[("VAULT_LOCAL_CONFIG", text)])).unwrap_or_else(|error| panic!("{error}"))
    }

    const LISTENER: &str = "listener \"tcp\" { address = \"127.0.0.1:1\"\n tls_disable = 1 }\n";

    #[test]
    fn a_data_folder_needs_no_configuration() {
        let settings =
            settings(ServerOptions { data: Some("/d".into()), ..options() }, Config::default()).ok().unwrap();
        assert_eq!(settings.storage, Storage::Sled { path: "/d".into() });
        let own = Security::OwnAuthority { folder: Some("/d".into()), names: Vec::new() };
        assert_eq!(
            settings.listeners,
            [ListenerSettings { addresses: vec!["127.0.0.1:8200".parse().unwrap()], security: own }]
        );
        assert!(settings.audit.is_empty() && !settings.needs_scratch && settings.warnings.is_empty());
        assert_eq!((settings.default_lease_ttl, settings.max_lease_ttl), (LEASE_TTL, LEASE_TTL));
    }

    #[test]
    fn certificates_are_made_for_what_is_listened_on() {
        let names = |listen: &str| {
            let options = ServerOptions { data: Some("/d".into()), listen: Some(listen.into()), ..options() };
            match settings(options, Config::default()).ok().unwrap().listeners.remove(0).security {
                Security::OwnAuthority { names, .. } => names,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(names("192.0.2.1:1"), ["192.0.2.1"]);
        assert_eq!(names("localhost:1"), ["localhost"]);
        assert!(names("0.0.0.0:1").is_empty() && names("[::1]:1").is_empty() && names(":1").is_empty());
    }

    #[test]
    fn vaults_dev_server_is_plain_and_says_so_and_ours_is_not() {
        let of = |wanted: DevOptions, listen: Option<&str>| {
            settings(ServerOptions { listen: listen.map(str::to_owned), ..dev(wanted) }, Config::default())
                .ok()
                .unwrap()
        };
        let vaults = of(VAULTS_DEV, None);
        assert!(vaults.listeners[0].security == Security::PlainHttp && vaults.needs_scratch);
        assert!(vaults.warnings[0].starts_with("plain HTTP on this machine"));
        assert!(of(VAULTS_DEV, Some("0.0.0.0:1")).warnings[0].contains("BEYOND THIS MACHINE"));
        let ours = of(DevOptions { tls: true, ..VAULTS_DEV }, None);
        assert_eq!(ours.listeners[0].security, Security::OwnAuthority { folder: None, names: Vec::new() });
        assert!(ours.warnings.is_empty() && ours.storage == Storage::Memory && ours.needs_scratch);
        let kept = of(DevOptions { tls: true, persist: Some("/k".into()), ..VAULTS_DEV }, None);
        assert_eq!(kept.storage, Storage::Sled { path: "/k".into() });
        assert!(!kept.needs_scratch);
    }

    #[test]
    fn a_dev_servers_configuration_adds_listeners_and_no_storage() {
        let config = configured(&format!("{LISTENER} storage \"sled\" {{ path = \"/x\" }}"));
        let settings = settings(dev(VAULTS_DEV), config).ok().unwrap();
        assert_eq!(settings.listeners.len(), 2);
        assert!(settings.storage == Storage::Memory && settings.warnings.len() == 2);
    }

    #[test]
    fn what_is_missing_or_said_twice_stops_the_start() {
        let data = || ServerOptions { data: Some("/d".into()), ..options() };
        let stored = || configured("storage \"inmem\" {}");
        assert!(matches!(settings(options(), Config::default()), Err(ServerError::StorageMissing)));
        assert!(matches!(settings(options(), stored()), Err(ServerError::ListenerMissing)));
        assert!(matches!(settings(data(), stored()), Err(ServerError::StorageTwice)));
        let listening = ServerOptions { listen: Some("127.0.0.1:1".into()), ..data() };
        assert!(matches!(settings(listening, configured(LISTENER)), Err(ServerError::ListenerTwice)));
        let nowhere = ServerOptions { listen: Some("127.0.0.1:x".into()), ..data() };
        assert!(matches!(settings(nowhere, Config::default()), Err(ServerError::Address { .. })));
        let old = dev(DevOptions { kv_v1: true, ..VAULTS_DEV });
        assert!(matches!(settings(old, Config::default()), Err(ServerError::KvOne)));
        let loud = ServerOptions { log_level: Some("loud".into()), ..data() };
        assert!(matches!(settings(loud, Config::default()), Err(ServerError::LogLevel(_))));
    }

    #[test]
    fn telemetry_is_a_listener_of_its_own_and_none_of_the_api() {
        let of = |telemetry: &str| {
            let config = configured(&format!("{LISTENER} storage \"inmem\" {{}}\n {telemetry}"));
            settings(options(), config).ok().unwrap()
        };
        let with = of("telemetry { address = \"127.0.0.1:2\" }");
        assert_eq!(with.telemetry.unwrap().addresses, ["127.0.0.1:2".parse().unwrap()]);
        assert!(with.listeners.len() == 1 && with.warnings.is_empty());
        assert_eq!(of("telemetry {}").telemetry, None);
    }

    #[test]
    fn a_short_longest_lease_shortens_the_default() {
        let config = configured(&format!("{LISTENER} storage \"inmem\" {{}}\n max_lease_ttl = \"1h\""));
        assert_eq!(settings(options(), config).ok().unwrap().default_lease_ttl, Ttl::from_hours(1));
    }

    #[test]
    fn flags_come_before_the_configuration_and_the_environments_address_too() {
        let text = format!("{LISTENER} storage \"inmem\" {{}}\n log_level = \"warn\"\n api_addr = \"https://a\"");
        let with = |level: Option<&str>, variables: &[(&str, &str)]| {
            let options = ServerOptions { log_level: level.map(str::to_owned), ..options() };
            let settings = Settings::new(options, configured(&text), &Environment::of(variables)).ok().unwrap();
            (settings.log_level, settings.api_addr.unwrap())
        };
        assert_eq!(with(None, &[]), (LevelFilter::WARN, "https://a".to_owned()));
        assert_eq!(
            with(Some("debug"), &[("VAULT_API_ADDR", "https://b")]),
            (LevelFilter::DEBUG, "https://b".to_owned())
        );
    }
}
