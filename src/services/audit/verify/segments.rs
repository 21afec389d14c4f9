//! Splits files into segments and joins the segments to logs, whatever the names of the files. A segment begins at a
//! `head` line or at the beginning of a file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::error::{VerifyError, read_error};
use crate::{
    crypto::merkle::{Hash, leaf_hash},
    services::audit::{
        file_lines::{FileLine, lines},
        parse::{Foreign, Members, Start},
    },
    store::files::Files,
};

/// A log, and where in the files its lines are.
pub(crate) struct Log {
    pub id: String,
    pub reason: String,
    /// The id and number of lines of the log that this one replaces. `None` if it replaces none.
    pub old: Option<(String, u64)>,
    /// The lines of this log that the server did not write, as the log that replaced it tells.
    pub foreign: Option<Foreign>,
    /// Whether another of the logs replaced this one.
    pub is_replaced: bool,
    pub segments: Vec<Segment>,
}

impl Log {
    /// The number of the last line, if every line has the number of its place.
    fn last_line(&self) -> u64 {
        let first = self.segments.first().and_then(|segment| segment.first).map_or(1, |(seq, _)| seq);
        self.segments.iter().map(|segment| segment.lines).sum::<u64>() + first - 1
    }
}

/// A run of lines of one log in one file.
#[derive(Clone)]
pub(crate) struct Segment {
    pub path: Arc<Path>,
    /// The offsets in the file at which the segment begins and ends.
    pub bytes: (u64, u64),
    /// The number of the segment's first line in the file, from 1.
    pub file_line: u64,
    pub lines: u64,
    /// The id of the log that its `head` line names. Empty if the segment has no `head` line.
    pub log: String,
    head: Option<HeadFacts>,
    /// Number and `prev` of the first line in this segment. `None` if it is not a log line.
    first: Option<(u64, Hash)>,
    /// Number and hash of the last line in this segment.
    last: (u64, Hash),
}

#[derive(Clone)]
struct HeadFacts {
    time: String,
    reason: String,
    old: Option<(String, u64)>,
    /// The lines of the old log that the server did not write.
    foreign: Option<Foreign>,
    begins: bool,
}

impl Segment {
    pub(crate) const fn len_bytes(&self) -> u64 {
        self.bytes.1 - self.bytes.0
    }
}

/// Finds the logs in `paths`. A file that is given twice is read once.
pub(crate) fn logs(files: &Files, paths: &[PathBuf]) -> Result<Vec<Log>, VerifyError> {
    let (mut seen, mut segments) = (Vec::new(), Vec::new());
    for path in paths {
        let stat = files.stat(path).map_err(read_error(path))?;
        if !seen.contains(&(stat.dev, stat.inode)) {
            seen.push((stat.dev, stat.inode));
            split(files, path, stat.len, &mut segments)?;
        }
    }
    name_headless(&mut segments);
    let mut logs: Vec<Log> = Vec::new();
    for segment in segments {
        if let Some(log) = logs.iter_mut().find(|log| log.id == segment.log) {
            log.segments.push(segment);
        } else {
            let id = segment.log.clone();
            logs.push(Log {
                id,
                reason: String::new(),
                old: None,
                foreign: None,
                is_replaced: false,
                segments: vec![segment],
            });
        }
    }
    let mut replaced = Vec::new();
    for log in &mut logs {
        log.segments.sort_by_key(|segment| segment.first.map_or(u64::MAX, |(seq, _)| seq));
        let begins = log.segments.iter().find_map(|segment| segment.head.as_ref().filter(|head| head.begins));
        if let Some(head) = begins {
            (log.reason, log.old) = (head.reason.clone(), head.old.clone());
            if let Some((old, lines)) = head.old.clone() {
                // After a failed sync, lines that did not count any more may still be in the file.
                let lines = if head.reason == "sync failed" { u64::MAX } else { lines };
                replaced.push((old, lines, head.foreign));
            }
        }
    }
    for (old, lines, foreign) in replaced {
        if let Some(log) = logs.iter_mut().find(|log| log.id == old) {
            let last = log.last_line();
            log.foreign = foreign.or_else(|| (last > lines).then(|| Foreign { first: lines + 1, last }));
            log.is_replaced = true;
        }
    }
    let time = |log: &Log| log.segments.iter().find_map(|segment| segment.head.as_ref().map(|head| head.time.clone()));
    logs.sort_by_key(time);
    Ok(logs)
}

/// Gives every line of a segment to `visit`. The number of a line is its number in the file, from 1.
pub(crate) fn read(files: &Files, segment: &Segment, visit: &mut dyn FnMut(&FileLine<'_>)) -> Result<(), VerifyError> {
    let each = &mut |line: FileLine<'_>| visit(&FileLine { number: segment.file_line + line.number, ..line });
    lines(files, &segment.path, segment.bytes, each).map_err(read_error(&segment.path))
}

fn split(files: &Files, path: &Path, len: u64, segments: &mut Vec<Segment>) -> Result<(), VerifyError> {
    let mut open: Option<Segment> = None;
    let mut last_line = Vec::new();
    let mut close = |segment: Option<Segment>, last_line: &[u8]| {
        if let Some(mut segment) = segment {
            let seq = Start::read(last_line).map_or(0, |start| start.seq);
            segment.last = (seq, leaf_hash(last_line));
            segments.push(segment);
        }
    };
    let each = &mut |line: FileLine<'_>| {
        let FileLine { bytes, number: n, at, .. } = line;
        // Most lines are none, and need not be read twice.
        let beginning = bytes.get(..BEGINNING_BYTES_MAX).unwrap_or(bytes);
        let may_be_head = n == 0 || memchr::memmem::find(beginning, b"\"type\":\"head\"").is_some();
        let start = if may_be_head { Start::read(bytes) } else { None };
        let head = start.filter(|start| start.kind() == "head").and_then(|_| Members::read(bytes));
        if n == 0 || head.is_some() {
            close(open.take(), &last_line);
            let facts = head.as_ref().map(|members| HeadFacts {
                time: members.time.clone(),
                reason: members.reason.clone(),
                old: members.old(),
                foreign: members.foreign,
                begins: start.is_some_and(|start| start.seq == 1),
            });
            open = Some(Segment {
                path: Arc::from(path),
                bytes: (at, at),
                file_line: n + 1,
                lines: 0,
                log: head.map_or_else(String::new, |members| members.log),
                head: facts,
                first: start.map(|start| (start.seq, start.prev)),
                last: (0, [0; 32]),
            });
        }
        if let Some(segment) = &mut open {
            segment.bytes.1 = at + bytes.len() as u64 + 1;
            segment.lines += 1;
        }
        last_line.clear();
        last_line.extend_from_slice(bytes);
    };
    lines(files, path, (0, len), each).map_err(read_error(path))?;
    if let Some(segment) = &mut open {
        segment.bytes.1 = segment.bytes.1.min(len);
    }
    close(open, &last_line);
    Ok(())
}

/// The type of a line stands in its first bytes: number, hash and time before it take at most so many.
const BEGINNING_BYTES_MAX: usize = 200;

/// Assigns segments that have no `head` line to a log. It is, in this order: the log whose last hash the segment's
/// first line holds, the log that continues after the segment in the same file, the log whose numbers fit, or any log.
fn name_headless(segments: &mut [Segment]) {
    for _ in 0..segments.len() {
        let Some(at) = segments.iter().position(|segment| segment.log.is_empty()) else { return };
        let Some(headless) = segments.get(at).cloned() else { return };
        let named = |segment: &&Segment| !segment.log.is_empty();
        let first = headless.first;
        let by_hash = segments.iter().filter(named).find(|other| first.is_some_and(|(_, prev)| other.last.1 == prev));
        let continues_after = || {
            segments.get(at + 1).filter(named).filter(|next| {
                next.path == headless.path && next.first.is_some_and(|(seq, _)| seq == headless.last.0 + 1)
            })
        };
        let by_number =
            || segments.iter().filter(named).find(|other| first.is_some_and(|(seq, _)| other.last.0 + 1 == seq));
        let any = || segments.iter().find(named);
        let log =
            by_hash.or_else(continues_after).or_else(by_number).or_else(any).map_or("?", |other| other.log.as_str());
        let log = log.to_owned();
        if let Some(segment) = segments.get_mut(at) {
            segment.log = log;
        }
    }
}
