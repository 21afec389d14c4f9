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
    /// Whether the last line lacks its newline or its end.
    pub has_torn_end: bool,
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
            Self::OtherKey => f.write_str("is a checkpoint that another key signed"),
            Self::Headless => {
                f.write_str("has nothing before it: an older file is missing, or the beginning of this one was cut")
            }
        }
    }
}
