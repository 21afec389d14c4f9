//! The suspects: lines that do not belong to the chain, and all lines after the first such line.

use std::{path::Path, sync::Arc};

use crate::{
    crypto::{merkle::Hash, note::Checkpoint},
    services::audit::chain::Chain,
};

/// A file, and the number of a line in it.
pub(crate) type Place = (Arc<Path>, u64);

pub(crate) struct Suspects {
    /// The chain before the first suspect.
    pub before: Chain,
    /// The place of the line before the first suspect.
    pub place_before: Place,
    pub seen: Vec<Seen>,
    /// The number of suspects. Not all of them may be remembered in `seen`.
    pub count: u64,
    /// Whether the last suspect lacks its end.
    pub is_unended: bool,
}

/// A suspect line that is remembered.
pub(crate) struct Seen {
    pub place: Place,
    /// The line's number and `prev`. `None` if it does not have the form of a log line.
    pub start: Option<(u64, Hash)>,
    pub leaf: Hash,
    /// The checkpoint in the line, if it is signed with the given key.
    pub checkpoint: Option<Checkpoint>,
    pub is_line: bool,
}
