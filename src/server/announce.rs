//! What a server says on stdout when it is ready: where it listens, what a client needs, and the lines that Vault's
//! tools wait for. Everything else goes to the log on stderr.

use std::{
    fmt::Write as _,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::seam::DevKeys;

/// All that is said.
pub struct Ready<'a> {
    pub api_addr: &'a str,
    pub listeners: &'a [(SocketAddr, bool)],
    pub storage: &'a str,
    pub audit: &'a [PathBuf],
    /// The file that clients must trust, where the authority is ours.
    pub authority: Option<&'a Path>,
    pub state: State<'a>,
}

pub enum State<'a> {
    Uninitialised,
    Sealed,
    Unsealed,
    Dev { keys: &'a DevKeys, is_kept: bool },
}

impl Ready<'_> {
    /// Says it. A reader that is gone is no reason to stop.
    pub fn say(&self) {
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
        for (address, is_tls) in self.listeners {
            row("Listener", &format!("{address} ({})", if *is_tls { "TLS" } else { "PLAIN HTTP" }));
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
        // Tools of Vault wait for this line.
        text.push_str("\n==> Vault server started! Log data will stream in below:\n\n");
        text
    }

    /// Where a client on this machine reaches the first listener.
    fn client_addr(&self) -> String {
        self.listeners.first().map_or_else(|| self.api_addr.to_owned(), |(address, is_tls)| url(*address, *is_tls))
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

/// `https://127.0.0.1:8200`; an address that means all of the machine's becomes loopback.
pub fn url(address: SocketAddr, is_tls: bool) -> String {
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    format!("{}://{host}:{}", if is_tls { "https" } else { "http" }, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    #[test]
    fn the_lines_that_tools_and_people_look_for_stand_alone() {
        let keys = DevKeys { unseal_key: Secret::text("a2V5"), root_token: Secret::text("root") };
        let text = Ready {
            api_addr: "http://127.0.0.1:8200",
            listeners: &[("0.0.0.0:8200".parse().unwrap(), false), ("127.0.0.1:8201".parse().unwrap(), true)],
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
            "          Audit: /tmp/x/audit.log",
        ] {
            assert!(text.lines().any(|there| there == line), "{line}\n{text}");
        }
    }

    #[test]
    fn urls_are_ones_that_can_be_called() {
        let of = |address: &str| url(address.parse().unwrap(), true);
        assert_eq!(of("0.0.0.0:1"), "https://127.0.0.1:1");
        assert_eq!(of("[::]:1"), "https://127.0.0.1:1");
        assert_eq!(of("[::1]:1"), "https://[::1]:1");
    }
}
