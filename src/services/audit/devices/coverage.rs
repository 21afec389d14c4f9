//! How far the changes of the store are known to have their lines in this device. The store may release the notes of
//! such changes, and a start need not read further back.

/// The state of all requests at the moment when the writer signs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The highest sequence number of the store in any line.
    pub sequence: u64,
    /// The epoch in which the oldest open request was recorded; `None` if none is open.
    pub oldest_open: Option<u64>,
    /// The current epoch. It advances with each checkpoint.
    pub epoch: u64,
}

#[derive(Default)]
pub(crate) struct Coverage {
    /// All changes up to this sequence number have their lines.
    sequence: u64,
    /// The number of a line: the lines of later changes all come after it.
    line: u64,
    /// All changes up to this sequence number have their lines, and these lines are synced.
    synced: u64,
    /// The next values of `sequence` and `line`. They take effect once every request that is open now has its outcome.
    next: Option<Candidate>,
}

#[derive(Clone, Copy)]
struct Candidate {
    sequence: u64,
    line: u64,
    epoch: u64,
}

impl Coverage {
    /// The state that the `frontier` line of an opened file names.
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

    /// Advances `sequence` and `line` as far as `moment` allows. `lines` is the number of lines that the log has.
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

    /// Notes that the lines of all changes up to `sequence` are synced now.
    pub(crate) fn set_synced(&mut self) {
        self.synced = self.sequence;
    }

    /// Notes that a new log begins in the file. Which changes have their lines is unchanged.
    pub(crate) fn begin_log(&mut self) {
        (self.line, self.next) = (0, None);
    }
}
