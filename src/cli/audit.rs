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
};
use crate::{
    crypto::ed25519::PublicKey,
    services::audit::{
        search::{self, Filter, Found, Row},
        verify::{self, Problem, Report},
    },
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

/// Verifies files with a key, and against the checkpoints that earlier verifications kept on this machine.
pub(crate) fn verify(config_dir: &ConfigDir, files: &[PathBuf], key: &str) -> Result<Report, CliError> {
    let public = PublicKey::from_base64(key).map_err(|_| {
        CliError::usage("the public key is not an Ed25519 key in base64").fix("give it as `operator init` printed it")
    })?;
    let verify_against =
        |kept: Option<&str>| verify::verify(files, &public, kept).map_err(|error| CliError::usage(error.to_string()));
    let mut report = verify_against(None)?;
    for log in report.logs.iter().map(|log| log.id.clone()).collect::<Vec<_>>() {
        if report.first_problem.is_none()
            && let Some(kept) = checkpoints::find(config_dir, key, &log)?
        {
            report.first_problem = verify_against(Some(&kept))?.first_problem;
        }
    }
    if report.first_problem.is_none() {
        for log in &report.logs {
            if let Some(newest) = &log.newest {
                checkpoints::keep(config_dir, key, &log.id, newest)?;
            }
        }
    }
    Ok(report)
}

/// The error for a log that does not verify.
pub(crate) fn problem_error(problem: &Problem) -> CliError {
    CliError::new(Exit::Integrity, format!("the log was changed: line {} {}", problem.line, problem.what))
        .why(format!("{} line {}, of log {}", problem.file.display(), problem.file_line, problem.log))
        .why("whoever can write the file can change it, but cannot hide the change without the log's private key")
        .fix("keep the file as it is, and compare it with a copy: this is the first line that differs")
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

fn unreadable(files: &[PathBuf], error: &std::io::Error) -> CliError {
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
