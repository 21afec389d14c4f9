//! Why something could not be read, written or opened. The floors above turn these errors into answers; no message
//! holds a name or a value.

use crate::{
    base::limits::{LIST_NAMES_MAX, SEGMENT_BYTES_MAX, VALUE_BYTES_MAX},
    store::{CommitError, StoreError},
};

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BarrierError {
    #[error("the store is sealed")]
    Sealed,
    /// There is a store already: an init makes none.
    #[error("the store is initialised already")]
    Initialised,
    /// A precondition failed: a record that was read has changed since. Only the pipeline performs the request again.
    #[error("a record that this request read has changed since")]
    Conflict,
    /// A stored record does not open: it was moved, changed, cut, or sealed under a key that we do not have.
    #[error("a stored record of table {table} does not open: the store is damaged or was tampered with")]
    Integrity { table: u8 },
    #[error("the disk at {0} is nearly full: free some space there; reads, deletes and sealing still work")]
    Full(String),
    /// The store closed itself after a failure.
    #[error(
        "the store has closed itself after a failure: see the server's log for the cause, mend it, and restart the server"
    )]
    Closed,
    #[error("the store has stopped: {0}")]
    Stopped(String),
    #[error(
        "a name or value is too large to store: at most {SEGMENT_BYTES_MAX} bytes in a segment of a name, {} MiB in a value",
        VALUE_BYTES_MAX >> 20
    )]
    TooLarge,
    #[error("the folder holds more than {LIST_NAMES_MAX} names: list it in pages, with `limit` and `after`")]
    TooManyNames,
    /// Nobody waits for the answer.
    #[error("the caller went away before the list was read")]
    GivenUp,
}

impl From<StoreError> for BarrierError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed(_) => Self::Closed,
            other => Self::Stopped(other.to_string()),
        }
    }
}

impl From<CommitError> for BarrierError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(_) => Self::Conflict,
            CommitError::Full(path) => Self::Full(path),
            CommitError::Closed => Self::Closed,
            other => Self::Stopped(other.to_string()),
        }
    }
}
