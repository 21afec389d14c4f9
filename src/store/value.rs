//! A stored value as it is handed out: shared bytes, copied only when a value had to be joined from chunks.

use std::{fmt, ops::Deref, sync::Arc};

use super::batch::{TAG_BYTES, Tag};

/// The bytes of one key. Cheap to clone.
#[derive(Clone)]
pub struct Value(Bytes);

#[derive(Clone)]
enum Bytes {
    Shared(Arc<[u8]>),
    Page(::sled::IVec),
}

impl Value {
    pub(super) fn shared(bytes: Arc<[u8]>) -> Self {
        Self(Bytes::Shared(bytes))
    }

    pub(super) fn page(bytes: ::sled::IVec) -> Self {
        Self(Bytes::Page(bytes))
    }

    /// What a later write names as this value's old state.
    pub fn tag(&self) -> Tag {
        tag_of(self)
    }
}

/// The tag of a value that consists of `bytes`.
pub fn tag_of(bytes: &[u8]) -> Tag {
    let mut tag = [0; TAG_BYTES];
    for (to, from) in tag.iter_mut().zip(bytes) {
        *to = *from;
    }
    tag
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Shared(bytes) => bytes,
            Bytes::Page(bytes) => bytes,
        }
    }
}

/// Shows the length alone: a value may be what nobody shall read in a log.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.len())
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Value {}
