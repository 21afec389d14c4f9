//! The checkpoints of one log: the newest one, when the next is due, and whether a checkpoint is our own.

use super::coverage::Moment;
use crate::{
    base::{time::Time, ttl::Ttl},
    crypto::{ed25519::PublicKey, note::Checkpoint},
    services::audit::request_id::RequestId,
};

/// A checkpoint is due once the log has this many lines after its newest checkpoint.
const LINES_MAX: u64 = 1_000;
/// A checkpoint is also due this long after the newest one, if the log has any line after it.
const AGE_MAX: Ttl = Ttl::from_secs(10);

/// The state of all requests, for the `frontier` line before a checkpoint.
pub(crate) struct Progress<'a> {
    pub moment: Moment,
    /// The requests that have no outcome yet.
    pub open: &'a [RequestId],
    /// Whether the keys are forgotten after this checkpoint.
    pub is_final: bool,
}

#[derive(Default)]
pub(crate) struct Checkpoints {
    newest: Option<Checkpoint>,
    signed_at: Time,
    /// The number of lines that the log had right after its newest checkpoint was written.
    lines: u64,
    /// Whether the line of the newest checkpoint is in the file.
    pub(crate) is_written: bool,
    /// Whether the sidecar agrees with the file, as far as the scan at the opening could tell. `None` if it could not.
    pub(crate) sidecar_agrees: Option<bool>,
}

/// Why a log must not be continued: the result of comparing its checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    OtherKey,
    Behind,
    Differs,
}

impl Distrust {
    /// The `reason` in the `head` line of the log that replaces this one.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::OtherKey => "not signed by this key under this name",
            Self::Behind => "behind its own checkpoint",
            Self::Differs => "differs from its own checkpoint",
        }
    }
}

impl Checkpoints {
    /// The state of a file that was opened: `newest` is the newest checkpoint in it, not verified yet.
    pub(crate) fn found(newest: Option<Checkpoint>) -> Self {
        let lines = newest.as_ref().map_or(0, |checkpoint| checkpoint.size + 1);
        Self { newest, lines, is_written: true, ..Self::default() }
    }

    /// The newest checkpoint as text, for the `head` line of the next file. `None` if there is none.
    pub(crate) fn newest_text(&self) -> Option<String> {
        self.newest.as_ref().map(Checkpoint::text)
    }

    pub(crate) const fn newest(&self) -> Option<&Checkpoint> {
        self.newest.as_ref()
    }

    /// Whether a log of `lines` lines needs a checkpoint now.
    pub(crate) fn is_due(&self, lines: u64, now: Time) -> bool {
        let new = lines.saturating_sub(self.lines);
        new >= LINES_MAX || (new > 0 && now >= self.signed_at.plus(AGE_MAX))
    }

    /// Notes that a checkpoint was signed. The log now has `lines` lines.
    pub(crate) fn signed(&mut self, checkpoint: Checkpoint, lines: u64, now: Time) {
        (self.newest, self.lines, self.signed_at) = (Some(checkpoint), lines, now);
    }

    /// Notes that a new log begins, which has no checkpoint yet.
    pub(crate) fn begin_log(&mut self) {
        (self.newest, self.lines, self.sidecar_agrees) = (None, 0, None);
    }

    /// Compares the file with the checkpoints of `origin`, once the key is known. Returns why the log must not be
    /// continued, or `None` if it may be.
    pub(crate) fn compare(
        &self,
        origin: &str,
        public: &PublicKey,
        sidecar: Option<&Checkpoint>,
        lines: u64,
    ) -> Option<Distrust> {
        let is_ours = |checkpoint: &&Checkpoint| checkpoint.origin == origin && checkpoint.verify(public).is_ok();
        let sidecar = sidecar.filter(is_ours);
        if self.newest.as_ref().is_some_and(|checkpoint| !is_ours(&checkpoint)) {
            Some(Distrust::OtherKey)
        } else if sidecar.is_some_and(|kept| kept.size > lines || (kept.is_final && kept.size == lines)) {
            // After a final checkpoint, its own line stands in the file.
            Some(Distrust::Behind)
        } else if sidecar.is_some() && self.sidecar_agrees == Some(false) {
            Some(Distrust::Differs)
        } else {
            None
        }
    }
}
