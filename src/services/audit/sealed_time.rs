//! What a server writes into a log while it has no keys, because it is sealed or has only just started: inits, unseals,
//! refusals, and the outcomes of requests that were under way at the seal.

use std::collections::HashSet;

use super::{
    parse::{Members, Start},
    request_id::RequestId,
};
use crate::crypto::note::Checkpoint;

/// The paths of which a sealed server records requests. It refuses all others, or answers them without a line.
pub(crate) const RECORDED_WHILE_SEALED: [&str; 2] = ["sys/init", "sys/unseal"];

/// The lines that may stand after a checkpoint although no key was at hand.
#[derive(Default)]
pub(crate) struct SealedTime {
    /// Requests that were under way at the seal, and have no outcome yet.
    open: HashSet<RequestId>,
}

impl SealedTime {
    /// The time after `checkpoint`; `edge` is the `frontier` line before it, which it covers. Only a final checkpoint
    /// names requests whose outcomes may follow.
    pub(crate) fn after(checkpoint: &Checkpoint, edge: &[u8]) -> Self {
        let open = if checkpoint.is_final { Members::read(edge).unwrap_or_default().open } else { Vec::new() };
        Self { open: open.iter().map(|id| RequestId::new(id)).collect() }
    }

    /// Whether a server writes such a line without keys. `start` is the beginning of `line`.
    pub(crate) fn allows(&mut self, start: &Start<'_>, line: &[u8]) -> bool {
        let Some(members) = Members::read(line) else { return false };
        let is_plain = members.plain.is_some();
        let is_answered = RECORDED_WHILE_SEALED.contains(&members.request.path.as_str());
        // A line that counts requests names none.
        let is_count = members.request.path.is_empty();
        match start.kind() {
            "head" | "tail" | "torn" | "gap" => true,
            "request" => is_plain && is_answered,
            "response" if is_plain => is_answered || is_count || members.response.status >= 400,
            "response" => self.open.remove(&RequestId::new(&members.request.id)),
            _ => false,
        }
    }
}
