//! What accepted batches do to an index: the words between the committer, the indexes and the readers.

use super::{batch::Sequence, tag::Tag, value::StoredValue};
use crate::base::time::Time;

/// A key with its value, as a scan answers them.
pub(super) type Record = (Vec<u8>, StoredValue);

/// What is known of the value at a key: enough for a precondition and for the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub tag: Tag,
    pub len_bytes: usize,
    /// The write that made it.
    pub made_by: WriteId,
}

/// The identity of one write: the sequence of its batch and its position in the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WriteId {
    pub sequence: u64,
    pub position: u32,
}

/// One accepted write.
pub(super) struct Change {
    pub key: Vec<u8>,
    pub before: Option<Summary>,
    pub new: Option<Vec<u8>>,
    pub made_by: WriteId,
}

/// Whole batches that become visible to readers together.
#[derive(Default)]
pub(super) struct Slice {
    pub changes: Vec<Change>,
    /// Of the last batch in it.
    pub sequence: Sequence,
    pub time: Time,
}

/// A batch that the committer has accepted, on its way into the index.
pub(super) struct Accepted {
    pub sequence: Sequence,
    pub changes: Vec<Change>,
    pub notes: Vec<Vec<u8>>,
}
