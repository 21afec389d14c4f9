//! Proof without a server: takes the files of one or more logs in any order and a public key that was kept elsewhere,
//! and says how far the lines are proved by signed heads, how far they hang together, and which line is the first that
//! was edited, removed, moved, doubled or cut off.

mod checker;
mod diagnosis;
mod segments;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use self::checker::Checker;
use crate::{
    crypto::{ed25519::PublicKey, note::Checkpoint},
    store::files::Files,
};

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

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("cannot read `{path}`: {cause}")]
    Read { path: String, cause: std::io::Error },
    #[error("the kept checkpoint is not one, or the key given did not sign it")]
    Kept,
}

/// Judges `files` by `key`, and by a signed head that was kept elsewhere, where there is one.
pub fn verify(files: &[PathBuf], key: &PublicKey, kept: Option<&str>) -> Result<Report, VerifyError> {
    verify_with(&Files::real(), files, key, kept)
}

pub(super) fn verify_with(
    files: &Files,
    paths: &[PathBuf],
    key: &PublicKey,
    kept: Option<&str>,
) -> Result<Report, VerifyError> {
    let kept = kept.map(|text| Checkpoint::parse(text).map_err(|_| VerifyError::Kept)).transpose()?;
    if kept.as_ref().is_some_and(|head| head.verify(key).is_err()) {
        return Err(VerifyError::Kept);
    }
    let logs = segments::logs(files, paths)?;
    let mut report = Report::default();
    let mut ends: Vec<(String, u64)> = Vec::new();
    let mut has_kept = false;
    for log in &logs {
        let own_kept = kept.as_ref().filter(|head| super::recover::log_of(&head.origin) == log.id);
        has_kept |= own_kept.is_some();
        let mut checker = Checker::new(log, key, own_kept);
        for segment in &log.segments {
            segments::read(files, segment, &mut |line| checker.line(segment, line))?;
        }
        let next = logs.iter().find(|next| next.old.as_ref().is_some_and(|(id, _)| *id == log.id));
        let (found, problem) = checker.finish(next);
        report.lines += log.segments.iter().map(|segment| segment.lines).sum::<u64>();
        report.checkpoints += found.checkpoints;
        (report.proved_to, report.consistent_to) = (found.proved_to, found.consistent_to);
        report.first_problem = report.first_problem.or(problem);
        ends.push((log.id.clone(), found.lines));
        report.logs.push(found);
    }
    if let Some(head) = kept.filter(|_| !has_kept) {
        let problem = Problem {
            log: super::recover::log_of(&head.origin),
            line: 1,
            file: paths.first().cloned().unwrap_or_default(),
            file_line: 1,
            what: Fault::Cut { until: head.size },
        };
        report.first_problem = report.first_problem.or(Some(problem));
    }
    Ok(report)
}

fn read_error(path: &Path) -> impl FnOnce(std::io::Error) -> VerifyError {
    let path = path.display().to_string();
    move |cause| VerifyError::Read { path, cause }
}
