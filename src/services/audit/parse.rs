//! Parses audit log lines: the beginning that every line has, and the members of control lines.

use serde::Deserialize;

use super::{
    chain::Chain,
    format::{MAC_MEMBER, unhex},
    keys::LineMac,
};
use crate::crypto::merkle::{Frontier, Hash};

/// Splits a line that has a MAC into what the MAC covers, and the MAC. `None` if the line has none.
pub(crate) fn split_mac(line: &[u8]) -> Option<(&[u8], &LineMac)> {
    let (rest, mac) = line.strip_suffix(b"\"}")?.split_last_chunk()?;
    Some((rest.strip_suffix(MAC_MEMBER.as_bytes())?, mac))
}

/// The beginning that every line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start<'a> {
    pub seq: u64,
    pub prev: Hash,
    /// The rest of the line, from its first own member on.
    rest: &'a str,
}

impl<'a> Start<'a> {
    /// Reads `{"seq":N,"prev":"…",` exactly as the log writes it.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let (seq, rest) = line.strip_prefix("{\"seq\":")?.split_once(",\"prev\":\"")?;
        let (prev, rest) = rest.split_at_checked(64)?;
        let is_plain = !seq.starts_with('0') && seq.bytes().all(|b| b.is_ascii_digit());
        let seq = seq.parse().ok().filter(|_| is_plain && line.ends_with('}'))?;
        Some(Self { seq, prev: unhex(prev)?, rest: rest.strip_prefix("\",")? })
    }

    /// Reads the beginning as [`Start::read`] does, but only if the whole line is JSON.
    /// After a power cut, a line may have holes.
    pub(crate) fn of_whole(line: &'a [u8]) -> Option<Self> {
        let start = Self::read(line)?;
        serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok().then_some(start)
    }

    /// The line's `type`, if it stands in one of the two places where the log writes it. Otherwise empty.
    pub(crate) fn kind(&self) -> &'a str {
        let at_type = self.rest.strip_prefix("\"type\":\"").or_else(|| {
            let (time, rest) = self.rest.strip_prefix("\"time\":\"")?.split_once('"')?;
            (time.len() < 40).then_some(rest)?.strip_prefix(",\"type\":\"")
        });
        at_type.and_then(|rest| rest.split_once('"')).map_or("", |(kind, _)| kind)
    }

    /// The line's time, as it is written. `None` if the line has none, as a checkpoint.
    pub(crate) fn time(&self) -> Option<&'a str> {
        self.rest.strip_prefix("\"time\":\"")?.split_once('"').map(|(time, _)| time)
    }

    /// Whether this line comes next in `chain`.
    pub(crate) fn follows(&self, chain: &Chain) -> bool {
        chain.is_next(self.seq, &self.prev)
    }
}

/// The members of control lines, and those members that say to which request a line belongs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Members {
    pub time: String,
    pub log: String,
    pub reason: String,
    pub size: u64,
    pub frontier: Vec<String>,
    pub checkpoint: String,
    pub old_log: String,
    pub old_lines: u64,
    pub lines: u64,
    #[serde(rename = "fed")]
    pub covered: u64,
    #[serde(rename = "fed_line")]
    pub covered_line: u64,
    pub open: Vec<String>,
    pub foreign: Option<Foreign>,
    pub request: Request,
    pub response: Response,
    pub plain: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Request {
    pub id: String,
    pub path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Response {
    pub status: u16,
}

/// A run of lines that the server did not write, as the `head` line of the log names it that replaces theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Foreign {
    /// The numbers of the first and the last of them.
    pub first: u64,
    pub last: u64,
}

impl Members {
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The right edge of the log's Merkle tree, which a `head` or `frontier` line holds. `None` if the members
    /// of the line do not form one.
    pub(crate) fn right_edge(&self) -> Option<Frontier> {
        let nodes: Option<Vec<Hash>> = self.frontier.iter().map(|text| unhex(text)).collect();
        Frontier::from_parts(self.size, nodes?)
    }

    /// The state of the log before its `head` line. `None` if the members of that line contradict each other.
    pub(crate) fn chain_before(&self, start: &Start<'_>) -> Option<Chain> {
        let is_first = self.size > 0 || start.prev == [0; 32];
        let fits = is_first && self.size.checked_add(1) == Some(start.seq);
        let edge = self.right_edge().filter(|_| fits)?;
        Some(Chain::resumed(self.log.clone(), start.prev, edge))
    }

    /// The log that a `head` line replaces, and how many lines that log had.
    pub(crate) fn old(&self) -> Option<(String, u64)> {
        Some((self.old_log.clone(), self.old_lines)).filter(|(id, _)| !id.is_empty())
    }
}
