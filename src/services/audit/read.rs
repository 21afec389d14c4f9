//! Lines read back: from the end of a file, one after another, and taken apart.

use std::{io, path::Path};

use data_encoding::HEXLOWER;
use serde::Deserialize;

use super::line::Chain;
use crate::{
    crypto::merkle::{Frontier, Hash},
    store::files::{File, Files},
};

/// The beginning that every line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::services::audit) struct Start<'a> {
    pub seq: u64,
    pub prev: Hash,
    /// What follows, from the first member of the line's own on.
    pub rest: &'a str,
}

impl<'a> Start<'a> {
    /// Reads `{"seq":N,"prev":"…",` exactly as it is written.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let (seq, rest) = line.strip_prefix("{\"seq\":")?.split_once(",\"prev\":\"")?;
        let (prev, rest) = rest.split_at_checked(64)?;
        let is_plain = !seq.starts_with('0') && seq.bytes().all(|b| b.is_ascii_digit());
        let seq = seq.parse().ok().filter(|_| is_plain && line.ends_with('}'))?;
        Some(Self { seq, prev: unhex(prev)?, rest: rest.strip_prefix("\",")? })
    }

    /// As [`Start::read`], and the line is JSON throughout: what was torn may have holes.
    pub fn of_whole(line: &'a [u8]) -> Option<Self> {
        let start = Self::read(line)?;
        serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok().then_some(start)
    }

    /// The line's `type`, where it stands in one of the two places that it has.
    pub fn kind(&self) -> &'a str {
        let at_type = self.rest.strip_prefix("\"type\":\"").or_else(|| {
            let (time, rest) = self.rest.strip_prefix("\"time\":\"")?.split_once('"')?;
            (time.len() < 40).then_some(rest)?.strip_prefix(",\"type\":\"")
        });
        at_type.and_then(|rest| rest.split_once('"')).map_or("", |(kind, _)| kind)
    }
}

/// The members of a log's own lines, and those by which requests are counted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::services::audit) struct Own {
    pub time: String,
    pub log: String,
    pub reason: String,
    pub size: u64,
    pub frontier: Vec<String>,
    pub checkpoint: String,
    pub old_log: String,
    pub old_lines: u64,
    pub lines: u64,
    pub fed: u64,
    pub fed_line: u64,
    pub open: Vec<String>,
    pub request: Named,
    pub plain: Option<serde::de::IgnoredAny>,
    pub txn: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::services::audit) struct Named {
    pub id: String,
}

impl Own {
    pub fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The right edge that a `head` or `frontier` line names.
    pub fn edge(&self) -> Option<Frontier> {
        let nodes: Option<Vec<Hash>> = self.frontier.iter().map(|text| unhex(text)).collect();
        Frontier::from_parts(self.size, nodes?)
    }

    /// Where the log stood before its `head` line.
    pub fn chain_before(&self, start: &Start<'_>) -> Option<Chain> {
        let is_first = self.size > 0 || start.prev == [0; 32];
        (is_first && self.size.checked_add(1) == Some(start.seq)).then_some(Chain {
            id: self.log.clone(),
            prev: start.prev,
            frontier: self.edge()?,
        })
    }
}

pub(in crate::services::audit) fn unhex(text: &str) -> Option<Hash> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// The bytes of a file between two places.
pub(in crate::services::audit) fn range(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(0)];
    let read = file.read_at(&mut bytes, from)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// The end of a file in ever bigger pieces, until `is_enough` takes one (offset of its first whole line, bytes).
pub(in crate::services::audit) fn from_the_end<T>(
    file: &File,
    len: u64,
    mut is_enough: impl FnMut(u64, &[u8]) -> Option<T>,
) -> io::Result<Option<T>> {
    let mut window = WINDOW_BYTES;
    loop {
        let from = len.saturating_sub(window);
        let bytes = range(file, from, len)?;
        let skipped =
            if from == 0 { 0 } else { bytes.iter().position(|&b| b == b'\n').map_or(bytes.len(), |at| at + 1) };
        let found = is_enough(from + skipped as u64, bytes.get(skipped..).unwrap_or(&[]));
        if found.is_some() || from == 0 {
            return Ok(found);
        }
        window = window.saturating_mul(8);
    }
}

/// A line as it stands in a file.
pub(in crate::services::audit) struct RawLine<'a> {
    pub bytes: &'a [u8],
    /// Counted from 0 where reading began.
    pub number: u64,
    /// Whether a newline ends it.
    pub is_ended: bool,
    /// Where it begins.
    pub at: u64,
}

/// Hands every line between two places of a file to `visit`.
pub(in crate::services::audit) fn lines(
    files: &Files,
    path: &Path,
    from: u64,
    to: u64,
    visit: &mut dyn FnMut(RawLine<'_>),
) -> io::Result<()> {
    let file = files.open_read(path)?;
    let (mut at, mut number, mut begun) = (from, 0, Vec::new());
    while at < to {
        let chunk = range(&file, at, to.min(at + WINDOW_BYTES))?;
        if chunk.is_empty() {
            break;
        }
        let mut rest = chunk.as_slice();
        while let Some(end) = rest.iter().position(|&b| b == b'\n') {
            let (piece, behind) = rest.split_at(end);
            let at = at + (chunk.len() - rest.len()) as u64 - begun.len() as u64;
            if begun.is_empty() {
                visit(RawLine { bytes: piece, number, is_ended: true, at });
            } else {
                begun.extend_from_slice(piece);
                visit(RawLine { bytes: &begun, number, is_ended: true, at });
                begun.clear();
            }
            number += 1;
            rest = behind.get(1..).unwrap_or(&[]);
        }
        begun.extend_from_slice(rest);
        at += chunk.len() as u64;
    }
    if !begun.is_empty() {
        visit(RawLine { bytes: &begun, number, is_ended: false, at: at - begun.len() as u64 });
    }
    Ok(())
}

/// What is read first from a file's end, and of any file at once.
const WINDOW_BYTES: u64 = 1 << 20;
