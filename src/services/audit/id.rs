//! A request id held in place, so that counting open requests costs no allocation.

/// The first 40 bytes of a request id; ours are UUIDs of 36.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id {
    len: u8,
    bytes: [u8; BYTES_MAX],
}

const BYTES_MAX: usize = 40;

impl Id {
    pub fn of(text: &str) -> Self {
        let mut len = text.len().min(BYTES_MAX);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        let mut bytes = [0; BYTES_MAX];
        if let (Some(to), Some(from)) = (bytes.get_mut(..len), text.as_bytes().get(..len)) {
            to.copy_from_slice(from);
        }
        Self { len: len as u8, bytes }
    }

    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
    }
}
