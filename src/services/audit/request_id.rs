//! A request id stored without an allocation, so that tracking open requests allocates nothing.

/// The first 40 bytes of a request id. Our own ids are UUIDs of 36 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RequestId {
    len: u8,
    bytes: [u8; BYTES_MAX],
}

const BYTES_MAX: usize = 40;

impl RequestId {
    pub(crate) fn new(text: &str) -> Self {
        let len = text.floor_char_boundary(BYTES_MAX);
        let mut bytes = [0; BYTES_MAX];
        if let (Some(to), Some(from)) = (bytes.get_mut(..len), text.as_bytes().get(..len)) {
            to.copy_from_slice(from);
        }
        Self { len: len as u8, bytes }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }
}
