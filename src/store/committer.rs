//! The one writer. It takes what waits as a group, judges preconditions in order (each batch sees those before it),
//! applies, makes durable, runs the effects, and only then answers.

use std::{
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use tokio::sync::oneshot;

use super::{
    batch::{Batch, Effect, Old, Sequence},
    errors::{CommitError, StoreError},
    index::{Birth, Change, Seen, Slice},
    log::{Frame, Log},
    notes::NOTES_HELD_BYTES_MAX,
    shared::Shared,
    value::tag_of,
};
use crate::base::limits::{GROUP_BATCHES_MAX, GROUP_BYTES_MAX, SLICE_WRITES_MAX, VALUE_BYTES_MAX};

/// What the committer is told.
pub(super) enum Order {
    Commit(Waiting),
    Close,
}

/// A batch and the place where its answer is awaited.
pub(super) struct Waiting {
    pub batch: Batch,
    pub answer: oneshot::Sender<Result<Sequence, CommitError>>,
}

pub(super) struct Committer {
    shared: Arc<Shared>,
    log: Log,
}

/// A batch that was judged, and the outcome that is told after the group's end.
struct Judged {
    answer: oneshot::Sender<Result<Sequence, CommitError>>,
    outcome: Result<Sequence, CommitError>,
    effects: Vec<Effect>,
}

/// States that the accepted batches of a group will leave behind.
type Overlay = HashMap<Vec<u8>, Option<Seen>>;

impl Committer {
    pub fn new(shared: Arc<Shared>, log: Log) -> Self {
        Self { shared, log }
    }

    /// Works until an order to close or until nobody can order any more; after a failure whatever still comes is
    /// answered with `Closed`.
    pub fn run(mut self, orders: &mpsc::Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            if self.shared.open().is_err() {
                return;
            }
            let mut group = Vec::new();
            let goes_on = gather(order, orders, &mut group);
            // sled panics on some damage; a thread that dies silently would leave the store half alive.
            let done = catch_unwind(AssertUnwindSafe(|| self.commit_group(group)));
            if let Err(cause) = done.unwrap_or_else(|panic| Err(panic_text(&*panic))) {
                tracing::error!(cause, "the store failed and is closed");
                self.shared.close(cause);
                return;
            }
            if !goes_on {
                break;
            }
        }
        let closed = match catch_unwind(AssertUnwindSafe(|| self.shared.index.close())) {
            Ok(closed) => closed.map_err(|error| error.to_string()),
            Err(panic) => Err(panic_text(&*panic)),
        };
        if let Err(cause) = closed {
            tracing::error!(cause, "the store could not be closed in order");
        }
        self.shared.close(String::from("it was closed in order"));
    }

    /// Takes a group through all its steps. An error is the end of the store; the waiting ones have been told.
    fn commit_group(&mut self, group: Vec<Waiting>) -> Result<(), String> {
        let mut overlay = Overlay::new();
        let mut next = self.shared.sequence();
        let time = self.shared.tick();
        let lacks_room = self.lacks_room();
        let mut judged = Vec::with_capacity(group.len());
        let mut accepted = Vec::with_capacity(group.len());
        for Waiting { mut batch, answer } in group {
            let outcome = match self.judge(&batch, &overlay, lacks_room.as_deref()) {
                Ok(seen) => {
                    next = Sequence(next.0 + 1);
                    accepted.push(accept(&mut batch, seen, next, &mut overlay));
                    Ok(next)
                }
                Err(Refusal::Batch(error)) => Err(error),
                Err(Refusal::Store(error)) => {
                    drop(answer);
                    return Err(error.to_string());
                }
            };
            judged.push(Judged { answer, outcome, effects: std::mem::take(&mut batch.effects) });
        }
        if let Err(cause) = self.make_durable(&mut accepted, time) {
            for Judged { answer, outcome, .. } in judged {
                // Who hung up needs no answer.
                let _ = answer.send(outcome.and(Err(CommitError::Io(cause.clone()))));
            }
            return Err(cause);
        }
        self.shared.publish(next, time, accepted);
        for Judged { answer, outcome, effects } in judged {
            if let Ok(sequence) = outcome {
                run_effects(effects, sequence);
            }
            let _ = answer.send(outcome);
        }
        Ok(())
    }

    /// Log, apply in slices, sync: after `Ok` the group outlives the process.
    fn make_durable(&mut self, accepted: &mut [Accepted], time: crate::base::time::Time) -> Result<(), String> {
        let Some(first) = accepted.first().map(|batch| batch.sequence) else {
            return Ok(());
        };
        let frame = Frame { first, time, batches: accepted, mark: self.shared.mark() };
        self.log.append(&frame)?;
        let mut slice = Slice::default();
        for batch in accepted {
            if !slice.changes.is_empty() && slice.changes.len() + batch.changes.len() > SLICE_WRITES_MAX {
                self.shared.index.apply(std::mem::take(&mut slice)).map_err(|error| error.to_string())?;
            }
            slice.changes.append(&mut batch.changes);
            slice.sequence = batch.sequence;
            slice.time = time;
        }
        self.shared.index.apply(slice).map_err(|error| error.to_string())?;
        self.shared.index.sync().map_err(|error| error.to_string())
    }

    /// The states of the written keys, if the batch may be accepted.
    fn judge(&self, batch: &Batch, overlay: &Overlay, lacks_room: Option<&str>) -> Result<Vec<Option<Seen>>, Refusal> {
        if let (Some(path), false) = (lacks_room, batch.urgent) {
            return Err(CommitError::Full(path.to_owned()).into());
        }
        check_shape(batch)?;
        for check in &batch.checks {
            self.expect(&check.key, check.old, overlay)?;
        }
        batch.writes.iter().map(|write| self.expect(&write.key, write.old, overlay)).collect()
    }

    fn expect(&self, key: &[u8], old: Old, overlay: &Overlay) -> Result<Option<Seen>, Refusal> {
        let seen = match overlay.get(key) {
            Some(seen) => *seen,
            None => self.shared.index.peek(key).map_err(Refusal::Store)?,
        };
        if seen.map_or(Old::Absent, |seen| Old::Tag(seen.tag)) == old {
            Ok(seen)
        } else {
            Err(CommitError::Conflict(key.to_vec()).into())
        }
    }

    fn lacks_room(&self) -> Option<String> {
        if self.shared.notes_held_bytes() > NOTES_HELD_BYTES_MAX {
            return Some(String::from("the memory for notes that audit devices have not taken"));
        }
        self.shared.index.lacks_room()
    }
}

/// A batch on its way into log and index.
pub(super) struct Accepted {
    pub sequence: Sequence,
    #[expect(dead_code, reason = "goes into the journal's frame; there is no journal yet")]
    pub request: [u8; 16],
    pub changes: Vec<Change>,
    pub notes: Vec<Vec<u8>>,
}

enum Refusal {
    Batch(CommitError),
    Store(StoreError),
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        Self::Batch(error)
    }
}

/// Fills the group from what waits, up to its limits. False: this is the last one.
fn gather(first: Order, orders: &mpsc::Receiver<Order>, group: &mut Vec<Waiting>) -> bool {
    // Whoever was answered a moment ago is about to come back: let them, and the next sync serves them all. Measured
    // with 64 writers: groups of 63 instead of 40.
    thread::yield_now();
    let mut bytes = 0;
    let mut order = first;
    loop {
        match order {
            Order::Close => return false,
            Order::Commit(waiting) => {
                bytes += waiting.batch.size_bytes();
                group.push(waiting);
            }
        }
        if group.len() >= GROUP_BATCHES_MAX || bytes >= GROUP_BYTES_MAX {
            return true;
        }
        match orders.try_recv() {
            Ok(next) => order = next,
            Err(_) => return true,
        }
    }
}

/// Moves the writes out of an accepted batch and notes in the overlay what they will leave.
fn accept(batch: &mut Batch, seen: Vec<Option<Seen>>, sequence: Sequence, overlay: &mut Overlay) -> Accepted {
    let writes = std::mem::take(&mut batch.writes);
    let mut changes = Vec::with_capacity(writes.len());
    for (place, (write, before)) in (0_u32..).zip(writes.into_iter().zip(seen)) {
        let born = Birth { sequence: sequence.0, place };
        let after = write.new.as_ref().map(|new| Seen { tag: tag_of(new), len_bytes: new.len(), born });
        overlay.insert(write.key.clone(), after);
        changes.push(Change { key: write.key, before, new: write.new, born });
    }
    Accepted { sequence, request: batch.request, changes, notes: std::mem::take(&mut batch.notes) }
}

fn check_shape(batch: &Batch) -> Result<(), CommitError> {
    let too_long = |key: &Vec<u8>| key.is_empty() || key.len() > KEY_BYTES_MAX;
    if batch.writes.iter().any(|write| too_long(&write.key)) {
        return Err(CommitError::Refused("a key is empty or too long"));
    }
    if batch.writes.iter().any(|write| write.new.as_ref().is_some_and(|new| new.len() > VALUE_BYTES_MAX)) {
        return Err(CommitError::Refused("a value is too big"));
    }
    let mut keys = HashSet::with_capacity(batch.writes.len());
    if batch.writes.iter().all(|write| keys.insert(write.key.as_slice())) {
        Ok(())
    } else {
        Err(CommitError::Refused("a key is written twice"))
    }
}

/// An effect that panics has no say about the others: the batch is durable already.
fn run_effects(effects: Vec<Effect>, sequence: Sequence) {
    for effect in effects {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| effect(sequence))) {
            tracing::error!(cause = panic_text(&*panic), "an effect of a commit panicked");
        }
    }
}

/// What a panic says of itself.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| String::from("a panic without words"))
}

/// Bytes of a key: sealed names of the deepest path stay below, and sixteen of them still fit a page of sled that is
/// not spilled into a file of its own.
pub(super) const KEY_BYTES_MAX: usize = 7 << 10;
