//! What is asked of the store: preconditions, writes, notes and effects that stand or fall together. The store knows
//! bytes and tags, never what they mean.

use std::fmt;

use super::value::tag_of;

/// The first 24 bytes of a value, zeros behind a shorter one. Sealed values begin with their nonce, so a new value
/// has a new tag.
pub type Tag = [u8; TAG_BYTES];

pub const TAG_BYTES: usize = 24;

/// The state of a key before a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Old {
    Absent,
    Tag(Tag),
}

impl Old {
    /// The state that `value` stands for; `None` is a key that is not there.
    pub fn of(value: Option<&[u8]>) -> Self {
        value.map_or(Self::Absent, |bytes| Self::Tag(tag_of(bytes)))
    }
}

/// A precondition on a key that the batch does not write.
#[derive(Clone, PartialEq, Eq)]
pub struct Check {
    pub key: Vec<u8>,
    pub old: Old,
}

/// A new value for a key, or its end; also a precondition on the key's state before.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    pub key: Vec<u8>,
    pub old: Old,
    /// `None` deletes. Deleting a key that is absent (and named as absent) is allowed and does nothing.
    pub new: Option<Vec<u8>>,
}

/// Something to be done once the batch is durable, on the committer's thread, before the answer: it must be short and
/// must not wait for the store.
pub type Effect = Box<dyn FnOnce(Sequence) + Send>;

/// One unit of change: applied whole, or not at all.
#[derive(Default)]
pub struct Batch {
    /// The request that asked for it.
    pub request: [u8; 16],
    pub checks: Vec<Check>,
    /// No key may stand here twice.
    pub writes: Vec<Write>,
    /// Sealed bytes kept beside the records until they are released, such as audit lines.
    pub notes: Vec<Vec<u8>>,
    pub effects: Vec<Effect>,
    /// Passes although free space is below the reserve: deletes, revocations, marks, seal and audit lines.
    pub urgent: bool,
}

impl Batch {
    /// An empty batch of `request`.
    pub fn new(request: [u8; 16]) -> Self {
        Self { request, ..Self::default() }
    }

    /// Bytes that the batch brings, for the limits of a group.
    pub(super) fn size_bytes(&self) -> usize {
        let writes: usize =
            self.writes.iter().map(|write| write.key.len() + write.new.as_ref().map_or(0, Vec::len)).sum();
        writes + self.notes_bytes()
    }

    pub(super) fn notes_bytes(&self) -> usize {
        self.notes.iter().map(Vec::len).sum()
    }
}

/// The place of a batch in the order of all commits; the first is 1, and 0 stands before all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    pub const ZERO: Self = Self(0);
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
