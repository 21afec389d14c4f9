//! Finds the audit log lines that a file lacks when the broker is unsealed: lines of committed
//! changes, of which the store has kept the drafts as notes, and outcomes of requests that ended
//! without one. Lines are matched by request id.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use super::file::LogFile;
use crate::{
    base::time::Time,
    services::audit::{
        draft_line::DraftParts,
        file_lines::from_the_end,
        parse::{Members, Start, split_mac},
        queued::{QueuedLine, QueuedLines},
        request_id::RequestId,
        wording::{Closed, closing_draft_of},
    },
    store::Sequence,
};

/// What the lines of a file are compared with.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The notes that the store has kept: audit line drafts, each with the sequence number of its change.
    pub notes: &'a [(Sequence, Vec<u8>)],
    /// The requests that are under way now, each with the epoch of its line. They will get an outcome by themselves.
    pub under_way: &'a HashMap<RequestId, u64>,
}

/// How far the file was complete when it was opened.
#[derive(Clone, Copy)]
pub(crate) struct Complete {
    /// All changes of the store up to this sequence number have their lines.
    pub sequence: u64,
    /// The number of a line: the lines of later changes all come after it.
    pub line: u64,
    /// How many lines the log had when this process opened it.
    pub lines_at_open: u64,
    /// The lines in this many bytes of the file are believed; those after them are not read.
    pub bytes: u64,
}

/// Returns the lines that the file lacks, in the order in which they must be written. The drafts in `kept` are written
/// in any case. Blocks: reads the end of the file.
pub(crate) fn missing_lines<'d>(
    file: &LogFile,
    kept: impl Iterator<Item = DraftParts<'d>>,
    complete: Complete,
    expected: Expected<'_>,
    now: Time,
) -> io::Result<QueuedLines> {
    let mut known = Known::read(file, complete)?;
    known.add_drafts(kept);
    let mut missing = QueuedLines::default();
    let (mut committed, mut answered) = (HashSet::new(), HashSet::new());
    for (sequence, draft) in expected.notes {
        let Some(parts) = DraftParts::read(draft) else { continue };
        committed.insert(parts.id);
        let is_known = if parts.is_response() {
            answered.insert(parts.id);
            known.outcomes.contains(&parts.id)
        } else {
            known.requests.get(&parts.id).is_some_and(|request| !request.is_plain) || known.outcomes.contains(&parts.id)
        };
        if !is_known && sequence.0 > complete.sequence {
            missing.push(QueuedLine { draft, txn: parts.is_response().then_some(sequence.0) });
        }
    }
    let mut open: Vec<&RequestId> = known.requests_before(complete.lines_at_open).chain(&committed).collect();
    open.retain(|id| !(known.has_outcome(id) || answered.contains(id) || expected.under_way.contains_key(id)));
    open.sort_by_key(|id| id.as_str());
    open.dedup();
    for id in open {
        let closed = if committed.contains(id) { Closed::Committed } else { Closed::NoOutcome };
        missing.push(QueuedLine { draft: closing_draft_of(id, now, closed).as_bytes(), txn: None });
    }
    Ok(missing)
}

/// The requests and outcomes that a file has after the line up to which nothing is missing.
#[derive(Default)]
struct Known {
    requests: HashMap<RequestId, Request>,
    outcomes: HashSet<RequestId>,
    /// Outcomes of plain requests, and those that were written without keys. They end a request, but do not replace an
    /// outcome that the store kept.
    keyless: HashSet<RequestId>,
}

struct Request {
    /// The number of the request's line. Zero for a request that a `frontier` line names as open.
    line: u64,
    /// Whether the request's line was made without a key on purpose (see `PlainFacts`).
    is_plain: bool,
}

impl Known {
    fn read(file: &LogFile, complete: Complete) -> io::Result<Self> {
        let found = from_the_end(&file.open_read()?, complete.bytes, |from, bytes| {
            let first = bytes.split(|&b| b == b'\n').find_map(Start::read);
            let is_enough = from == 0 || first.is_some_and(|start| start.seq <= complete.line);
            is_enough.then(|| Self::of(bytes))
        })?;
        Ok(found.unwrap_or_default())
    }

    fn of(bytes: &[u8]) -> Self {
        let mut known = Self::default();
        for line in bytes.split(|&b| b == b'\n') {
            let Some(start) = Start::read(line) else { continue };
            match start.kind() {
                "request" | "response" => known.add(&start, line),
                // The requests that a `frontier` line names were open at that time. Later lines may close them.
                "frontier" => {
                    for id in Members::read(line).unwrap_or_default().open {
                        let open = Request { line: 0, is_plain: false };
                        known.requests.entry(RequestId::new(&id)).or_insert(open);
                    }
                }
                _ => {}
            }
        }
        known
    }

    fn add(&mut self, start: &Start<'_>, line: &[u8]) {
        let Some(members) = Members::read(line) else { return };
        let id = RequestId::new(&members.request.id);
        if start.kind() == "response" {
            let is_proved = split_mac(line).is_some() && members.plain.is_none();
            if is_proved { &mut self.outcomes } else { &mut self.keyless }.insert(id);
        } else {
            self.requests.insert(id, Request { line: start.seq, is_plain: members.plain.is_some() });
        }
    }

    fn has_outcome(&self, id: &RequestId) -> bool {
        self.outcomes.contains(id) || self.keyless.contains(id)
    }

    fn add_drafts<'d>(&mut self, drafts: impl Iterator<Item = DraftParts<'d>>) {
        for parts in drafts {
            if parts.is_response() {
                self.outcomes.insert(parts.id);
            } else {
                self.requests.insert(parts.id, Request { line: u64::MAX, is_plain: parts.is_plain() });
            }
        }
    }

    /// The requests that may lack an outcome. A plain request of this process is left out: its outcome follows soon.
    fn requests_before(&self, lines_at_open: u64) -> impl Iterator<Item = &RequestId> {
        let may_be_open = move |request: &Request| !request.is_plain || request.line <= lines_at_open;
        self.requests.iter().filter(move |(_, request)| may_be_open(request)).map(|(id, _)| id)
    }
}
