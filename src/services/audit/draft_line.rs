//! A draft: the audit log line of a request or of its outcome, as far as it is the same for every device. It lacks what
//! a device adds (`seq`, `prev`, `txn`). In place of each hashed value it holds a digest, which the device hashes again
//! under its own key. So a draft, which the store keeps sealed, contains no values.

use super::{keys::Digest, request_id::RequestId};

/// The bytes of a draft: version, flags, length of the request id, the id, number of digests, the digests, and the text
/// of the line's members with a zero byte in place of each digest. No JSON text contains a zero byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DraftLine(Vec<u8>);

impl DraftLine {
    /// The bytes of the draft. The store may keep them, sealed, in the batch of the change.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn new(id: RequestId, flags: u8, digests: &[Digest], text: &str) -> Self {
        let id = id.as_str().as_bytes();
        let mut bytes = Vec::with_capacity(5 + id.len() + digests.len() * DIGEST_BYTES + text.len());
        bytes.extend_from_slice(&[VERSION, flags, id.len() as u8]);
        bytes.extend_from_slice(id);
        bytes.extend_from_slice(&(digests.len() as u16).to_le_bytes());
        bytes.extend_from_slice(digests.as_flattened());
        bytes.extend_from_slice(text.as_bytes());
        Self(bytes)
    }

    /// Whether the draft needed a key but was made without one. Then it says `sealed` in place of its hashed values.
    pub(crate) fn is_keyless(&self) -> bool {
        self.0.get(1).is_none_or(|flags| flags & (KEYLESS | PLAIN) == KEYLESS)
    }

    pub(crate) fn request_id(&self) -> RequestId {
        DraftParts::read(&self.0).map_or_else(|| RequestId::new(""), |parts| parts.id)
    }
}

/// What a line holds in place of a hashed value.
#[derive(Clone, Copy)]
pub(crate) enum Hashed {
    Digest(Digest),
    /// There was no key to hash the value. The line says `sealed`.
    Sealed,
}

/// The text that stands for [`Hashed::Sealed`].
pub(crate) const SEALED_TEXT: &str = "\"sealed\"";

const VERSION: u8 = 1;
/// Flag: the draft is that of an outcome.
pub(crate) const RESPONSE: u8 = 1;
/// Flag: the draft needs no key.
pub(crate) const PLAIN: u8 = 2;
/// Flag: the draft was made without a key.
pub(crate) const KEYLESS: u8 = 4;
const DIGEST_BYTES: usize = 32;

/// The parts of a draft's bytes.
pub(crate) struct DraftParts<'a> {
    flags: u8,
    pub id: RequestId,
    pub digests: &'a [Digest],
    pub text: &'a [u8],
}

impl<'a> DraftParts<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&[version, flags, id_len], rest) = bytes.split_first_chunk::<3>()?;
        let (id, rest) = rest.split_at_checked(usize::from(id_len))?;
        let (count, rest) = rest.split_first_chunk::<2>()?;
        let (digests, text) = rest.split_at_checked(usize::from(u16::from_le_bytes(*count)) * DIGEST_BYTES)?;
        let (digests, _) = digests.as_chunks();
        let id = RequestId::new(std::str::from_utf8(id).ok()?);
        (version == VERSION).then_some(Self { flags, id, digests, text })
    }

    pub(crate) const fn is_response(&self) -> bool {
        self.flags & RESPONSE != 0
    }

    pub(crate) const fn is_plain(&self) -> bool {
        self.flags & PLAIN != 0
    }
}
