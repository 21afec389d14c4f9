//! Reads the end of a device's file when the server starts. It finds the state of the log, going on
//! from its newest checkpoint, and the lines at the end that were only partly written. Whether the
//! checkpoint is our own is checked at unseal.

use std::io;

use super::due::{Newline, Torn};
use crate::{
    crypto::{
        merkle::{Hash, leaf_hash},
        note::Checkpoint,
    },
    services::audit::{
        chain::Chain,
        file_lines::from_the_end,
        origin::log_id_of,
        parse::{Members, Start},
    },
    store::files::File,
};

/// What was found at the end of a file.
#[derive(Default)]
pub(crate) struct Scan {
    /// The state of the log's hash chain. `None` if the log cannot be continued.
    pub chain: Option<Chain>,
    /// The newest checkpoint in the file, not verified yet.
    pub checkpoint: Option<Checkpoint>,
    /// The lines at the end of the file that were only partly written.
    pub torn: Torn,
    /// Whether the last line has its newline.
    pub newline: Newline,
    /// Whether the log had the root of the sidecar's checkpoint when it had as
    /// many lines. `None` if that cannot be told.
    pub sidecar_agrees: Option<bool>,
    /// The sequence number up to which all changes have their lines, as the `frontier` line before the checkpoint says.
    pub covered: u64,
    pub covered_line: u64,
}

/// The checkpoint in the sidecar.
struct Kept {
    log: String,
    size: u64,
    root: Hash,
}

/// Reads the end of a file of `len` bytes. `sidecar` is the checkpoint in the log's sidecar. Blocks.
pub(crate) fn scan(file: &File, len: u64, sidecar: Option<&Checkpoint>) -> io::Result<Scan> {
    let kept = sidecar.map(|checkpoint| Kept {
        log: log_id_of(&checkpoint.origin),
        size: checkpoint.size,
        root: checkpoint.root,
    });
    let kept = kept.as_ref();
    let found = from_the_end(file, len, |from, bytes| {
        let lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
        let mut scan = Scan::default();
        let next = match last_checkpoint(&lines, &mut scan, kept) {
            Some(next) => next,
            None if from == 0 => first_head(&lines, &mut scan)?,
            None => return None,
        };
        scan.walk(lines.get(next..).unwrap_or(&[]), kept);
        Some(scan)
    })?;
    Ok(found.unwrap_or_default())
}

/// Finds the newest checkpoint and resumes the chain there: the `frontier` line before it holds the right edge. Returns
/// the index of the line after the checkpoint. `scan.chain` stays `None` if the two lines contradict each other.
fn last_checkpoint(lines: &[&[u8]], scan: &mut Scan, kept: Option<&Kept>) -> Option<usize> {
    // A checkpoint line that was only partly written does not parse, so it counts as torn.
    let checkpoint = |line: &[u8]| {
        Start::read(line).filter(|start| start.kind() == "checkpoint")?;
        Checkpoint::parse(&Members::read(line)?.checkpoint).ok()
    };
    let (at, found) = (1..lines.len()).rev().find_map(|at| Some((at, checkpoint(lines.get(at)?)?)))?;
    let (edge_line, line) = (lines.get(at - 1)?, lines.get(at)?);
    let members = Members::read(edge_line).unwrap_or_default();
    let edge = members.right_edge().unwrap_or_default();
    let mut chain = Chain::resumed(members.log, [0; 32], edge);
    chain.push(leaf_hash(edge_line));
    let start = Start::read(line)?;
    let fits = found.size == chain.lines() && found.root == chain.root();
    scan.checkpoint = Some(found);
    if fits && start.follows(&chain) {
        scan.compare(&chain, kept);
        chain.push(leaf_hash(line));
        (scan.covered, scan.covered_line) = (members.covered, members.covered_line);
        scan.chain = Some(chain);
    }
    Some(at + 1)
}

/// Resumes the chain at the `head` line with which the file begins. Returns the index of the second line, or `None` if
/// the file begins with another line.
fn first_head(lines: &[&[u8]], scan: &mut Scan) -> Option<usize> {
    let line = lines.first()?;
    let start = Start::read(line).filter(|start| start.kind() == "head")?;
    let mut chain = Members::read(line)?.chain_before(&start)?;
    chain.push(leaf_hash(line));
    scan.chain = Some(chain);
    Some(1)
}

impl Scan {
    fn compare(&mut self, chain: &Chain, kept: Option<&Kept>) {
        if let Some(kept) = kept.filter(|kept| kept.log == chain.id() && kept.size == chain.lines()) {
            self.sidecar_agrees = Some(kept.root == chain.root());
        }
    }

    /// Follows the chain through `lines`.
    fn walk(&mut self, lines: &[&[u8]], kept: Option<&Kept>) {
        let Some((last, lines)) = lines.split_last() else { return };
        for line in lines {
            self.line(line);
            if let Some(chain) = self.chain.take() {
                self.compare(&chain, kept);
                self.chain = Some(chain);
            }
        }
        // The file does not end in a newline. Its last line may be complete apart from that.
        if !last.is_empty() {
            self.newline = Newline::Missing;
            self.line(last);
        }
    }

    /// Takes one line into account. A line that does not belong to the chain counts as torn,
    /// unless a later `torn` line accounts for it.
    fn line(&mut self, line: &[u8]) {
        let Some(start) = Start::of_whole(line) else { return self.torn_line(line) };
        if start.kind() == "head" && start.seq == 1 {
            // A new log begins here. Its `head` line names as its reason what was wrong with the log before.
            let chain = Members::read(line).and_then(|members| members.chain_before(&start));
            *self = Self { chain, ..Self::default() };
        }
        let Some(chain) = &mut self.chain else { return };
        let accounts_for_torn = self.torn.lines > 0
            && start.kind() == "torn"
            && Members::read(line).is_some_and(|members| members.lines == self.torn.lines);
        let may_follow = self.torn.lines == 0 || accounts_for_torn || start.kind() == "head";
        if start.follows(chain) && may_follow {
            chain.push(leaf_hash(line));
            if accounts_for_torn {
                self.torn = Torn::default();
            }
        } else {
            self.torn_line(line);
        }
    }

    fn torn_line(&mut self, line: &[u8]) {
        if let Some(chain) = &mut self.chain {
            chain.push(leaf_hash(line));
            self.torn = Torn { lines: self.torn.lines + 1, bytes: self.torn.bytes + line.len() as u64 };
        }
    }
}
