//! The audit log: one line for a request before it is performed, and one for its outcome before it is
//! answered. Each line holds the hash of the line before it, and signed checkpoints cover all lines so far,
//! so that changes to a file show. docs/reference/audit.md describes the format.
//! Start reading at [`Audit`] in service.rs.
//!
//! A file uses only files further down in its own layer, and files of lower layers:
//!
//! | layer | files | what |
//! |---|---|---|
//! | 5 | service, blocking | what the broker calls |
//! | 4 | maintenance, sealing, sidecars, hub, writer, open_requests, strangers, queue, wake_up, locks | lines of many requests become one write for each device |
//! | 3 | devices/ | one file and the log in it |
//! | 3 | verify/, search/, rotated | read files without a server |
//! | 2 | wording, fields, line_writer, facts | facts about a request become a draft: its line, as far as it is the same for every device |
//! | 2 | control, parse, sealed_time, file_lines | lines that the log writes about itself; lines read back |
//! | 1 | draft_line, queued, keys, chain, origin, format, request_id, error, status | what all of the above share |

mod maintenance;
mod service;

mod hub;
mod locks;
mod open_requests;
mod queue;
mod strangers;
mod sealing;
mod sidecars;
mod wake_up;
mod writer;

mod devices;
pub(crate) mod rotated;
pub(crate) mod search;
pub(crate) mod verify;

mod facts;
mod fields;
mod line_writer;
mod wording;

mod control;
mod file_lines;
mod parse;
mod sealed_time;

mod chain;
mod draft_line;
mod error;
mod format;
mod keys;
mod origin;
mod queued;
mod request_id;
mod status;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::sealed_time::RECORDED_WHILE_SEALED;
pub(crate) use self::{
    draft_line::DraftLine,
    error::AuditError,
    facts::{AuthFacts, AuthSource, Decision, LineFacts, PlainFacts, Urgency},
    keys::LogKeys,
    service::Receipt,
    strangers::{CountedAs, HowRecorded},
};
pub use self::{
    facts::CachedAuthFields,
    service::Audit,
    status::{AuditMeasurements, DeviceConfig, Rotation},
    strangers::Refusal,
};
