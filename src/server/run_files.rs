//! Files that exist only while the server runs.

use std::path::{Path, PathBuf};

use super::{error::ServerError, private_file};
use crate::{base::random::Random, store::Files};

/// A temporary folder for the files of a server that keeps nothing, or none. It goes away with all that is in it when
/// this is dropped: at the end of the server, and where a start fails.
pub(crate) struct Scratch(Option<(PathBuf, Files)>);

impl Scratch {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn create(files: &Files, random: &Random) -> Result<Self, ServerError> {
        let name = data_encoding::HEXLOWER.encode(&random.bytes::<8>());
        let path = std::env::temp_dir().join(format!("strongroom-{name}"));
        files.create_dir_all(&path).map_err(|cause| ServerError::Folder { path: path.clone(), cause })?;
        Ok(Self(Some((path, files.clone()))))
    }

    pub(crate) fn folder(&self) -> Option<&Path> {
        self.0.as_ref().map(|(path, _)| path.as_path())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some((folder, files)) = &self.0 else { return };
        if let Err(cause) = files.remove_dir_all(folder) {
            tracing::warn!(%cause, "the temporary folder {} is left behind: remove it by hand", folder.display());
        }
    }
}

/// The file that holds the process id while the server runs, or none.
pub(crate) struct PidFile(Option<PathBuf>);

impl PidFile {
    pub(crate) fn write(path: Option<PathBuf>, files: &Files) -> Result<Self, ServerError> {
        let Some(path) = path else { return Ok(Self(None)) };
        private_file::replace(files, &path, std::process::id().to_string().as_bytes())
            .map_err(|cause| ServerError::File { path: path.clone(), cause })?;
        Ok(Self(Some(path)))
    }

    pub(crate) fn remove(self, files: &Files) {
        if let Some(path) = self.0 {
            let _left_behind = files.remove(&path);
        }
    }
}
