//! The sidecar: a small file next to the log, with the log's newest checkpoint. A log that is shorter than its sidecar
//! says was cut while the server was down.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{crypto::note::Checkpoint, store::files::Files};

#[derive(Clone)]
pub(crate) struct Sidecar {
    files: Files,
    path: PathBuf,
}

impl Sidecar {
    /// The sidecar of the log at `log`: `<log>.checkpoint`.
    pub(crate) fn of(files: Files, log: &Path) -> Self {
        let mut path = log.to_owned().into_os_string();
        path.push(".checkpoint");
        Self { files, path: PathBuf::from(path) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The checkpoint in it; `None` if there is none or it cannot be read. Whose key signed it is not checked here.
    pub(crate) fn read(&self) -> Option<Checkpoint> {
        let bytes = self.files.read(&self.path).ok()?;
        Checkpoint::parse(std::str::from_utf8(&bytes).ok()?).ok()
    }

    /// Replaces the checkpoint in it. A crash leaves the old one or the new one.
    pub(crate) fn write(&self, checkpoint: &str) -> io::Result<()> {
        let new = self.path.with_extension("checkpoint.new");
        self.files.write_new(&new, checkpoint.as_bytes())?;
        self.files.rename(&new, &self.path)
    }
}
