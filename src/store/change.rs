//! What accepted batches do to an index: the types that the committer, the indexes and the readers share.

use super::{batch::Sequence, tag::Tag, value::StoredValue};
use crate::base::time::Time;

/// A key with its value, as a scan returns them.
pub(super) type Record = (Vec<u8>, StoredValue);

/// What is known of a value without reading all of it: enough for a precondition and for the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub tag: Tag,
    pub len_bytes: usize,
    /// The write that stored the value.
    pub made_by: WriteId,
}

/// The identity of one write: the sequence of its batch and its position in the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WriteId {
    pub sequence: u64,
    pub position: u32,
}

/// One accepted write. `before` is `None` if the key was absent, `new` is `None` if the write deletes the key.
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
    /// The sequence of the last batch in the slice.
    pub sequence: Sequence,
    pub time: Time,
}

/// A batch that the committer has accepted, on its way into the index.
pub(super) struct Accepted {
    pub sequence: Sequence,
    pub changes: Vec<Change>,
    pub notes: Vec<Vec<u8>>,
}
