//! What a proof found out, and what it says about a line that is wrong.

use std::{fmt, path::PathBuf};

/// What the files show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The logs in the order of their beginnings. More than one: each later one says why it began.
    pub logs: Vec<LogReport>,
    /// Lines read in all.
    pub lines: u64,
    /// Signed heads that were found right.
    pub checkpoints: u64,
    /// Of the last log: the line of its newest right head, which proves itself and every line before; zero for none.
    pub proved_to: u64,
    /// Of the last log: the last line that belongs to the chain.
    pub consistent_to: u64,
    pub first_problem: Option<Problem>,
}

/// One log. Its lines may be spread over several files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogReport {
    pub id: String,
    /// `<cluster>/<log id>/<device>` as its heads are signed; empty where none is.
    pub origin: String,
    /// The first line at hand; above 1 where older files were not given.
    pub first_line: u64,
    pub lines: u64,
    pub proved_to: u64,
    pub consistent_to: u64,
    pub checkpoints: u64,
    /// The newest right head, to be kept.
    pub newest: Option<String>,
    /// Why the log began: `new`, or what befell the one before.
    pub reason: String,
    /// Lines that were not written whole, each run of them followed by a line that says so.
    pub torn_lines: u64,
    /// Whether the last line ends before its newline.
    pub has_torn_end: bool,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub log: String,
    /// The line of the log (its `seq`).
    pub line: u64,
    pub file: PathBuf,
    /// The line of the file, from 1.
    pub file_line: u64,
    pub what: Fault,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not what was written.
    Edited,
    /// It, and all up to and with this one, are not here.
    Removed { until: u64 },
    /// It stands elsewhere.
    Moved,
    /// It stands here a second time, or was put in.
    Doubled,
    /// Some line from here up to and with this one was changed, and the hashes after it were made anew.
    Rewritten { until: u64 },
    /// A kept head covers lines up to and with this one; they are not here.
    Cut { until: u64 },
    /// A head is signed by another key than the one given.
    OtherKey,
    /// A file begins here without a `head`, and no file given ends before it.
    Headless,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited => f.write_str("was edited"),
            Self::Removed { until } => write!(f, "was removed, and all up to line {until}"),
            Self::Moved => f.write_str("was moved"),
            Self::Doubled => f.write_str("was doubled or put in"),
            Self::Rewritten { until } => {
                write!(f, "or a later one up to line {until} was edited, and the hashes after it were made anew")
            }
            Self::Cut { until } => write!(f, "was cut off, and all up to line {until}, which a kept checkpoint covers"),
            Self::OtherKey => f.write_str("is a checkpoint that another key signed"),
            Self::Headless => f.write_str("has nothing before it: an older file is missing, or its beginning was cut"),
        }
    }
}
