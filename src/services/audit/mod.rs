//! The audit log: one line for a request before it is performed, one for its outcome before it is answered, in files
//! that prove themselves. Each line names the hash of the line before it, and signed checkpoints cover all lines so far;
//! DESIGN.md §7 is the specification, docs/reference/audit.md the format. Start reading at [`Audit`] in service.rs.
//!
//! A file uses only files of its own layer that stand further down, and files of lower layers:
//!
//! | layer | files | what |
//! |---|---|---|
//! | 5 | service, blocking | what the broker calls |
//! | 4 | maintenance, sealing, sidecars, hub, writer, open_requests, refusals, queue, wake_up, locks | lines of many requests become one write for each device |
//! | 3 | devices/ | one file and the log in it |
//! | 3 | verify/, search/ | read files without a server |
//! | 2 | wording, fields, draft, entry | facts about a request become a note: its line, as far as devices agree on it |
//! | 2 | control, parse, file_lines | lines that the log writes about itself; lines read back |
//! | 1 | note, queued, keys, chain, origin, format, request_id, error, status | what all of the above share |

mod blocking;
mod maintenance;
mod service;

mod hub;
mod locks;
mod open_requests;
mod queue;
mod refusals;
mod sealing;
mod sidecars;
mod wake_up;
mod writer;

mod devices;
pub mod search;
pub mod verify;

mod draft;
mod entry;
mod fields;
mod wording;

mod control;
mod file_lines;
mod parse;

mod chain;
mod error;
mod format;
mod keys;
mod note;
mod origin;
mod queued;
mod request_id;
mod status;

#[cfg(test)]
mod tests;

pub use self::{
    entry::{AuthFacts, Badge, Decision, Entry, PlainEntry, Urgency, Who},
    error::AuditError,
    keys::Keys,
    note::Note,
    refusals::Refusal,
    service::{Audit, Receipt},
    status::{DeviceConfig, DeviceState, DeviceStatus},
};
