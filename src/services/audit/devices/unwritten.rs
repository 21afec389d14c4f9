//! Drafts that a device could not write yet, in order, and the gaps: runs of drafts that were too many to keep.

use super::batch::{LineBatch, LineKind};
use crate::{
    base::time::Time,
    crypto::kdf::sha256,
    services::audit::{
        control,
        draft_line::DraftParts,
        queued::{QueuedLine, QueuedLines},
        request_id::RequestId,
    },
};

#[derive(Default)]
pub(crate) struct Unwritten {
    kept: QueuedLines,
    /// Drafts that can be written only once there are keys.
    waiting: QueuedLines,
    /// Runs of drafts that were not kept. There are several only if a `gap` line was tried and may not be in the file.
    gaps: Vec<Gap>,
}

/// A gap: a run of drafts that were not kept.
struct Gap {
    first: RequestId,
    last: RequestId,
    count: u64,
    digest: [u8; 32],
    /// Whether a line reporting this gap was already made. Then the gap no longer
    /// grows, because that line may be in the file.
    is_tried: bool,
}

/// At most this many bytes of drafts, some ten thousand lines, are kept for a device that cannot write. Further drafts
/// are only counted, and a `gap` line reports them.
const KEPT_BYTES_MAX: usize = 8 << 20;

impl Unwritten {
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.waiting.is_empty() && self.gaps.is_empty()
    }

    /// Keeps a draft. If too many wait already, it is only counted in a gap.
    pub(crate) fn add(&mut self, line: QueuedLine<'_>) {
        if self.has_room(line) {
            self.keep(line);
        } else {
            self.count(line.draft);
        }
    }

    /// Keeps a draft until there are keys, and counts it in a gap if too many wait already.
    pub(crate) fn add_waiting(&mut self, line: QueuedLine<'_>) {
        if self.has_room(line) {
            self.waiting.push(line);
        } else {
            self.count(line.draft);
        }
    }

    fn has_room(&self, line: QueuedLine<'_>) -> bool {
        let kept_bytes = self.kept.size_bytes() + self.waiting.size_bytes();
        self.gaps.is_empty() && kept_bytes + line.draft.len() <= KEPT_BYTES_MAX
    }

    /// The keys are gone: only drafts that `may_write` allows can be written now.
    pub(crate) fn wait_for_keys(&mut self, may_write: impl Fn(&[u8]) -> bool) {
        for line in std::mem::take(&mut self.kept).iter() {
            if may_write(line.draft) { self.kept.push(line) } else { self.waiting.push(line) }
        }
    }

    /// There are keys: every draft can be written, the oldest first.
    pub(crate) fn wait_no_longer(&mut self) {
        let kept = std::mem::replace(&mut self.kept, std::mem::take(&mut self.waiting));
        kept.iter().for_each(|line| self.kept.push(line));
    }

    /// The drafts that are kept for the next flush.
    pub(crate) fn drafts(&self) -> impl Iterator<Item = DraftParts<'_>> {
        self.kept.iter().filter_map(|line| DraftParts::read(line.draft))
    }

    /// Keeps a draft, even if that exceeds [`KEPT_BYTES_MAX`].
    pub(crate) fn keep(&mut self, line: QueuedLine<'_>) {
        self.kept.push(line);
    }

    /// Adds the lines of all kept drafts and of all gaps to `batch`.
    pub(crate) fn add_to(&mut self, batch: &mut LineBatch, now: Time) {
        for line in self.kept.iter() {
            batch.add_draft(line);
        }
        for gap in &mut self.gaps {
            batch.add_control(&gap.members(now), LineKind::Gap);
        }
    }

    /// Forgets the first `count` drafts, because their lines are in the file now.
    pub(crate) fn drafts_written(&mut self, count: usize) {
        self.kept.remove_first(count);
    }

    /// Forgets the first gap, because its line is in the file now.
    pub(crate) fn gap_written(&mut self) {
        if !self.gaps.is_empty() {
            self.gaps.remove(0);
        }
    }

    fn count(&mut self, draft: &[u8]) {
        let Some(parts) = DraftParts::read(draft) else { return };
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
    fn members(&mut self, time: Time) -> String {
        self.is_tried = true;
        let (first, last) = (self.first.as_str(), self.last.as_str());
        control::gap(time, &control::Gap { first, last, count: self.count, digest: self.digest })
    }
}
