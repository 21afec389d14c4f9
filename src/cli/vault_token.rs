//! Vault's token file, `~/.vault-token`. The file does not name the server of its token, so this program keeps a record
//! of what it wrote there and for which address. Without that record the file belongs to another program: it is never
//! written over, and its token is sent only when the program is called as `vault` or `bao`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    config_dir::{self, ConfigDir},
    error::CliError,
};
use crate::{
    base::secret::Secret,
    client::{Address, json::Json},
};

/// The record: an object with the address of each token that was written.
const RECORD: &str = "vault-token";

/// What the file holds.
pub(crate) enum VaultFile {
    Absent,
    /// A token that this program wrote, with the address of the server that issued it.
    Ours {
        token: Secret<String>,
        address: String,
    },
    /// A token that another program wrote. `None` if the file cannot be read or is empty.
    Foreign(Option<Secret<String>>),
}

/// Where a token went.
pub(crate) enum Outcome {
    Written,
    /// The file belongs to another program and was left as it is.
    Left(PathBuf),
}

pub(crate) fn read(config_dir: &ConfigDir) -> Result<VaultFile, CliError> {
    let Some(path) = config_dir.vault_token_file() else { return Ok(VaultFile::Absent) };
    let meta = match fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(VaultFile::Absent),
        Err(_) => return Ok(VaultFile::Foreign(None)),
    };
    // The mode of this file is not checked, because Vault decides it.
    let text = fs::read_to_string(&path).unwrap_or_default();
    let token = text.trim();
    // This program writes a file and never a link.
    if meta.is_file()
        && let Some(address) = config_dir.object(RECORD)?.at(token).and_then(Json::as_str)
    {
        return Ok(VaultFile::Ours { token: Secret::text(token), address: address.to_owned() });
    }
    Ok(VaultFile::Foreign((!token.is_empty()).then(|| Secret::text(token))))
}

/// Writes the token of `address` to the file, unless the file belongs to another program.
pub(crate) fn write(config_dir: &ConfigDir, address: &Address, token: &Secret<String>) -> Result<Outcome, CliError> {
    let path = config_dir.vault_token_file().ok_or_else(|| CliError::usage("there is no home directory"))?;
    let found = read(config_dir)?;
    if matches!(found, VaultFile::Foreign(_)) {
        return Ok(Outcome::Left(path));
    }
    let text = token.expose();
    // The record comes first: a call that is interrupted here leaves a file that is still known as ours.
    config_dir.change(RECORD, |all| all.set(text, Json::text(address.to_string())))?;
    let written = match found {
        VaultFile::Ours { .. } => config_dir::replace(&path, text),
        _ => create(&path, text),
    };
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Outcome::Left(path)),
        Err(error) => return Err(CliError::usage(format!("{} cannot be written: {error}", path.display()))),
    }
    config_dir.change(RECORD, |all| *all = Json::object([(text, Json::text(address.to_string()))]))?;
    Ok(Outcome::Written)
}

/// The message that Vault's token file at `path` was not changed, and that the token is kept in the file `kept` instead.
pub(crate) fn left(path: &Path, kept: &Path) -> String {
    format!(
        "{} was not changed, because another program wrote it: the token is kept in {}, for this address alone",
        path.display(),
        kept.display()
    )
}

/// Removes the file if it holds this token and this program wrote it.
pub(crate) fn remove(config_dir: &ConfigDir, token: &Secret<String>) -> Result<(), CliError> {
    match (read(config_dir)?, config_dir.vault_token_file()) {
        (VaultFile::Ours { token: found, .. }, Some(path)) if found.same(token.expose().as_bytes()) => {
            Ok(fs::remove_file(path)?)
        }
        _ => Ok(()),
    }
}

/// Creates the file with its whole text. Fails if the path exists by now.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_file_name(format!(".vault-token.{}.strongroom", std::process::id()));
    config_dir::replace(&beside, text)?;
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside)?;
    linked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::environment::Environment;

    const FILE: &str = ".vault-token";

    fn home() -> (tempfile::TempDir, ConfigDir) {
        let dir = tempfile::tempdir().unwrap();
        let config_dir = ConfigDir::of(&Environment::of([("HOME", dir.path().to_str().unwrap())]));
        (dir, config_dir)
    }

    fn put(config_dir: &ConfigDir, address: &str, token: &str) -> Outcome {
        write(config_dir, &Address::parse(address).unwrap(), &Secret::text(token)).unwrap()
    }

    fn ours(config_dir: &ConfigDir) -> Option<(String, String)> {
        match read(config_dir).unwrap() {
            VaultFile::Ours { token, address } => Some((token.expose().clone(), address)),
            VaultFile::Absent | VaultFile::Foreign(_) => None,
        }
    }

    #[test]
    fn u18_what_this_program_wrote_is_known_with_its_address_and_replaced() {
        let (dir, config_dir) = home();
        for (address, token) in [("https://a:1", "ta"), ("https://b:1", "tb"), ("https://b:1", "tb")] {
            assert!(matches!(put(&config_dir, address, token), Outcome::Written));
            assert_eq!(ours(&config_dir), Some((token.to_owned(), address.to_owned())));
        }
        let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        assert_eq!(names, [".config", FILE]);
        remove(&config_dir, &Secret::text("ta")).unwrap();
        assert!(ours(&config_dir).is_some());
        remove(&config_dir, &Secret::text("tb")).unwrap();
        assert!(matches!(read(&config_dir).unwrap(), VaultFile::Absent));
    }

    #[test]
    fn u18_a_file_of_another_program_is_left_as_it_is() {
        let (dir, config_dir) = home();
        let path = dir.path().join(FILE);
        for text in ["hvs.other\n", ""] {
            fs::write(&path, text).unwrap();
            assert!(matches!(put(&config_dir, "https://a:1", "ta"), Outcome::Left(_)));
            remove(&config_dir, &Secret::text("hvs.other")).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    /// Another program wrote over what this one had written.
    #[test]
    fn u18_a_file_that_another_program_replaced_is_its_own() {
        let (dir, config_dir) = home();
        put(&config_dir, "https://a:1", "ta");
        fs::write(dir.path().join(FILE), "hvs.other").unwrap();
        assert!(matches!(put(&config_dir, "https://a:1", "tb"), Outcome::Left(_)));
        assert!(matches!(read(&config_dir).unwrap(), VaultFile::Foreign(Some(_))));
    }

    #[test]
    fn u18_a_link_is_not_followed_and_not_replaced() {
        let (dir, config_dir) = home();
        let target = dir.path().join("target");
        std::os::unix::fs::symlink(&target, dir.path().join(FILE)).unwrap();
        assert!(matches!(put(&config_dir, "https://a:1", "ta"), Outcome::Left(_)));
        assert!(!target.exists() && dir.path().join(FILE).is_symlink());
    }
}
