//! Tokens, one for each address: a token is sent only to the server that issued it. A token is looked up in the
//! environment, then in the file `tokens`, then in Vault's `~/.vault-token`. The token in that file belongs to the one
//! address that Vault's own tools would use here.

use std::path::PathBuf;

use super::{config_dir::ConfigDir, environment::Environment, error::CliError};
use crate::{
    base::secret::Secret,
    client::{Address, json::Json},
};

const FILE: &str = "tokens";
/// The address that Vault's tools use by default.
pub(crate) const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";

/// Where a token was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    Variable(String),
    Store,
    VaultFile,
}

impl Source {
    /// The source in words, for error messages.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Variable(name) => format!("from {name}"),
            Self::Store => "kept by `strongroom login`".to_owned(),
            Self::VaultFile => "from ~/.vault-token".to_owned(),
        }
    }
}

/// The token for `address`, and where it was found. `None` if there is none.
pub(crate) fn find(
    config_dir: &ConfigDir,
    environment: &Environment,
    address: &Address,
) -> Result<Option<(Secret<String>, Source)>, CliError> {
    if let Some((name, token)) = environment.sourced("TOKEN") {
        return Ok(Some((Secret::text(token.trim()), Source::Variable(name))));
    }
    if let Some(token) = config_dir.object(FILE)?.at(&address.to_string()).and_then(Json::as_str) {
        return Ok(Some((Secret::text(token), Source::Store)));
    }
    let vaults = environment.vaults("ADDR").unwrap_or(DEFAULT_ADDRESS);
    if Address::parse(vaults).is_ok_and(|vaults| vaults == *address) {
        // The mode of this file is not checked, because Vault decides it.
        let text = config_dir.vault_token_file().and_then(|path| std::fs::read_to_string(path).ok());
        let token = text.as_deref().map(str::trim).filter(|token| !token.is_empty());
        return Ok(token.map(|token| (Secret::text(token), Source::VaultFile)));
    }
    Ok(None)
}

/// The addresses that have a kept token.
pub(crate) fn addresses(config_dir: &ConfigDir) -> Result<Vec<String>, CliError> {
    Ok(config_dir.object(FILE)?.as_object().iter().map(|(address, _)| address.clone()).collect())
}

/// Another address for which the same token is kept. `None` if there is none.
pub(crate) fn belongs_elsewhere(config_dir: &ConfigDir, address: &Address, token: &Secret<String>) -> Option<String> {
    let kept = config_dir.object(FILE).ok()?;
    let here = address.to_string();
    kept.as_object()
        .iter()
        .find(|(at, kept)| *at != here && kept.as_str().is_some_and(|kept| token.same(kept.as_bytes())))
        .map(|(at, _)| at.clone())
}

/// Keeps `token` for `address`, in place of the one that was kept before.
pub(crate) fn keep(config_dir: &ConfigDir, address: &Address, token: &Secret<String>) -> Result<PathBuf, CliError> {
    let text = token.expose();
    config_dir.change(FILE, |all| all.set(&address.to_string(), Json::text(text)))
}

/// Removes the kept token of `address`.
pub(crate) fn forget(config_dir: &ConfigDir, address: &Address) -> Result<(), CliError> {
    config_dir.change(FILE, |all| all.remove(&address.to_string()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Case {
        dir: tempfile::TempDir,
        config_dir: ConfigDir,
    }

    fn case() -> Case {
        let dir = tempfile::tempdir().unwrap();
        let config_dir = ConfigDir::of(&Environment::of([("HOME", dir.path().to_str().unwrap())]));
        Case { dir, config_dir }
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn found(case: &Case, environment: &Environment, at: &str) -> Option<(String, Source)> {
        find(&case.config_dir, environment, &address(at))
            .unwrap()
            .map(|(token, source)| (token.expose().clone(), source))
    }

    #[test]
    fn a_token_is_kept_for_its_address_alone() {
        let case = case();
        keep(&case.config_dir, &address("https://a:1"), &Secret::text("ta")).unwrap();
        keep(&case.config_dir, &address("https://b:1"), &Secret::text("tb")).unwrap();
        let none = Environment::default();
        assert_eq!(found(&case, &none, "https://A:1/"), Some(("ta".to_owned(), Source::Store)));
        assert_eq!(found(&case, &none, "https://b:1"), Some(("tb".to_owned(), Source::Store)));
        assert_eq!(found(&case, &none, "http://a:1"), None);
        assert_eq!(
            belongs_elsewhere(&case.config_dir, &address("https://c:1"), &Secret::text("tb")).unwrap(),
            "https://b:1"
        );
        forget(&case.config_dir, &address("https://a:1")).unwrap();
        assert_eq!(found(&case, &none, "https://a:1"), None);
        assert_eq!(addresses(&case.config_dir).unwrap(), ["https://b:1"]);
    }

    #[test]
    fn the_environment_comes_first() {
        let case = case();
        keep(&case.config_dir, &address("https://a:1"), &Secret::text("ta")).unwrap();
        let environment = Environment::of([("VAULT_TOKEN", "tv\n")]);
        assert_eq!(
            found(&case, &environment, "https://a:1"),
            Some(("tv".to_owned(), Source::Variable("VAULT_TOKEN".to_owned())))
        );
    }

    #[test]
    fn vaults_token_file_belongs_to_vaults_address() {
        let case = case();
        fs::write(case.dir.path().join(".vault-token"), "tf\n").unwrap();
        let file = Some(("tf".to_owned(), Source::VaultFile));
        assert_eq!(found(&case, &Environment::default(), DEFAULT_ADDRESS), file);
        assert_eq!(found(&case, &Environment::default(), "https://other:8200"), None);
        let environment = Environment::of([("VAULT_ADDR", "http://127.0.0.1:18200")]);
        assert_eq!(found(&case, &environment, "http://127.0.0.1:18200"), file);
        assert_eq!(found(&case, &environment, DEFAULT_ADDRESS), None);
        let ours = Environment::of([("STRONGROOM_ADDR", "https://other:8200")]);
        assert_eq!(found(&case, &ours, "https://other:8200"), None);
    }

    #[test]
    fn a_damaged_file_is_refused_without_showing_its_text() {
        let case = case();
        let path = case.config_dir.change(FILE, |_| {}).unwrap();
        fs::write(path, "{\"https://a:1\": \"srs.canary").unwrap();
        let failure = find(&case.config_dir, &Environment::default(), &address("https://a:1")).err().unwrap();
        assert!(!failure.render(crate::cli::persona::Persona::Strongroom).contains("canary"));
    }
}
