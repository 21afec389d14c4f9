//! How the store refuses. A message names a file or a limit, never a key or a value.

/// Why a batch was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A precondition does not hold; the key whose state is another one. Nothing changed: read again and judge anew.
    #[error("a record has changed since it was read")]
    Conflict(Vec<u8>),
    /// No room; the path that lacks it. Nothing changed, and the store recovers by itself when there is room again.
    #[error("no room left at `{0}`: free some space there")]
    Full(String),
    /// The batch itself is at fault (a key twice, a value too big). Nothing changed, and trying again is no use.
    #[error("the batch was refused: {0}")]
    Refused(&'static str),
    /// The store was closed, or closed itself after a failure. Whether a batch in flight was applied is not known.
    #[error("the store is closed")]
    Closed,
    /// The machine failed while the batch was written. Whether it was applied shows at the next start.
    #[error("the store failed: {0}")]
    Io(String),
}

/// Why something could not be read or kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store was closed, or closed itself after the failure named here.
    #[error("the store is closed: {0}")]
    Closed(String),
    /// What stands on the disk is not what was written there.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    #[error("the store failed: {0}")]
    Io(String),
}

/// Why a store or boot file could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process has the directory.
    #[error("`{path}` is locked{holder}: stop the other process, or name another directory")]
    Locked { path: String, holder: String },
    /// The files are not what a store wrote.
    #[error("`{path}` is damaged ({cause}): keep a copy of the directory, then restore it from a backup")]
    Damaged { path: String, cause: String },
    #[error("cannot open `{path}`: {cause}")]
    Io { path: String, cause: String },
}

impl OpenError {
    pub(super) fn io(path: &std::path::Path, cause: &std::io::Error) -> Self {
        Self::Io { path: path.display().to_string(), cause: cause.to_string() }
    }

    pub(super) fn damaged(path: &std::path::Path, cause: impl Into<String>) -> Self {
        Self::Damaged { path: path.display().to_string(), cause: cause.into() }
    }
}
