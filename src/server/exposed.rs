//! Refuses to start on files that anybody could replace or change: folders and files that everybody may write, keys that
//! others may read, and audit files that are no regular files. Whoever can write there can take the server over,
//! whatever is sealed. What only a group may write, and open folders above, are warned of.

use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::error::ServerError;
use crate::store::{FileKind, Files, Protection};

/// Writable by everybody.
const WRITABLE_BY_ALL: u32 = 0o002;
/// Writable by the group. Volumes of containers often are (Kubernetes' `fsGroup`), so this is only warned of.
const WRITABLE_BY_GROUP: u32 = 0o020;
/// In a folder with this bit, only the owner of a file may rename or remove it.
const STICKY: u32 = 0o1000;
/// Any right of the group or of everybody.
const OPEN: u32 = 0o077;

/// Checks a data folder, the folders above it, and everything in it.
pub(crate) fn check_data(folder: &Path, files: &Files) -> Result<(), ServerError> {
    check_way(folder, files)?;
    let real = files.real_path(folder).map_err(|cause| ServerError::Folder { path: folder.to_owned(), cause })?;
    let mut of_group = Vec::new();
    check_entry(&real, files, &mut of_group)?;
    let names = files.names(&real).map_err(|cause| ServerError::Folder { path: real.clone(), cause })?;
    check_below(&real, names, files, &mut of_group)?;
    if let Some(first) = of_group.first() {
        let count = of_group.len();
        tracing::warn!(
            "{count} files and folders below {} may be written by their group, such as {}: whoever is in that group can \
             change what the server stands on (chmod g-w)",
            real.display(),
            first.display()
        );
    }
    Ok(())
}

/// Checks the folders above an audit file, and the file if it exists.
pub(crate) fn check_audit(path: &Path, files: &Files) -> Result<(), ServerError> {
    check_way(path, files)?;
    if !files.exists(path) {
        return Ok(());
    }
    let what = match check_entry(path, files, &mut Vec::new())? {
        FileKind::File => return Ok(()),
        FileKind::Link => "it is a symbolic link",
        FileKind::Directory | FileKind::Other => "it is not a regular file",
    };
    Err(ServerError::Audit { path: path.to_owned(), cause: std::io::Error::other(what) })
}

/// Checks the folders that lead to `path`, as it is written and as it is without links: whoever may write one of them
/// can put another folder in the place of the next. A link in such a folder is refused, since anybody can turn it. Other
/// such folders are only warned of: a volume's own folder often is open, and nobody else is there.
fn check_way(path: &Path, files: &Files) -> Result<(), ServerError> {
    let written = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = files.real_path(path).unwrap_or_else(|_| written.clone());
    let mut open = None;
    for place in written.ancestors().chain(real.ancestors()) {
        let Some(folder) = place.parent().and_then(|folder| files.real_path(folder).ok()) else { continue };
        let is_open =
            files.protection(&folder).is_ok_and(|found| found.mode & WRITABLE_BY_ALL != 0 && found.mode & STICKY == 0);
        if is_open && files.protection(place).is_ok_and(|found| found.kind == FileKind::Link) {
            return Err(exposed(&folder, "everybody may write this folder and turn a link in it", "chmod o-w"));
        }
        open = open.or(Some(folder).filter(|_| is_open));
    }
    if let Some(folder) = open {
        let (path, folder) = (path.display(), folder.display());
        tracing::warn!(
            "everybody may write {folder}, and so replace {path}: chmod o-w {folder}, unless nobody else is there"
        );
    }
    Ok(())
}

/// Checks everything below `folder`, whose entries have these `names`.
fn check_below(
    folder: &Path,
    names: Vec<String>,
    files: &Files,
    of_group: &mut Vec<PathBuf>,
) -> Result<(), ServerError> {
    for name in names {
        let path = folder.join(name);
        // A folder that we may not read holds nothing of ours, as `lost+found` of a volume.
        if check_entry(&path, files, of_group)? == FileKind::Directory
            && let Ok(names) = files.names(&path)
        {
            check_below(&path, names, files, of_group)?;
        }
    }
    Ok(())
}

fn check_entry(path: &Path, files: &Files, of_group: &mut Vec<PathBuf>) -> Result<FileKind, ServerError> {
    // What goes away meanwhile is no longer there to be changed.
    let Ok(found) = files.protection(path) else { return Ok(FileKind::Other) };
    let Protection { mode, owner, kind } = found;
    if kind == FileKind::Link {
        return Ok(kind);
    }
    let us = geteuid();
    if !us.is_root() && owner != us.as_raw() && owner != 0 {
        return Err(exposed(path, "it belongs to another user", "run the server as its owner, or chown"));
    }
    if mode & WRITABLE_BY_ALL != 0 && !(kind == FileKind::Directory && mode & STICKY != 0) {
        return Err(exposed(path, "everybody may write it", "chmod go-w"));
    }
    if mode & WRITABLE_BY_GROUP != 0 {
        of_group.push(path.to_owned());
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if matches!(name.as_str(), "ca-key.pem" | "server.pem" | "dev-keys") && mode & OPEN != 0 {
        return Err(exposed(path, "it holds a key, and others than its owner may read it", "chmod go="));
    }
    Ok(kind)
}

fn exposed(path: &Path, what: &'static str, fix: &'static str) -> ServerError {
    ServerError::Exposed { path: PathBuf::from(path), what, fix }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A data folder as a server leaves it.
    fn data() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        fs::create_dir_all(data.join("tls")).unwrap();
        set(&data, 0o700);
        for name in ["boot.a", "audit.log", "tls/ca-key.pem", "tls/ca.pem"] {
            fs::write(data.join(name), "x").unwrap();
            set(&data.join(name), if name.ends_with("ca.pem") { 0o644 } else { 0o600 });
        }
        (dir, data)
    }

    fn refused(path: &Path) -> String {
        check_data(path, &Files::real()).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn s22_a_folder_as_the_server_leaves_it_is_safe_also_through_a_link() {
        let (dir, data) = data();
        assert_eq!(refused(&data), "");
        set(&data, 0o755);
        set(&data.join("audit.log"), 0o640);
        assert_eq!(refused(&data), "", "an auditors' group may read");
        set(&data, 0o2775);
        set(&data.join("boot.a"), 0o660);
        assert_eq!(refused(&data), "", "the group of a volume may write");
        let link = dir.path().join("link");
        symlink(&data, &link).unwrap();
        assert_eq!(refused(&link), "");
    }

    #[test]
    fn s22_what_others_may_write_is_refused_by_name() {
        for (name, mode) in [("", 0o777), ("", 0o772), ("tls", 0o777), ("boot.a", 0o666), ("audit.log", 0o602)] {
            let (_dir, data) = data();
            let path = if name.is_empty() { data.clone() } else { data.join(name) };
            set(&path, mode);
            let told = refused(&data);
            assert!(told.contains(&format!("`{}`", path.display())) && told.contains("chmod"), "{name}: {told}");
        }
    }

    #[test]
    fn s22_a_key_that_others_may_read_is_refused() {
        for mode in [0o644, 0o640, 0o604] {
            let (_dir, data) = data();
            set(&data.join("tls/ca-key.pem"), mode);
            assert!(refused(&data).contains("it holds a key"), "{mode:o}");
        }
    }

    #[test]
    fn s22_a_link_that_others_may_turn_is_refused() {
        let (dir, data) = data();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        symlink(&data, open.join("link")).unwrap();
        set(&open, 0o777);
        assert!(refused(&open.join("link")).contains("everybody may write this folder"));
        assert!(refused(&open.join("link/tls")).contains("everybody may write this folder"), "a link on the way");
        set(&open, 0o1777);
        assert_eq!(refused(&open.join("link")), "", "as /tmp is");
        set(dir.path(), 0o777);
        assert_eq!(refused(&data), "", "an open volume is warned of");
    }

    #[test]
    fn s22_an_audit_file_is_a_regular_file() {
        let (dir, data) = data();
        let judge = |path: &Path| check_audit(path, &Files::real()).err().map(|error| error.to_string());
        assert_eq!(judge(&data.join("audit.log")), None);
        let link = dir.path().join("link.log");
        symlink(data.join("audit.log"), &link).unwrap();
        assert!(judge(&link).unwrap().contains("symbolic link"));
        assert!(judge(Path::new("/dev/null")).unwrap().contains("/dev/null"));
        assert!(judge(&data).unwrap().contains("not a regular file"));
        set(&data.join("audit.log"), 0o666);
        assert!(judge(&data.join("audit.log")).unwrap().contains("everybody may write it"));
    }
}
