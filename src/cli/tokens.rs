//! Tokens, one for each address: a token is sent only to the server that issued it. A token is looked up in the
//! environment, then in the file `tokens`, then among those of running dev servers, then in Vault's `~/.vault-token`.
//! That file names no server: see `vault_token.rs`. When the program is called as `vault`, a token that another program
//! put there belongs to the one address that Vault's own tools would use here.

use std::path::PathBuf;

use super::{
    config_dir::ConfigDir,
    environment::Environment,
    error::CliError,
    persona::Persona,
    vault_token::{self, VaultFile},
};
use crate::{
    base::secret::Secret,
    client::{Address, json::Json},
};

const FILE: &str = "tokens";
/// The root tokens of dev servers that run. They stand apart, so that they never take the place of a login.
const DEV_FILE: &str = "dev-tokens";
/// The address that Vault's tools use by default.
pub(crate) const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";

/// Where a token was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    Variable(String),
    Store,
    DevServer,
    VaultFile,
}

impl Source {
    /// The source in words, for error messages.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Variable(name) => format!("from {name}"),
            Self::Store => "kept by `strongroom login`".to_owned(),
            Self::DevServer => "kept by a dev server".to_owned(),
            Self::VaultFile => "from ~/.vault-token".to_owned(),
        }
    }
}

/// The token for `address`, and where it was found. `None` if there is none.
pub(crate) fn find(
    config_dir: &ConfigDir,
    environment: &Environment,
    address: &Address,
    persona: Persona,
) -> Result<Option<(Secret<String>, Source)>, CliError> {
    let variable = environment.sourced("TOKEN");
    let is_elsewhere =
        |name: &str| !persona.is_vault() && !name.starts_with("STRONGROOM_") && is_of_another(environment, address);
    if let Some((name, token)) = variable.as_ref().filter(|(name, _)| !is_elsewhere(name)) {
        return Ok(Some((Secret::text(token.trim()), Source::Variable(name.clone()))));
    }
    let here = address.to_string();
    for (file, source) in [(FILE, Source::Store), (DEV_FILE, Source::DevServer)] {
        if let Some(token) = config_dir.object(file)?.at(&here).and_then(Json::as_str) {
            return Ok(Some((Secret::text(token), source)));
        }
    }
    let token = match vault_token::read(config_dir)? {
        VaultFile::Ours { token, address } => (address == here).then_some(token),
        VaultFile::Foreign(token) => {
            let vaults = environment.vaults("ADDR").unwrap_or(DEFAULT_ADDRESS);
            let is_theirs = Address::parse(vaults).is_ok_and(|vaults| vaults == *address);
            token.filter(|_| persona.is_vault() && is_theirs)
        }
        VaultFile::Absent => None,
    };
    match (token, variable) {
        (Some(token), _) => Ok(Some((token, Source::VaultFile))),
        (None, None) => Ok(None),
        (None, Some((name, _))) => Err(CliError::usage(format!("the token in {name} is not sent to {here}"))
            .why("the address beside it in the environment, in VAULT_ADDR or BAO_ADDR, is that of another server")
            .fix("put the token of this server into STRONGROOM_TOKEN, or: strongroom login")),
    }
}

/// Whether the environment's variables of Vault or OpenBao name another server than `address`.
fn is_of_another(environment: &Environment, address: &Address) -> bool {
    let theirs = environment.vaults("ADDR").and_then(|theirs| Address::parse(theirs).ok());
    theirs.is_some_and(|theirs| theirs != *address)
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

/// Keeps the root token of a dev server that listens at `address`.
pub(crate) fn keep_dev(config_dir: &ConfigDir, address: &Address, token: &Secret<String>) -> Result<PathBuf, CliError> {
    let text = token.expose();
    config_dir.change(DEV_FILE, |all| all.set(&address.to_string(), Json::text(text)))
}

/// Removes the root token of a dev server that stops. The token of a later server at this address stays.
pub(crate) fn forget_dev(config_dir: &ConfigDir, address: &Address, token: &Secret<String>) -> Result<(), CliError> {
    let here = address.to_string();
    config_dir.change(DEV_FILE, |all| {
        if all.at(&here).and_then(Json::as_str).is_some_and(|kept| token.same(kept.as_bytes())) {
            all.remove(&here);
        }
    })?;
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
        found_as(Persona::Strongroom, case, environment, at)
    }

    fn found_as(persona: Persona, case: &Case, environment: &Environment, at: &str) -> Option<(String, Source)> {
        find(&case.config_dir, environment, &address(at), persona)
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

    /// A token goes only to the server that it was given for: with another address beside it, that is not this one.
    #[test]
    fn u18_a_token_of_the_environment_goes_to_the_address_beside_it() {
        let case = case();
        for prefix in ["VAULT", "BAO"] {
            let (token, addr) = (format!("{prefix}_TOKEN"), format!("{prefix}_ADDR"));
            let environment = Environment::of([(token.as_str(), "tv"), (addr.as_str(), "https://v:8200")]);
            let from_variable = Some(("tv".to_owned(), Source::Variable(token.clone())));
            assert_eq!(found(&case, &environment, "https://v:8200"), from_variable);
            let refused =
                find(&case.config_dir, &environment, &address("https://a:1"), Persona::Strongroom).err().unwrap();
            assert_eq!(refused.what(), format!("the token in {token} is not sent to https://a:1"));
            let as_vault = find(&case.config_dir, &environment, &address("https://a:1"), Persona::Vault).unwrap();
            assert!(as_vault.is_some(), "called as `vault`, it does as Vault's tool");
        }
        keep(&case.config_dir, &address("https://a:1"), &Secret::text("ta")).unwrap();
        let environment = Environment::of([("VAULT_TOKEN", "tv"), ("VAULT_ADDR", "https://v:8200")]);
        assert_eq!(found(&case, &environment, "https://a:1"), Some(("ta".to_owned(), Source::Store)));
        let own = Environment::of([("STRONGROOM_TOKEN", "ts"), ("VAULT_ADDR", "https://v:8200")]);
        assert_eq!(found(&case, &own, "https://a:1").unwrap().0, "ts");
    }

    #[test]
    fn vaults_token_file_belongs_to_vaults_address() {
        let case = case();
        let found = |environment: &Environment, at: &str| found_as(Persona::Vault, &case, environment, at);
        fs::write(case.dir.path().join(".vault-token"), "tf\n").unwrap();
        let file = Some(("tf".to_owned(), Source::VaultFile));
        assert_eq!(found(&Environment::default(), DEFAULT_ADDRESS), file);
        assert_eq!(found(&Environment::default(), "https://other:8200"), None);
        let environment = Environment::of([("VAULT_ADDR", "http://127.0.0.1:18200")]);
        assert_eq!(found(&environment, "http://127.0.0.1:18200"), file);
        assert_eq!(found(&environment, DEFAULT_ADDRESS), None);
        let ours = Environment::of([("STRONGROOM_ADDR", "https://other:8200")]);
        assert_eq!(found(&ours, "https://other:8200"), None);
    }

    #[test]
    fn u18_a_token_that_another_program_kept_is_not_sent_by_ours() {
        let case = case();
        fs::write(case.dir.path().join(".vault-token"), "tf").unwrap();
        let environment = Environment::of([("VAULT_ADDR", "https://a:1")]);
        assert_eq!(found(&case, &environment, "https://a:1"), None);
        assert_eq!(found(&case, &Environment::default(), DEFAULT_ADDRESS), None);
    }

    #[test]
    fn u18_a_token_of_vaults_file_that_ours_wrote_is_sent_to_its_address_alone() {
        let case = case();
        vault_token::write(&case.config_dir, &address("https://a:1"), &Secret::text("ta")).unwrap();
        for persona in [Persona::Strongroom, Persona::Vault] {
            let elsewhere = Environment::of([("VAULT_ADDR", "https://b:1")]);
            assert_eq!(found_as(persona, &case, &elsewhere, "https://b:1"), None);
            let file = Some(("ta".to_owned(), Source::VaultFile));
            assert_eq!(found_as(persona, &case, &elsewhere, "https://a:1"), file);
        }
    }

    #[test]
    fn u18_a_dev_servers_token_goes_with_it_and_comes_after_a_login() {
        let case = case();
        let (here, none) = (address("https://a:1"), Environment::default());
        keep_dev(&case.config_dir, &here, &Secret::text("dev")).unwrap();
        assert_eq!(found(&case, &none, "https://a:1"), Some(("dev".to_owned(), Source::DevServer)));
        assert_eq!(found(&case, &none, "https://b:1"), None);
        keep(&case.config_dir, &here, &Secret::text("login")).unwrap();
        assert_eq!(found(&case, &none, "https://a:1"), Some(("login".to_owned(), Source::Store)));
        forget(&case.config_dir, &here).unwrap();
        forget_dev(&case.config_dir, &here, &Secret::text("another")).unwrap();
        assert_eq!(found(&case, &none, "https://a:1"), Some(("dev".to_owned(), Source::DevServer)));
        forget_dev(&case.config_dir, &here, &Secret::text("dev")).unwrap();
        assert_eq!(found(&case, &none, "https://a:1"), None);
    }

    #[test]
    fn a_damaged_file_is_refused_without_showing_its_text() {
        let case = case();
        let path = case.config_dir.change(FILE, |_| {}).unwrap();
        fs::write(path, "{\"https://a:1\": \"srs.canary").unwrap();
        let environment = Environment::default();
        let failure = find(&case.config_dir, &environment, &address("https://a:1"), Persona::Strongroom).err().unwrap();
        assert!(!failure.render(Persona::Strongroom).contains("canary"));
    }
}
