//! Settings from the environment: `STRONGROOM_X` comes before the names of Vault and OpenBao, so that variables that
//! are set for those tools keep working.

use std::collections::BTreeMap;

const PREFIXES: [&str; 3] = ["STRONGROOM_", "VAULT_", "BAO_"];

/// The settings without their prefix, each with what it is for. docs/reference/cli.md shows them.
pub(crate) const SETTINGS: &[(&str, &str)] = &[
    ("ADDR", "the server, as `-address`"),
    ("API_ADDR", "for a server: the URL at which clients reach it, as `api_addr` of the configuration"),
    ("CACERT", "the CA's file, as `-ca-cert`"),
    ("CAPATH", "the CAs' folder, as `-ca-path`"),
    ("CLIENT_CERT", "the client's certificate, as `-client-cert`"),
    ("CLIENT_KEY", "the key of that certificate, as `-client-key`"),
    ("CLIENT_TIMEOUT", "how long to wait for an answer, as `-timeout`"),
    ("DEV_LISTEN_ADDRESS", "for a dev server: the address to listen on"),
    ("DEV_ROOT_TOKEN_ID", "for a dev server: its root token"),
    ("FORMAT", "the output format, as `-format`"),
    ("LOCAL_CONFIG", "for a server: the configuration itself, in JSON"),
    ("LOG_LEVEL", "for a server: the log level, as `-log-level`"),
    ("NAMESPACE", "the namespace, as `-namespace`"),
    ("SKIP_VERIFY", "whether any certificate is accepted, as `-tls-skip-verify`"),
    ("SYSTEM_ROOTS", "whether the system's CAs are trusted, as `-system-roots`"),
    ("TLS_SERVER_NAME", "the name in the server's certificate, as `-tls-server-name`"),
    (
        "TOKEN",
        "the token; it comes before one that `login` kept. `VAULT_TOKEN` and `BAO_TOKEN` go to the address of `VAULT_ADDR` or `BAO_ADDR` alone, if one is named",
    ),
    ("WRAP_TTL", "how long a wrapped answer lives, as `-wrap-ttl`"),
];

/// Variables that have one name.
pub(crate) const PLAIN: &[(&str, &str)] = &[
    ("HOME", "the home directory: tokens, pins and checkpoints are kept in `~/.config/strongroom`"),
    ("SSL_CERT_FILE", "the file of the system's CAs, for `-system-roots`"),
    ("STRONGROOM_HOME", "another folder in place of `~/.config/strongroom`"),
    (
        "STRONGROOM_UNSAFE_UNLIMITED_REFUSALS",
        "for a server: `true` lifts the limit of refused requests; only for tests that are refused thousands of times",
    ),
    ("XDG_CONFIG_HOME", "another folder in place of `~/.config`"),
];

/// The variables of the process or of a test.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of the process. Those that are not UTF-8 are left out.
    pub(crate) fn of_process() -> Self {
        let texts =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(texts.collect())
    }

    #[cfg(test)]
    pub(crate) fn of<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The value of the variable `name`. `None` if it is unset or empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of the setting `name` (`ADDR`, `TOKEN`), under the first prefix that has it.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.sourced(name).map(|(_, value)| value)
    }

    /// The same setting, together with the name of the variable that has it.
    pub(crate) fn sourced(&self, name: &str) -> Option<(String, &str)> {
        PREFIXES.iter().find_map(|prefix| {
            let variable = format!("{prefix}{name}");
            self.variable(&variable).map(|value| (variable.clone(), value))
        })
    }

    /// The value of the setting as Vault's own tools would read it: without `STRONGROOM_…`.
    pub(crate) fn vaults(&self, name: &str) -> Option<&str> {
        self.variable(&format!("VAULT_{name}")).or_else(|| self.variable(&format!("BAO_{name}")))
    }

    /// Whether the setting `name` is on: 1, t, true, yes or on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.setting(name)
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "t" | "true" | "yes" | "on"))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Every name in capitals that stands alone in a pair of quotes, in the files of a folder.
    fn names_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                names_in(&path, found);
                continue;
            }
            if path.file_stem().is_some_and(|stem| stem == "tests") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            for call in ["setting(", "sourced(", "vaults(", "is_on(", "variable(", "DEV_"] {
                for line in code.lines().filter(|line| line.contains(call) && !line.trim_start().starts_with("//")) {
                    let is_name = |word: &&str| {
                        word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
                    };
                    found.extend(line.split('"').skip(1).step_by(2).filter(is_name).map(str::to_owned));
                }
            }
        }
    }

    /// U14: docs/reference/cli.md shows every variable that the program reads, and no other.
    #[test]
    fn u14_every_variable_is_described() {
        let mut found = BTreeSet::new();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        names_in(&source.join("cli"), &mut found);
        names_in(&source.join("server"), &mut found);
        let known: BTreeSet<String> = SETTINGS.iter().chain(PLAIN).map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(found, known);
    }

    #[test]
    fn our_name_comes_first_then_vaults_then_openbaos() {
        let all = Environment::of([("BAO_ADDR", "c"), ("VAULT_ADDR", "b"), ("STRONGROOM_ADDR", "a")]);
        assert_eq!(all.sourced("ADDR"), Some(("STRONGROOM_ADDR".to_owned(), "a")));
        assert_eq!(all.vaults("ADDR"), Some("b"));
        let some = Environment::of([("BAO_ADDR", "c"), ("VAULT_ADDR", "")]);
        assert_eq!(some.setting("ADDR"), Some("c"));
        assert_eq!(some.setting("TOKEN"), None);
    }
}
