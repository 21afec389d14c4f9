//! Files that the server itself writes: its certificate, the token of a dev server, the process id. Each is written
//! under another name, readable only by its owner, and then renamed.

use std::{io, path::Path};

use crate::store::Files;

/// Replaces the file at `path`. Readers see either the old file or the new one, even after a power cut.
pub(crate) fn replace(files: &Files, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = Path::new(&beside);
    files.write_new(beside, bytes)?;
    files.rename(beside, path)?;
    match path.parent() {
        Some(folder) if folder != Path::new("") => files.sync_dir(folder),
        _ => files.sync_dir(Path::new(".")),
    }
}

/// The text of a file. `None` if the file does not exist.
pub(crate) fn read(files: &Files, path: &Path) -> io::Result<Option<String>> {
    match files.read(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| io::ErrorKind::InvalidData.into()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_even_if_an_earlier_try_was_interrupted() {
        let (dir, files) = (tempfile::tempdir().unwrap(), Files::real());
        let path = dir.path().join("a");
        assert_eq!(read(&files, &path).unwrap(), None);
        std::fs::write(dir.path().join("a.new"), "rest").unwrap();
        replace(&files, &path, b"one").unwrap();
        replace(&files, &path, b"two").unwrap();
        assert_eq!(read(&files, &path).unwrap().unwrap(), "two");
        assert_eq!(files.names(dir.path()).unwrap(), ["a"]);
    }
}
