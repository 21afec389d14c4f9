//! A note while it is written: text in which each hashed value has left a mark. What a line may hold is bounded here, so
//! that none is too long for a transparency log's tile.

use std::cell::RefCell;

use super::{
    entry::Badge,
    fields::{self, Clear},
    id::Id,
    line::{decimal, rfc3339},
    note::{KEYLESS, MARK_BYTES, Note},
};
use crate::{
    base::{json::quote, limits::AUDIT_LINE_BYTES_MAX, time::Time},
    crypto::kdf::MacKey,
};

/// A note that is being written. Its buffers belong to the thread and are used again.
pub(super) struct Draft<'k> {
    key: Option<&'k MacKey>,
    id: &'k str,
    buffers: Buffers,
}

#[derive(Default)]
struct Buffers {
    text: String,
    marks: Vec<[u8; MARK_BYTES]>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// Lends a draft and gives what is made of it. Without a key, hashes are left out.
pub(super) fn with_draft<T>(key: Option<&MacKey>, id: &str, write: impl FnOnce(&mut Draft<'_>) -> T) -> T {
    let mut buffers = BUFFERS.take();
    buffers.text.clear();
    buffers.marks.clear();
    let mut draft = Draft { key, id, buffers };
    let made = write(&mut draft);
    BUFFERS.set(draft.buffers);
    made
}

impl Draft<'_> {
    pub fn raw(&mut self, text: &str) {
        self.buffers.text.push_str(text);
    }

    /// Writes a JSON string; a text that is too long is cut, which an ellipsis shows.
    pub fn text(&mut self, text: &str) {
        self.text_up_to(text, TEXT_BYTES_MAX);
    }

    pub fn text_up_to(&mut self, text: &str, bytes_max: usize) {
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

    /// Writes a name whole.
    pub fn name(&mut self, name: &str) {
        quote(name, &mut self.buffers.text);
    }

    pub fn number(&mut self, number: u64) {
        let mut digits = [0; 20];
        self.buffers.text.push_str(decimal(number, &mut digits));
    }

    /// Writes a text's hash. Equal texts have equal hashes, so that a known one can be searched for; a short one could be
    /// guessed, and has the request id mixed in.
    pub fn hashed(&mut self, text: &str) {
        if text.len() < LONG_BYTES_MIN {
            return self.hashed_literal(b's', text);
        }
        self.mark(&[b"S", text.as_bytes()]);
    }

    /// Writes the hash of a value that others could guess: a number, a boolean, a short text.
    pub fn hashed_literal(&mut self, kind: u8, literal: &str) {
        let id = self.id;
        self.mark(&[&[kind], id.as_bytes(), &[0], literal.as_bytes()]);
    }

    fn mark(&mut self, parts: &[&[u8]]) {
        match self.key {
            Some(key) => {
                self.buffers.marks.push(key.mac(parts));
                self.buffers.text.push('\0');
            }
            None => self.raw(KEYLESS_TEXT),
        }
    }

    /// Bytes that the line would have so far, beside what the device adds.
    pub fn len(&self) -> usize {
        self.buffers.text.len() + self.buffers.marks.len() * (MARK_LINE_BYTES - 1)
    }

    /// Where to go back to with [`Draft::back_to`].
    pub fn here(&self) -> (usize, usize) {
        (self.buffers.text.len(), self.buffers.marks.len())
    }

    pub fn back_to(&mut self, (text, marks): (usize, usize)) {
        self.buffers.text.truncate(text);
        self.buffers.marks.truncate(marks);
    }

    pub fn begin(&mut self, time: Time, kind: &str) {
        self.raw("\"time\":\"");
        rfc3339(time, &mut self.buffers.text);
        self.raw("\",\"type\":\"");
        self.raw(kind);
        self.raw("\"");
    }

    /// Writes a member that is hashed whatever its length, unless it is empty, and gives its mark.
    pub fn hashed_member(&mut self, name: &str, value: &str) -> Option<Mark> {
        if value.is_empty() {
            return None;
        }
        self.raw(name);
        self.mark(&[b"S", value.as_bytes()]);
        Some(self.buffers.marks.last().copied())
    }

    /// Keeps what was written so far, and these marks, for other drafts.
    pub fn badge(&self, token: Option<Mark>, accessor: Option<Mark>) -> Badge {
        Badge { text: self.buffers.text.as_str().into(), token, accessor }
    }

    pub fn show_badge(&mut self, badge: &Badge) {
        self.buffers.text.push_str(&badge.text);
        self.buffers.marks.extend([badge.token, badge.accessor].into_iter().flatten().flatten());
    }

    /// Writes a member with a mark that was made before.
    pub fn again(&mut self, name: &str, mark: Option<Mark>) {
        let Some(mark) = mark else { return };
        self.raw(name);
        match mark {
            Some(mark) => {
                self.buffers.marks.push(mark);
                self.buffers.text.push('\0');
            }
            None => self.raw(KEYLESS_TEXT),
        }
    }

    pub fn member(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.raw(name);
            self.text(value);
        }
    }

    /// Writes `data`, or, where it is too long, its hash and size.
    pub fn data(&mut self, data: &str, clear: Clear<'_>) {
        self.raw(",\"data\":");
        let here = self.here();
        if !fields::write(self, data, clear, DATA_BYTES_MAX) {
            self.back_to(here);
            self.mark(&[b"D", data.as_bytes()]);
            self.raw(",\"data_bytes\":");
            self.number(data.len() as u64);
            self.raw(",\"truncated\":true");
        }
    }

    /// Writes a list of texts in the clear; what is too long is left out, and the last item says so.
    pub fn list(&mut self, name: &str, items: &[String]) {
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

    pub fn finish(&mut self, id: Id, flags: u8) -> Note {
        let flags = flags | if self.key.is_none() { KEYLESS } else { 0 };
        Note::of_parts(id, flags, &self.buffers.marks, &self.buffers.text)
    }
}

/// `None` where there is no key to make it.
pub(super) type Mark = Option<[u8; MARK_BYTES]>;
/// What stands in place of a hash that could not be made.
pub(super) const KEYLESS_TEXT: &str = "\"sealed\"";

/// A text from this length on is hashed without the request id.
const LONG_BYTES_MIN: usize = 8;

/// The mark of a long text, for `sys/audit-hash`.
pub(super) fn mark_of(key: &MacKey, text: &str) -> [u8; MARK_BYTES] {
    key.mac(&[b"S", text.as_bytes()])
}

/// What a device writes for a mark: `"hmac-sha256:` … `"`.
const MARK_LINE_BYTES: usize = 78;
/// What a device adds to a note: `{"seq":…,"prev":"…",` and `,"txn":…}` with the longest numbers.
const ADDED_BYTES: usize = 8 + 20 + 9 + 64 + 2 + 7 + 20 + 1;
/// What `data`, and what an answer's data, may take of a line.
const DATA_BYTES_MAX: usize = 16 << 10;
/// What the lists of policies, and the metadata, may take each.
pub(super) const LIST_BYTES_MAX: usize = 3 << 10;
/// What any other text may take, escapes counted; a line has at most twelve of them.
const TEXT_BYTES_MAX: usize = 1 << 10;
/// A path is bounded when it is parsed, to 4,096 bytes.
pub(super) const PATH_BYTES_MAX: usize = 4 << 10;

/// The names of all members, and what stands in place of what was cut.
const NAMES_BYTES_MAX: usize = 1 << 10;

// INVARIANT: no line is longer than a tile entry of a transparency log may be.
const _: () = {
    let texts = 12 * TEXT_BYTES_MAX + 2 * PATH_BYTES_MAX + 3 * LIST_BYTES_MAX + 2 * DATA_BYTES_MAX;
    assert!(texts + NAMES_BYTES_MAX + ADDED_BYTES <= AUDIT_LINE_BYTES_MAX);
};
