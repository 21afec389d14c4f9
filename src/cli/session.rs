//! One call of the command line: its global flags, the environment, what is remembered, and the way to the server.

use std::time::Duration;

use super::{
    environment::Environment,
    fault::{Exit, Fault},
    home::Home,
    output::{Format, Output},
    persona::Persona,
    pins,
    terminal::Terminal,
    tokens,
};
use crate::{
    base::{secret::Secret, ttl::Ttl},
    client::{Address, Anchors, Client, Identity, Settings, TlsSettings},
};

/// Flags that every command takes, in any place.
#[derive(clap::Args, Clone, Default, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Server, `https://HOST:PORT` [env: STRONGROOM_ADDR, VAULT_ADDR, BAO_ADDR] [default: https://127.0.0.1:8200]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub address: Option<String>,
    /// PEM file of the CA that signs the server's certificate [env: …_CACERT] [default: the CA pinned for the address]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub ca_cert: Option<String>,
    /// Trust the system's CAs as well, where no CA is given [env: …_SYSTEM_ROOTS]
    #[arg(long, global = true, hide_short_help = true)]
    pub system_roots: bool,
    /// PEM file of a client certificate [env: …_CLIENT_CERT]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub client_cert: Option<String>,
    /// PEM file of its key [env: …_CLIENT_KEY]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub client_key: Option<String>,
    /// Name that the server's certificate must carry [env: …_TLS_SERVER_NAME]
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub tls_server_name: Option<String>,
    /// Believe whoever answers: anyone in between can then read every secret [env: …_SKIP_VERIFY]
    #[arg(long, global = true, hide_short_help = true)]
    pub tls_skip_verify: bool,
    /// Namespace [env: …_NAMESPACE]
    #[arg(long, global = true, visible_alias = "ns", value_name = "NAME", hide_short_help = true)]
    pub namespace: Option<String>,
    /// Ask for the answer wrapped in a one-time token that lives so long
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    pub wrap_ttl: Option<String>,
    /// Longest wait for an answer [env: …_CLIENT_TIMEOUT] [default: 60s]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    pub timeout: Option<String>,
    /// Output: table or json [env: …_FORMAT]
    #[arg(long, global = true, value_enum, ignore_case = true)]
    pub format: Option<Format>,
    /// Do it without asking
    #[arg(long, global = true, hide_short_help = true)]
    pub yes: bool,
    /// Do it without asking, if this is the name it would have asked for
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub confirm: Option<String>,
    /// Show what would be destroyed and stop
    #[arg(long, global = true, hide_short_help = true)]
    pub dry_run: bool,
}

pub struct Session {
    pub globals: Globals,
    pub persona: Persona,
    pub environment: Environment,
    pub home: Home,
    pub out: Output,
    pub address: Address,
    /// Which token the client of this session shows.
    pub token_source: Option<tokens::Source>,
}

impl Session {
    pub fn open(
        globals: Globals,
        persona: Persona,
        environment: Environment,
        terminal: Terminal,
    ) -> Result<Self, Fault> {
        let named = globals.address.as_deref().or_else(|| environment.setting("ADDR"));
        let named = named.unwrap_or(tokens::DEFAULT_ADDRESS);
        let address = Address::parse(named).map_err(|error| {
            Fault::usage(format!("{named} is no address: {error}")).fix("--address=https://127.0.0.1:8200")
        })?;
        let format = match (globals.format, environment.setting("FORMAT")) {
            (Some(format), _) => format,
            (None, Some(text)) if text.eq_ignore_ascii_case("json") => Format::Json,
            (None, Some(text)) if !text.eq_ignore_ascii_case("table") => {
                return Err(Fault::usage(format!(
                    "the format in the environment is `{text}`: table and json are built"
                )));
            }
            (None, _) => Format::Table,
        };
        let home = Home::of(&environment);
        let out = Output { format, persona, terminal };
        Ok(Self { globals, persona, environment, home, out, address, token_source: None })
    }

    /// A client that shows our token. Without one it fails at once, unless Vault's manners are asked for: those send
    /// the request and show the server's refusal.
    pub fn client(&mut self) -> Result<Client, Fault> {
        let found = tokens::find(&self.home, &self.environment, &self.address)?;
        let Some((token, source)) = found else {
            if self.persona.is_vault() {
                return self.client_without_token();
            }
            return Err(self.not_logged_in());
        };
        self.token_source = Some(source);
        self.client_with(Some(token))
    }

    pub fn client_without_token(&self) -> Result<Client, Fault> {
        self.client_with(None)
    }

    pub fn client_with(&self, token: Option<Secret<String>>) -> Result<Client, Fault> {
        let setting = |flag: &Option<String>, name: &str| {
            flag.clone().or_else(|| self.environment.setting(name).map(str::to_owned))
        };
        let timeout = match setting(&self.globals.timeout, "CLIENT_TIMEOUT") {
            None => 60,
            Some(text) => Ttl::parse(&text)
                .ok()
                .map(Ttl::as_secs)
                .filter(|secs| *secs > 0)
                .ok_or_else(|| Fault::usage(format!("the timeout `{text}` is no duration such as 30s")))?,
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
            timeout: Duration::from_secs(timeout),
        };
        Client::new(settings).map_err(|error| Fault::usage(error.to_string()))
    }

    /// The CA file that was named, by flag or environment.
    pub fn ca_file(&self) -> Option<&str> {
        self.globals.ca_cert.as_deref().or_else(|| self.environment.setting("CACERT"))
    }

    fn anchors(&self) -> Result<Anchors, Fault> {
        if self.globals.tls_skip_verify || self.environment.is_on("SKIP_VERIFY") {
            self.out
                .hint("warning: the server's certificate is not verified: whoever stands in between reads everything");
            return Ok(Anchors::Anyone);
        }
        if let Some(path) = self.ca_file() {
            return Ok(Anchors::Pem { text: read_file(path)?, source: "the CA file that was given" });
        }
        if let Some(ca) = pins::find(&self.home, &self.address)?.ca {
            return Ok(Anchors::Pem { text: ca.into_bytes(), source: "the CA pinned for this address" });
        }
        if self.globals.system_roots || self.environment.is_on("SYSTEM_ROOTS") {
            return system_roots(&self.environment);
        }
        Ok(Anchors::None)
    }

    /// Remembers the CA that was given, once it has proved right, so that later calls need no flag.
    pub fn pin_ca(&self) -> Result<(), Fault> {
        if self.persona.is_vault() || self.address.scheme() != crate::client::Scheme::Https {
            return Ok(());
        }
        let Some(path) = self.ca_file() else { return Ok(()) };
        let Ok(text) = String::from_utf8(read_file(path)?) else { return Ok(()) };
        if pins::find(&self.home, &self.address)?.ca.as_ref() == Some(&text) {
            return Ok(());
        }
        let pin = pins::Pin { ca: Some(text), audit_public_key: None };
        pins::keep(&self.home, &self.address, &pin)?;
        self.out.hint(&format!("the CA of {} is remembered: --ca-cert is not needed from here on", self.address));
        Ok(())
    }

    /// A token in the environment comes before the one that was just kept.
    pub fn token_variable_hint(&self) {
        if let Some((name, _)) = self.environment.sourced("TOKEN") {
            self.out.hint(&format!("warning: {name} is set and comes first: unset {name}"));
        }
    }

    pub fn not_logged_in(&self) -> Fault {
        let fault = Fault::new(Exit::NotLoggedIn, format!("not logged in to {}", self.address));
        let others: Vec<String> = tokens::addresses(&self.home).unwrap_or_default();
        let fault = match others.as_slice() {
            [] => fault.why("there is no token for it: not in the environment, not kept here"),
            others => fault
                .why("there is no token for this address; a token is shown only to the server that made it")
                .why(format!("tokens are kept for: {}", others.join(", "))),
        };
        let fault = fault.fix(
            "strongroom login        (asks for a token), or: strongroom login -method=approle role_id=… secret_id=-",
        );
        match others.first() {
            Some(other) => fault.fix(format!("or mean the other server: --address={other}")),
            None => fault,
        }
    }
}

fn identity(cert: Option<String>, key: Option<String>) -> Result<Option<Identity>, Fault> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(Identity { chain: read_file(&cert)?, key: read_file(&key)? })),
        (None, None) => Ok(None),
        _ => Err(Fault::usage("a client certificate and its key come together: --client-cert and --client-key")),
    }
}

fn read_file(path: &str) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|error| Fault::usage(format!("{path} cannot be read: {error}")))
}

/// Where systems keep the CAs that they trust.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn system_roots(environment: &Environment) -> Result<Anchors, Fault> {
    let named = environment.variable("SSL_CERT_FILE");
    let mut files = named.into_iter().chain(SYSTEM_BUNDLES);
    files
        .find_map(|path| std::fs::read(path).ok())
        .map(|text| Anchors::Pem { text, source: "the system's CAs" })
        .ok_or_else(|| Fault::usage("the system's CAs are not found").fix("--ca-cert=FILE names one"))
}
