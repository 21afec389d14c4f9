//! Notes that a device could not write yet, in order, and the count of those that were too many to keep.

use super::{id::Id, note::Parts, own};
use crate::{base::time::Time, crypto::kdf::sha256};

/// A note in a buffer of notes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub from: usize,
    pub to: usize,
    /// The journal's sequence, where the note belongs to a commit.
    pub txn: Option<u64>,
}

impl Item {
    pub fn of<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        bytes.get(self.from..self.to).unwrap_or(&[])
    }
}

/// The notes that wait.
#[derive(Default)]
pub(super) struct Missed {
    pub bytes: Vec<u8>,
    pub items: Vec<Item>,
    /// Runs of notes that were not kept. More than one where a `gap` line was tried and may not be in the file.
    pub gaps: Vec<Gap>,
}

/// Notes that were not kept.
pub(super) struct Gap {
    first: Id,
    last: Id,
    count: u64,
    digest: [u8; 32],
    /// Its line was made, and says this much and no more.
    is_tried: bool,
}

/// What is kept for a device that is away: some ten thousand lines.
const MISSED_BYTES_MAX: usize = 8 << 20;

impl Missed {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.gaps.is_empty()
    }

    /// Keeps a note, or counts it where too many wait already.
    pub fn add(&mut self, note: &[u8], txn: Option<u64>) {
        if !self.gaps.is_empty() || self.bytes.len() + note.len() > MISSED_BYTES_MAX {
            self.count(note);
        } else {
            self.keep(note, txn);
        }
    }

    /// Keeps a note however many wait.
    pub fn keep(&mut self, note: &[u8], txn: Option<u64>) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(note);
        self.items.push(Item { from, to: self.bytes.len(), txn });
    }

    /// Forgets the first gap, whose line is written now.
    pub fn settle_gap(&mut self) {
        if !self.gaps.is_empty() {
            self.gaps.remove(0);
        }
    }

    /// Forgets the first `count` notes, which are written now.
    pub fn settle(&mut self, count: usize) {
        self.items.drain(..count.min(self.items.len()));
        let from = self.items.first().map_or(self.bytes.len(), |item| item.from);
        self.bytes.drain(..from);
        for item in &mut self.items {
            item.from -= from;
            item.to -= from;
        }
    }

    fn count(&mut self, note: &[u8]) {
        let Some(parts) = Parts::read(note) else { return };
        let kind = if parts.is_response() { "response" } else { "request" };
        if self.gaps.last().is_none_or(|gap| gap.is_tried) {
            self.gaps.push(Gap { first: parts.id, last: parts.id, count: 0, digest: [0; 32], is_tried: false });
        }
        let Some(gap) = self.gaps.last_mut() else { return };
        gap.last = parts.id;
        gap.count += 1;
        gap.digest = sha256(&[&gap.digest, parts.id.as_str().as_bytes(), b" ", kind.as_bytes(), b"\n"]);
    }
}

impl Gap {
    /// Its line. From now on others are counted apart.
    pub fn members(&mut self, time: Time) -> String {
        self.is_tried = true;
        let (first, last) = (self.first.as_str(), self.last.as_str());
        own::gap(time, &own::Gap { first, last, count: self.count, digest: self.digest })
    }
}
