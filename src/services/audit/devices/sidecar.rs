//! The sidecar of a log: a small file next to it with the log's newest checkpoint. If the log has fewer lines than its
//! sidecar says, it was cut while the server was down.

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
    /// The sidecar of the log file at `log`. Its path is `<log>.checkpoint`.
    pub(crate) fn of(files: Files, log: &Path) -> Self {
        let mut path = log.to_owned().into_os_string();
        path.push(".checkpoint");
        Self { files, path: PathBuf::from(path) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The checkpoint in the sidecar. `None` if there is none or it cannot be read. Its signature is not checked here.
    pub(crate) fn read(&self) -> Option<Checkpoint> {
        let bytes = self.files.read(&self.path).ok()?;
        Checkpoint::parse(std::str::from_utf8(&bytes).ok()?).ok()
    }

    /// Replaces the checkpoint in the sidecar. After a crash, the file holds either the old checkpoint or the new one.
    pub(crate) fn write(&self, checkpoint: &str) -> io::Result<()> {
        let new = self.path.with_extension("checkpoint.new");
        self.files.write_new(&new, checkpoint.as_bytes())?;
        self.files.rename(&new, &self.path)
    }
}
