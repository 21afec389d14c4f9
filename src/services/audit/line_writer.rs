//! Writes a draft: the text of an audit log line, with the digests of its hashed values apart. Every part of a line has
//! a maximum size, so that the whole line fits into the tile of a transparency log.

use std::cell::RefCell;

use super::{
    draft_line::{DraftLine, Hashed, KEYLESS, SEALED_TEXT},
    facts::CachedAuthFields,
    format::{decimal, rfc3339},
    keys::{Digest, ValueKey, ValueKind},
    request_id::RequestId,
};
use crate::base::{json::quote, limits::AUDIT_LINE_BYTES_MAX, time::Time};

/// A draft that is being written. Its buffers belong to the thread and are reused.
pub(crate) struct LineWriter<'k> {
    key: Option<&'k ValueKey>,
    id: &'k str,
    buffers: Buffers,
}

#[derive(Default)]
struct Buffers {
    text: String,
    digests: Vec<Digest>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// Gives a line writer to `write` and returns what `write` returns. Without a key,
/// each value that needs one becomes `sealed`.
pub(crate) fn with_line_writer<T>(key: Option<&ValueKey>, id: &str, write: impl FnOnce(&mut LineWriter<'_>) -> T) -> T {
    let mut buffers = BUFFERS.take();
    buffers.text.clear();
    buffers.digests.clear();
    let mut line = LineWriter { key, id, buffers };
    let made = write(&mut line);
    BUFFERS.set(line.buffers);
    made
}

impl LineWriter<'_> {
    pub(crate) fn raw(&mut self, text: &str) {
        self.buffers.text.push_str(text);
    }

    /// Writes a JSON string. A text longer than [`TEXT_BYTES_MAX`] is cut and ends in `…`.
    pub(crate) fn text(&mut self, text: &str) {
        self.text_up_to(text, TEXT_BYTES_MAX);
    }

    pub(crate) fn text_up_to(&mut self, text: &str, bytes_max: usize) {
        let from = self.buffers.text.len();
        quote(text, &mut self.buffers.text);
        if self.buffers.text.len() - from > bytes_max + 2 {
            self.buffers.text.truncate(from);
            let mut kept = bytes_max / 6;
            while !text.is_char_boundary(kept) {
                kept -= 1;
            }
            let cut = format!("{}…", text.get(..kept).unwrap_or(""));
            quote(&cut, &mut self.buffers.text);
        }
    }

    /// Writes a name as a JSON string. It is never cut.
    pub(crate) fn name(&mut self, name: &str) {
        quote(name, &mut self.buffers.text);
    }

    pub(crate) fn number(&mut self, number: u64) {
        let mut digits = [0; 20];
        self.buffers.text.push_str(decimal(number, &mut digits));
    }

    /// Writes the hash of a text. A text under 8 bytes could be guessed, so it is hashed together with the request id.
    pub(crate) fn hashed_text(&mut self, text: &str) {
        if text.len() < LONG_BYTES_MIN {
            return self.hashed_guessable(ValueKind::ShortText, text);
        }
        self.hashed(self.key.map(|key| key.text(text)));
    }

    /// Writes the hash of a value that others could guess.
    pub(crate) fn hashed_guessable(&mut self, kind: ValueKind, literal: &str) {
        self.hashed(self.key.map(|key| key.guessable(kind, self.id, literal)));
    }

    /// Writes one hash for the whole of `data`, in place of a hash for each value in it.
    pub(crate) fn hashed_data(&mut self, data: &str) {
        self.hashed(self.key.map(|key| key.whole_data(data)));
    }

    fn hashed(&mut self, digest: Option<Digest>) -> Hashed {
        let hashed = digest.map_or(Hashed::Sealed, Hashed::Digest);
        match hashed {
            Hashed::Digest(digest) => {
                self.buffers.digests.push(digest);
                self.buffers.text.push('\0');
            }
            Hashed::Sealed => self.raw(SEALED_TEXT),
        }
        hashed
    }

    /// The length of the line so far in bytes, without what the device adds.
    pub(crate) fn len(&self) -> usize {
        self.buffers.text.len() + self.buffers.digests.len() * (HASH_LINE_BYTES - 1)
    }

    /// The current position, for [`LineWriter::back_to`].
    pub(crate) fn here(&self) -> (usize, usize) {
        (self.buffers.text.len(), self.buffers.digests.len())
    }

    pub(crate) fn back_to(&mut self, (text, marks): (usize, usize)) {
        self.buffers.text.truncate(text);
        self.buffers.digests.truncate(marks);
    }

    pub(crate) fn begin(&mut self, time: Time, kind: &str) {
        self.raw("\"time\":\"");
        rfc3339(time, &mut self.buffers.text);
        self.raw("\",\"type\":\"");
        self.raw(kind);
        self.raw("\"");
    }

    /// Writes the member `name` with the hash of `value`, and returns the hash. Short values are hashed the same way.
    /// If `value` is empty, writes nothing and returns `None`.
    pub(crate) fn hashed_member(&mut self, name: &str, value: &str) -> Option<Hashed> {
        if value.is_empty() {
            return None;
        }
        self.raw(name);
        Some(self.hashed(self.key.map(|key| key.text(value))))
    }

    /// Copies what was written so far, with the two hashes, for use in other lines.
    pub(crate) fn cache(&self, token: Option<Hashed>, accessor: Option<Hashed>) -> CachedAuthFields {
        CachedAuthFields { text: self.buffers.text.as_str().into(), token, accessor }
    }

    pub(crate) fn cached(&mut self, cached: &CachedAuthFields) {
        self.buffers.text.push_str(&cached.text);
        let digests = [cached.token, cached.accessor].into_iter().filter_map(|hashed| match hashed {
            Some(Hashed::Digest(digest)) => Some(digest),
            Some(Hashed::Sealed) | None => None,
        });
        self.buffers.digests.extend(digests);
    }

    /// Writes the member `name` with a hash that was made before. Writes nothing if there is none.
    pub(crate) fn hashed_before(&mut self, name: &str, hashed: Option<Hashed>) {
        let Some(hashed) = hashed else { return };
        self.raw(name);
        self.hashed(match hashed {
            Hashed::Digest(digest) => Some(digest),
            Hashed::Sealed => None,
        });
    }

    pub(crate) fn member(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.raw(name);
            self.text(value);
        }
    }

    /// Writes a list of texts in the clear. Items beyond [`LIST_BYTES_MAX`] are replaced by the text `… truncated`.
    pub(crate) fn list(&mut self, name: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.raw(name);
        let from = self.len();
        for (n, item) in items.iter().enumerate() {
            self.raw(if n == 0 { "[" } else { "," });
            let here = self.here();
            self.text(item);
            if self.len() - from > LIST_BYTES_MAX {
                self.back_to(here);
                self.raw("\"… truncated\"");
                break;
            }
        }
        self.raw("]");
    }

    /// The finished draft. `flags` are those in draft_line.rs.
    pub(crate) fn finish(&self, id: RequestId, flags: u8) -> DraftLine {
        let flags = flags | if self.key.is_none() { KEYLESS } else { 0 };
        DraftLine::new(id, flags, &self.buffers.digests, &self.buffers.text)
    }
}

/// A text of at least this many bytes cannot be guessed, and is hashed without the request id.
const LONG_BYTES_MIN: usize = 8;

/// The bytes of a hash in a line: `"hmac-sha256:` … `"`.
const HASH_LINE_BYTES: usize = 78;
/// Maximum number of bytes that a device adds to a draft: `{"seq":…,"prev":"…",` and `,"txn":…,"mac":"…"}` with the
/// longest numbers.
const ADDED_BYTES: usize = 8 + 20 + 9 + 64 + 2 + 7 + 20 + 8 + 32 + 1 + 1;
/// At most this many bytes are written of the request's data, and as many of the answer's data. Longer
/// data is replaced by one hash and its size.
pub(crate) const DATA_BYTES_MAX: usize = 16 << 10;
/// At most this many bytes are written of each list of policies, and of the metadata. The rest is left out.
pub(crate) const LIST_BYTES_MAX: usize = 3 << 10;
/// At most this many bytes, escapes included, are written of a text that is not data, a list of policies, metadata or a
/// path. The rest is cut. A line has at most twelve such texts.
const TEXT_BYTES_MAX: usize = 1 << 10;
/// At most this many bytes are written of a path. A request path has at most 4,096 bytes when it is parsed.
pub(crate) const PATH_BYTES_MAX: usize = 4 << 10;

/// All member names, and the words that replace what was cut, take at most this many bytes.
const NAMES_BYTES_MAX: usize = 1 << 10;

// INVARIANT: a line is never longer than an entry in the tile of a transparency log may be.
const _: () = {
    let texts = 12 * TEXT_BYTES_MAX + 2 * PATH_BYTES_MAX + 3 * LIST_BYTES_MAX + 2 * DATA_BYTES_MAX;
    assert!(texts + NAMES_BYTES_MAX + ADDED_BYTES <= AUDIT_LINE_BYTES_MAX);
};
