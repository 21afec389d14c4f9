//! A search row: one request with its outcome, put together from the two lines of a log.

use std::collections::HashMap;

use serde::Deserialize;

use crate::{base::time::Time, services::audit::file_lines::FileLine};

/// A search row: one request with its outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub time: Time,
    pub request_id: String,
    pub operation: String,
    pub path: String,
    pub remote_address: String,
    pub display_name: String,
    pub entity_id: String,
    pub policies: Vec<String>,
    /// The hash of the caller's accessor, as this device writes it.
    pub accessor: String,
    /// Whether the request was allowed. `None` if no policy was asked.
    pub allowed: Option<bool>,
    /// The policy whose rule decided. The next two fields are the path of that rule and its line in the policy.
    pub policy: String,
    pub rule: String,
    pub line: u32,
    /// The HTTP status of the answer. `None` if the log has no outcome.
    pub status: Option<u16>,
    pub error: String,
    /// How the server closed a request that got no answer. Empty for all others.
    pub closed: String,
    /// The log in which the request stands, and the number of the last of its lines. Empty if one of its lines does not
    /// have the number of its place in the file: then it is not the line that a checkpoint covers.
    pub log: String,
    pub last_line: u64,
}

impl Row {
    fn of(entry: LineFields) -> Self {
        let time = entry.time().unwrap_or_default();
        let decision = entry.decision.unwrap_or_default();
        Self {
            time,
            request_id: entry.request.id,
            operation: entry.request.operation,
            path: entry.request.path,
            remote_address: entry.request.remote_address,
            display_name: entry.auth.display_name,
            entity_id: entry.auth.entity_id,
            policies: entry.auth.policies,
            accessor: entry.auth.accessor,
            allowed: decision.allowed,
            policy: decision.policy,
            rule: decision.rule,
            line: decision.line,
            status: entry.response.status,
            error: entry.error,
            closed: entry.closed,
            log: String::new(),
            last_line: entry.seq,
        }
    }

    /// Takes from the request's line (`asked`) what the line of the outcome does not repeat.
    fn complete(&mut self, asked: Self) {
        self.time = asked.time;
        if asked.log.is_empty() {
            self.log.clear();
        }
        for (own, other) in [
            (&mut self.operation, asked.operation),
            (&mut self.path, asked.path),
            (&mut self.remote_address, asked.remote_address),
            (&mut self.display_name, asked.display_name),
            (&mut self.entity_id, asked.entity_id),
            (&mut self.accessor, asked.accessor),
        ] {
            if own.is_empty() {
                *own = other;
            }
        }
        if self.policies.is_empty() {
            self.policies = asked.policies;
        }
        if self.allowed.is_none() {
            (self.allowed, self.policy, self.rule, self.line) = (asked.allowed, asked.policy, asked.rule, asked.line);
        }
    }
}

/// The members of a line from which a search row is made.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LineFields {
    seq: u64,
    /// The log that a `head` line names.
    log: String,
    time: String,
    #[serde(rename = "type")]
    kind: String,
    auth: Auth,
    request: Request,
    response: Response,
    decision: Option<Decided>,
    error: String,
    closed: String,
}

impl LineFields {
    fn time(&self) -> Option<Time> {
        Time::parse_rfc3339(&self.time)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    display_name: String,
    entity_id: String,
    policies: Vec<String>,
    accessor: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    id: String,
    operation: String,
    path: String,
    remote_address: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Response {
    status: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Decided {
    allowed: Option<bool>,
    policy: String,
    rule: String,
    line: u32,
}

/// The time of a line. `None` if it has none.
pub(crate) fn time_of(line: &[u8]) -> Option<Time> {
    serde_json::from_slice::<LineFields>(line).ok()?.time()
}

/// Requests whose outcome has not been read yet.
#[derive(Default)]
pub(crate) struct Unanswered {
    rows: HashMap<String, Row>,
    /// The log of the lines that are read now.
    log: String,
    /// The number of the line that was read last, as its place in the file gives it.
    place: u64,
}

/// At most this many requests without an outcome are remembered; a whole log never has so many. The lines of further
/// requests are ignored, and their outcomes are shown without them.
const UNANSWERED_MAX: usize = 100_000;

/// The error for a line that the log cannot have written.
pub(crate) struct Unreadable;

impl Unanswered {
    /// Takes a line. Returns the request that it completes; `None` if it completes none.
    pub(crate) fn take(&mut self, line: &FileLine<'_>) -> Result<Option<Row>, Unreadable> {
        self.place += 1;
        let fields: LineFields = match serde_json::from_slice(line.bytes) {
            Ok(fields) => fields,
            Err(_) if line.is_ended => return Err(Unreadable),
            // The server is writing this line now, or stopped while it was writing.
            Err(_) => return Ok(None),
        };
        match fields.kind.as_str() {
            "head" => {
                (self.log, self.place) = (fields.log, fields.seq);
                Ok(None)
            }
            "request" => {
                if self.rows.len() < UNANSWERED_MAX {
                    let log = self.log_of(&fields);
                    self.rows.insert(fields.request.id.clone(), Row { log, ..Row::of(fields) });
                }
                Ok(None)
            }
            "response" => {
                let asked = self.rows.remove(&fields.request.id);
                let log = self.log_of(&fields);
                let mut row = Row { log, ..Row::of(fields) };
                if let Some(asked) = asked {
                    row.complete(asked);
                }
                Ok(Some(row))
            }
            _ => Ok(None),
        }
    }

    /// The log of a line that has the number of its place; otherwise empty.
    fn log_of(&self, fields: &LineFields) -> String {
        if fields.seq == self.place { self.log.clone() } else { String::new() }
    }

    /// The requests that have no outcome, in the order of their times.
    pub(crate) fn rest(self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.into_values().collect();
        rows.sort_by(|a, b| (a.time, &a.request_id).cmp(&(b.time, &b.request_id)));
        rows
    }
}
