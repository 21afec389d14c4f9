//! Lines that do not belong to the chain, or that came after one that does not.

use std::path::PathBuf;

use crate::{
    crypto::{merkle::Hash, note::Checkpoint},
    services::audit::chain::Chain,
};

/// A file, and the number of a line in it.
pub(crate) type Place = (PathBuf, u64);

pub(crate) struct Suspects {
    /// The log before the first of them.
    pub before: Chain,
    /// Where the line before the first of them stood.
    pub place_before: Place,
    pub seen: Vec<Seen>,
    /// How many there are; more than are remembered.
    pub count: u64,
    /// Whether the last one lacks its newline.
    pub is_unended: bool,
}

/// A line behind the break.
pub(crate) struct Seen {
    pub place: Place,
    /// Its number and `prev`; `None` where it is no line of ours.
    pub start: Option<(u64, Hash)>,
    pub leaf: Hash,
    /// A signed head that the key given signed.
    pub head: Option<Checkpoint>,
    pub is_line: bool,
}
