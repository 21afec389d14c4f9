//! A search row: one request with its outcome, put together from the two lines of a log.

use std::{borrow::Cow, collections::HashMap};

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
    fn of(entry: LineFields<'_>) -> Self {
        let time = entry.time().unwrap_or_default();
        let decision = entry.decision.unwrap_or_default();
        Self {
            time,
            request_id: entry.request.id.into_owned(),
            operation: entry.request.operation.into_owned(),
            path: entry.request.path.into_owned(),
            remote_address: entry.request.remote_address.into_owned(),
            display_name: entry.auth.display_name.into_owned(),
            entity_id: entry.auth.entity_id.into_owned(),
            policies: entry.auth.policies,
            accessor: entry.auth.accessor.into_owned(),
            allowed: decision.allowed,
            policy: decision.policy.into_owned(),
            rule: decision.rule.into_owned(),
            line: decision.line,
            status: entry.response.status,
            error: entry.error.into_owned(),
            closed: entry.closed.into_owned(),
            log: String::new(),
            last_line: entry.seq,
        }
    }

    /// A row for a request that is only counted. It has the time and the path, which shows that it is not wanted.
    fn counted(entry: &LineFields<'_>) -> Self {
        Self { time: entry.time().unwrap_or_default(), path: entry.request.path.to_string(), ..Self::default() }
    }

    /// Whether the caller did not get what they asked for because of who they are: no rule allows it, or a login failed.
    pub(crate) fn is_refused(&self) -> bool {
        self.allowed == Some(false) || self.status == Some(403) || self.is_failed_login()
    }

    /// Whether this is a login whose credentials were not accepted. A login asks for no policy: where one decided, the path
    /// has the word for another reason, as that of a role of this name.
    pub(crate) fn is_failed_login(&self) -> bool {
        let is_login = self.path.starts_with("auth/") && self.path.split('/').skip(2).any(|part| part == "login");
        is_login && self.policy.is_empty() && self.status.is_some_and(|status| (400..500).contains(&status))
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

/// The members of a line from which a search row is made. Texts without an escape are borrowed from the line.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LineFields<'a> {
    seq: u64,
    /// The log that a `head` line names.
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    auth: Auth<'a>,
    #[serde(borrow)]
    request: Request<'a>,
    response: Response,
    #[serde(borrow)]
    decision: Option<Decided<'a>>,
    #[serde(borrow)]
    error: Cow<'a, str>,
    #[serde(borrow)]
    closed: Cow<'a, str>,
}

impl LineFields<'_> {
    fn time(&self) -> Option<Time> {
        Time::parse_rfc3339(&self.time)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth<'a> {
    #[serde(borrow)]
    display_name: Cow<'a, str>,
    #[serde(borrow)]
    entity_id: Cow<'a, str>,
    policies: Vec<String>,
    #[serde(borrow)]
    accessor: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    operation: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow)]
    remote_address: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Response {
    status: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Decided<'a> {
    allowed: Option<bool>,
    #[serde(borrow)]
    policy: Cow<'a, str>,
    #[serde(borrow)]
    rule: Cow<'a, str>,
    line: u32,
}

/// The time of a line. `None` if it has none.
pub(crate) fn time_of(line: &[u8]) -> Option<Time> {
    serde_json::from_slice::<LineFields>(line).ok()?.time()
}

/// Requests whose outcome has not been read yet.
#[derive(Default)]
pub(crate) struct Unanswered {
    /// Requests to paths that do not fit are only counted. `None`: all paths fit.
    path: Option<String>,
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
    /// For requests to the paths that fit `path`, which is that of a filter.
    pub(crate) fn of(path: Option<String>) -> Self {
        Self { path, ..Self::default() }
    }

    /// Takes a line. Returns the request that it completes; `None` if it completes none.
    pub(crate) fn take(&mut self, line: &FileLine<'_>) -> Result<Option<Row>, Unreadable> {
        self.place += 1;
        let fields: LineFields<'_> = match serde_json::from_slice(line.bytes) {
            Ok(fields) => fields,
            Err(_) if line.is_ended => return Err(Unreadable),
            // The server is writing this line now, or stopped while it was writing.
            Err(_) => return Ok(None),
        };
        match fields.kind.as_ref() {
            "head" => {
                (self.log, self.place) = (fields.log.into_owned(), fields.seq);
                Ok(None)
            }
            "request" => {
                if self.rows.len() < UNANSWERED_MAX {
                    self.rows.insert(fields.request.id.to_string(), self.row_of(fields));
                }
                Ok(None)
            }
            "response" => {
                let asked = self.rows.remove(fields.request.id.as_ref());
                let mut row = self.row_of(fields);
                if let Some(asked) = asked {
                    row.complete(asked);
                }
                Ok(Some(row))
            }
            _ => Ok(None),
        }
    }

    fn row_of(&self, fields: LineFields<'_>) -> Row {
        // The outcome of a request that the server closed names no path.
        let path = &fields.request.path;
        if !path.is_empty() && self.path.as_ref().is_some_and(|wanted| !fits_path(wanted, path)) {
            return Row::counted(&fields);
        }
        let log = self.log_of(&fields);
        Row { log, ..Row::of(fields) }
    }

    /// The log of a line that has the number of its place; otherwise empty.
    fn log_of(&self, fields: &LineFields<'_>) -> String {
        if fields.seq == self.place { self.log.clone() } else { String::new() }
    }

    /// The requests that have no outcome, in the order of their times.
    pub(crate) fn rest(self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.into_values().collect();
        rows.sort_by(|a, b| (a.time, &a.request_id).cmp(&(b.time, &b.request_id)));
        rows
    }
}

/// Whether `pattern`, the path of a filter, fits the path of a request.
pub(crate) fn fits_path(pattern: &str, path: &str) -> bool {
    let fits = |path: &str| match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => path == pattern,
    };
    // In KV version 2, `data/` or `metadata/` follows the mount, which may be several segments long.
    let without = |part: &str| {
        path.match_indices(part).any(|(at, _)| {
            let (mount, rest) = path.split_at(at);
            fits(&format!("{mount}/{}", rest.get(part.len()..).unwrap_or("")))
        })
    };
    fits(path) || without("/data/") || without("/metadata/")
}
