//! Control lines: what a log writes about itself. They say how it begins, continues in another file and ends, name its
//! key, its right edge and its checkpoints, and count what it could not write. Each function gives the members that
//! follow `seq` and `prev`.

use std::fmt::Write as _;

use super::{
    chain::Chain,
    format::{hex, rfc3339},
};
use crate::{
    base::{json::quote, time::Time},
    crypto::merkle::Frontier,
};

/// The first line of every file, and the line that follows a change from outside. It holds what a reader needs to
/// continue without the lines before it.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Why a new file or log begins here.
    pub reason: &'static str,
    /// The newest checkpoint before this line.
    pub last_checkpoint: Option<String>,
    /// The log that this one replaces: its id and number of lines.
    pub old: Option<(String, u64)>,
}

impl Head {
    pub(crate) fn members(&self, time: Time, device: &str, chain: &Chain) -> String {
        let mut out = begin(time, "head");
        text(",\"log\":", chain.id(), &mut out);
        text(",\"device\":", device, &mut out);
        text(",\"reason\":", self.reason, &mut out);
        right_edge(chain.frontier(), &mut out);
        if let Some(checkpoint) = &self.last_checkpoint {
            text(",\"last_checkpoint\":", checkpoint, &mut out);
        }
        if let Some((id, lines)) = &self.old {
            text(",\"old_log\":", id, &mut out);
            let _ = write!(out, ",\"old_lines\":{lines}");
        }
        out
    }
}

/// The last line of a file that the log leaves in order.
pub(crate) fn tail(time: Time, reason: &str) -> String {
    let mut out = begin(time, "tail");
    text(",\"reason\":", reason, &mut out);
    out
}

/// The name and public key of the following checkpoints. For information only: a verifier believes the key that it was
/// given.
pub(crate) fn key(time: Time, origin: &str, public_key: &str) -> String {
    let mut out = begin(time, "key");
    text(",\"origin\":", origin, &mut out);
    text(",\"public_key\":", public_key, &mut out);
    out
}

/// What the next start has to know without reading further back than the `frontier` line.
pub(crate) struct Standing<'a> {
    /// The highest sequence of the store in any line.
    pub sequence: u64,
    /// All changes up to this sequence have their lines.
    pub covered: u64,
    /// The lines of later changes all come after this line.
    pub covered_line: u64,
    /// Requests that have no outcome yet.
    pub open: &'a [&'a str],
}

/// The right edge of the tree of all lines before this one.
pub(crate) fn frontier(time: Time, chain: &Chain, standing: &Standing<'_>) -> String {
    let mut out = begin(time, "frontier");
    text(",\"log\":", chain.id(), &mut out);
    right_edge(chain.frontier(), &mut out);
    let _ = write!(out, ",\"store\":{{\"sequence\":{}}}", standing.sequence);
    let _ = write!(out, ",\"fed\":{},\"fed_line\":{},\"open\":[", standing.covered, standing.covered_line);
    for (n, id) in standing.open.iter().take(OPEN_MAX).enumerate() {
        out.push_str(if n == 0 { "" } else { "," });
        quote(id, &mut out);
    }
    out.push(']');
    out
}

/// A checkpoint over all lines before this one, and nothing else: a verifier builds the same line and compares.
pub(crate) fn checkpoint(signed: &str) -> String {
    let mut out = String::from("\"type\":\"checkpoint\"");
    text(",\"checkpoint\":", signed, &mut out);
    out
}

/// The `lines` before this one were only partly written.
pub(crate) fn torn(time: Time, lines: u64, bytes: u64) -> String {
    let mut out = begin(time, "torn");
    let _ = write!(out, ",\"lines\":{lines},\"bytes\":{bytes}");
    out
}

/// Lines that other devices have and this one lacks. `digest` begins as 32 zero bytes and becomes, with each line,
/// SHA-256(digest ‖ request id ‖ 0x20 ‖ type ‖ 0x0A).
pub(crate) struct Gap<'a> {
    pub first: &'a str,
    pub last: &'a str,
    pub count: u64,
    pub digest: [u8; 32],
}

pub(crate) fn gap(time: Time, gap: &Gap<'_>) -> String {
    let mut out = begin(time, "gap");
    text(",\"first\":", gap.first, &mut out);
    text(",\"last\":", gap.last, &mut out);
    let _ = write!(out, ",\"count\":{},\"digest\":\"{}\"", gap.count, as_str(&hex(&gap.digest)));
    out
}

/// How many open requests a `frontier` line names. More would not fit into one line, and are never open at once.
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

fn right_edge(frontier: &Frontier, out: &mut String) {
    let _ = write!(out, ",\"size\":{},\"frontier\":[", frontier.size());
    for (n, node) in frontier.nodes().iter().enumerate() {
        let _ = write!(out, "{}\"{}\"", if n == 0 { "" } else { "," }, as_str(&hex(node)));
    }
    out.push(']');
}

fn as_str(hex: &[u8; 64]) -> &str {
    std::str::from_utf8(hex).unwrap_or("")
}
