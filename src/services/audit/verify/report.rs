//! The report of a verification: what the files prove, and the first line that is wrong.

use std::{fmt, path::PathBuf};

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// The logs in the order in which they began. Each later one says why it began.
    pub logs: Vec<LogReport>,
    /// The number of lines read in all files.
    pub lines: u64,
    /// The number of checkpoints that verified.
    pub checkpoints: u64,
    /// The line of the last log's newest checkpoint that verified. It proves itself and
    /// every line before it. Zero if there is none.
    pub proved_to: u64,
    /// The last line of the last log that belongs to the hash chain.
    pub consistent_to: u64,
    pub first_problem: Option<Problem>,
    /// What keeps the files from proving that they are the whole log, although no line of them is wrong.
    pub doubts: Vec<Doubt>,
}

/// What a verification comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every line is covered by a checkpoint that the given key signed, but for the few since the newest one.
    Proved,
    /// No line is wrong, but something is missing that would prove the whole log.
    NotProved,
    /// A line was edited, removed, moved, doubled or cut off.
    Changed,
}

impl Report {
    pub(crate) fn verdict(&self) -> Verdict {
        match (&self.first_problem, self.doubts.as_slice()) {
            (Some(_), _) => Verdict::Changed,
            (None, []) => Verdict::Proved,
            (None, _) => Verdict::NotProved,
        }
    }

    /// Whether the line of this log with this number is covered by a checkpoint of the given key.
    ///
    /// Lines that were only partly written are covered too, but a checkpoint says nothing about their content.
    pub(crate) fn proves(&self, log: &str, line: u64) -> bool {
        let is_torn = |own: &LogReport| own.torn.iter().any(|(first, last)| (*first..=*last).contains(&line));
        self.logs.iter().any(|own| own.id == log && line <= own.proved_to && !is_torn(own))
    }
}

/// Why files do not prove the whole log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// There is no line at all.
    Empty,
    /// No checkpoint of the log is signed with the given key.
    Unsigned { log: String },
    /// The log has `lines` lines since its newest checkpoint: more than a running server leaves without one.
    Behind { log: String, lines: u64 },
    /// The log was replaced by another, and its last `lines` lines are not signed.
    Tail { log: String, lines: u64 },
    /// The log begins at this line: older files are missing.
    Begins { log: String, line: u64 },
    /// The log `by` replaced this log of `lines` lines, which is not in the files.
    Replaced { log: String, lines: u64, by: String },
    /// A checkpoint over `lines` lines of this log was kept, but the log is not in the files.
    Absent { log: String, lines: u64 },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no line"),
            Self::Unsigned { log } => write!(f, "log {log} has no checkpoint that this key signed"),
            Self::Behind { log, lines } => write!(
                f,
                "log {log} goes on for {lines} lines after its newest checkpoint, longer than a running server leaves them unsigned"
            ),
            Self::Tail { log, lines } => {
                write!(f, "the last {lines} lines of log {log}, which another log replaced, are not signed")
            }
            Self::Begins { log, line } => write!(f, "log {log} begins at line {line}: its older files are not here"),
            Self::Replaced { log, lines, by } => {
                write!(f, "log {log}, of {lines} lines, which log {by} replaced, is not here")
            }
            Self::Absent { log, lines } => {
                write!(f, "log {log}, whose first {lines} lines were proved before, is not here")
            }
        }
    }
}

/// One log. Its lines may stand in several files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogReport {
    pub id: String,
    /// The full name of the log in its checkpoints. Empty if there are none.
    pub origin: String,
    /// The first line in the given files; above 1 if older files were not given.
    pub first_line: u64,
    pub lines: u64,
    pub proved_to: u64,
    pub consistent_to: u64,
    pub checkpoints: u64,
    /// The newest checkpoint that verified, for the caller to keep. `None` if none did.
    pub newest: Option<String>,
    /// Why the log began: `new`, or what happened to the log before it.
    pub reason: String,
    /// The number of lines that were only partly written. A later line of the log accounts for each run of them.
    pub torn_lines: u64,
    /// The first and last number of each such run.
    pub torn: Vec<(u64, u64)>,
    /// Whether the last line lacks its newline or its end.
    pub has_torn_end: bool,
    /// Whether the newest checkpoint is final, and no line after it needed keys.
    pub is_closed: bool,
    /// How many seconds lie between the newest checkpoint that verified and the last line. Zero if a time is missing.
    pub secs_behind: u64,
}

impl LogReport {
    /// The lines after the newest checkpoint that verified.
    pub(crate) fn lines_behind(&self) -> u64 {
        (self.first_line + self.lines).saturating_sub(1).saturating_sub(self.proved_to)
    }
}

/// The first line that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub log: String,
    /// The number of the line in the log (its `seq`).
    pub line: u64,
    pub file: PathBuf,
    /// The number of the line in the file, from 1.
    pub file_line: u64,
    pub what: Defect,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// The line is not what was written.
    Edited,
    /// The line and those after it, up to and including line `until`, are missing.
    Removed { until: u64 },
    /// The line stands elsewhere in the files.
    Moved,
    /// The line stands here a second time, or was inserted.
    Doubled,
    /// A line from here up to and including line `until` was changed, and the hashes after it were computed again.
    Rewritten { until: u64 },
    /// A kept checkpoint covers the lines from here up to and including line `until`, but they are missing.
    Cut { until: u64 },
    /// The server did not write the line, nor line `until`, if one is named.
    Foreign { until: Option<u64> },
    /// The line is a checkpoint that is signed by another key than the given one.
    OtherKey,
    /// A file begins here without a `head` line, and no given file ends just before it.
    Headless,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited => f.write_str("was edited"),
            Self::Removed { until } => write!(f, "was removed, and all lines up to line {until}"),
            Self::Moved => f.write_str("was moved"),
            Self::Doubled => f.write_str("was doubled or inserted"),
            Self::Rewritten { until } => {
                write!(f, "or a later one up to line {until} was edited, and the hashes after it were computed again")
            }
            Self::Cut { until } => {
                write!(f, "was cut off, and all lines up to line {until}, which a kept checkpoint covers")
            }
            Self::Foreign { until: None } => f.write_str("was not written by the server"),
            Self::Foreign { until: Some(until) } => write!(f, "was not written by the server, nor was line {until}"),
            Self::OtherKey => f.write_str("is a checkpoint that another key signed"),
            Self::Headless => {
                f.write_str("has nothing before it: an older file is missing, or the beginning of this one was cut")
            }
        }
    }
}
