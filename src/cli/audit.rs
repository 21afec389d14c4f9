//! The offline audit tools: verification by `services::audit::verify` and search by `services::audit::search`. The
//! signed checkpoints that a verification found are kept on this machine for the next one.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    checkpoints,
    config_dir::ConfigDir,
    error::{CliError, Exit},
    terminal::ProgressLine,
};
use crate::{
    crypto::ed25519::PublicKey,
    services::audit::{
        search::{self, Filter, Found, Row},
        verify::{self, Defect, Doubt, Problem, Progress, Report, Verdict},
    },
    store::files::Files,
};

/// How often a log that is followed is checked for new lines.
const FOLLOW_MILLIS: u64 = 250;

/// What to do at the end of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AtEnd {
    Stop,
    /// Wait for more lines, until the process is ended.
    Follow,
}

/// Verifies files with a key, and against the checkpoints that earlier verifications kept on this machine and those that
/// the caller has `given`. The checkpoints of the logs in `without` are not asked for.
pub(crate) fn verify(config_dir: &ConfigDir, asked: &Asked<'_>) -> Result<Report, CliError> {
    let Asked { files, key, given, without } = asked;
    let public = PublicKey::from_base64(key).map_err(|_| {
        CliError::usage("the public key is not an Ed25519 key in base64").fix("give it as `operator init` printed it")
    })?;
    let known = checkpoints::all(config_dir, key)?;
    let asked = known.iter().filter(|(log, _)| !without.contains(log)).map(|(_, checkpoint)| checkpoint);
    let kept: Vec<&str> = asked.chain(*given).map(String::as_str).collect();
    let mut line = ProgressLine::new("verifying the audit log");
    let watch = &mut |Progress { done_bytes, all_bytes }| line.tell(done_bytes, all_bytes);
    let verified = verify::verify_watched(&Files::real(), files, &public, &kept, watch);
    let mut report = verified.map_err(|error| CliError::usage(error.to_string()).fix(READABLE))?;
    drop(line);
    let elsewhere = other_devices(&report, &known, given);
    report.doubts.retain(|doubt| match doubt {
        Doubt::Replaced { log, .. } | Doubt::Tail { log, .. } => !without.contains(log),
        Doubt::Absent { log, .. } => !elsewhere.contains(log),
        _ => true,
    });
    // A log whose beginning nobody has seen must not count as seen the next time.
    let begins = |id: &str| report.doubts.iter().any(|doubt| matches!(doubt, Doubt::Begins { log, .. } if log == id));
    if report.first_problem.is_none() {
        for log in report.logs.iter().filter(|log| !begins(&log.id)) {
            if let Some(newest) = &log.newest {
                checkpoints::keep(config_dir, key, &log.id, newest)?;
            }
        }
    }
    Ok(report)
}

/// The logs of other devices of the server than those that were verified. A checkpoint of such a log that this machine
/// remembers does not ask for it; one that was given does. An origin ends in the name of its device.
fn other_devices(report: &Report, known: &[(String, String)], given: &[String]) -> Vec<String> {
    fn device(origin: &str) -> Option<&str> {
        origin.lines().next().and_then(|origin| origin.rsplit('/').next())
    }
    let here: Vec<&str> =
        report.logs.iter().filter(|log| !log.origin.is_empty()).filter_map(|log| device(&log.origin)).collect();
    if here.is_empty() {
        return Vec::new();
    }
    let is_elsewhere = |checkpoint: &String| {
        !given.contains(checkpoint) && device(checkpoint).is_some_and(|device| !here.contains(&device))
    };
    known.iter().filter(|(_, checkpoint)| is_elsewhere(checkpoint)).map(|(log, _)| log.clone()).collect()
}

/// What a verification is asked to do.
pub(crate) struct Asked<'a> {
    pub files: &'a [PathBuf],
    pub key: &'a str,
    /// Checkpoints that were kept elsewhere.
    pub given: &'a [String],
    /// The ids of logs that need not be among the files.
    pub without: &'a [String],
}

const READABLE: &str = "name files of the log that you may read, and checkpoints of this key";

/// The error for a report that does not prove the log. `None` if it does.
pub(crate) fn verdict_error(report: &Report) -> Option<CliError> {
    match report.verdict() {
        Verdict::Proved => None,
        Verdict::Changed => report.first_problem.as_ref().map(problem_error),
        Verdict::NotProved => Some(doubt_error(&report.doubts)),
    }
}

fn doubt_error(doubts: &[Doubt]) -> CliError {
    let failure = CliError::new(Exit::NotProved, "the log is not proved: no line is wrong, but something is missing");
    let failure = doubts.iter().fold(failure, |failure, doubt| failure.why(doubt.to_string()));
    match doubts.first() {
        Some(Doubt::Empty | Doubt::Unsigned { .. }) => failure.fix(
            "ask whoever runs the server: a log without a checkpoint is one that was never unsealed, or not the server's",
        ),
        Some(Doubt::Behind { .. }) => failure.fix(
            "copy the file and look at the lines after the newest checkpoint; then start and unseal the server, and verify again: it signs its own lines, and names those that somebody else wrote",
        ),
        Some(Doubt::Tail { log, .. }) => failure.fix(format!(
            "believe these lines only if something else confirms them; once that is cleared up: --without={log}"
        )),
        Some(Doubt::Begins { .. }) => {
            failure.fix("add the older files with --file, or a checkpoint that was kept with --checkpoint FILE")
        }
        Some(Doubt::Replaced { .. } | Doubt::Absent { .. }) => {
            let gone = doubts.iter().filter_map(|doubt| match doubt {
                Doubt::Replaced { log, .. } | Doubt::Absent { log, .. } => Some(format!("--without={log}")),
                _ => None,
            });
            let gone = gone.collect::<Vec<_>>().join(" ");
            failure.fix(format!("add the missing files with --file; if they are gone on purpose: {gone}"))
        }
        None => failure,
    }
}

/// The error for a log that does not verify.
pub(crate) fn problem_error(problem: &Problem) -> CliError {
    let failure =
        CliError::new(Exit::Integrity, format!("the log was changed: line {} {}", problem.line, problem.what));
    let failure = if problem.file.as_os_str().is_empty() {
        failure.why(format!("log {}, as the log says that replaced it; the line is not in the files", problem.log))
    } else {
        failure.why(format!("{} line {}, of log {}", problem.file.display(), problem.file_line, problem.log))
    };
    failure
        .why("whoever can write the file can change it, but cannot hide the change without the log's private key")
        .fix(match problem.what {
            Defect::Foreign { .. } => {
                "believe nothing in this line: somebody else wrote it. How to go on: docs/guides/auditing.md, \"After a change was found\""
            }
            Defect::Removed { .. } => {
                "look for the file that holds these lines, a rotated or a compressed one, and add it with --file; if there is none, they were removed"
            }
            _ => "keep the file as it is, and compare it with a copy: this is the first line that differs",
        })
}

/// The requests that meet `filter`, and the counts of the search.
pub(crate) fn search(files: &[PathBuf], filter: &Filter) -> Result<(Vec<Row>, Found), CliError> {
    let mut rows = Vec::new();
    let found =
        search::search(files, filter, &mut |row| rows.push(row.clone())).map_err(|error| unreadable(files, &error))?;
    Ok((rows, found))
}

/// Calls `each` with the last `count` requests of a file. If `at_end` says so, also with those that follow.
pub(crate) fn tail(path: &Path, count: usize, at_end: AtEnd, each: &mut dyn FnMut(&Row)) -> Result<(), CliError> {
    let mut wait = || match at_end {
        AtEnd::Stop => false,
        AtEnd::Follow => {
            std::thread::sleep(Duration::from_millis(FOLLOW_MILLIS));
            true
        }
    };
    search::tail(path, count, &mut wait, each).map_err(|error| unreadable(&[path.to_owned()], &error))
}

pub(crate) fn unreadable(files: &[PathBuf], error: &std::io::Error) -> CliError {
    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let failure = CliError::usage(format!("{} cannot be read: {error}", names.join(", ")));
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            failure.fix("--data takes the folder that `server --data` was given; --file takes the log itself")
        }
        std::io::ErrorKind::PermissionDenied => failure.fix("read it as the user that the server runs as"),
        _ => failure,
    }
}
