//! Verifies logs without a server. It takes files in any order and a public key that was kept elsewhere. It says up to
//! which line the checkpoints prove the log, up to which line the hash chain is consistent, and which line is the first
//! that was edited, removed, moved, doubled or cut off.

mod checker;
mod diagnosis;
mod error;
mod report;
mod segments;
mod suspects;

use std::path::PathBuf;

use self::checker::Checker;
pub(crate) use self::{
    error::VerifyError,
    report::{Defect, Problem, Report},
};
use super::origin::log_id_of;
use crate::{
    crypto::{ed25519::PublicKey, note::Checkpoint},
    store::files::Files,
};

/// Verifies `files` with `key`. `kept` is a checkpoint that was kept elsewhere, if there is one.
pub(crate) fn verify(files: &[PathBuf], key: &PublicKey, kept: Option<&str>) -> Result<Report, VerifyError> {
    verify_with(&Files::real(), files, key, kept)
}

pub(crate) fn verify_with(
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
    let mut is_kept_found = false;
    for log in &logs {
        let kept_of_log = kept.as_ref().filter(|head| log_id_of(&head.origin) == log.id);
        is_kept_found |= kept_of_log.is_some();
        let mut checker = Checker::new(log, key, kept_of_log);
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
    if let Some(head) = kept.filter(|_| !is_kept_found) {
        let problem = Problem {
            log: log_id_of(&head.origin),
            line: 1,
            file: paths.first().cloned().unwrap_or_default(),
            file_line: 1,
            what: Defect::Cut { until: head.size },
        };
        report.first_problem = report.first_problem.or(Some(problem));
    }
    Ok(report)
}
