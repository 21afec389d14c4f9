//! What the command line remembers between calls: tokens and pins, under `~/.config/strongroom`. The folder is 0700 and
//! its files 0600; a file that others can read is not used until its mode is mended.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{environment::Environment, fault::Fault};
use crate::client::json::Json;

/// Bytes of a file of ours, far above a thousand addresses.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[derive(Clone, Debug)]
pub struct Home {
    /// `None` where the environment names no home: then nothing is remembered.
    dir: Option<PathBuf>,
    /// The home directory itself, for `~/.vault-token`.
    user: Option<PathBuf>,
}

impl Home {
    /// `$STRONGROOM_HOME`, else `$XDG_CONFIG_HOME/strongroom`, else `~/.config/strongroom`.
    pub fn of(environment: &Environment) -> Self {
        let user = environment.variable("HOME").map(PathBuf::from);
        let dir = environment
            .variable("STRONGROOM_HOME")
            .map(PathBuf::from)
            .or_else(|| environment.variable("XDG_CONFIG_HOME").map(|dir| Path::new(dir).join("strongroom")))
            .or_else(|| user.as_ref().map(|home| home.join(".config/strongroom")));
        Self { dir, user }
    }

    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(name))
    }

    pub fn vault_token_file(&self) -> Option<PathBuf> {
        self.user.as_ref().map(|home| home.join(".vault-token"))
    }

    /// The JSON object in a file of ours; empty where there is none.
    pub fn object(&self, name: &str) -> Result<Json, Fault> {
        self.path(name).map_or(Ok(Json::Object(Vec::new())), |path| read_object(&path))
    }

    /// Changes the object in a file of ours, alone among all calls that do: written beside it, synced, renamed.
    pub fn change(&self, name: &str, edit: impl FnOnce(&mut Json)) -> Result<PathBuf, Fault> {
        let dir = self.dir.as_ref().ok_or_else(|| {
            Fault::usage("there is no home directory to remember this in")
                .fix("set HOME, or STRONGROOM_HOME to a folder of your own")
        })?;
        let path = dir.join(name);
        let named = |error: io::Error| Fault::usage(format!("{} cannot be written: {error}", path.display()));
        make_dir(dir).map_err(named)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(dir.join("lock")).map_err(named)?;
        lock.lock().map_err(named)?;
        let mut object = read_object(&path)?;
        edit(&mut object);
        replace(&path, &format!("{}\n", object.pretty())).map_err(named)?;
        Ok(path)
    }
}

fn read_object(path: &Path) -> Result<Json, Fault> {
    match read_private(path)?.as_deref().map(Json::parse) {
        None => Ok(Json::Object(Vec::new())),
        Some(Ok(object @ Json::Object(_))) => Ok(object),
        // Not the parser's words: they may echo a token.
        Some(_) => Err(Fault::usage(format!("{} is not the JSON object that it was written as", path.display()))
            .fix("remove it: tokens come back with `strongroom login`, a pinned CA with --ca-cert")),
    }
}

/// Reads a file that nobody else may read; `None` where there is none.
pub fn read_private(path: &Path) -> Result<Option<String>, Fault> {
    let named = |error: io::Error| Fault::usage(format!("{} cannot be read: {error}", path.display()));
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(named(error)),
    };
    let meta = file.metadata().map_err(named)?;
    if meta.mode() & 0o077 != 0 {
        return Err(Fault::usage(format!("{} can be read by others (mode {:o})", path.display(), meta.mode() & 0o777))
            .why("it holds tokens; who reads it can act as you")
            .fix(format!("chmod 600 {}", path.display())));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(named)?;
    Ok(Some(text))
}

/// Makes a folder and what is missing above it, 0700. One that is there keeps its mode: it may not be ours alone.
pub fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Replaces a file by rename, so that a reader sees the old or the new one; 0600.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
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

/// Creates a file that must not exist yet, 0600. A link in its place counts as existing.
pub fn create_private(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_readable_by_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::of(&Environment::of([("HOME", dir.path().to_str().unwrap())]));
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
        let fault = read_private(&path).unwrap_err();
        assert!(fault.what().ends_with("can be read by others (mode 640)"), "{}", fault.what());
    }

    #[test]
    fn the_folder_can_be_named() {
        let at = |pairs| Home::of(&pairs).path("x");
        assert_eq!(at(Environment::of([("STRONGROOM_HOME", "/a"), ("HOME", "/h")])), Some(PathBuf::from("/a/x")));
        assert_eq!(
            at(Environment::of([("XDG_CONFIG_HOME", "/c"), ("HOME", "/h")])),
            Some(PathBuf::from("/c/strongroom/x"))
        );
        assert_eq!(at(Environment::of([])), None);
    }
}
