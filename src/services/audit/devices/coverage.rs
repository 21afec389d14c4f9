//! How far the changes of the store are known to have their lines in this device: the store then needs to keep their
//! notes no longer, and a start needs to read no further back.

/// What the writer knows of all requests when it signs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The highest sequence of the store in any line.
    pub sequence: u64,
    /// The epoch in which the oldest open request was recorded; `None` if none is open.
    pub oldest_open: Option<u64>,
    /// The current epoch. It advances with each checkpoint.
    pub epoch: u64,
}

#[derive(Default)]
pub(crate) struct Coverage {
    /// All changes up to this sequence have their lines.
    sequence: u64,
    /// The lines of later changes all come after this line.
    line: u64,
    /// As `sequence`, once those lines are synced.
    synced: u64,
    /// Becomes the above once every request that was open at that moment has its outcome.
    next: Option<Candidate>,
}

#[derive(Clone, Copy)]
struct Candidate {
    sequence: u64,
    line: u64,
    epoch: u64,
}

impl Coverage {
    /// What the `frontier` line of an opened file says.
    pub(crate) fn resumed(sequence: u64, line: u64) -> Self {
        Self { sequence, line, ..Self::default() }
    }

    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) const fn line(&self) -> u64 {
        self.line
    }

    pub(crate) const fn synced(&self) -> u64 {
        self.synced
    }

    /// Moves forward as far as `moment` allows. `lines` is how many lines the log has.
    pub(crate) fn advance(&mut self, moment: Moment, lines: u64) {
        let now = Candidate { sequence: moment.sequence, line: lines, epoch: moment.epoch };
        let candidate = *self.next.get_or_insert(now);
        let Some(oldest) = moment.oldest_open else {
            // No request is open, so every line so far is complete.
            (self.sequence, self.line, self.next) = (self.sequence.max(now.sequence), now.line, None);
            return;
        };
        if oldest > candidate.epoch {
            (self.sequence, self.line) = (self.sequence.max(candidate.sequence), candidate.line);
            self.next = Some(now);
        }
    }

    /// Everything up to `sequence` is synced now.
    pub(crate) fn set_synced(&mut self) {
        self.synced = self.sequence;
    }

    /// A new log begins in the file; what the store's changes have is unchanged.
    pub(crate) fn begin_log(&mut self) {
        (self.line, self.next) = (0, None);
    }
}
