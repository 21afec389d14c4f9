//! What a start learns from the file of a device: where its log stands, going on from its last signed head, and what at
//! its end was not written whole. Whether that head's signature is ours shows only at unseal.

use std::io;

use super::{
    line::Chain,
    read::{Own, Start, from_the_end},
};
use crate::{
    crypto::{
        merkle::{Hash, leaf_hash},
        note::Checkpoint,
    },
    store::files::File,
};

/// A file that has been read.
#[derive(Default)]
pub(super) struct Scan {
    /// Where the log stands; `None` where it cannot be gone on with.
    pub chain: Option<Chain>,
    /// The newest signed head, not yet believed.
    pub checkpoint: Option<Checkpoint>,
    /// Lines at the end that were not written whole, and their bytes.
    pub torn: (u64, u64),
    /// Whether the last of them lacks its newline.
    pub needs_newline: bool,
    /// Whether the log had this root when it had the asked size, where that can be told.
    pub kept_agrees: Option<bool>,
    pub fed: u64,
    pub fed_line: u64,
}

/// Reads the end of a file. `kept` is the size and root of a head that was kept elsewhere.
pub(super) fn scan(file: &File, len: u64, kept: Option<(u64, Hash)>) -> io::Result<Scan> {
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

/// Goes to the newest signed head of which the line before names the right edge. Gives the number of the line behind;
/// `scan.chain` stays empty where the two do not fit together.
fn last_checkpoint(lines: &[&[u8]], scan: &mut Scan, kept: Option<(u64, Hash)>) -> Option<usize> {
    // A head that was not written whole is no head: its line is torn.
    let head = |line: &[u8]| {
        Start::read(line).filter(|start| start.kind() == "checkpoint")?;
        Checkpoint::parse(&Own::read(line)?.checkpoint).ok()
    };
    let (at, found) = (1..lines.len()).rev().find_map(|at| Some((at, head(lines.get(at)?)?)))?;
    let (edge_line, line) = (lines.get(at - 1)?, lines.get(at)?);
    scan.checkpoint = Some(found);
    let own = Own::read(edge_line).unwrap_or_default();
    let mut chain = Chain { id: own.log.clone(), prev: [0; 32], frontier: own.edge().unwrap_or_default() };
    chain.push(leaf_hash(edge_line));
    let start = Start::read(line)?;
    let fits =
        scan.checkpoint.as_ref().is_some_and(|head| head.size == chain.lines() && head.root == chain.frontier.root());
    if fits && start.prev == chain.prev && start.seq == chain.lines() + 1 {
        compare_kept(scan, &chain, kept);
        chain.push(leaf_hash(line));
        (scan.fed, scan.fed_line) = (own.fed, own.fed_line);
        scan.chain = Some(chain);
    }
    Some(at + 1)
}

fn first_head(lines: &[&[u8]], scan: &mut Scan) -> Option<usize> {
    let line = lines.first()?;
    let start = Start::read(line).filter(|start| start.kind() == "head")?;
    let mut chain = Own::read(line)?.chain_before(&start)?;
    chain.push(leaf_hash(line));
    scan.chain = Some(chain);
    Some(1)
}

fn compare_kept(scan: &mut Scan, chain: &Chain, kept: Option<(u64, Hash)>) {
    if let Some((_, root)) = kept.filter(|(size, _)| *size == chain.lines()) {
        scan.kept_agrees = Some(root == chain.frontier.root());
    }
}

impl Scan {
    /// Follows the chain. What does not belong to it counts as torn, unless a `torn` line behind it says so already.
    fn walk(&mut self, lines: &[&[u8]], kept: Option<(u64, Hash)>) {
        let Some((last, lines)) = lines.split_last() else { return };
        for line in lines {
            self.line(line);
            if let Some(chain) = self.chain.take() {
                compare_kept(self, &chain, kept);
                self.chain = Some(chain);
            }
        }
        // A line that lacks nothing but its newline is whole.
        if !last.is_empty() {
            self.needs_newline = true;
            self.line(last);
        }
    }

    fn line(&mut self, line: &[u8]) {
        let Some(start) = Start::of_whole(line) else { return self.torn_line(line) };
        if start.kind() == "head" && start.seq == 1 {
            // Another log begins: whatever was wrong with the one before is its head's reason.
            *self = Self { chain: Own::read(line).and_then(|own| own.chain_before(&start)), ..Self::default() };
        }
        let Some(chain) = &mut self.chain else { return };
        let belongs = start.seq == chain.lines() + 1 && start.prev == chain.prev;
        let ends_torn =
            self.torn.0 > 0 && start.kind() == "torn" && Own::read(line).is_some_and(|own| own.lines == self.torn.0);
        if belongs && (self.torn.0 == 0 || ends_torn || start.kind() == "head") {
            chain.push(leaf_hash(line));
            if ends_torn {
                self.torn = (0, 0);
            }
        } else {
            self.torn_line(line);
        }
    }

    fn torn_line(&mut self, line: &[u8]) {
        if let Some(chain) = &mut self.chain {
            chain.push(leaf_hash(line));
            self.torn = (self.torn.0 + 1, self.torn.1 + line.len() as u64);
        }
    }
}
