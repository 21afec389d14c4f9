//! Audit log lines that are made for one write. A line is `{"seq":N,"prev":"…",`, its members, `,"mac":"…"` and `}`.
//! A line that is written without keys has no MAC, and so has a checkpoint, which is signed.

use crate::{
    crypto::merkle::{Hash, LeafHasher},
    services::audit::{
        chain::Chain,
        draft_line::{DraftParts, SEALED_TEXT},
        format::{MAC_MEMBER, decimal, hex},
        keys::DeviceKeys,
        queued::QueuedLine,
    },
};

/// The kind of a line, as far as its device needs to know it once the line is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    Draft,
    Torn,
    Head,
    Key,
    Gap,
    Checkpoint,
    /// Any other control line.
    Control,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLine {
    /// The offset in the batch at which the line ends, newline included.
    pub end: usize,
    pub leaf: Hash,
    pub kind: LineKind,
}

/// A batch: the audit log lines for one write. Its buffer is reused.
#[derive(Default)]
pub(crate) struct LineBatch {
    /// The keys of the device. `None` while sealed.
    keys: Option<DeviceKeys>,
    bytes: Vec<u8>,
    lines: Vec<BatchLine>,
    /// Whether the first byte is a newline that ends a torn line.
    ends_torn_line: bool,
    seq: u64,
    prev: Hash,
}

/// The buffer is shrunk to at most this many bytes once a batch was larger.
const BYTES_KEPT: usize = 1 << 20;

impl LineBatch {
    /// From now on the values in lines are hashed, and lines have MACs. Without keys, neither.
    pub(crate) fn set_keys(&mut self, keys: Option<DeviceKeys>) {
        self.keys = keys;
    }

    pub(crate) const fn keys(&self) -> Option<&DeviceKeys> {
        self.keys.as_ref()
    }

    /// Empties the batch. Its first line will follow the last line of `chain`.
    pub(crate) fn begin(&mut self, chain: &Chain) {
        self.bytes.clear();
        self.bytes.shrink_to(BYTES_KEPT);
        self.lines.clear();
        self.ends_torn_line = false;
        self.seq = chain.lines();
        self.prev = *chain.prev();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn lines(&self) -> &[BatchLine] {
        &self.lines
    }

    /// How many of the first `written` bytes are the newline that ends a torn line: 0 or 1.
    pub(crate) fn newline_bytes(&self, written: usize) -> usize {
        usize::from(self.ends_torn_line).min(written)
    }

    /// Adds the newline that ends a torn line, which is the last line in the file.
    pub(crate) fn end_torn_line(&mut self) {
        self.bytes.push(b'\n');
        self.ends_torn_line = true;
    }

    /// Adds the line of a draft. A draft that cannot be read becomes a line of the
    /// type `unreadable`, so no line is left out.
    pub(crate) fn add_draft(&mut self, line: QueuedLine<'_>) {
        let from = self.open();
        match DraftParts::read(line.draft) {
            Some(parts) => self.add_text(&parts),
            None => self.bytes.extend_from_slice(b"\"type\":\"unreadable\""),
        }
        if let Some(txn) = line.txn {
            self.bytes.extend_from_slice(b",\"txn\":");
            self.bytes.extend_from_slice(decimal(txn, &mut [0; 20]).as_bytes());
        }
        self.close(from, LineKind::Draft);
    }

    /// Adds a control line with these members.
    pub(crate) fn add_control(&mut self, members: &str, kind: LineKind) {
        let from = self.open();
        self.bytes.extend_from_slice(members.as_bytes());
        self.close(from, kind);
    }

    fn add_text(&mut self, parts: &DraftParts<'_>) {
        let (mut digests, mut from) = (parts.digests.iter(), 0);
        for at in memchr::memchr_iter(0, parts.text) {
            self.bytes.extend_from_slice(parts.text.get(from..at).unwrap_or_default());
            from = at + 1;
            match (digests.next(), &mut self.keys) {
                (Some(digest), Some(keys)) => {
                    self.bytes.extend_from_slice(b"\"hmac-sha256:");
                    self.bytes.extend_from_slice(keys.hex(digest));
                    self.bytes.push(b'"');
                }
                _ => self.bytes.extend_from_slice(SEALED_TEXT.as_bytes()),
            }
        }
        self.bytes.extend_from_slice(parts.text.get(from..).unwrap_or_default());
    }

    fn open(&mut self) -> usize {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(b"{\"seq\":");
        self.bytes.extend_from_slice(decimal(self.seq + 1, &mut [0; 20]).as_bytes());
        self.bytes.extend_from_slice(b",\"prev\":\"");
        self.bytes.extend_from_slice(&hex(&self.prev));
        self.bytes.extend_from_slice(b"\",");
        from
    }

    fn close(&mut self, from: usize, kind: LineKind) {
        let mut leaf = LeafHasher::new();
        leaf.update(self.bytes.get(from..).unwrap_or(&[]));
        let end = self.bytes.len();
        if let Some(keys) = self.keys.as_ref().filter(|_| kind != LineKind::Checkpoint) {
            let mac = keys.line_mac(&leaf.clone().hash());
            self.bytes.extend_from_slice(MAC_MEMBER.as_bytes());
            self.bytes.extend_from_slice(&mac);
            self.bytes.push(b'"');
        }
        self.bytes.push(b'}');
        leaf.update(self.bytes.get(end..).unwrap_or(&[]));
        let leaf = leaf.hash();
        self.bytes.push(b'\n');
        self.lines.push(BatchLine { end: self.bytes.len(), leaf, kind });
        self.seq += 1;
        self.prev = leaf;
    }
}
