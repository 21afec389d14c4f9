//! What a server writes into a log while it has no keys, because it is sealed or has only just started: inits, unseals,
//! refusals, counts, and how the requests ended that were under way at the seal. Nobody can prove who wrote such a line, so
//! it may say no more than that: a member that the server would not have written makes it a line of somebody else.

use std::collections::HashSet;

use serde::{Deserialize, de::IgnoredAny};

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

/// A line that needs no key: all the members that it may have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeylessLine {
    #[serde(rename = "seq")]
    _seq: IgnoredAny,
    #[serde(rename = "prev")]
    _prev: IgnoredAny,
    #[serde(rename = "time")]
    _time: IgnoredAny,
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    request: Asked,
    response: Option<Outcome>,
    closed: Option<IgnoredAny>,
    plain: Option<Plain>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    id: String,
    operation: Option<String>,
    path: Option<String>,
    #[serde(rename = "remote_address")]
    remote_address: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    status: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    #[serde(rename = "outcome")]
    _outcome: IgnoredAny,
    #[serde(rename = "share")]
    _share: Option<IgnoredAny>,
    #[serde(rename = "progress")]
    _progress: Option<IgnoredAny>,
    #[serde(rename = "threshold")]
    _threshold: Option<IgnoredAny>,
    count: Option<u64>,
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
        if matches!(start.kind(), "head" | "tail" | "torn" | "gap") {
            return true;
        }
        let Ok(KeylessLine { request, response, closed, plain, .. }) = serde_json::from_slice(line) else {
            return false;
        };
        let path = request.path.as_deref().unwrap_or("");
        let is_recorded = RECORDED_WHILE_SEALED.contains(&path);
        match (start.kind(), plain) {
            ("request", Some(plain)) => is_recorded && response.is_none() && plain.count.is_none(),
            // How a request ended that was under way.
            ("response", None) => {
                let is_bare = request.operation.is_none() && request.path.is_none() && request.remote_address.is_none();
                is_bare && response.is_some() != closed.is_some() && self.open.remove(&RequestId::new(&request.id))
            }
            ("response", Some(plain)) => {
                let status = response.map_or(0, |response| response.status);
                let is_count = plain.count.is_some()
                    && path.is_empty()
                    && matches!(request.operation.as_deref(), Some("refused" | "answered"));
                // An id belongs to a request that is recorded with two lines.
                let is_refusal = plain.count.is_none() && request.id.is_empty() && status >= 400;
                closed.is_none() && (is_recorded || is_refusal || (is_count && request.id.is_empty()))
            }
            _ => false,
        }
    }
}
