//! What a device still lacks when the broker is unsealed: lines of changes that the journal has and the file has not,
//! and outcomes of requests that nobody wrote. Matched by request id.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use super::{
    device::Device,
    id::Id,
    note::{Note, Parts},
    read::{Own, Start, from_the_end},
};
use crate::{base::time::Time, store::Sequence};

/// The requests that a file knows of, behind the line up to which nothing is missing.
#[derive(Default)]
struct Known {
    /// Requests and the number of their line; zero for those that the last `frontier` line names as open.
    requests: HashMap<Id, (u64, bool)>,
    outcomes: HashSet<Id>,
}

impl Device {
    /// Queues what the file lacks of `backlog`, and an outcome for every request that has none. `live` are requests that
    /// go on.
    pub fn feed(&mut self, backlog: &[(Sequence, Vec<u8>)], live: &HashMap<Id, u64>, now: Time) -> io::Result<()> {
        let known = self.known()?;
        let (mut committed, mut answered) = (HashSet::new(), HashSet::new());
        for (sequence, bytes) in backlog {
            let Some(parts) = Parts::read(bytes) else { continue };
            committed.insert(parts.id);
            let has = if parts.is_response() {
                answered.insert(parts.id);
                known.outcomes.contains(&parts.id)
            } else {
                known.requests.contains_key(&parts.id) || known.outcomes.contains(&parts.id)
            };
            if !has && sequence.0 > self.fed.sequence {
                self.missed.keep(bytes, parts.is_response().then_some(sequence.0));
            }
        }
        let asked = known.requests.iter().filter(|(_, (line, is_plain))| !is_plain || *line <= self.lines_at_open);
        let mut open: Vec<&Id> = asked.map(|(id, _)| id).chain(&committed).collect();
        open.retain(|id| !(known.outcomes.contains(id) || answered.contains(id) || live.contains_key(id)));
        open.sort_by_key(|id| id.as_str());
        open.dedup();
        for id in open {
            let closed = if committed.contains(id) { COMMITTED } else { NONE };
            self.missed.keep(Note::closing(id, now, closed).as_bytes(), None);
        }
        Ok(())
    }

    fn known(&self) -> io::Result<Known> {
        let file = self.files.open_read(&self.config.path)?;
        let found = from_the_end(&file, self.length, |from, bytes| {
            let first = bytes.split(|&b| b == b'\n').find_map(Start::read);
            let is_enough = from == 0 || first.is_some_and(|start| start.seq <= self.fed.line);
            is_enough.then(|| Known::of(bytes))
        })?;
        Ok(found.unwrap_or_default())
    }
}

impl Known {
    fn of(bytes: &[u8]) -> Self {
        let mut known = Self::default();
        for line in bytes.split(|&b| b == b'\n') {
            let Some(start) = Start::read(line) else { continue };
            match start.kind() {
                "request" | "response" => {}
                // The last one counts; ids that an earlier one names are closed or named again.
                "frontier" => {
                    for id in Own::read(line).unwrap_or_default().open {
                        known.requests.entry(Id::of(&id)).or_insert((0, false));
                    }
                    continue;
                }
                _ => continue,
            }
            let Some(own) = Own::read(line) else { continue };
            let id = Id::of(&own.request.id);
            if start.kind() == "response" {
                known.outcomes.insert(id);
            } else {
                known.requests.insert(id, (start.seq, own.plain.is_some()));
            }
        }
        known
    }
}

/// How a request is closed that left no outcome and committed nothing that is known.
pub(super) const NONE: &str = "none";
/// How a request is closed that committed something and got no answer.
const COMMITTED: &str = "committed, not answered";
