//! A stored value as it is handed out: shared bytes, copied only when a value had to be joined from chunks.

use std::{fmt, ops::Deref, sync::Arc};

/// The bytes of one key. Cheap to clone.
#[derive(Clone)]
pub struct StoredValue(Bytes);

#[derive(Clone)]
enum Bytes {
    Shared(Arc<[u8]>),
    Page(::sled::IVec),
}

impl StoredValue {
    pub(super) fn shared(bytes: Arc<[u8]>) -> Self {
        Self(Bytes::Shared(bytes))
    }

    pub(super) fn page(bytes: ::sled::IVec) -> Self {
        Self(Bytes::Page(bytes))
    }
}

impl AsRef<[u8]> for StoredValue {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Deref for StoredValue {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Shared(bytes) => bytes,
            Bytes::Page(bytes) => bytes,
        }
    }
}

/// Shows only the length: a value must not appear in a log.
impl fmt::Debug for StoredValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredValue({} bytes)", self.len())
    }
}

impl PartialEq for StoredValue {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for StoredValue {}
