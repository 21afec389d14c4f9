//! Control lines: what an audit log says about itself. They say how the log begins, continues in another file and ends,
//! name its signing key, its right edge and its checkpoints, and count the lines that it could not write. Each function
//! returns the members of a control line that follow `seq` and `prev`.

use std::fmt::Write as _;

use super::{
    chain::Chain,
    format::{hex, rfc3339},
    parse::Foreign,
    request_id::RequestId,
};
use crate::{
    base::{json::quote, time::Time},
    crypto::merkle::Frontier,
};

/// The first line of every file, and the line that is written after somebody else changed the file. It holds what a
/// reader needs to continue without the lines before it.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Why a new file or log begins here.
    pub reason: &'static str,
    /// The newest checkpoint before this line, as text. `None` if there is none.
    pub last_checkpoint: Option<String>,
    /// The id and number of lines of the log that this one replaces. `None` if it replaces none.
    pub old: Option<(String, u64)>,
    /// The lines of that log that the server did not write. `None` if there are none.
    pub foreign: Option<Foreign>,
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
        if let Some(foreign) = &self.foreign {
            let _ = write!(out, ",\"foreign\":{{\"first\":{},\"last\":{}}}", foreign.first, foreign.last);
        }
        out
    }
}

/// The line with which the log properly ends a file before it continues in another one.
pub(crate) fn tail(time: Time, reason: &str) -> String {
    let mut out = begin(time, "tail");
    text(",\"reason\":", reason, &mut out);
    out
}

/// The name and public key that the following checkpoints are signed with. The line is for information only: a verifier
/// trusts only the key that it was given.
pub(crate) fn key(time: Time, origin: &str, public_key: &str) -> String {
    let mut out = begin(time, "key");
    text(",\"origin\":", origin, &mut out);
    text(",\"public_key\":", public_key, &mut out);
    out
}

/// What the next start must know so that it need not read further back than the `frontier` line.
pub(crate) struct Standing<'a> {
    /// The highest sequence number of the store in any line.
    pub sequence: u64,
    /// All changes up to this sequence have their lines.
    pub covered: u64,
    /// The lines of later changes all come after this line.
    pub covered_line: u64,
    /// The ids of requests that have no outcome yet, at most [`OPEN_MAX`].
    pub open: &'a [RequestId],
}

/// The right edge of the tree of all lines before this one.
pub(crate) fn frontier(time: Time, chain: &Chain, standing: &Standing<'_>) -> String {
    let mut out = begin(time, "frontier");
    text(",\"log\":", chain.id(), &mut out);
    right_edge(chain.frontier(), &mut out);
    let _ = write!(out, ",\"store\":{{\"sequence\":{}}}", standing.sequence);
    let _ = write!(out, ",\"fed\":{},\"fed_line\":{},\"open\":[", standing.covered, standing.covered_line);
    for (n, id) in standing.open.iter().enumerate() {
        out.push_str(if n == 0 { "" } else { "," });
        quote(id.as_str(), &mut out);
    }
    out.push(']');
    out
}

/// A checkpoint over all lines before this one. The line holds nothing else: a
/// verifier builds the same line and compares.
pub(crate) fn checkpoint(signed: &str) -> String {
    let mut out = String::from("\"type\":\"checkpoint\"");
    text(",\"checkpoint\":", signed, &mut out);
    out
}

/// Says that the `lines` lines before this one were only partly written, with `bytes` bytes in total.
pub(crate) fn torn(time: Time, lines: u64, bytes: u64) -> String {
    let mut out = begin(time, "torn");
    let _ = write!(out, ",\"lines\":{lines},\"bytes\":{bytes}");
    out
}

/// A run of lines that other devices have and this one lacks. `digest` begins as 32 zero bytes and becomes, with each
/// line, SHA-256(digest ‖ request id ‖ 0x20 ‖ type ‖ 0x0A).
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

/// A `frontier` line names at most this many open requests, and leaves out the others. More would not fit into one
/// line, and so many requests are never open at once.
pub(crate) const OPEN_MAX: usize = 1_000;

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
