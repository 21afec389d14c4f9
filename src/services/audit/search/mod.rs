//! Searches the files of a log without a server: who used a path, what a caller did, what was refused. Lines are read
//! once from front to back, and only requests without an outcome are kept in memory.

mod filter;
mod row;

use std::{
    io,
    path::{Path, PathBuf},
};

use self::row::{Unanswered, Unreadable, time_of};
pub(crate) use self::{filter::Filter, row::Row};
use super::file_lines::{FileLine, from_the_end, lines};
use crate::store::files::Files;

/// The counts of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Requests that meet the filter.
    pub matched: u64,
    /// Requests in the time range of the filter.
    pub in_range: u64,
    /// Lines that could not be read. The command `verify` says which.
    pub unreadable: u64,
}

/// Gives every request in `files` that meets `filter` to `each`: the oldest file first, in the order of outcomes.
pub(crate) fn search(files: &[PathBuf], filter: &Filter, each: &mut dyn FnMut(&Row)) -> io::Result<Found> {
    let disk = Files::real();
    let (mut found, mut open) = (Found::default(), Unanswered::of(filter.path.clone()));
    for path in in_order(&disk, files)? {
        let len = disk.stat(path)?.len;
        lines(&disk, path, (0, len), &mut |line| match open.take(&line) {
            Ok(row) => row.into_iter().for_each(|row| found.count(&row, filter, each)),
            Err(Unreadable) => found.unreadable += 1,
        })?;
    }
    open.rest().iter().for_each(|row| found.count(row, filter, each));
    Ok(found)
}

/// Gives the last `count` requests of a file to `each`, and then each new one, until `wait` returns false. `wait` is
/// where the caller sleeps. If the file is moved away, reading continues in the file that takes its place.
pub(crate) fn tail(
    path: &Path,
    count: usize,
    wait: &mut dyn FnMut() -> bool,
    each: &mut dyn FnMut(&Row),
) -> io::Result<()> {
    let disk = Files::real();
    let file = disk.open_read(path)?;
    let mut stat = disk.stat(path)?;
    let mut open = Unanswered::default();
    let last = from_the_end(&file, stat.len, |from, bytes| {
        open = Unanswered::default();
        let ended = bytes.split_inclusive(|&b| b == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
        let whole: usize = ended.clone().map(|line| line.len() + 1).sum();
        let raw = |bytes| FileLine { bytes, number: 0, is_ended: true, at: 0 };
        let rows: Vec<Row> = ended.filter_map(|line| open.take(&raw(line)).ok().flatten()).collect();
        (from == 0 || rows.len() >= count).then_some((rows, from + whole as u64))
    })?;
    let (rows, mut at) = last.unwrap_or_default();
    rows.iter().skip(rows.len().saturating_sub(count)).for_each(&mut *each);
    while wait() {
        let now = match disk.stat(path) {
            Ok(now) => now,
            // The old file was moved away and the new one does not exist yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if (now.dev, now.inode) != (stat.dev, stat.inode) || now.len < at {
            at = 0;
        }
        let mut next = at;
        lines(&disk, path, (at, now.len), &mut |line| {
            if line.is_ended {
                next = line.at + line.bytes.len() as u64 + 1;
                open.take(&line).ok().flatten().iter().for_each(&mut *each);
            }
        })?;
        (at, stat) = (next, now);
    }
    Ok(())
}

impl Found {
    fn count(&mut self, row: &Row, filter: &Filter, each: &mut dyn FnMut(&Row)) {
        if !filter.is_in_range(row) {
            return;
        }
        self.in_range += 1;
        if filter.fits(row) {
            self.matched += 1;
            each(row);
        }
    }
}

/// Sorts files by the time of their first line that has one.
fn in_order<'p>(disk: &Files, files: &'p [PathBuf]) -> io::Result<Vec<&'p PathBuf>> {
    let mut timed = Vec::new();
    for path in files {
        let mut first = None;
        let len = disk.stat(path)?.len.min(FIRST_BYTES);
        lines(disk, path, (0, len), &mut |line| {
            first = first.or_else(|| time_of(line.bytes));
        })?;
        timed.push((first, path));
    }
    timed.sort_by_key(|(time, _)| *time);
    Ok(timed.into_iter().map(|(_, path)| path).collect())
}

/// The first line with a time is searched for in at most this many bytes of a file. A file without one comes first.
const FIRST_BYTES: u64 = 256 << 10;
