//! The lines that a log writes about itself: how it begins, goes on in another file and ends, its key, its right edge,
//! its signed heads, and what it could not write. Each function gives the members behind `seq` and `prev`.

use std::fmt::Write as _;

use super::line::{Chain, hex, rfc3339};
use crate::{
    base::{json::quote, time::Time},
    crypto::merkle::Frontier,
};

/// The log that stood in this file, or under this name, before a new one had to begin.
pub(super) struct Old<'a> {
    pub log: &'a str,
    pub lines: u64,
}

/// The first line of every file, and of what follows where a file was changed from outside: whatever is needed to go on
/// without the lines before.
pub(super) fn head(
    time: Time,
    device: &str,
    chain: &Chain,
    reason: &str,
    last: (Option<&str>, Option<Old<'_>>),
) -> String {
    let mut out = begin(time, "head");
    text(",\"log\":", &chain.id, &mut out);
    text(",\"device\":", device, &mut out);
    text(",\"reason\":", reason, &mut out);
    edge(&chain.frontier, &mut out);
    if let (Some(note), _) = last {
        text(",\"last_checkpoint\":", note, &mut out);
    }
    if let (_, Some(old)) = last {
        text(",\"old_log\":", old.log, &mut out);
        let _ = write!(out, ",\"old_lines\":{}", old.lines);
    }
    out
}

/// The last line of a file that is left in order.
pub(super) fn tail(time: Time, reason: &str) -> String {
    let mut out = begin(time, "tail");
    text(",\"reason\":", reason, &mut out);
    out
}

/// The name and public key under which the following lines will be signed. Information only: a verifier believes the
/// key that it was given.
pub(super) fn key(time: Time, origin: &str, public_key: &str) -> String {
    let mut out = begin(time, "key");
    text(",\"origin\":", origin, &mut out);
    text(",\"public_key\":", public_key, &mut out);
    out
}

/// What stands beside the right edge: what a start has to know without reading further back.
pub(super) struct Standing<'a> {
    /// The highest sequence of the store that stands in a line.
    pub sequence: u64,
    /// All changes up to this sequence have their lines.
    pub fed: u64,
    /// Whatever belongs to later changes stands behind this line.
    pub fed_line: u64,
    /// Requests that have no outcome yet.
    pub open: Vec<&'a str>,
}

/// The right edge of the tree of all lines before this one.
pub(super) fn frontier(time: Time, chain: &Chain, standing: &Standing<'_>) -> String {
    let mut out = begin(time, "frontier");
    text(",\"log\":", &chain.id, &mut out);
    edge(&chain.frontier, &mut out);
    let _ = write!(out, ",\"store\":{{\"sequence\":{}}}", standing.sequence);
    let _ = write!(out, ",\"fed\":{},\"fed_line\":{},\"open\":[", standing.fed, standing.fed_line);
    for (n, id) in standing.open.iter().take(OPEN_MAX).enumerate() {
        out.push_str(if n == 0 { "" } else { "," });
        quote(id, &mut out);
    }
    out.push(']');
    out
}

/// A signed head of all lines before this one, and nothing else: a verifier makes this line itself and compares.
pub(super) fn checkpoint(note: &str) -> String {
    let mut out = String::from("\"type\":\"checkpoint\"");
    text(",\"checkpoint\":", note, &mut out);
    out
}

/// The `lines` before this one were not written whole.
pub(super) fn torn(time: Time, lines: u64, bytes: u64) -> String {
    let mut out = begin(time, "torn");
    let _ = write!(out, ",\"lines\":{lines},\"bytes\":{bytes}");
    out
}

/// What other devices have and this one does not. `digest` begins as 32 zero bytes and becomes, with each event,
/// SHA-256(digest ‖ request id ‖ 0x20 ‖ type ‖ 0x0A).
pub(super) struct Gap<'a> {
    pub first: &'a str,
    pub last: &'a str,
    pub count: u64,
    pub digest: [u8; 32],
}

pub(super) fn gap(time: Time, gap: &Gap<'_>) -> String {
    let mut out = begin(time, "gap");
    text(",\"first\":", gap.first, &mut out);
    text(",\"last\":", gap.last, &mut out);
    let _ = write!(out, ",\"count\":{},\"digest\":\"{}\"", gap.count, as_str(&hex(&gap.digest)));
    out
}

/// Open requests that a `frontier` line names: more do not fit into one line, and are never open at once.
const OPEN_MAX: usize = 1_000;

fn begin(time: Time, kind: &str) -> String {
    let mut out = String::from("\"time\":\"");
    rfc3339(time, &mut out);
    let _ = write!(out, "\",\"type\":\"{kind}\"");
    out
}

fn text(name: &str, value: &str, out: &mut String) {
    out.push_str(name);
    quote(value, out);
}

fn edge(frontier: &Frontier, out: &mut String) {
    let _ = write!(out, ",\"size\":{},\"frontier\":[", frontier.size());
    for (n, node) in frontier.nodes().iter().enumerate() {
        let _ = write!(out, "{}\"{}\"", if n == 0 { "" } else { "," }, as_str(&hex(node)));
    }
    out.push(']');
}

fn as_str(hex: &[u8; 64]) -> &str {
    std::str::from_utf8(hex).unwrap_or("")
}
