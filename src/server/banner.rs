//! The banner: the text that a server prints on stdout when it is ready. It says where the server listens and what a
//! client needs, and has the lines that Vault's tools wait for. Everything else goes to the log on stderr.

use std::{
    fmt::Write as _,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::backend::DevKeys;

/// What the banner says.
pub(crate) struct Banner<'a> {
    pub api_addr: &'a str,
    pub listeners: &'a [Endpoint],
    pub metrics: &'a [Endpoint],
    pub storage: &'a str,
    pub audit: &'a [PathBuf],
    /// The certificate that clients must trust. `None` if the server's own authority is not used.
    pub authority: Option<&'a Path>,
    pub state: State<'a>,
}

/// An address that the server listens on.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    pub address: SocketAddr,
    pub scheme: Scheme,
}

#[derive(Clone, Copy)]
pub(crate) enum Scheme {
    Http,
    Https,
}

pub(crate) enum State<'a> {
    Uninitialised,
    Sealed,
    Unsealed,
    Dev { keys: &'a DevKeys, is_kept: bool },
}

impl Banner<'_> {
    /// Prints the banner. If nobody reads stdout, the server goes on.
    pub(crate) fn print(&self) {
        let text = Zeroizing::new(self.text());
        let mut out = std::io::stdout().lock();
        let _reader_may_be_gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn text(&self) -> String {
        let mut text = String::from("==> Strongroom server configuration:\n\n");
        let mut row = |name: &str, value: &str| {
            let _never_fails = writeln!(text, "{name:>15}: {value}");
        };
        row("Api Address", self.api_addr);
        for Endpoint { address, scheme } in self.listeners {
            let words = match scheme {
                Scheme::Http => "PLAIN HTTP",
                Scheme::Https => "TLS",
            };
            row("Listener", &format!("{address} ({words})"));
        }
        for endpoint in self.metrics {
            row("Metrics", &format!("{}/metrics", endpoint.url()));
        }
        row("Storage", self.storage);
        for path in self.audit {
            row("Audit", &path.display().to_string());
        }
        row("Version", env!("CARGO_PKG_VERSION"));
        text.push('\n');
        text.push_str(&self.state_text());
        text.push_str("What a client needs:\n\n");
        let _never_fails = writeln!(text, "    export VAULT_ADDR='{}'", self.client_addr());
        if let Some(authority) = self.authority {
            let _never_fails = writeln!(text, "    export VAULT_CACERT='{}'", authority.display());
        }
        // Vault's tools wait for this line.
        text.push_str("\n==> Vault server started! Log data will stream in below:\n\n");
        text
    }

    /// The URL of the first listener, for clients on this machine.
    fn client_addr(&self) -> String {
        self.listeners.first().map_or_else(|| self.api_addr.to_owned(), Endpoint::url)
    }

    fn state_text(&self) -> String {
        match &self.state {
            State::Uninitialised => "Not initialised yet: `strongroom operator init`\n\n".to_owned(),
            State::Sealed => "Sealed: `strongroom operator unseal`\n\n".to_owned(),
            State::Unsealed => String::new(),
            State::Dev { keys, is_kept } => {
                let (key, token) = (keys.unseal_key.expose(), keys.root_token.expose());
                let what = if *is_kept {
                    "its keys are kept beside its data"
                } else {
                    "everything is in memory and gone when it stops"
                };
                format!(
                    "WARNING! This is a dev server: unsealed, with one share, and {what}.\n\
                     Keep nothing here that matters.\n\nUnseal Key: {key}\nRoot Token: {token}\n\n"
                )
            }
        }
    }
}

impl Endpoint {
    /// The URL of the endpoint, such as `https://127.0.0.1:8200`. An address that stands for all addresses of the
    /// machine becomes the loopback address.
    pub(crate) fn url(&self) -> String {
        let host = match self.address {
            SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
            SocketAddr::V6(v6) if v6.ip().is_unspecified() => "127.0.0.1".to_owned(),
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        format!("{scheme}://{host}:{}", self.address.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn endpoint(address: &str, scheme: Scheme) -> Endpoint {
        Endpoint { address: address.parse().unwrap(), scheme }
    }

    #[test]
    fn the_lines_that_tools_and_people_look_for_stand_alone() {
        let keys = DevKeys { unseal_key: Secret::text("a2V5"), root_token: Secret::text("root") };
        let text = Banner {
            api_addr: "http://127.0.0.1:8200",
            listeners: &[endpoint("0.0.0.0:8200", Scheme::Http), endpoint("127.0.0.1:8201", Scheme::Https)],
            metrics: &[endpoint("127.0.0.1:9142", Scheme::Http)],
            storage: "in memory",
            audit: &["/tmp/x/audit.log".into()],
            authority: Some(Path::new("/d/tls/ca.pem")),
            state: State::Dev { keys: &keys, is_kept: false },
        }
        .text();
        for line in [
            "Unseal Key: a2V5",
            "Root Token: root",
            "==> Vault server started! Log data will stream in below:",
            "    export VAULT_ADDR='http://127.0.0.1:8200'",
            "    export VAULT_CACERT='/d/tls/ca.pem'",
            "       Listener: 0.0.0.0:8200 (PLAIN HTTP)",
            "       Listener: 127.0.0.1:8201 (TLS)",
            "        Metrics: http://127.0.0.1:9142/metrics",
            "          Audit: /tmp/x/audit.log",
        ] {
            assert!(text.lines().any(|there| there == line), "{line}\n{text}");
        }
    }

    #[test]
    fn urls_are_ones_that_can_be_called() {
        let of = |address: &str| endpoint(address, Scheme::Https).url();
        assert_eq!(of("0.0.0.0:1"), "https://127.0.0.1:1");
        assert_eq!(of("[::]:1"), "https://127.0.0.1:1");
        assert_eq!(of("[::1]:1"), "https://[::1]:1");
    }
}
