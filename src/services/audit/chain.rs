//! The hash chain of one log: the right edge of the Merkle tree over all lines so far, and the hash of the last line.

use crate::crypto::merkle::{Frontier, Hash};

/// The state of a log's hash chain after its last line.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    id: String,
    prev: Hash,
    frontier: Frontier,
}

impl Chain {
    /// The hash chain of a log that has no lines yet. `id` is never used for another log.
    pub(crate) fn new(id: String) -> Self {
        Self { id, prev: [0; 32], frontier: Frontier::default() }
    }

    /// The chain of a log that has lines: `frontier` covers all of them, and `prev` is the hash of the last one.
    pub(crate) fn resumed(id: String, prev: Hash, frontier: Frontier) -> Self {
        Self { id, prev, frontier }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The hash of the last line. All zeros if there is no line yet.
    pub(crate) const fn prev(&self) -> &Hash {
        &self.prev
    }

    pub(crate) const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The root of the tree of all lines.
    pub(crate) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// How many lines the log has. The next line's `seq` is one more.
    pub(crate) const fn lines(&self) -> u64 {
        self.frontier.size()
    }

    /// Whether a line with the number `seq` and the predecessor's hash `prev` comes next.
    pub(crate) fn is_next(&self, seq: u64, prev: &Hash) -> bool {
        seq == self.lines() + 1 && *prev == self.prev
    }

    pub(crate) fn push(&mut self, leaf: Hash) {
        self.frontier.push(leaf);
        self.prev = leaf;
    }
}
