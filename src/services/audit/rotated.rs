//! The files of one log, found by their names: the file that is written now, and those that were rotated away beside it.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::store::files::Files;

/// The files of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The files that can be read, the file at the given path last.
    pub files: Vec<PathBuf>,
    /// Rotated files in another form, such as compressed ones.
    pub unread: Vec<PathBuf>,
}

/// Finds the files of the log at `path`: `audit.log`, and `audit.log.1`, `audit.log-20261128` and the like. If there is
/// none of them, `path` itself is returned, so that reading it says why.
pub(crate) fn files_of(path: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    let disk = Files::real();
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if disk.exists(folder) {
        for beside in disk.names(folder)? {
            let Some(rest) = beside.strip_prefix(&name).and_then(|rest| rest.strip_prefix(['.', '-'])) else {
                continue;
            };
            match kind(rest) {
                Kind::Rotated => found.files.push(folder.join(beside)),
                Kind::Unread => found.unread.push(folder.join(beside)),
                Kind::Other => {}
            }
        }
    }
    if found.files.is_empty() || disk.exists(path) {
        found.files.push(path.to_owned());
    }
    Ok(found)
}

enum Kind {
    Rotated,
    Unread,
    Other,
}

/// Judges what stands behind the log's name: a number or a date, or that with an ending such as `.gz`.
fn kind(rest: &str) -> Kind {
    let is_of_date = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'T' | b'Z');
    match rest.bytes().next() {
        Some(first) if first.is_ascii_digit() && rest.bytes().all(is_of_date) => Kind::Rotated,
        Some(first) if first.is_ascii_digit() => Kind::Unread,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_found_and_what_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in [
            "audit.log",
            "audit.log.1",
            "audit.log.2",
            "audit.log-20261128",
            "audit.log.20261128T101112Z",
            "audit.log.3.gz",
            "audit.log.checkpoint",
            "audit.log.bak",
            "audit.logs",
            "other.log.1",
        ] {
            std::fs::write(at(name), "").unwrap();
        }
        let found = files_of(&at("audit.log")).unwrap();
        let expected =
            ["audit.log-20261128", "audit.log.1", "audit.log.2", "audit.log.20261128T101112Z", "audit.log"].map(at);
        assert_eq!((found.files, found.unread), (expected.to_vec(), vec![at("audit.log.3.gz")]));
        std::fs::remove_file(at("audit.log")).unwrap();
        assert_eq!(files_of(&at("audit.log")).unwrap().files.len(), 4);
        assert_eq!(files_of(&at("none.log")).unwrap().files, [at("none.log")]);
    }
}
