//! Above this floor is plaintext, below it everything is sealed. It holds the seal and the keys, the form of records
//! and names on disk, and the unit of work that gathers what a request reads and writes.
//!
//! Start with `unit.rs`, which is what the floors above meet; then `record.rs` and `place.rs`, the form on disk.

mod arena;
mod boot;
mod init;
mod keyring;
mod keys;
mod place;
mod record;
mod seal;
mod shares;
mod table;
mod unit;

pub use boot::{BootDocument, BootError};
pub use init::{InitPlan, Initialised, ShamirPlan};
pub use keyring::Keyring;
pub use keys::{AuditKeys, Keys};
pub use place::{MountId, Place};
pub use seal::{Barrier, Opening, SealStatus, ShareError, Submitted};
pub use table::{Form, Name, Record, Table};
pub use unit::{Staged, Unit, WrittenTag};

use crate::store::{CommitError, StoreError};

/// Why something below could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BarrierError {
    #[error("the store is sealed")]
    Sealed,
    /// A precondition did not hold: something that was read has changed since. Only the pipeline tries again.
    #[error("something that this request read has changed meanwhile")]
    Conflict,
    /// A record does not open: it was moved, changed, cut, or sealed under a key that we do not have.
    #[error("a stored record of table {table} does not open: the store is damaged or was tampered with")]
    Integrity { table: u8 },
    #[error("the disk at {0} is nearly full: free space there; reads, deletes and seal go on")]
    Full(String),
    #[error("the store has stopped: {0}")]
    Stopped(String),
    #[error("a value is larger than a record may be")]
    TooLarge,
}

impl From<StoreError> for BarrierError {
    fn from(error: StoreError) -> Self {
        Self::Stopped(error.to_string())
    }
}

impl From<CommitError> for BarrierError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(_) => Self::Conflict,
            CommitError::Full(path) => Self::Full(path),
            other => Self::Stopped(other.to_string()),
        }
    }
}
