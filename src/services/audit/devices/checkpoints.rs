//! The checkpoints of one log: the newest one, when the next is due, and whether a checkpoint is our own.

use super::coverage::Moment;
use crate::{
    base::{time::Time, ttl::Ttl},
    crypto::{ed25519::PublicKey, note::Checkpoint},
};

/// A checkpoint is signed after so many lines …
const LINES_MAX: u64 = 1_000;
/// … or after this time, if there is anything new.
const AGE_MAX: Ttl = Ttl::from_secs(10);

/// Where all requests stand, for the line before a checkpoint.
pub(crate) struct Progress<'a> {
    pub moment: Moment,
    /// The ids of requests that have no outcome yet.
    pub open: &'a [&'a str],
}

#[derive(Default)]
pub(crate) struct Checkpoints {
    newest: Option<Checkpoint>,
    signed_at: Time,
    /// How many lines the log had after its newest checkpoint.
    lines: u64,
    /// Whether the sidecar agrees with the file, as far as the scan at open could tell.
    pub(crate) sidecar_agrees: Option<bool>,
}

/// Why a log must not be continued after its checkpoints were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    OtherKey,
    Behind,
    Differs,
}

impl Distrust {
    /// The `reason` of the next log's head.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::OtherKey => "not signed by this key under this name",
            Self::Behind => "behind its own checkpoint",
            Self::Differs => "differs from its own checkpoint",
        }
    }
}

impl Checkpoints {
    /// The newest checkpoint that an opened file holds, not verified yet.
    pub(crate) fn found(newest: Option<Checkpoint>) -> Self {
        let lines = newest.as_ref().map_or(0, |checkpoint| checkpoint.size + 1);
        Self { newest, lines, ..Self::default() }
    }

    /// The newest checkpoint as text, for the head of the next file.
    pub(crate) fn newest_text(&self) -> Option<String> {
        self.newest.as_ref().map(Checkpoint::text)
    }

    /// Whether a log of `lines` lines needs a checkpoint now.
    pub(crate) fn is_due(&self, lines: u64, now: Time) -> bool {
        let new = lines.saturating_sub(self.lines);
        new >= LINES_MAX || (new > 0 && now >= self.signed_at.plus(AGE_MAX))
    }

    /// A checkpoint was signed; the log has `lines` lines now.
    pub(crate) fn signed(&mut self, checkpoint: Checkpoint, lines: u64, now: Time) {
        (self.newest, self.lines, self.signed_at) = (Some(checkpoint), lines, now);
    }

    /// A new log begins, which has no checkpoint.
    pub(crate) fn begin_log(&mut self) {
        (self.newest, self.lines, self.sidecar_agrees) = (None, 0, None);
    }

    /// Compares the file with the checkpoints of `origin`, now that the key is known.
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
        } else if sidecar.is_some_and(|checkpoint| checkpoint.size > lines) {
            Some(Distrust::Behind)
        } else if sidecar.is_some() && self.sidecar_agrees == Some(false) {
            Some(Distrust::Differs)
        } else {
            None
        }
    }
}
