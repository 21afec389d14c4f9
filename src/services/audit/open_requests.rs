//! Tracks the open requests: those whose line was handed to the devices and whose outcome was not.

use std::collections::HashMap;

use super::{control::OPEN_MAX, devices::Moment, draft_line::DraftParts, queued::QueuedLines, request_id::RequestId};

pub(crate) struct OpenRequests {
    /// The open requests, each with the epoch in which its line was written.
    requests: HashMap<RequestId, u64>,
    epoch: u64,
    /// The highest sequence number of the store in any line.
    sequence: u64,
}

impl Default for OpenRequests {
    fn default() -> Self {
        Self { requests: HashMap::new(), epoch: 1, sequence: 0 }
    }
}

impl OpenRequests {
    pub(crate) const fn requests(&self) -> &HashMap<RequestId, u64> {
        &self.requests
    }

    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The open requests that a `frontier` line names.
    pub(crate) fn named(&self) -> Vec<RequestId> {
        self.requests.keys().take(OPEN_MAX).copied().collect()
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { sequence: self.sequence, oldest_open: self.requests.values().min().copied(), epoch: self.epoch }
    }

    /// Notes that a checkpoint was signed: later requests belong to the next epoch.
    pub(crate) fn next_epoch(&mut self) {
        self.epoch += 1;
    }

    /// Takes account of lines that were handed to the devices.
    pub(crate) fn track(&mut self, lines: &QueuedLines) {
        for line in lines.iter() {
            self.sequence = self.sequence.max(line.txn.unwrap_or(0));
            let Some(parts) = DraftParts::read(line.draft).filter(|parts| !parts.is_plain()) else { continue };
            if parts.is_response() {
                self.requests.remove(&parts.id);
            } else {
                self.requests.insert(parts.id, self.epoch);
            }
        }
    }
}
