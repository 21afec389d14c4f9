//! Lines that do not belong to the chain, or that came after one that does not.

use std::path::PathBuf;

use crate::{
    crypto::{merkle::Hash, note::Checkpoint},
    services::audit::chain::Chain,
};

/// A file, and the number of a line in it.
pub(crate) type Place = (PathBuf, u64);

pub(crate) struct Suspects {
    /// The chain before the first of them.
    pub before: Chain,
    /// Where the line before the first of them stood.
    pub place_before: Place,
    pub seen: Vec<Seen>,
    /// How many there are. Not all of them may be remembered in `seen`.
    pub count: u64,
    /// Whether the last one lacks its newline.
    pub is_unended: bool,
}

/// A line after the break of the chain.
pub(crate) struct Seen {
    pub place: Place,
    /// Its number and `prev`; `None` if it does not have the form of a line.
    pub start: Option<(u64, Hash)>,
    pub leaf: Hash,
    /// The checkpoint in it, if it is signed with the given key.
    pub checkpoint: Option<Checkpoint>,
    pub is_line: bool,
}
