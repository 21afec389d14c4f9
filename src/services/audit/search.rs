//! Questions to the files of a log, without a server: who asked for a path, what a caller did, what was refused. Lines
//! are read once from front to back and nothing is kept but requests whose outcome has not come yet.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::read::{RawLine, from_the_end, lines};
use crate::{base::time::Time, store::files::Files};

/// One request with its outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub time: Time,
    pub request_id: String,
    pub operation: String,
    pub path: String,
    pub remote_address: String,
    pub display_name: String,
    pub entity_id: String,
    pub policies: Vec<String>,
    /// The hash of the caller's accessor, as this device writes it.
    pub accessor: String,
    /// Whether it was allowed; `None` where it was never judged.
    pub allowed: Option<bool>,
    /// The policy, rule and line that decided.
    pub policy: String,
    pub rule: String,
    pub line: u32,
    /// The HTTP status; `None` where there is no outcome.
    pub status: Option<u16>,
    pub error: String,
    /// How a request was closed that got no answer.
    pub closed: String,
}

/// What is asked for. Everything named must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// A path, or the beginning of one where it ends in `*`. A KV path is found without `data/` or `metadata/` too.
    pub path: Option<String>,
    /// A display name, an entity id, or the hash of an accessor.
    pub caller: Option<String>,
    pub operation: Option<String>,
    pub allowed: Option<bool>,
    pub since: Option<Time>,
    pub until: Option<Time>,
}

/// How many requests fitted, of how many in the time that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub matched: u64,
    pub in_range: u64,
    /// Lines that could not be read; `verify` says which.
    pub unreadable: u64,
}

/// Hands every request in `files` that fits to `each`, in the order of outcomes, oldest file first.
pub fn search(files: &[PathBuf], filter: &Filter, each: &mut dyn FnMut(&Row)) -> io::Result<Found> {
    let seam = Files::real();
    let (mut found, mut open) = (Found::default(), Open::default());
    for path in in_order(&seam, files)? {
        let len = seam.stat(path)?.len;
        lines(&seam, path, 0, len, &mut |line| match open.line(&line) {
            Ok(row) => row.into_iter().for_each(|row| found.row(&row, filter, each)),
            Err(Unreadable) => found.unreadable += 1,
        })?;
    }
    open.rest().iter().for_each(|row| found.row(row, filter, each));
    Ok(found)
}

/// Who asked for `path`: [`search`] by path and time alone.
pub fn who(
    files: &[PathBuf],
    path: &str,
    since: Option<Time>,
    until: Option<Time>,
    each: &mut dyn FnMut(&Row),
) -> io::Result<Found> {
    let filter = Filter { path: Some(path.to_owned()), since, until, ..Filter::default() };
    search(files, &filter, each)
}

/// Hands the last `count` requests of a file to `each`, then, as long as `wait` says so, those that come. `wait` is
/// where the caller sleeps. A file that was moved away is followed into the new one.
pub fn tail(path: &Path, count: usize, wait: &mut dyn FnMut() -> bool, each: &mut dyn FnMut(&Row)) -> io::Result<()> {
    let seam = Files::real();
    let file = seam.open_read(path)?;
    let mut stat = seam.stat(path)?;
    let mut open = Open::default();
    let last = from_the_end(&file, stat.len, |from, bytes| {
        open = Open::default();
        let ended = bytes.split_inclusive(|&b| b == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
        let whole: usize = ended.clone().map(|line| line.len() + 1).sum();
        let raw = |bytes| RawLine { bytes, number: 0, is_ended: true, at: 0 };
        let rows: Vec<Row> = ended.filter_map(|line| open.line(&raw(line)).ok().flatten()).collect();
        (from == 0 || rows.len() >= count).then_some((rows, from + whole as u64))
    })?;
    let (rows, mut at) = last.unwrap_or_default();
    rows.iter().skip(rows.len().saturating_sub(count)).for_each(&mut *each);
    while wait() {
        let now = match seam.stat(path) {
            Ok(now) => now,
            // Between the move and the new file there is none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if (now.dev, now.inode) != (stat.dev, stat.inode) || now.len < at {
            at = 0;
        }
        let mut next = at;
        lines(&seam, path, at, now.len, &mut |line| {
            if line.is_ended {
                next = line.at + line.bytes.len() as u64 + 1;
                open.line(&line).ok().flatten().iter().for_each(&mut *each);
            }
        })?;
        (at, stat) = (next, now);
    }
    Ok(())
}

/// Requests whose outcome has not come yet.
#[derive(Default)]
struct Open(HashMap<String, Row>);

/// Beyond so many the log has lost outcomes, and the oldest are given out as they are.
const OPEN_MAX: usize = 100_000;

struct Unreadable;

impl Open {
    /// Takes a line, and gives the request that it completes.
    fn line(&mut self, line: &RawLine<'_>) -> Result<Option<Row>, Unreadable> {
        let entry: Entry = match serde_json::from_slice(line.bytes) {
            Ok(entry) => entry,
            Err(_) if line.is_ended => return Err(Unreadable),
            Err(_) => return Ok(None),
        };
        match entry.kind.as_str() {
            "request" => {
                if self.0.len() < OPEN_MAX {
                    self.0.insert(entry.request.id.clone(), Row::of(entry));
                }
                Ok(None)
            }
            "response" => {
                let asked = self.0.remove(&entry.request.id);
                let mut row = Row::of(entry);
                if let Some(asked) = asked {
                    row.complete(asked);
                }
                Ok(Some(row))
            }
            _ => Ok(None),
        }
    }

    fn rest(self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.0.into_values().collect();
        rows.sort_by(|a, b| (a.time, &a.request_id).cmp(&(b.time, &b.request_id)));
        rows
    }
}

impl Found {
    fn row(&mut self, row: &Row, filter: &Filter, each: &mut dyn FnMut(&Row)) {
        let is_in_range =
            filter.since.is_none_or(|since| row.time >= since) && filter.until.is_none_or(|until| row.time <= until);
        if !is_in_range {
            return;
        }
        self.in_range += 1;
        if filter.fits(row) {
            self.matched += 1;
            each(row);
        }
    }
}

impl Filter {
    fn fits(&self, row: &Row) -> bool {
        let is_caller = |caller: &String| [&row.display_name, &row.entity_id, &row.accessor].contains(&caller);
        self.path.as_ref().is_none_or(|pattern| fits_path(pattern, &row.path))
            && self.caller.as_ref().is_none_or(is_caller)
            && self.operation.as_ref().is_none_or(|operation| *operation == row.operation)
            && self.allowed.is_none_or(|allowed| row.allowed == Some(allowed))
    }
}

fn fits_path(pattern: &str, path: &str) -> bool {
    let fits = |path: &str| match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => path == pattern,
    };
    // KV version 2 has its kind of access behind the mount, which is one segment or more.
    let without = |kind: &str| {
        path.match_indices(kind).any(|(at, _)| {
            let (mount, rest) = path.split_at(at);
            fits(&format!("{mount}/{}", rest.get(kind.len()..).unwrap_or("")))
        })
    };
    fits(path) || without("/data/") || without("/metadata/")
}

/// Files by the time of their first line.
fn in_order<'p>(seam: &Files, files: &'p [PathBuf]) -> io::Result<Vec<&'p PathBuf>> {
    let mut timed = Vec::new();
    for path in files {
        let mut first = None;
        let len = seam.stat(path)?.len.min(FIRST_BYTES);
        lines(seam, path, 0, len, &mut |line| {
            first = first.or_else(|| serde_json::from_slice::<Entry>(line.bytes).ok().and_then(|entry| entry.time()));
        })?;
        timed.push((first, path));
    }
    timed.sort_by_key(|(time, _)| *time);
    Ok(timed.into_iter().map(|(_, path)| path).collect())
}

/// Where the first line with a time is looked for.
const FIRST_BYTES: u64 = 256 << 10;

impl Row {
    fn of(entry: Entry) -> Self {
        let time = entry.time().unwrap_or_default();
        let decision = entry.decision.unwrap_or_default();
        Self {
            time,
            request_id: entry.request.id,
            operation: entry.request.operation,
            path: entry.request.path,
            remote_address: entry.request.remote_address,
            display_name: entry.auth.display_name,
            entity_id: entry.auth.entity_id,
            policies: entry.auth.policies,
            accessor: entry.auth.accessor,
            allowed: decision.allowed,
            policy: decision.policy,
            rule: decision.rule,
            line: decision.line,
            status: entry.response.status,
            error: entry.error,
            closed: entry.closed,
        }
    }

    /// Takes from the request's line what its outcome does not repeat.
    fn complete(&mut self, asked: Self) {
        self.time = asked.time;
        for (own, other) in [
            (&mut self.operation, asked.operation),
            (&mut self.path, asked.path),
            (&mut self.remote_address, asked.remote_address),
            (&mut self.display_name, asked.display_name),
            (&mut self.entity_id, asked.entity_id),
            (&mut self.accessor, asked.accessor),
        ] {
            if own.is_empty() {
                *own = other;
            }
        }
        if self.policies.is_empty() {
            self.policies = asked.policies;
        }
        if self.allowed.is_none() {
            (self.allowed, self.policy, self.rule, self.line) = (asked.allowed, asked.policy, asked.rule, asked.line);
        }
    }
}

/// What rows are made of.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    time: String,
    #[serde(rename = "type")]
    kind: String,
    auth: Auth,
    request: Request,
    response: Response,
    decision: Option<Decided>,
    error: String,
    closed: String,
}

impl Entry {
    fn time(&self) -> Option<Time> {
        Time::parse_rfc3339(&self.time)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    display_name: String,
    entity_id: String,
    policies: Vec<String>,
    accessor: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    id: String,
    operation: String,
    path: String,
    remote_address: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Response {
    status: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Decided {
    allowed: Option<bool>,
    policy: String,
    rule: String,
    line: u32,
}
