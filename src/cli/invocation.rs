//! One call of the command line: its global flags, the environment, the kept files, and the client for the server.

use std::time::Duration;

use super::{
    ca_folder,
    config_dir::ConfigDir,
    duration_flag::duration,
    environment::Environment,
    error::{CliError, Exit},
    output::{Format, Output},
    persona::Persona,
    pins,
    terminal::Terminal,
    tokens,
    vault_token::{self, VaultFile},
};
use crate::{
    base::{secret::Secret, ttl::Ttl},
    client::{Address, Anchors, Client, Identity, Settings, TlsSettings},
};

/// The time to wait for an answer if neither flag nor environment gives one.
const TIMEOUT_SECS: u64 = 60;

/// Flags that every command takes, in any place.
#[derive(clap::Args, Clone, Default, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Server, `https://HOST:PORT` [env: STRONGROOM_ADDR, VAULT_ADDR, BAO_ADDR] [default: https://127.0.0.1:8200]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub(crate) address: Option<String>,
    /// PEM file of the CA that signed the server's certificate [env: …_CACERT] [default: the CA pinned for the address]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) ca_cert: Option<String>,
    /// Folder of PEM files of CAs, of which one signed the server's certificate [env: …_CAPATH]
    #[arg(long, global = true, value_name = "FOLDER", hide_short_help = true)]
    pub(crate) ca_path: Option<String>,
    /// Trust the system's CAs if no CA is given or pinned [env: …_SYSTEM_ROOTS]
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) system_roots: bool,
    /// PEM file of a client certificate [env: …_CLIENT_CERT]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) client_cert: Option<String>,
    /// PEM file of the client certificate's key, not encrypted [env: …_CLIENT_KEY]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) client_key: Option<String>,
    /// Name that the server's certificate must carry [env: …_TLS_SERVER_NAME]
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub(crate) tls_server_name: Option<String>,
    /// Accept any certificate: anyone on the network path can then read every secret [env: …_SKIP_VERIFY]
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) tls_skip_verify: bool,
    /// Namespace [env: …_NAMESPACE]
    #[arg(long, global = true, visible_alias = "ns", value_name = "NAME", hide_short_help = true)]
    pub(crate) namespace: Option<String>,
    /// Wrap the answer in a one-time token with this lifetime
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, hide_short_help = true)]
    pub(crate) wrap_ttl: Option<String>,
    /// How long to wait for an answer [env: …_CLIENT_TIMEOUT] [default: 60s]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    pub(crate) timeout: Option<String>,
    /// Output format: table or json [env: …_FORMAT]
    #[arg(long, global = true, value_enum, ignore_case = true)]
    pub(crate) format: Option<Format>,
    /// Do not ask for confirmation
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) yes: bool,
    /// Do not ask for confirmation if this is the name of what would be destroyed
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub(crate) confirm: Option<String>,
    /// Show what would be destroyed and stop
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) dry_run: bool,
}

pub(crate) struct Invocation {
    pub(crate) globals: Globals,
    pub(crate) persona: Persona,
    pub(crate) environment: Environment,
    pub(crate) config_dir: ConfigDir,
    pub(crate) out: Output,
    pub(crate) address: Address,
    /// Where the client's token was found. `None` if it has no token.
    pub(crate) token_source: Option<tokens::Source>,
}

impl Invocation {
    pub(crate) fn open(
        globals: Globals,
        persona: Persona,
        environment: Environment,
        terminal: Terminal,
    ) -> Result<Self, CliError> {
        let named = globals.address.as_deref().or_else(|| environment.setting("ADDR"));
        let named = named.unwrap_or(tokens::DEFAULT_ADDRESS);
        let address = Address::parse(named).map_err(|error| {
            CliError::setup(format!("`{named}` is not an address: {error}")).fix("--address=https://127.0.0.1:8200")
        })?;
        let format = match (globals.format, environment.setting("FORMAT")) {
            (Some(format), _) => format,
            (None, Some(text)) if text.eq_ignore_ascii_case("json") => Format::Json,
            (None, Some(text)) if !text.eq_ignore_ascii_case("table") => {
                return Err(CliError::usage(format!(
                    "the environment asks for the format `{text}`: use table or json"
                )));
            }
            (None, _) => Format::Table,
        };
        let config_dir = ConfigDir::of(&environment);
        let out = Output { format, persona, terminal };
        Ok(Self { globals, persona, environment, config_dir, out, address, token_source: None })
    }

    /// A client with a token. If there is no token, this fails at once. When called as `vault`, the request is sent all
    /// the same, to show the server's error.
    pub(crate) fn client(&mut self) -> Result<Client, CliError> {
        let found = tokens::find(&self.config_dir, &self.environment, &self.address, self.persona)?;
        let Some((token, source)) = found else {
            if self.persona.is_vault() {
                return self.client_without_token();
            }
            return Err(self.not_logged_in());
        };
        self.token_source = Some(source);
        self.client_with(Some(token))
    }

    pub(crate) fn client_without_token(&self) -> Result<Client, CliError> {
        self.client_with(None)
    }

    pub(crate) fn client_with(&self, token: Option<Secret<String>>) -> Result<Client, CliError> {
        let setting = |flag: &Option<String>, name: &str| {
            flag.clone().or_else(|| self.environment.setting(name).map(str::to_owned))
        };
        let settings = Settings {
            address: self.address.clone(),
            tls: TlsSettings {
                anchors: self.anchors()?,
                identity: identity(
                    setting(&self.globals.client_cert, "CLIENT_CERT"),
                    setting(&self.globals.client_key, "CLIENT_KEY"),
                )?,
                server_name: setting(&self.globals.tls_server_name, "TLS_SERVER_NAME"),
            },
            token,
            namespace: setting(&self.globals.namespace, "NAMESPACE"),
            wrap_ttl: setting(&self.globals.wrap_ttl, "WRAP_TTL"),
            timeout: timeout(setting(&self.globals.timeout, "CLIENT_TIMEOUT").as_deref())?,
        };
        Client::new(settings).map_err(|error| CliError::setup(error.to_string()))
    }

    /// The CA file that a flag or the environment names. `None` if neither does.
    pub(crate) fn ca_file(&self) -> Option<&str> {
        match (&self.globals.ca_cert, &self.globals.ca_path) {
            (Some(file), _) => Some(file),
            // A folder on the command line comes before a file that only the environment names.
            (None, Some(_)) => None,
            (None, None) => self.environment.setting("CACERT"),
        }
    }

    fn anchors(&self) -> Result<Anchors, CliError> {
        if self.globals.tls_skip_verify || self.environment.is_on("SKIP_VERIFY") {
            self.out.hint(
                "warning: the server's certificate is not verified: anyone on the network path can read everything",
            );
            return Ok(Anchors::Anyone);
        }
        let folder = self.globals.ca_path.as_deref().or_else(|| self.environment.setting("CAPATH"));
        // As for Vault's tools, a file comes before a folder.
        let (text, source) = match (self.ca_file(), folder) {
            (Some(file), _) => (read_file(file)?, "the CA file that was given"),
            (None, Some(folder)) => (ca_folder::read(folder)?, "a CA of the folder that was given"),
            (None, None) => (Vec::new(), ""),
        };
        if !text.is_empty() {
            return Ok(Anchors::Pem { text, source });
        }
        if let Some(ca) = pins::find(&self.config_dir, &self.address)?.ca {
            return Ok(Anchors::Pem { text: ca.into_bytes(), source: "the CA pinned for this address" });
        }
        if self.globals.system_roots || self.environment.is_on("SYSTEM_ROOTS") {
            return system_roots(&self.environment);
        }
        Ok(Anchors::None)
    }

    /// Pins the CA that was given, so that later calls need no flag. Must be called
    /// only after the CA was used with success.
    pub(crate) fn pin_ca(&self) -> Result<(), CliError> {
        if self.persona.is_vault() || self.address.scheme() != crate::client::Scheme::Https {
            return Ok(());
        }
        let Some(path) = self.ca_file() else { return Ok(()) };
        let Ok(text) = String::from_utf8(read_file(path)?) else { return Ok(()) };
        if pins::find(&self.config_dir, &self.address)?.ca.as_ref() == Some(&text) {
            return Ok(());
        }
        let pin = pins::Pin { ca: Some(text), audit_public_key: None };
        pins::keep(&self.config_dir, &self.address, &pin)?;
        self.out.hint(&format!("the CA of {} is remembered: --ca-cert is no longer needed", self.address));
        Ok(())
    }

    /// Warns if a token in the environment takes precedence over the one that was just kept.
    pub(crate) fn token_variable_hint(&self) {
        if let Some((name, _)) = self.environment.sourced("TOKEN") {
            self.out.hint(&format!("warning: {name} is set and takes precedence over the stored token: unset {name}"));
        }
    }

    pub(crate) fn not_logged_in(&self) -> CliError {
        let failure = CliError::new(Exit::NotLoggedIn, format!("not logged in to {}", self.address));
        let others: Vec<String> = tokens::addresses(&self.config_dir).unwrap_or_default();
        let failure = match others.as_slice() {
            [] => failure.why("there is no token for this address, neither in the environment nor kept here"),
            others => failure
                .why("there is no token for this address, and a token is sent only to the server that made it")
                .why(format!("tokens are kept for: {}", others.join(", "))),
        };
        let failure = if let Ok(VaultFile::Foreign(Some(_))) = vault_token::read(&self.config_dir) {
            failure
                .why("~/.vault-token holds a token of another program, which does not say for which server")
                .fix("if that token is for this server: strongroom login - < ~/.vault-token")
        } else {
            failure
        };
        let failure = failure.fix(
            "strongroom login        (asks for a token), or: strongroom login -method=approle role_id=… secret_id=-",
        );
        match others.first() {
            Some(other) => failure.fix(format!("or use the other server: --address={other}")),
            None => failure,
        }
    }
}

/// Parses the timeout, which must be at least one second.
fn timeout(text: Option<&str>) -> Result<Duration, CliError> {
    let Some(text) = text else { return Ok(Duration::from_secs(TIMEOUT_SECS)) };
    let secs = Ttl::parse(text).ok().map(Ttl::as_secs).filter(|secs| *secs > 0);
    secs.map(Duration::from_secs).ok_or_else(|| {
        CliError::usage(format!("the timeout `{text}` is not a duration of a second or more"))
            .fix("--timeout=30s; also a number of seconds, `5m` or `1h30m`")
    })
}

fn identity(cert: Option<String>, key: Option<String>) -> Result<Option<Identity>, CliError> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(Identity { chain: read_file(&cert)?, key: read_file(&key)? })),
        (None, None) => Ok(None),
        _ => {
            Err(CliError::setup("a client certificate and its key are needed together: --client-cert and --client-key"))
        }
    }
}

fn read_file(path: &str) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| CliError::setup(format!("{path} cannot be read: {error}")))
}

/// Where operating systems keep the CAs that they trust.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn system_roots(environment: &Environment) -> Result<Anchors, CliError> {
    let named = environment.variable("SSL_CERT_FILE");
    let mut files = named.into_iter().chain(SYSTEM_BUNDLES);
    files
        .find_map(|path| std::fs::read(path).ok())
        .map(|text| Anchors::Pem { text, source: "the system's CAs" })
        .ok_or_else(|| CliError::usage("the system's CAs are not found").fix("name a CA file: --ca-cert=FILE"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_timeout_is_a_second_or_more() {
        assert_eq!(timeout(None).unwrap(), Duration::from_mins(1));
        assert_eq!(timeout(Some("1h30m")).unwrap(), Duration::from_mins(90));
        for text in ["", "0", "10ms", "-1s", "5x", "soon"] {
            assert!(timeout(Some(text)).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// The parts are added up by this test, in another way than the reader does.
        #[test]
        fn a_timeout_is_the_sum_of_its_parts(hours in 0..9_999_u64, minutes in 0..9_999_u64, secs in 1..9_999_u64) {
            let total = Duration::from_secs(hours * 3_600 + minutes * 60 + secs);
            for text in [format!("{hours}h{minutes}m{secs}s"), total.as_secs().to_string()] {
                prop_assert_eq!(timeout(Some(&text)).unwrap(), total, "{}", text);
            }
        }

        #[test]
        fn any_text_is_a_timeout_or_an_error_that_shows_it(text in any::<String>(), near in "-?[0-9.]{0,12}(ns|us|µs|ms|s|m|h|d|w)?[0-9smh]{0,6}") {
            for text in [text, near] {
                match timeout(Some(&text)) {
                    Ok(timeout) => prop_assert!(timeout >= Duration::from_secs(1)),
                    Err(error) => prop_assert!(error.what().contains(&text)),
                }
            }
        }
    }
}
