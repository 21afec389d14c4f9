//! A note: the line of a request or of its outcome as far as it is the same for every device. It lacks what a device
//! adds (`seq`, `prev`, `txn`), and in place of each hashed value it has a mark, the value's HMAC under the log's key,
//! which a device hashes again under its own. So a note, which the store keeps sealed, holds no value.

use std::cell::RefCell;

use super::{
    entry::{AuthFacts, Entry, PlainEntry},
    fields,
    id::Id,
};
use crate::{
    base::{json::quote, limits::AUDIT_LINE_BYTES_MAX, time::Time},
    crypto::kdf::MacKey,
};

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

    /// The outcome of a request of which nobody wrote one.
    pub(super) fn closing(id: &Id, time: Time, closed: &str) -> Self {
        with_draft(None, id.as_str(), |draft| {
            draft.begin(time, "response");
            draft.raw(",\"request\":{\"id\":");
            draft.text(id.as_str());
            draft.raw("},\"closed\":");
            draft.text(closed);
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
const KEYLESS: u8 = 4;
const MARK_BYTES: usize = 32;

/// What a device writes for a mark: `"hmac-sha256:` … `"`.
pub(super) const MARK_LINE_BYTES: usize = 78;
/// What a device adds to a note: `{"seq":…,"prev":"…",` and `,"txn":…}` with the longest numbers.
const ADDED_BYTES: usize = 8 + 20 + 9 + 64 + 2 + 7 + 20 + 1;
/// What `data`, and what an answer's data, may take of a line.
const DATA_BYTES_MAX: usize = 16 << 10;
/// What the lists of policies, and the metadata, may take each.
const LIST_BYTES_MAX: usize = 3 << 10;
/// What any other text may take, escapes counted; a line has at most twelve of them.
const TEXT_BYTES_MAX: usize = 1 << 10;
/// A path is bounded when it is parsed, to 4,096 bytes.
const PATH_BYTES_MAX: usize = 4 << 10;

/// The names of all members, and what stands in place of what was cut.
const NAMES_BYTES_MAX: usize = 1 << 10;

// INVARIANT: no line is longer than a tile entry of a transparency log may be.
const _: () = {
    let texts = 12 * TEXT_BYTES_MAX + 2 * PATH_BYTES_MAX + 3 * LIST_BYTES_MAX + 2 * DATA_BYTES_MAX;
    assert!(texts + NAMES_BYTES_MAX + ADDED_BYTES <= AUDIT_LINE_BYTES_MAX);
};

/// A note taken apart.
pub(super) struct Parts<'a> {
    pub flags: u8,
    pub id: Id,
    pub marks: &'a [[u8; MARK_BYTES]],
    pub text: &'a str,
}

impl<'a> Parts<'a> {
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&[version, flags, id_len], rest) = bytes.split_first_chunk::<3>()?;
        let (id, rest) = rest.split_at_checked(usize::from(id_len))?;
        let (count, rest) = rest.split_first_chunk::<2>()?;
        let (marks, text) = rest.split_at_checked(usize::from(u16::from_le_bytes(*count)) * MARK_BYTES)?;
        let (marks, _) = marks.as_chunks();
        // Inefficient: the text is checked for UTF-8 again; some 50 ns a line.
        let (id, text) = (std::str::from_utf8(id).ok()?, std::str::from_utf8(text).ok()?);
        (version == VERSION).then(|| Self { flags, id: Id::of(id), marks, text })
    }

    pub const fn is_response(&self) -> bool {
        self.flags & RESPONSE != 0
    }

    pub const fn is_plain(&self) -> bool {
        self.flags & PLAIN != 0
    }
}

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

fn with_draft(key: Option<&MacKey>, id: &str, write: impl FnOnce(&mut Draft<'_>) -> Note) -> Note {
    let mut buffers = BUFFERS.take();
    buffers.text.clear();
    buffers.marks.clear();
    let mut draft = Draft { key, id, buffers };
    let note = write(&mut draft);
    BUFFERS.set(draft.buffers);
    note
}

impl Draft<'_> {
    pub fn raw(&mut self, text: &str) {
        self.buffers.text.push_str(text);
    }

    /// Writes a JSON string; a text that is too long is cut, which an ellipsis shows.
    pub fn text(&mut self, text: &str) {
        self.text_up_to(text, TEXT_BYTES_MAX);
    }

    fn text_up_to(&mut self, text: &str, bytes_max: usize) {
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

    pub fn number(&mut self, number: u64) {
        let mut digits = [0; 20];
        self.buffers.text.push_str(super::line::decimal(number, &mut digits));
    }

    /// Writes a text's hash. Equal texts have equal hashes, so that a known one can be searched for; a short one could be
    /// guessed, and has the request id mixed in.
    pub fn hashed(&mut self, text: &str) {
        if text.len() < LONG_BYTES_MIN {
            return self.hashed_literal(b"s", text);
        }
        self.mark(&[b"S", text.as_bytes()]);
    }

    /// Writes the hash of a value that others could guess: a number, a boolean, a short text.
    pub fn hashed_literal(&mut self, kind: &[u8; 1], literal: &str) {
        let id = self.id;
        self.mark(&[kind, id.as_bytes(), &[0], literal.as_bytes()]);
    }

    fn mark(&mut self, parts: &[&[u8]]) {
        match self.key {
            Some(key) => {
                self.buffers.marks.push(key.mac(parts));
                self.buffers.text.push('\0');
            }
            None => self.buffers.text.push_str("\"sealed\""),
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

    fn begin(&mut self, time: Time, kind: &str) {
        self.raw("\"time\":\"");
        super::line::rfc3339(time, &mut self.buffers.text);
        self.raw("\",\"type\":\"");
        self.raw(kind);
        self.raw("\"");
    }

    fn member(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.raw(name);
            self.text(value);
        }
    }

    /// Writes `data`, or, where it is too long, its hash and size.
    fn data(&mut self, data: &str, plain_fields: &[&str]) {
        self.raw(",\"data\":");
        let here = self.here();
        if !fields::write(self, data, plain_fields, DATA_BYTES_MAX) {
            self.back_to(here);
            self.mark(&[b"D", data.as_bytes()]);
            self.raw(",\"data_bytes\":");
            self.number(data.len() as u64);
            self.raw(",\"truncated\":true");
        }
    }

    /// Writes a list of texts in the clear; what is too long is left out, and the last item says so.
    fn list(&mut self, name: &str, items: &[String]) {
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

    fn finish(&mut self, id: Id, flags: u8) -> Note {
        let flags = flags | if self.key.is_none() { KEYLESS } else { 0 };
        let id = id.as_str().as_bytes();
        let marks = self.buffers.marks.as_flattened();
        let mut bytes = Vec::with_capacity(5 + id.len() + marks.len() + self.buffers.text.len());
        bytes.extend_from_slice(&[VERSION, flags, id.len() as u8]);
        bytes.extend_from_slice(id);
        bytes.extend_from_slice(&(self.buffers.marks.len() as u16).to_le_bytes());
        bytes.extend_from_slice(marks);
        bytes.extend_from_slice(self.buffers.text.as_bytes());
        Note(bytes)
    }
}

/// A text from this length on is hashed without the request id.
const LONG_BYTES_MIN: usize = 8;

/// The mark of a long text, for `sys/audit-hash`.
pub(super) fn mark_of(key: &MacKey, text: &str) -> [u8; MARK_BYTES] {
    key.mac(&[b"S", text.as_bytes()])
}

fn write_entry(draft: &mut Draft<'_>, entry: &Entry<'_>) {
    draft.begin(entry.time, if entry.is_response { "response" } else { "request" });
    if let Some(auth) = &entry.auth {
        write_auth(draft, auth);
    }
    draft.raw(",\"request\":{\"id\":");
    draft.text(entry.request_id);
    draft.member(",\"operation\":", entry.operation);
    draft.member(",\"mount_type\":", entry.mount_type);
    draft.member(",\"mount_accessor\":", entry.mount_accessor);
    if let Some(auth) = &entry.auth {
        hashed_member(draft, ",\"client_token\":", auth.client_token);
        hashed_member(draft, ",\"client_token_accessor\":", auth.accessor);
    }
    draft.raw(",\"path\":");
    draft.text_up_to(entry.path, PATH_BYTES_MAX);
    if let Some(data) = entry.data {
        draft.data(data, entry.plain_fields);
    }
    draft.member(",\"remote_address\":", entry.remote_address);
    draft.raw("}");
    if entry.is_response {
        draft.raw(",\"response\":{\"status\":");
        draft.number(u64::from(entry.status));
        if let Some(data) = entry.response_data {
            draft.data(data, entry.plain_fields);
        }
        draft.raw("}");
    }
    draft.member(",\"error\":", entry.error.unwrap_or(""));
    if let Some(decision) = &entry.decision {
        draft.raw(if decision.allowed {
            ",\"decision\":{\"allowed\":true"
        } else {
            ",\"decision\":{\"allowed\":false"
        });
        draft.member(",\"policy\":", decision.policy);
        if !decision.rule.is_empty() {
            draft.raw(",\"rule\":");
            draft.text_up_to(decision.rule, PATH_BYTES_MAX);
        }
        if decision.line > 0 {
            draft.raw(",\"line\":");
            draft.number(u64::from(decision.line));
        }
        draft.raw("}");
    }
}

fn write_auth(draft: &mut Draft<'_>, auth: &AuthFacts<'_>) {
    draft.raw(",\"auth\":{\"display_name\":");
    draft.text(auth.display_name);
    hashed_member(draft, ",\"client_token\":", auth.client_token);
    hashed_member(draft, ",\"accessor\":", auth.accessor);
    draft.list(",\"policies\":", auth.policies);
    draft.list(",\"token_policies\":", auth.token_policies);
    if !auth.metadata.is_empty() {
        draft.raw(",\"metadata\":{");
        let from = draft.len();
        for (n, (name, value)) in auth.metadata.iter().enumerate() {
            draft.raw(if n == 0 { "" } else { "," });
            let here = draft.here();
            draft.text(name);
            draft.raw(":");
            draft.text(value);
            if draft.len() - from > LIST_BYTES_MAX {
                draft.back_to(here);
                draft.raw("\"…\":\"truncated\"");
                break;
            }
        }
        draft.raw("}");
    }
    draft.member(",\"entity_id\":", auth.entity_id);
    draft.member(",\"token_type\":", auth.token_type);
    if auth.remaining_uses > 0 {
        draft.raw(",\"remaining_uses\":");
        draft.number(auth.remaining_uses);
    }
    draft.raw("}");
}

/// Tokens and accessors are long, or shall not be told apart from nothing.
fn hashed_member(draft: &mut Draft<'_>, name: &str, value: &str) {
    if !value.is_empty() {
        draft.raw(name);
        draft.hashed(value);
    }
}

fn write_plain(draft: &mut Draft<'_>, entry: &PlainEntry<'_>) {
    draft.begin(entry.time, if entry.is_response { "response" } else { "request" });
    draft.raw(",\"request\":{\"id\":");
    draft.text(entry.request_id);
    draft.member(",\"operation\":", entry.operation);
    draft.raw(",\"path\":");
    draft.text_up_to(entry.path, PATH_BYTES_MAX);
    draft.member(",\"remote_address\":", entry.remote_address);
    draft.raw("}");
    if entry.is_response {
        draft.raw(",\"response\":{\"status\":");
        draft.number(u64::from(entry.status));
        draft.raw("}");
    }
    draft.raw(",\"plain\":{\"outcome\":");
    draft.text(entry.outcome.unwrap_or(""));
    if let Some(index) = entry.share_index {
        draft.raw(",\"share\":");
        draft.number(u64::from(index));
    }
    if let Some((given, needed)) = entry.progress {
        draft.raw(",\"progress\":");
        draft.number(u64::from(given));
        draft.raw(",\"threshold\":");
        draft.number(u64::from(needed));
    }
    if let Some(count) = entry.count {
        draft.raw(",\"count\":");
        draft.number(count);
    }
    draft.raw("}");
}
