//! Finds the lines after a log's newest checkpoint that the server did not write. It writes three kinds of lines: with
//! its keys, lines that have a MAC, and checkpoints; without them, only lines of those few classes that there are while
//! it is sealed. Everything else that stands in the file was written by somebody else.

use std::io;

use crate::{
    crypto::note::Checkpoint,
    services::audit::{
        file_lines::from_the_end,
        keys::DeviceKeys,
        parse::{Foreign, Members, Start, split_mac},
        sealed_time::SealedTime,
    },
    store::files::File,
};

/// The end of a log as it was found in a file, and what shows which lines of it are the server's own.
pub(crate) struct Inherited<'a> {
    pub file: &'a File,
    /// The lines in this many bytes of the file were there when it was opened.
    pub bytes: u64,
    /// The id of the log, and how many lines it had when the file was opened.
    pub log: &'a str,
    pub lines: u64,
    pub keys: &'a DeviceKeys,
    /// The newest checkpoint in the file, which was verified. `None` if it has none.
    pub checkpoint: Option<&'a Checkpoint>,
}

/// What somebody else may have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Every line is the server's own.
    Ours,
    Foreign {
        lines: Foreign,
        /// The offset in the file at which the first of them begins.
        at: u64,
    },
    /// The log goes on from another file, and no key was at hand to say so.
    Unattested,
}

/// Judges the lines that no checkpoint covers. Blocks: reads the end of the file.
pub(crate) fn judge(inherited: &Inherited<'_>) -> io::Result<Judgement> {
    let found = from_the_end(inherited.file, inherited.bytes, |from, bytes| {
        let mut lines: Vec<Piece<'_>> = Vec::new();
        let mut at = from;
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            lines.push(Piece { bytes: piece.strip_suffix(b"\n").unwrap_or(piece), at });
            at += piece.len() as u64;
        }
        let Some((first, mut sealed)) = inherited.begin(&lines) else {
            return (from == 0).then_some(Judgement::Unattested);
        };
        let after = lines.get(first..).unwrap_or(&[]);
        let number = |n: usize| (inherited.lines + n as u64 + 1).saturating_sub(after.len() as u64);
        let mut foreign = after.iter().enumerate().filter(|(_, line)| !inherited.wrote(line.bytes, &mut sealed));
        let Some((first, line)) = foreign.next() else { return Some(Judgement::Ours) };
        let last = foreign.last().map_or(first, |(last, _)| last);
        Some(Judgement::Foreign { lines: Foreign { first: number(first), last: number(last) }, at: line.at })
    })?;
    Ok(found.unwrap_or(Judgement::Ours))
}

/// A line, or a piece of one that was only partly written, with its offset in the file.
struct Piece<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl Inherited<'_> {
    /// The index of the first line to be judged, and what may be written there without keys. That is the line after the
    /// newest checkpoint; or a `head` line with which the log begins, or that has a right MAC: with keys, the server knew
    /// what stood before it. `None` if there is no such line, or if the answer depends on one further ahead in the file.
    fn begin(&self, lines: &[Piece<'_>]) -> Option<(usize, SealedTime)> {
        (0..lines.len()).rev().find_map(|n| {
            let line = lines.get(n)?.bytes;
            let start = Start::read(line)?;
            match (start.kind(), self.checkpoint) {
                ("checkpoint", Some(newest)) => {
                    let found = Checkpoint::parse(&Members::read(line)?.checkpoint).ok()?;
                    let edge = lines.get(n.checked_sub(1)?)?.bytes;
                    (found == *newest).then(|| (n + 1, SealedTime::after(&found, edge)))
                }
                ("head", _) if Members::read(line)?.log == self.log && (start.seq == 1 || self.has_made(line)) => {
                    Some((n, SealedTime::default()))
                }
                _ => None,
            }
        })
    }

    fn has_made(&self, line: &[u8]) -> bool {
        split_mac(line).is_some_and(|(covered, mac)| self.keys.has_made(mac, covered))
    }

    fn wrote(&self, line: &[u8], sealed: &mut SealedTime) -> bool {
        let is_keyless = split_mac(line).is_none();
        let is_proved =
            self.has_made(line) || (is_keyless && Start::read(line).is_some_and(|start| sealed.allows(&start, line)));
        // After a power cut, a line may have holes or lack its end. Then it is not JSON, so no reader takes anything from it.
        is_proved || serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err()
    }
}
