//! Writes a draft line: its text, with a digest set aside for each hashed value. It bounds every part of a line, so that
//! no line is too long for the tile of a transparency log.

use std::cell::RefCell;

use super::{
    draft_line::{DraftLine, Hashed, KEYLESS, SEALED_TEXT},
    facts::CachedAuthFields,
    format::{decimal, rfc3339},
    keys::{Digest, ValueKey, ValueKind},
    request_id::RequestId,
};
use crate::base::{json::quote, limits::AUDIT_LINE_BYTES_MAX, time::Time};

/// A draft line that is being written. Its buffers belong to the thread and are reused.
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

/// Lends a line writer to `write` and returns what that makes of it. Without a key, values that need one become `sealed`.
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

    /// Writes a JSON string. A text that is too long is cut, and ends in an ellipsis.
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

    /// Writes a name, however long it is.
    pub(crate) fn name(&mut self, name: &str) {
        quote(name, &mut self.buffers.text);
    }

    pub(crate) fn number(&mut self, number: u64) {
        let mut digits = [0; 20];
        self.buffers.text.push_str(decimal(number, &mut digits));
    }

    /// Writes a text's hash. A short text could be guessed, and is hashed with the request id.
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

    /// Writes one hash for the whole of `data`, in place of one for each value in it.
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

    /// How many bytes the line has so far, without what the device adds.
    pub(crate) fn len(&self) -> usize {
        self.buffers.text.len() + self.buffers.digests.len() * (HASH_LINE_BYTES - 1)
    }

    /// The place to return to with [`LineWriter::back_to`].
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

    /// Writes a member that is hashed whatever its length, unless it is empty.
    pub(crate) fn hashed_member(&mut self, name: &str, value: &str) -> Option<Hashed> {
        if value.is_empty() {
            return None;
        }
        self.raw(name);
        Some(self.hashed(self.key.map(|key| key.text(value))))
    }

    /// Keeps what was written so far, and these hashes, for other lines.
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

    /// Writes a member whose value was hashed before.
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

    /// Writes a list of texts in the clear. Items beyond the bound are left out, and the last item says so.
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

    /// The finished draft. `flags` are those of draft_line.rs.
    pub(crate) fn finish(&self, id: RequestId, flags: u8) -> DraftLine {
        let flags = flags | if self.key.is_none() { KEYLESS } else { 0 };
        DraftLine::new(id, flags, &self.buffers.digests, &self.buffers.text)
    }
}

/// A text from this length on is hashed without the request id.
const LONG_BYTES_MIN: usize = 8;

/// What a device writes for a digest: `"hmac-sha256:` … `"`.
const HASH_LINE_BYTES: usize = 78;
/// What a device adds to a draft, with the longest numbers: `{"seq":…,"prev":"…",` and `,"txn":…}`.
const ADDED_BYTES: usize = 8 + 20 + 9 + 64 + 2 + 7 + 20 + 1;
/// The bound of the request's data, and of the answer's data, in one line.
pub(crate) const DATA_BYTES_MAX: usize = 16 << 10;
/// The bound of each list of policies, and of the metadata.
pub(crate) const LIST_BYTES_MAX: usize = 3 << 10;
/// The bound of any other text, escapes counted. A line has at most twelve of them.
const TEXT_BYTES_MAX: usize = 1 << 10;
/// The bound of a path; a request path is at most 4,096 bytes long when it is parsed.
pub(crate) const PATH_BYTES_MAX: usize = 4 << 10;

/// The bound of all member names and of the words that replace what was cut.
const NAMES_BYTES_MAX: usize = 1 << 10;

// INVARIANT: no line is longer than an entry in the tile of a transparency log may be.
const _: () = {
    let texts = 12 * TEXT_BYTES_MAX + 2 * PATH_BYTES_MAX + 3 * LIST_BYTES_MAX + 2 * DATA_BYTES_MAX;
    assert!(texts + NAMES_BYTES_MAX + ADDED_BYTES <= AUDIT_LINE_BYTES_MAX);
};
