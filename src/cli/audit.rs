//! The offline audit tools: proof by `services::audit::verify`, questions by `services::audit::search`, and the signed
//! heads that are kept here between two proofs.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    fault::{Exit, Fault},
    heads,
    home::Home,
};
use crate::{
    crypto::ed25519::PublicKey,
    services::audit::{
        search::{self, Filter, Found, Row},
        verify::{self, Problem, Report},
    },
};

/// Judges files by a key, and by the heads that were kept here when they were judged before.
pub fn verify(home: &Home, files: &[PathBuf], key: &str) -> Result<Report, Fault> {
    let public = PublicKey::from_base64(key)
        .map_err(|_| Fault::usage("the public key is no Ed25519 key in base64").fix("as `operator init` printed it"))?;
    let judge =
        |kept: Option<&str>| verify::verify(files, &public, kept).map_err(|error| Fault::usage(error.to_string()));
    let mut report = judge(None)?;
    for log in report.logs.iter().map(|log| log.id.clone()).collect::<Vec<_>>() {
        if report.first_problem.is_none()
            && let Some(head) = heads::find(home, key, &log)?
        {
            report.first_problem = judge(Some(&head))?.first_problem;
        }
    }
    if report.first_problem.is_none() {
        for log in &report.logs {
            if let Some(head) = &log.newest {
                heads::keep(home, key, &log.id, head)?;
            }
        }
    }
    Ok(report)
}

pub fn problem_fault(problem: &Problem) -> Fault {
    Fault::new(Exit::Integrity, format!("the log is not as it was written: line {} {}", problem.line, problem.what))
        .why(format!("{} line {}, of log {}", problem.file.display(), problem.file_line, problem.log))
        .why("whoever can write the file can do this; whoever cannot sign with the log's key cannot hide it")
        .fix("keep the file as it is, and compare it with a copy: the first line that differs is this one")
}

/// The requests that `filter` asks for, with what was counted.
pub fn search(files: &[PathBuf], filter: &Filter) -> Result<(Vec<Row>, Found), Fault> {
    let mut rows = Vec::new();
    let found =
        search::search(files, filter, &mut |row| rows.push(row.clone())).map_err(|error| unreadable(files, &error))?;
    Ok((rows, found))
}

/// Hands the last requests of a file to `each`, and with `follow` those that come, until the process is ended.
pub fn tail(path: &Path, count: usize, follow: bool, each: &mut dyn FnMut(&Row)) -> Result<(), Fault> {
    let mut wait = || {
        if follow {
            std::thread::sleep(Duration::from_millis(250));
        }
        follow
    };
    search::tail(path, count, &mut wait, each).map_err(|error| unreadable(&[path.to_owned()], &error))
}

fn unreadable(files: &[PathBuf], error: &std::io::Error) -> Fault {
    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let fault = Fault::usage(format!("{} cannot be read: {error}", names.join(", ")));
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            fault.fix("--data is the folder that `server --data` was given; --file names a log itself")
        }
        std::io::ErrorKind::PermissionDenied => fault.fix("read it as the user that the server runs as"),
        _ => fault,
    }
}
