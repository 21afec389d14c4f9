//! The place between committer and index where a group becomes durable before anybody sees it. There is no journal
//! yet: nothing is written here, and an index that needs durability syncs itself after its apply.

use std::sync::Arc;

use super::{batch::Sequence, committer::Accepted};
use crate::base::time::Time;

/// Keys a chain value with a secret that only an unsealed store has; `None` while it is sealed.
pub type Mark = Arc<dyn Fn(&[u8; 32]) -> Option<[u8; 32]> + Send + Sync>;

/// One group on its way: accepted batches in order.
#[expect(dead_code, reason = "what a journal will write; there is none yet")]
pub(super) struct Frame<'a> {
    pub first: Sequence,
    pub time: Time,
    pub batches: &'a [Accepted],
    pub mark: Option<Mark>,
}

/// The closed set of logs.
pub(super) enum Log {
    None,
}

impl Log {
    /// Makes the group durable, or says why not. Called once a group, before the apply.
    pub fn append(&mut self, _frame: &Frame<'_>) -> Result<(), String> {
        match self {
            Self::None => Ok(()),
        }
    }
}
