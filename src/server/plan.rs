//! What a server is going to do, decided from flags, configuration and environment before anything is opened. Pure:
//! every combination can be tested.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{
    config::{AuditConfig, Config, Environment, StaticSeal, Storage, resolve},
    error::ServerError,
    logging,
    run::{DevOptions, ServerOptions},
    tls::Tls,
};
use crate::base::{secret::Secret, ttl::Ttl};

/// The decisions.
pub struct Plan {
    pub storage: Storage,
    pub listeners: Vec<Listen>,
    /// Empty: a file device beside the store, or in `scratch`.
    pub audit: Vec<AuditConfig>,
    pub seal: Option<StaticSeal>,
    /// `None`: the first listener's.
    pub api_addr: Option<String>,
    pub default_lease_ttl: Ttl,
    pub max_lease_ttl: Ttl,
    pub log_level: &'static str,
    pub pid_file: Option<PathBuf>,
    pub dev: Option<Dev>,
    /// Whether a folder is needed that is nobody's: for the files of a server that keeps nothing.
    pub needs_scratch: bool,
    pub warnings: Vec<String>,
}

/// One `listener`.
#[derive(Debug, PartialEq, Eq)]
pub struct Listen {
    pub addresses: Vec<SocketAddr>,
    pub tls: Secured,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Secured {
    Plain,
    Files(Tls),
    /// By our own authority, for these names beside the machine's own; `None` keeps it in the scratch folder.
    Own {
        folder: Option<PathBuf>,
        names: Vec<String>,
    },
}

pub struct Dev {
    pub root_token_id: Option<Secret<String>>,
    pub stores_token: bool,
    /// Where the keys of a dev server that keeps its data are.
    pub persist: Option<PathBuf>,
    /// Where Vault's tools look for the authority's certificate.
    pub tls_cert_dir: Option<PathBuf>,
}

/// Vault's: 32 days.
const LEASE_TTL: Ttl = Ttl::from_hours(768);

impl Plan {
    pub fn new(options: ServerOptions, config: Config, environment: &Environment) -> Result<Self, ServerError> {
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
            (None, Some(folder)) if !has_listeners => listeners.push(own(listen.as_deref(), Some(folder.clone()))?),
            (None, None) if !has_listeners => return Err(ServerError::ListenerMissing),
            (None, None) if listen.is_some() => return Err(ServerError::ListenerTwice),
            (None, _) => {}
        }
        listeners.extend(config.listeners.into_iter().map(|listener| Listen {
            addresses: listener.addresses,
            tls: listener.tls.map_or(Secured::Plain, Secured::Files),
        }));
        let max_lease_ttl = config.max_lease_ttl.unwrap_or(LEASE_TTL);
        let is_scratch_secured =
            listeners.iter().any(|listener| matches!(listener.tls, Secured::Own { folder: None, .. }));
        let log_level = log_level.or(config.log_level);
        if config.allows_api_audit {
            warnings.push(
                "`unsafe_allow_api_audit_creation` has no effect here: audit devices over the API are not built"
                    .to_owned(),
            );
        }
        Ok(Self {
            needs_scratch: is_scratch_secured || (storage == Storage::Memory && config.audit.is_empty()),
            storage,
            listeners,
            audit: config.audit,
            seal: config.seal,
            api_addr: environment.setting("API_ADDR").map(|setting| setting.value).or(config.api_addr),
            default_lease_ttl: config.default_lease_ttl.unwrap_or(LEASE_TTL).min(max_lease_ttl),
            max_lease_ttl,
            log_level: logging::level(log_level.as_deref().unwrap_or("info"))?,
            pid_file: config.pid_file,
            dev: dev.map(|dev| Dev {
                root_token_id: dev.root_token_id,
                stores_token: dev.store_token,
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
            warnings.push("a dev server keeps nothing: the configuration's `storage` has no effect".to_owned());
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

fn dev_listener(dev: &DevOptions, listen: Option<&str>, warnings: &mut Vec<String>) -> Result<Listen, ServerError> {
    if dev.tls {
        return own(listen, dev.tls_cert_dir.clone().or_else(|| dev.persist.clone()));
    }
    let addresses = addresses(listen)?;
    let reach = if addresses.iter().all(|address| address.ip().is_loopback()) {
        "on this machine"
    } else {
        "BEYOND THIS MACHINE"
    };
    warnings.push(format!("plain HTTP {reach}: tokens and secrets are not encrypted on their way (dev mode)"));
    Ok(Listen { addresses, tls: Secured::Plain })
}

fn own(listen: Option<&str>, folder: Option<PathBuf>) -> Result<Listen, ServerError> {
    let addresses = addresses(listen)?;
    let by_name = listen.and_then(host).map(str::to_owned);
    let by_address = addresses.iter().map(SocketAddr::ip).filter(|ip| !ip.is_loopback() && !ip.is_unspecified());
    let mut names: Vec<String> = by_name.into_iter().chain(by_address.map(|ip| ip.to_string())).collect();
    names.sort();
    names.dedup();
    Ok(Listen { addresses, tls: Secured::Own { folder, names } })
}

/// The host of `host:port` where it is a name.
fn host(text: &str) -> Option<&str> {
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    let is_name = !host.is_empty() && !host.contains(':') && host.parse::<std::net::IpAddr>().is_err();
    is_name.then_some(host).filter(|host| !host.starts_with('['))
}

fn addresses(listen: Option<&str>) -> Result<Vec<SocketAddr>, ServerError> {
    let text = listen.unwrap_or(super::config::DEFAULT_ADDRESS);
    resolve(text).map_err(|cause| ServerError::Address { text: text.to_owned(), cause })
}

/// The folder in which a store's other files stand, too.
pub fn beside(storage: &Storage) -> Option<&Path> {
    match storage {
        Storage::Sled { path } => Some(path),
        Storage::Memory => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ServerOptions {
        ServerOptions { data: None, config: Vec::new(), listen: None, log_level: None, dev: None }
    }

    fn dev(tls: bool, persist: Option<&str>) -> Option<DevOptions> {
        Some(DevOptions {
            root_token_id: None,
            tls,
            tls_cert_dir: None,
            kv_v1: false,
            persist: persist.map(PathBuf::from),
            store_token: true,
        })
    }

    fn plan(options: ServerOptions, config: Config) -> Result<Plan, ServerError> {
        Plan::new(options, config, &Environment::of(&[]))
    }

    fn configured(text: &str) -> Config {
        Config::load(&[], &Environment::of(&[("VAULT_LOCAL_CONFIG", text)])).unwrap_or_else(|error| panic!("{error}"))
    }

    const LISTENER: &str = "listener \"tcp\" { address = \"127.0.0.1:1\"\n tls_disable = 1 }\n";

    #[test]
    fn a_data_folder_needs_no_configuration() {
        let plan = plan(ServerOptions { data: Some("/d".into()), ..options() }, Config::default()).ok().unwrap();
        assert_eq!(plan.storage, Storage::Sled { path: "/d".into() });
        let own = Secured::Own { folder: Some("/d".into()), names: Vec::new() };
        assert_eq!(plan.listeners, [Listen { addresses: vec!["127.0.0.1:8200".parse().unwrap()], tls: own }]);
        assert!(plan.audit.is_empty() && !plan.needs_scratch && plan.warnings.is_empty());
        assert_eq!((plan.default_lease_ttl, plan.max_lease_ttl), (LEASE_TTL, LEASE_TTL));
    }

    #[test]
    fn certificates_are_made_for_what_is_listened_on() {
        let names = |listen: &str| {
            let options = ServerOptions { data: Some("/d".into()), listen: Some(listen.into()), ..options() };
            match plan(options, Config::default()).ok().unwrap().listeners.remove(0).tls {
                Secured::Own { names, .. } => names,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(names("192.0.2.1:1"), ["192.0.2.1"]);
        assert_eq!(names("localhost:1"), ["localhost"]);
        assert!(names("0.0.0.0:1").is_empty() && names("[::1]:1").is_empty() && names(":1").is_empty());
    }

    #[test]
    fn vaults_dev_server_is_plain_and_says_so_and_ours_is_not() {
        let of = |dev, listen: Option<&str>| {
            plan(ServerOptions { dev, listen: listen.map(str::to_owned), ..options() }, Config::default()).ok().unwrap()
        };
        let vaults = of(dev(false, None), None);
        assert!(vaults.listeners[0].tls == Secured::Plain && vaults.needs_scratch);
        assert!(vaults.warnings[0].starts_with("plain HTTP on this machine"));
        assert!(of(dev(false, None), Some("0.0.0.0:1")).warnings[0].contains("BEYOND THIS MACHINE"));
        let ours = of(dev(true, None), None);
        assert_eq!(ours.listeners[0].tls, Secured::Own { folder: None, names: Vec::new() });
        assert!(ours.warnings.is_empty() && ours.storage == Storage::Memory && ours.needs_scratch);
        let kept = of(dev(true, Some("/k")), None);
        assert_eq!(kept.storage, Storage::Sled { path: "/k".into() });
        assert!(!kept.needs_scratch);
    }

    #[test]
    fn a_dev_servers_configuration_adds_listeners_and_no_storage() {
        let config = configured(&format!("{LISTENER} storage \"sled\" {{ path = \"/x\" }}"));
        let plan = plan(ServerOptions { dev: dev(false, None), ..options() }, config).ok().unwrap();
        assert_eq!(plan.listeners.len(), 2);
        assert!(plan.storage == Storage::Memory && plan.warnings.len() == 2);
    }

    #[test]
    fn what_is_missing_or_said_twice_stops_the_start() {
        let data = || ServerOptions { data: Some("/d".into()), ..options() };
        let stored = || configured("storage \"inmem\" {}");
        assert!(matches!(plan(options(), Config::default()), Err(ServerError::StorageMissing)));
        assert!(matches!(plan(options(), stored()), Err(ServerError::ListenerMissing)));
        assert!(matches!(plan(data(), stored()), Err(ServerError::StorageTwice)));
        let listening = ServerOptions { listen: Some("127.0.0.1:1".into()), ..data() };
        assert!(matches!(plan(listening, configured(LISTENER)), Err(ServerError::ListenerTwice)));
        let nowhere = ServerOptions { listen: Some("127.0.0.1:x".into()), ..data() };
        assert!(matches!(plan(nowhere, Config::default()), Err(ServerError::Address { .. })));
        let mut old = dev(false, None);
        old.as_mut().unwrap().kv_v1 = true;
        assert!(matches!(plan(ServerOptions { dev: old, ..options() }, Config::default()), Err(ServerError::KvOne)));
        let loud = ServerOptions { log_level: Some("loud".into()), ..data() };
        assert!(matches!(plan(loud, Config::default()), Err(ServerError::LogLevel(_))));
    }

    #[test]
    fn a_short_longest_lease_shortens_the_default() {
        let config = configured(&format!("{LISTENER} storage \"inmem\" {{}}\n max_lease_ttl = \"1h\""));
        assert_eq!(plan(options(), config).ok().unwrap().default_lease_ttl, Ttl::from_hours(1));
    }

    #[test]
    fn flags_come_before_the_configuration_and_the_environments_address_too() {
        let text = format!("{LISTENER} storage \"inmem\" {{}}\n log_level = \"warn\"\n api_addr = \"https://a\"");
        let with = |level: Option<&str>, variables: &[(&str, &str)]| {
            let options = ServerOptions { log_level: level.map(str::to_owned), ..options() };
            let plan = Plan::new(options, configured(&text), &Environment::of(variables)).ok().unwrap();
            (plan.log_level, plan.api_addr.unwrap())
        };
        assert_eq!(with(None, &[]), ("warn", "https://a".to_owned()));
        assert_eq!(with(Some("debug"), &[("VAULT_API_ADDR", "https://b")]), ("debug", "https://b".to_owned()));
    }
}
