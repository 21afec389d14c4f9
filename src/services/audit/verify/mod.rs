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

use self::{
    checker::Checker,
    segments::{Log, Segment},
};
pub(crate) use self::{
    error::VerifyError,
    report::{Defect, Doubt, Problem, Report, Verdict},
};
use super::origin::log_id_of;
use crate::{
    crypto::{ed25519::PublicKey, note::Checkpoint},
    store::files::Files,
};

/// How far a verification is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub done_bytes: u64,
    pub all_bytes: u64,
}

/// Verifies the files at `paths` with `key`, and against the checkpoints `kept` elsewhere. Tells `watch` now and then how
/// far it is.
pub(crate) fn verify_watched(
    files: &Files,
    paths: &[PathBuf],
    key: &PublicKey,
    kept: &[&str],
    watch: &mut dyn FnMut(Progress),
) -> Result<Report, VerifyError> {
    let kept: Vec<Checkpoint> = kept.iter().map(|text| signed(text, key)).collect::<Result<_, _>>()?;
    let logs = segments::logs(files, paths)?;
    let mut report = Report::default();
    let all_bytes = logs.iter().flat_map(|log| &log.segments).map(Segment::len_bytes).sum();
    let mut progress = Progress { done_bytes: 0, all_bytes };
    for log in &logs {
        let kept_of_log = kept.iter().filter(|head| log_id_of(&head.origin) == log.id).collect();
        let mut checker = Checker::new(log, key, kept_of_log);
        for segment in &log.segments {
            segments::read(files, segment, &mut |line| {
                checker.line(segment, line);
                progress.done_bytes += line.bytes.len() as u64 + 1;
                if line.number % TOLD_EACH_LINES == 0 {
                    watch(progress);
                }
            })?;
        }
        let next = logs.iter().find(|next| next.old.as_ref().is_some_and(|(id, _)| *id == log.id));
        let (found, problem) = checker.finish(next);
        report.lines += log.segments.iter().map(|segment| segment.lines).sum::<u64>();
        report.checkpoints += found.checkpoints;
        (report.proved_to, report.consistent_to) = (found.proved_to, found.consistent_to);
        report.first_problem = report.first_problem.or(problem);
        report.logs.push(found);
    }
    report.doubts = doubts(&logs, &report, &kept);
    Ok(report)
}

#[cfg(test)]
pub(crate) fn verify(paths: &[PathBuf], key: &PublicKey, kept: &[&str]) -> Result<Report, VerifyError> {
    verify_with(&Files::real(), paths, key, kept)
}

#[cfg(test)]
pub(crate) fn verify_with(
    files: &Files,
    paths: &[PathBuf],
    key: &PublicKey,
    kept: &[&str],
) -> Result<Report, VerifyError> {
    verify_watched(files, paths, key, kept, &mut |_| {})
}

/// Parses a kept checkpoint, which must be signed with `key`.
fn signed(text: &str, key: &PublicKey) -> Result<Checkpoint, VerifyError> {
    let head = Checkpoint::parse(text).map_err(|_| VerifyError::Kept)?;
    head.verify(key).map(|()| head).map_err(|_| VerifyError::Kept)
}

/// What is missing for a proof of the whole log.
fn doubts(logs: &[Log], report: &Report, kept: &[Checkpoint]) -> Vec<Doubt> {
    if report.lines == 0 && kept.is_empty() {
        return vec![Doubt::Empty];
    }
    let is_here = |id: &str| logs.iter().any(|log| log.id == id);
    let mut doubts = Vec::new();
    for (log, found) in logs.iter().zip(&report.logs) {
        let id = || log.id.clone();
        let is_known_before =
            |head: &&Checkpoint| log_id_of(&head.origin) == log.id && head.size + 1 >= found.first_line;
        if found.first_line > 1 && !kept.iter().any(|head| is_known_before(&head)) {
            doubts.push(Doubt::Begins { log: id(), line: found.first_line });
        }
        if found.checkpoints == 0 {
            doubts.push(Doubt::Unsigned { log: id() });
        } else if !found.is_closed && (found.lines_behind() > BEHIND_LINES_MAX || found.secs_behind > BEHIND_SECS_MAX) {
            doubts.push(Doubt::Behind { log: id(), lines: found.lines_behind() });
        }
        if log.is_replaced && !found.is_closed && found.checkpoints > 0 && found.lines_behind() > 0 {
            doubts.push(Doubt::Tail { log: id(), lines: found.lines_behind() });
        }
        if let Some((old, lines)) = log.old.as_ref().filter(|(old, _)| !is_here(old)) {
            doubts.push(Doubt::Replaced { log: old.clone(), lines: *lines, by: id() });
        }
    }
    for head in kept {
        let log = log_id_of(&head.origin);
        let is_named = doubts.iter().any(|doubt| matches!(doubt, Doubt::Replaced { log: old, .. } if *old == log));
        if !is_here(&log) && !is_named {
            doubts.push(Doubt::Absent { log, lines: head.size });
        }
    }
    doubts
}

/// After so many lines the caller is told how far the verification is.
const TOLD_EACH_LINES: u64 = 1_000;

/// A running server signs a checkpoint every 1,000 lines or ten seconds. If one device is slow, it is later.
const BEHIND_LINES_MAX: u64 = 2_000;
const BEHIND_SECS_MAX: u64 = 60;
