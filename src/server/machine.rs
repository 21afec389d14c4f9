//! What the server takes from the machine: files, clock and randomness.

use std::path::Path;

use super::error::ServerError;
use crate::{
    base::{
        random::Random,
        time::{Clock, Time},
    },
    store::Files,
};

/// The files, the clock and the randomness of the machine.
pub(crate) struct Machine {
    pub files: Files,
    pub clock: Clock,
    pub random: Random,
}

impl Machine {
    pub(crate) fn real() -> Self {
        Self { files: Files::real(), clock: Clock::system(Time::EPOCH), random: Random::system() }
    }
}

/// Creates the last folder of `path` if it is missing. Its parent must exist: otherwise the path is probably mistyped.
pub(crate) fn need_folder(path: &Path, files: &Files) -> Result<(), ServerError> {
    let absolute = std::path::absolute(path).map_err(|cause| ServerError::Folder { path: path.to_owned(), cause })?;
    match absolute.parent() {
        Some(parent) if !files.exists(parent) => Err(ServerError::FolderMissing(parent.to_owned())),
        _ => files.create_dir_all(&absolute).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::AlreadyExists => ServerError::FolderIsFile(path.to_owned()),
            _ => ServerError::Folder { path: path.to_owned(), cause },
        }),
    }
}
