//! Checks one log line by line. While the lines belong to the chain, only the right edge of its tree is kept. From the
//! first line that does not belong, lines are remembered to find out what happened.

use std::{path::Path, sync::Arc};

use super::{
    diagnosis::diagnose,
    report::{Defect, LogReport, Problem},
    segments::{Log, Segment},
    suspects::{Place, Seen, Suspects},
};
use crate::{
    base::time::Time,
    crypto::{CryptoError, ed25519::PublicKey, merkle::leaf_hash, note::Checkpoint},
    services::audit::{
        chain::Chain,
        control,
        file_lines::FileLine,
        format::hex,
        origin::log_id_of,
        parse::{Members, Start},
        sealed_time::SealedTime,
    },
};

pub(crate) struct Checker<'a> {
    log: &'a Log,
    key: &'a PublicKey,
    /// Checkpoints of this log that were kept elsewhere.
    kept: Vec<&'a Checkpoint>,
    /// The chain of all lines so far. `None` before the first line, and from then
    /// on if the log cannot begin with that line.
    chain: Option<Chain>,
    report: LogReport,
    problem: Option<Problem>,
    /// The lines from the first one that does not belong to the chain on. `None` while all lines belong.
    suspects: Option<Suspects>,
    /// Where the previous line stood.
    place: Place,
    /// Where the first line stands of which the next log says that the server did not write it.
    foreign_place: Place,
    /// The newest `frontier` line.
    edge: Vec<u8>,
    /// What may stand after a final checkpoint. `None` while the server had its keys.
    sealed: Option<SealedTime>,
    times: Times,
}

/// The times of the newest checkpoint and of the last line, as the lines write them. A checkpoint itself has no time:
/// the line before it does.
#[derive(Default)]
struct Times {
    last: String,
    checkpoint: String,
}

impl Times {
    fn secs_behind(&self) -> u64 {
        let (Some(last), Some(checkpoint)) = (Time::parse_rfc3339(&self.last), Time::parse_rfc3339(&self.checkpoint))
        else {
            return 0;
        };
        last.since(checkpoint).as_secs()
    }
}

/// At most this many lines are remembered to find out what happened. Further ones are only counted.
const SEEN_MAX: usize = 100_000;

impl<'a> Checker<'a> {
    pub(crate) fn new(log: &'a Log, key: &'a PublicKey, kept: Vec<&'a Checkpoint>) -> Self {
        let report = LogReport { id: log.id.clone(), reason: log.reason.clone(), ..LogReport::default() };
        let place: Place = (Arc::from(Path::new("")), 0);
        Self {
            log,
            key,
            kept,
            chain: None,
            report,
            problem: None,
            suspects: None,
            foreign_place: place.clone(),
            place,
            edge: Vec::new(),
            sealed: None,
            times: Times::default(),
        }
    }

    pub(crate) fn line(&mut self, segment: &Segment, line: &FileLine<'_>) {
        self.report.lines += 1;
        if self.problem.is_none() {
            let is_begun = self.chain.is_some();
            if is_begun || self.begin(segment, line) {
                self.next(segment, line);
            }
        }
        self.place = (Arc::clone(&segment.path), line.number);
        let number = self.report.first_line + self.report.lines - 1;
        if self.log.foreign.is_some_and(|foreign| foreign.first == number) {
            self.foreign_place = self.place.clone();
        }
    }

    /// Begins the log at the first line that the given files have of it.
    fn begin(&mut self, segment: &Segment, line: &FileLine<'_>) -> bool {
        let start = Start::of_whole(line.bytes);
        let head = start.filter(|start| start.kind() == "head").and_then(|_| Members::read(line.bytes));
        self.chain = start.and_then(|start| head.as_ref()?.chain_before(&start));
        let seq = start.map_or(1, |start| start.seq);
        self.report.first_line = self.chain.as_ref().map_or(seq, |chain| chain.lines() + 1);
        if self.chain.is_none() {
            // A log whose older files are missing begins after line 1. In all other cases a line was edited: a line 1
            // that is not a `head` line, a `head` line that contradicts itself, or a text that is not a log line.
            let is_headless = head.is_none() && seq > 1;
            self.fault(segment, line.number, seq, if is_headless { Defect::Headless } else { Defect::Edited });
        }
        self.chain.is_some()
    }

    fn next(&mut self, segment: &Segment, line: &FileLine<'_>) {
        let Some(chain) = &self.chain else { return };
        // A line that lacks only its newline counts as complete.
        let start = Start::of_whole(line.bytes);
        let belongs = start.filter(|start| start.follows(chain));
        let fault = match (belongs, &self.suspects) {
            (None, _) => Some(Defect::Edited),
            (Some(start), Some(suspects)) => match start.kind() {
                // A `torn` line accounts for the torn lines before it. A `head` line may stand between them.
                "torn" if Members::read(line.bytes).is_some_and(|members| members.lines == suspects.count) => {
                    self.report.torn_lines += suspects.count;
                    let first = suspects.before.lines() + 1;
                    self.report.torn.push((first, first + suspects.count - 1));
                    self.suspects = None;
                    None
                }
                "head" if suspects.seen.iter().all(|seen| !seen.is_line) => None,
                _ => Some(Defect::Edited),
            },
            (Some(start), None) => self.check(&start, line.bytes),
        };
        match fault {
            None => {
                if let Some(time) = start.and_then(|start| start.time()) {
                    self.times.last.clear();
                    self.times.last.push_str(time);
                }
                self.report.has_torn_end = !line.is_ended;
                self.accept(line);
            }
            Some(Defect::Edited) => self.suspect(segment, line, start),
            Some(fault) => {
                let line_of_log = self.chain.as_ref().map_or(0, Chain::lines) + 1;
                self.fault(segment, line.number, line_of_log, fault);
            }
        }
    }

    /// Checks the content of a line that belongs to the chain. Returns what is wrong with it, or `None`.
    fn check(&mut self, start: &Start<'_>, bytes: &[u8]) -> Option<Defect> {
        let chain = self.chain.as_ref()?;
        if start.kind() == "key" {
            self.sealed = None;
        } else if self.sealed.as_mut().is_some_and(|sealed| !sealed.allows(start, bytes)) {
            return Some(Defect::Foreign { until: None });
        }
        match start.kind() {
            "request" | "response" | "tail" | "key" | "gap" | "unreadable" => None,
            "head" | "frontier" => {
                let members = Members::read(bytes).unwrap_or_default();
                let agrees = members.log == chain.id() && members.right_edge().as_ref() == Some(chain.frontier());
                self.edge.clear();
                self.edge.extend_from_slice(bytes);
                (!agrees).then_some(Defect::Edited)
            }
            "checkpoint" => self.check_checkpoint(bytes),
            _ => Some(Defect::Edited),
        }
    }

    fn check_checkpoint(&mut self, bytes: &[u8]) -> Option<Defect> {
        let chain = self.chain.as_ref()?;
        let head = Members::read(bytes).and_then(|own| Checkpoint::parse(&own.checkpoint).ok());
        let Some(head) = head else { return Some(Defect::Edited) };
        // This line is not trusted: the checkpoint line is built again and compared.
        let prev = hex(chain.prev());
        let prev = std::str::from_utf8(&prev).unwrap_or("");
        let members = control::checkpoint(&head.text());
        let expected = format!("{{\"seq\":{},\"prev\":\"{prev}\",{members}}}", chain.lines() + 1);
        if expected.as_bytes() != bytes || head.size != chain.lines() {
            return Some(Defect::Edited);
        }
        let is_named = log_id_of(&head.origin) == chain.id();
        if !is_named || (!self.report.origin.is_empty() && self.report.origin != head.origin) {
            return Some(Defect::Edited);
        }
        match head.verify(self.key) {
            Ok(()) => {}
            Err(CryptoError::Key) => return Some(Defect::OtherKey),
            Err(_) => return Some(Defect::Edited),
        }
        if head.root != chain.root() {
            return Some(Defect::Rewritten { until: chain.lines() });
        }
        self.sealed = head.is_final.then(|| SealedTime::after(&head, &self.edge));
        self.report.origin.clone_from(&head.origin);
        self.report.newest = Some(head.text());
        self.report.checkpoints += 1;
        self.report.proved_to = chain.lines() + 1;
        self.times.checkpoint.clone_from(&self.times.last);
        None
    }

    fn accept(&mut self, line: &FileLine<'_>) {
        let Some(chain) = &mut self.chain else { return };
        chain.push(leaf_hash(line.bytes));
        if self.suspects.is_none() {
            self.report.consistent_to = chain.lines();
        }
        let lines = chain.lines();
        let Some(kept) = self.kept.iter().find(|kept| kept.size == lines) else { return };
        if kept.root != chain.root() {
            let (path, file_line) = (self.place.0.to_path_buf(), line.number);
            let what = Defect::Rewritten { until: kept.size };
            // The checkpoints in the file verified up to here, so the change comes after the last of them, unless
            // somebody who has the key made them.
            let first = (self.report.proved_to + 1).min(kept.size);
            self.problem = Some(Problem { log: self.log.id.clone(), line: first, file: path, file_line, what });
        }
    }

    fn suspect(&mut self, segment: &Segment, line: &FileLine<'_>, start: Option<Start<'_>>) {
        let Some(chain) = &mut self.chain else { return };
        let place_before = self.place.clone();
        let suspects = self.suspects.get_or_insert_with(|| Suspects {
            before: chain.clone(),
            place_before,
            seen: Vec::new(),
            count: 0,
            is_unended: false,
        });
        let leaf = leaf_hash(line.bytes);
        if suspects.seen.len() < SEEN_MAX {
            let checkpoint = start.filter(|start| start.kind() == "checkpoint").and_then(|_| {
                let members = Members::read(line.bytes)?;
                Checkpoint::parse(&members.checkpoint).ok().filter(|found| found.verify(self.key).is_ok())
            });
            suspects.seen.push(Seen {
                place: (Arc::clone(&segment.path), line.number),
                start: start.map(|start| (start.seq, start.prev)),
                leaf,
                checkpoint,
                is_line: start.is_some(),
            });
        }
        suspects.count += 1;
        suspects.is_unended = !line.is_ended && !has_whole_beginning(line.bytes);
        chain.push(leaf);
    }

    fn fault(&mut self, segment: &Segment, file_line: u64, line: u64, what: Defect) {
        let first = if let Defect::Rewritten { .. } = what {
            self.report.proved_to.max(self.report.first_line - 1) + 1
        } else {
            line
        };
        let file_line = file_line.saturating_sub(line - first);
        self.problem =
            Some(Problem { log: self.log.id.clone(), line: first, file: segment.path.to_path_buf(), file_line, what });
    }

    /// Ends the log. `next` is the log that replaced this one.
    pub(crate) fn finish(mut self, next: Option<&Log>) -> (LogReport, Option<Problem>) {
        if let Some(suspects) = self.suspects.take() {
            // At the very end of a log this is not an attack: a piece of one line after a power cut, or lines that were
            // abandoned after a failed sync.
            let is_torn_end = suspects.count == 1 && suspects.is_unended;
            let is_given_up = next.is_some_and(|next| next.reason == "sync failed");
            if is_torn_end || is_given_up {
                self.report.has_torn_end = true;
                self.report.torn_lines += suspects.count;
            } else {
                self.problem = diagnose(&self.log.id, &suspects);
            }
        }
        if let Some(foreign) = self.log.foreign
            && self.problem.as_ref().is_none_or(|problem| problem.line >= foreign.first)
        {
            let (file, file_line) = (self.foreign_place.0.to_path_buf(), self.foreign_place.1);
            let what = Defect::Foreign { until: Some(foreign.last).filter(|last| *last > foreign.first) };
            self.problem = Some(Problem { log: self.log.id.clone(), line: foreign.first, file, file_line, what });
        }
        let lines = self.chain.as_ref().map_or(0, Chain::lines);
        let until = self
            .kept
            .iter()
            .map(|kept| kept.size)
            .max()
            .unwrap_or(0)
            .max(next.map_or(0, |next| next.old.as_ref().map_or(0, |old| old.1)));
        if self.problem.is_none() && lines < until {
            let (file, file_line) = (self.place.0.to_path_buf(), self.place.1);
            let what = Defect::Cut { until };
            self.problem =
                Some(Problem { log: self.log.id.clone(), line: lines + 1, file, file_line: file_line + 1, what });
        }
        self.report.secs_behind = self.times.secs_behind();
        self.report.is_closed = self.sealed.is_some();
        if let Some(problem) = &self.problem {
            self.report.consistent_to = self.report.consistent_to.min(problem.line.saturating_sub(1));
            self.report.proved_to = self.report.proved_to.min(self.report.consistent_to);
        }
        (self.report, self.problem)
    }
}

/// Whether an unended line is, or begins with, a complete line. Then it was not torn: a line that lacks only its newline
/// belongs to the chain, and whatever else stands there was appended.
fn has_whole_beginning(bytes: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    matches!(values.next(), Some(Ok(_)))
}
