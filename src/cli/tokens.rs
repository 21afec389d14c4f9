//! Tokens, one for each address: a token is shown to the server that made it and to no other. Looked for in the
//! environment first, then in `tokens`, then in Vault's `~/.vault-token`, which belongs to the one address that
//! Vault's own tools would talk to here.

use std::path::PathBuf;

use super::{environment::Environment, fault::Fault, home::Home};
use crate::{
    base::secret::Secret,
    client::{Address, json::Json},
};

const FILE: &str = "tokens";
/// Where Vault's tools go when nothing tells them otherwise.
pub const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";

/// Where a token was found, for errors that must say so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    Variable(String),
    Store,
    VaultFile,
}

impl Source {
    pub fn words(&self) -> String {
        match self {
            Self::Variable(name) => format!("from {name}"),
            Self::Store => "kept by `strongroom login`".to_owned(),
            Self::VaultFile => "from ~/.vault-token".to_owned(),
        }
    }
}

/// The token to show at `address`.
pub fn find(
    home: &Home,
    environment: &Environment,
    address: &Address,
) -> Result<Option<(Secret<String>, Source)>, Fault> {
    if let Some((name, token)) = environment.sourced("TOKEN") {
        return Ok(Some((Secret::text(token.trim()), Source::Variable(name))));
    }
    if let Some(token) = home.object(FILE)?.at(&address.to_string()).and_then(Json::as_str) {
        return Ok(Some((Secret::text(token), Source::Store)));
    }
    let vaults = environment.vaults("ADDR").unwrap_or(DEFAULT_ADDRESS);
    if Address::parse(vaults).is_ok_and(|vaults| vaults == *address) {
        // Vault's own file: its mode is Vault's business.
        let text = home.vault_token_file().and_then(|path| std::fs::read_to_string(path).ok());
        let token = text.as_deref().map(str::trim).filter(|token| !token.is_empty());
        return Ok(token.map(|token| (Secret::text(token), Source::VaultFile)));
    }
    Ok(None)
}

/// Addresses that we hold a token for.
pub fn addresses(home: &Home) -> Result<Vec<String>, Fault> {
    Ok(home.object(FILE)?.as_object().iter().map(|(address, _)| address.clone()).collect())
}

/// Another address that this very token is kept for.
pub fn belongs_elsewhere(home: &Home, address: &Address, token: &Secret<String>) -> Option<String> {
    let kept = home.object(FILE).ok()?;
    let here = address.to_string();
    kept.as_object()
        .iter()
        .find(|(at, kept)| *at != here && kept.as_str().is_some_and(|kept| token.same(kept.as_bytes())))
        .map(|(at, _)| at.clone())
}

/// Keeps `token` for `address`, in place of what was there.
pub fn keep(home: &Home, address: &Address, token: &Secret<String>) -> Result<PathBuf, Fault> {
    let text = token.expose();
    home.change(FILE, |all| all.set(&address.to_string(), Json::text(text)))
}

/// Forgets the token of `address`.
pub fn forget(home: &Home, address: &Address) -> Result<(), Fault> {
    home.change(FILE, |all| all.remove(&address.to_string()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Case {
        dir: tempfile::TempDir,
        home: Home,
    }

    fn case() -> Case {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::of(&Environment::of([("HOME", dir.path().to_str().unwrap())]));
        Case { dir, home }
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn found(case: &Case, environment: &Environment, at: &str) -> Option<(String, Source)> {
        find(&case.home, environment, &address(at)).unwrap().map(|(token, source)| (token.expose().clone(), source))
    }

    #[test]
    fn a_token_is_kept_for_its_address_alone() {
        let case = case();
        keep(&case.home, &address("https://a:1"), &Secret::text("ta")).unwrap();
        keep(&case.home, &address("https://b:1"), &Secret::text("tb")).unwrap();
        let none = Environment::default();
        assert_eq!(found(&case, &none, "https://A:1/"), Some(("ta".to_owned(), Source::Store)));
        assert_eq!(found(&case, &none, "https://b:1"), Some(("tb".to_owned(), Source::Store)));
        assert_eq!(found(&case, &none, "http://a:1"), None);
        assert_eq!(belongs_elsewhere(&case.home, &address("https://c:1"), &Secret::text("tb")).unwrap(), "https://b:1");
        forget(&case.home, &address("https://a:1")).unwrap();
        assert_eq!(found(&case, &none, "https://a:1"), None);
        assert_eq!(addresses(&case.home).unwrap(), ["https://b:1"]);
    }

    #[test]
    fn the_environment_comes_first() {
        let case = case();
        keep(&case.home, &address("https://a:1"), &Secret::text("ta")).unwrap();
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
    fn a_damaged_file_is_named_and_its_text_is_not_shown() {
        let case = case();
        let path = case.home.change(FILE, |_| {}).unwrap();
        fs::write(path, "{\"https://a:1\": \"srs.canary").unwrap();
        let fault = find(&case.home, &Environment::default(), &address("https://a:1")).err().unwrap();
        assert!(!fault.render(crate::cli::persona::Persona::Strongroom).contains("canary"));
    }
}
