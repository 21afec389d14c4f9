//! The folder in which the command line keeps files between calls: tokens, pins and checkpoints, in
//! `~/.config/strongroom`. The folder has mode 0700 and its files 0600. A file that others can read is refused.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{environment::Environment, error::CliError};
use crate::client::json::Json;

/// At most this many bytes of each of these files are read, enough for more than a thousand
/// addresses. A longer file fails to parse.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[derive(Clone, Debug)]
pub(crate) struct ConfigDir {
    /// The folder. `None` if the environment names no home directory: then nothing is kept.
    dir: Option<PathBuf>,
    /// The home directory, for `~/.vault-token`. `None` if there is none.
    user: Option<PathBuf>,
}

impl ConfigDir {
    /// Finds the folder: `$STRONGROOM_HOME`, else `$XDG_CONFIG_HOME/strongroom`, else `~/.config/strongroom`.
    pub(crate) fn of(environment: &Environment) -> Self {
        let user = environment.variable("HOME").map(PathBuf::from);
        let dir = environment
            .variable("STRONGROOM_HOME")
            .map(PathBuf::from)
            .or_else(|| environment.variable("XDG_CONFIG_HOME").map(|dir| Path::new(dir).join("strongroom")))
            .or_else(|| user.as_ref().map(|home| home.join(".config/strongroom")));
        Self { dir, user }
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(name))
    }

    pub(crate) fn vault_token_file(&self) -> Option<PathBuf> {
        self.user.as_ref().map(|home| home.join(".vault-token"))
    }

    /// The JSON object in the file `name`. Empty if there is no such file.
    pub(crate) fn object(&self, name: &str) -> Result<Json, CliError> {
        self.path(name).map_or(Ok(Json::Object(Vec::new())), |path| read_object(&path))
    }

    /// Changes the JSON object in the file `name`. A lock keeps other processes
    /// out, and the file is replaced by rename.
    pub(crate) fn change(&self, name: &str, edit: impl FnOnce(&mut Json)) -> Result<PathBuf, CliError> {
        let dir = self.dir.as_ref().ok_or_else(|| {
            CliError::usage("there is no home directory to keep this in")
                .fix("set HOME, or STRONGROOM_HOME to a folder of your own")
        })?;
        let path = dir.join(name);
        let named = |error: io::Error| CliError::usage(format!("{} cannot be written: {error}", path.display()));
        make_dir(dir).map_err(named)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(dir.join("lock")).map_err(named)?;
        lock.lock().map_err(named)?;
        let mut object = read_object(&path)?;
        edit(&mut object);
        replace(&path, &format!("{}\n", object.pretty())).map_err(named)?;
        Ok(path)
    }
}

fn read_object(path: &Path) -> Result<Json, CliError> {
    match read_private(path)?.as_deref().map(Json::parse) {
        None => Ok(Json::Object(Vec::new())),
        Some(Ok(object @ Json::Object(_))) => Ok(object),
        // The parser's message is left out, because it may contain part of a token.
        Some(_) => Err(CliError::usage(format!("{} is damaged: it is not a JSON object", path.display()))
            .fix("remove it, then log in again: strongroom login (with --ca-cert=FILE if a CA was pinned)")),
    }
}

/// Reads a file that only its owner may read. `None` if there is no such file.
pub(crate) fn read_private(path: &Path) -> Result<Option<String>, CliError> {
    let named = |error: io::Error| CliError::usage(format!("{} cannot be read: {error}", path.display()));
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(named(error)),
    };
    let meta = file.metadata().map_err(named)?;
    if meta.mode() & 0o077 != 0 {
        return Err(CliError::usage(format!(
            "{} can be read by others (mode {:o})",
            path.display(),
            meta.mode() & 0o777
        ))
        .why("it holds tokens, and whoever reads it can act as you")
        .fix(format!("chmod 600 {}", path.display())));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(named)?;
    Ok(Some(text))
}

/// Creates a folder and the missing folders above it, with mode 0700. An existing folder keeps
/// its mode, because others may use it too.
pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Replaces a file by rename, so that a reader sees either the old or the new one. The new file has mode 0600.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let _ = fs::remove_file(&beside);
    let written = create_private(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

/// Creates a file with mode 0600. Fails if the path exists already, even as a link.
pub(crate) fn create_private(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_files_are_readable_by_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let home = ConfigDir::of(&Environment::of([("HOME", dir.path().to_str().unwrap())]));
        assert_eq!(home.object("tokens").unwrap(), Json::Object(Vec::new()));
        home.change("tokens", |tokens| tokens.set("a", Json::text("1"))).unwrap();
        let path = home.change("tokens", |tokens| tokens.set("b", Json::text("2"))).unwrap();
        assert_eq!(path, dir.path().join(".config/strongroom/tokens"));
        assert_eq!(home.object("tokens").unwrap().to_string(), r#"{"a":"1","b":"2"}"#);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2, "the file and the lock");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        fs::write(&path, "secret").unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        let failure = read_private(&path).unwrap_err();
        assert!(failure.what().ends_with("can be read by others (mode 640)"), "{}", failure.what());
    }

    #[test]
    fn the_folder_can_be_named() {
        let at = |pairs| ConfigDir::of(&pairs).path("x");
        assert_eq!(at(Environment::of([("STRONGROOM_HOME", "/a"), ("HOME", "/h")])), Some(PathBuf::from("/a/x")));
        assert_eq!(
            at(Environment::of([("XDG_CONFIG_HOME", "/c"), ("HOME", "/h")])),
            Some(PathBuf::from("/c/strongroom/x"))
        );
        assert_eq!(at(Environment::of([])), None);
    }
}
