//! The errors of the store. A message names a file or a limit, never a key or a value.

/// Why a batch was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A precondition on this key failed. Nothing changed: read again and decide again.
    #[error("a record has changed since it was read")]
    Conflict(Vec<u8>),
    /// There is no room at this path. Nothing changed. When there is room again, the store takes batches again.
    #[error("no room left at `{0}`: free some space there")]
    Full(String),
    /// The batch itself is wrong: a repeated key, or a key or value that is too large. Nothing changed; do not try
    /// again.
    #[error("the batch was refused: {0}")]
    Refused(&'static str),
    /// The store was closed, or closed itself after a failure. Whether the batch was applied is not known.
    #[error("the store is closed")]
    Closed,
    /// Writing the batch failed. The next start of the store shows whether the batch was applied.
    #[error("the store failed: {0}")]
    Io(String),
}

/// Why something could not be read or kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store was closed, or closed itself after the failure named here.
    #[error("the store is closed: {0}")]
    Closed(String),
    /// The bytes on the disk are not what was written there.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    #[error("the store failed: {0}")]
    Io(String),
}

/// Why a store or boot file could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process uses the directory.
    #[error("`{path}` is locked{holder}: stop the other process, or name another directory")]
    Locked { path: String, holder: String },
    /// The files do not have the content that a store wrote.
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

/// The message that a panic was raised with.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| String::from("a panic without a message"))
}
