//! The CAs in a folder, as `-ca-path` and `VAULT_CAPATH` name it: every file with a PEM certificate in it, also in the
//! folders below. Other files are left out, as Vault's tools do.

use std::{fs, io, path::Path};

use super::error::CliError;
use crate::base::limits::{CA_FOLDER_DEPTH_MAX, CA_FOLDER_FILES_MAX};

const MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The texts of all certificate files in the folder, one after the other. A single file may be named too.
pub(super) fn read(path: &str) -> Result<Vec<u8>, CliError> {
    let mut found = Found::default();
    found
        .collect(Path::new(path), CA_FOLDER_DEPTH_MAX)
        .map_err(|error| CliError::setup(format!("{path} cannot be read: {error}")).fix("--ca-path=FOLDER"))?;
    if found.text.is_empty() {
        return Err(CliError::setup(format!("no file in {path} holds a certificate in PEM form"))
            .fix("put the CA of the server there, or name its file: --ca-cert=FILE"));
    }
    Ok(found.text)
}

#[derive(Default)]
struct Found {
    text: Vec<u8>,
    files: usize,
}

impl Found {
    fn collect(&mut self, path: &Path, depth: usize) -> io::Result<()> {
        if !fs::metadata(path)?.is_dir() {
            return self.take(path);
        }
        if depth == 0 {
            return Err(io::Error::other(format!("more than {CA_FOLDER_DEPTH_MAX} folders within each other")));
        }
        let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            // A link to a file is followed, as the folders of operating systems have them; one to a folder or to
            // nothing is not.
            let is_file = fs::metadata(entry.path()).is_ok_and(|target| target.is_file());
            if is_file || entry.file_type()?.is_dir() {
                self.collect(&entry.path(), depth - 1)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, path: &Path) -> io::Result<()> {
        self.files += 1;
        if self.files > CA_FOLDER_FILES_MAX {
            return Err(io::Error::other(format!("more than {CA_FOLDER_FILES_MAX} files")));
        }
        let text = fs::read(path)?;
        if text.windows(MARK.len()).any(|part| part == MARK) {
            self.text.extend_from_slice(&text);
            self.text.push(b'\n');
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c14_every_certificate_of_a_folder_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        let path = dir.path().to_str().unwrap();
        assert!(read(path).unwrap_err().what().contains("holds a certificate"));
        let ca = |name: &str| format!("-----BEGIN CERTIFICATE-----\n{name}");
        write("b.crt", &ca("b"));
        write("readme.txt", "hello");
        fs::create_dir(dir.path().join("sub")).unwrap();
        write("sub/a.pem", &ca("a"));
        std::os::unix::fs::symlink("b.crt", dir.path().join("link.0")).unwrap();
        std::os::unix::fs::symlink("nothing", dir.path().join("dangling")).unwrap();
        std::os::unix::fs::symlink(".", dir.path().join("loop")).unwrap();
        let all = format!("{}\n{}\n{}\n", ca("b"), ca("b"), ca("a"));
        assert_eq!(String::from_utf8(read(path).unwrap()).unwrap(), all);
        let one = dir.path().join("b.crt");
        assert_eq!(read(one.to_str().unwrap()).unwrap(), format!("{}\n", ca("b")).into_bytes());
        assert!(read("/none/at/all").unwrap_err().what().contains("/none/at/all cannot be read"));
    }
}
