//! A batch: preconditions, writes, notes and effects that are applied together or not at all. The store knows their
//! bytes and tags, but not what they mean.

use std::fmt;

use super::tag::{Tag, tag_of};

/// The state in which a batch expects a key: absent, or with a value that has this tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Old {
    Absent,
    Tag(Tag),
}

impl Old {
    /// The state of a key with this value; `None` is a key that is absent.
    pub(crate) fn of(value: Option<&[u8]>) -> Self {
        value.map_or(Self::Absent, |bytes| Self::Tag(tag_of(bytes)))
    }
}

/// A precondition on a key that the batch does not write: the key must be in the state `old`.
#[derive(Clone, PartialEq, Eq)]
pub struct Check {
    pub key: Vec<u8>,
    pub old: Old,
}

/// A new value for a key, or the deletion of the key. The state `old` is a precondition.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    pub key: Vec<u8>,
    pub old: Old,
    /// `None` deletes the key. If `old` is `Absent`, that is allowed and does nothing.
    pub new: Option<Vec<u8>>,
}

/// A function that the committer's thread calls when the batch is durable, before it answers. It must be short and must
/// not wait for the store.
pub type Effect = Box<dyn FnOnce(Sequence) + Send>;

/// One unit of change, applied as a whole or not at all.
#[derive(Default)]
pub struct Batch {
    /// The id of the request that made the batch.
    #[expect(dead_code, reason = "a frame of the journal will hold it")]
    pub request: [u8; 16],
    pub checks: Vec<Check>,
    /// The writes, at most one for each key.
    pub writes: Vec<Write>,
    /// Notes: bytes that the store keeps until they are released, such as audit log lines.
    pub notes: Vec<Vec<u8>>,
    pub effects: Vec<Effect>,
    /// Whether the batch may use the disk space that is reserved for deletes, revocations, sealing and audit log lines.
    pub urgent: bool,
}

impl Batch {
    /// The size of the batch, which counts towards the limit of a group.
    pub(super) fn size_bytes(&self) -> usize {
        let writes: usize =
            self.writes.iter().map(|write| write.key.len() + write.new.as_ref().map_or(0, Vec::len)).sum();
        writes + self.notes_bytes()
    }

    pub(super) fn notes_bytes(&self) -> usize {
        self.notes.iter().map(Vec::len).sum()
    }
}

/// The number of a batch in the order of all commits. The first is 1; 0 means before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    pub(crate) const ZERO: Self = Self(0);
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
