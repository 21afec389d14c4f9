//! A note: the line of a request or of its outcome as far as it is the same for every device. It lacks what a device
//! adds (`seq`, `prev`, `txn`), and in place of each hashed value it has a mark, the value's HMAC under the log's key,
//! which a device hashes again under its own. So a note, which the store keeps sealed, holds no value.

use super::{
    draft::with_draft,
    entry::{Entry, PlainEntry},
    id::Id,
    wording::{write_closing, write_entry, write_plain},
};
use crate::{base::time::Time, crypto::kdf::MacKey};

/// The bytes of a note: version, flags, length of the request id, the id, number of marks, the marks, and the text of the
/// line's members with a zero byte where a mark belongs (no JSON text has one).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(Vec<u8>);

impl Note {
    /// The bytes that the store may keep, sealed, in the batch of the change.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Makes the note of `entry`. Without a key what would be hashed is left out.
    pub(super) fn of_entry(entry: &Entry<'_>, key: Option<&MacKey>) -> Self {
        with_draft(key, entry.request_id, |draft| {
            write_entry(draft, entry);
            draft.finish(Id::of(entry.request_id), if entry.is_response { RESPONSE } else { 0 })
        })
    }

    pub(super) fn of_plain(entry: &PlainEntry<'_>) -> Self {
        with_draft(None, entry.request_id, |draft| {
            write_plain(draft, entry);
            draft.finish(Id::of(entry.request_id), PLAIN | if entry.is_response { RESPONSE } else { 0 })
        })
    }

    /// Puts a note together.
    pub(super) fn of_parts(id: Id, flags: u8, marks: &[[u8; MARK_BYTES]], text: &str) -> Self {
        let id = id.as_str().as_bytes();
        let mut bytes = Vec::with_capacity(5 + id.len() + marks.len() * MARK_BYTES + text.len());
        bytes.extend_from_slice(&[VERSION, flags, id.len() as u8]);
        bytes.extend_from_slice(id);
        bytes.extend_from_slice(&(marks.len() as u16).to_le_bytes());
        bytes.extend_from_slice(marks.as_flattened());
        bytes.extend_from_slice(text.as_bytes());
        Self(bytes)
    }

    /// The outcome of a request of which nobody wrote one.
    pub(super) fn closing(id: &Id, time: Time, closed: &str) -> Self {
        with_draft(None, id.as_str(), |draft| {
            write_closing(draft, id.as_str(), time, closed);
            draft.finish(*id, RESPONSE)
        })
    }

    /// Whether it was made without a key, so that values are missing in it.
    pub(super) fn is_keyless(&self) -> bool {
        self.0.get(1).is_none_or(|flags| flags & (KEYLESS | PLAIN) == KEYLESS)
    }

    pub(super) fn id(&self) -> Id {
        Parts::read(&self.0).map_or_else(|| Id::of(""), |parts| parts.id)
    }
}

const VERSION: u8 = 1;
const RESPONSE: u8 = 1;
const PLAIN: u8 = 2;
/// Made without a key.
pub(super) const KEYLESS: u8 = 4;
pub(super) const MARK_BYTES: usize = 32;

/// A note taken apart.
pub(super) struct Parts<'a> {
    pub flags: u8,
    pub id: Id,
    pub marks: &'a [[u8; MARK_BYTES]],
    pub text: &'a [u8],
}

impl<'a> Parts<'a> {
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&[version, flags, id_len], rest) = bytes.split_first_chunk::<3>()?;
        let (id, rest) = rest.split_at_checked(usize::from(id_len))?;
        let (count, rest) = rest.split_first_chunk::<2>()?;
        let (marks, text) = rest.split_at_checked(usize::from(u16::from_le_bytes(*count)) * MARK_BYTES)?;
        let (marks, _) = marks.as_chunks();
        let id = Id::of(std::str::from_utf8(id).ok()?);
        (version == VERSION).then_some(Self { flags, id, marks, text })
    }

    pub const fn is_response(&self) -> bool {
        self.flags & RESPONSE != 0
    }

    pub const fn is_plain(&self) -> bool {
        self.flags & PLAIN != 0
    }
}
