//! Finds the lines after a log's newest checkpoint that the server did not write. It writes three kinds of lines: with
//! its keys, lines that have a MAC, and checkpoints; without them, only lines of those few classes that there are while
//! it is sealed. Everything else that stands in the file was written by somebody else.

use std::io;

use super::file::LogFile;
use crate::{
    crypto::note::Checkpoint,
    services::audit::{
        file_lines::from_the_end,
        keys::DeviceKeys,
        parse::{Foreign, Members, Start, split_mac},
        sealed_time::SealedTime,
    },
};

/// Where a log stands, for the search for lines that are not its own.
pub(crate) struct Ours<'a> {
    pub keys: &'a DeviceKeys,
    /// The newest checkpoint of the log, which was verified. `None` if it has none.
    pub checkpoint: Option<&'a Checkpoint>,
    /// The id and number of lines of the log.
    pub log: &'a str,
    pub lines: u64,
}

/// The lines that the server did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub foreign: Foreign,
    /// The offset in the file at which the first of them begins.
    pub at: u64,
}

/// Returns the lines after the newest checkpoint that are not `ours`. Blocks: reads the end of the file.
pub(crate) fn foreign_lines(file: &LogFile, ours: &Ours<'_>) -> io::Result<Option<Found>> {
    let found = from_the_end(&file.open_read()?, file.length(), |from, bytes| {
        let mut lines: Vec<Piece<'_>> = Vec::new();
        let mut at = from;
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            lines.push(Piece { bytes: piece.strip_suffix(b"\n").unwrap_or(piece), at });
            at += piece.len() as u64;
        }
        let (first, mut sealed) = match ours.begin(&lines) {
            Some(begin) => begin,
            None if from == 0 => (0, SealedTime::default()),
            None => return None,
        };
        let after = lines.get(first..).unwrap_or(&[]);
        let number = |n: usize| (ours.lines + n as u64 + 1).saturating_sub(after.len() as u64);
        let mut foreign = after.iter().enumerate().filter(|(_, line)| !ours.wrote(line.bytes, &mut sealed));
        Some(foreign.next().map(|(first, line)| {
            let last = foreign.last().map_or(first, |(last, _)| last);
            Found { foreign: Foreign { first: number(first), last: number(last) }, at: line.at }
        }))
    })?;
    Ok(found.flatten())
}

/// A line, or a piece of one that was only partly written, with its offset in the file.
struct Piece<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl Ours<'_> {
    /// The index of the first line that no checkpoint covers, and what may be written there without keys. `None` if that
    /// line, or the one that the answer depends on, stands further ahead in the file.
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
                ("head", None) if start.seq == 1 && Members::read(line)?.log == self.log => {
                    Some((n, SealedTime::default()))
                }
                _ => None,
            }
        })
    }

    fn wrote(&self, line: &[u8], sealed: &mut SealedTime) -> bool {
        let is_proved = match split_mac(line) {
            Some((covered, mac)) => self.keys.has_made(mac, covered),
            None => Start::read(line).is_some_and(|start| sealed.allows(&start, line)),
        };
        // After a power cut a line may have holes or lack its end. Then it is no JSON text, and tells nobody anything.
        is_proved || serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err()
    }
}
