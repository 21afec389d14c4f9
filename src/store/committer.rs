//! The committer: the only thread that writes. It takes all waiting batches as one group and checks their preconditions
//! in order, so that each batch sees the ones before it. It applies the group, makes it durable, runs the effects, and
//! then answers.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use tokio::sync::oneshot;

use super::{
    batch::{Batch, Effect, Old, Sequence},
    change::{Accepted, Change, Slice, Summary, WriteId},
    errors::{CommitError, StoreError, panic_text},
    notes::NOTES_HELD_BYTES_MAX,
    shared::Shared,
    tag::tag_of,
};
use crate::base::{
    limits::{GROUP_BATCHES_MAX, GROUP_BYTES_MAX, SLICE_WRITES_MAX, VALUE_BYTES_MAX},
    time::Time,
};

/// A message to the committer.
pub(super) enum Order {
    Commit(Waiting),
    Close,
}

/// A batch and the channel for its outcome.
pub(super) struct Waiting {
    pub batch: Batch,
    pub answer: oneshot::Sender<Result<Sequence, CommitError>>,
}

pub(super) struct Committer {
    shared: Arc<Shared>,
    /// Whether the last group found too little room.
    lacked_room: Cell<bool>,
}

/// The outcome of a batch, which is sent when the whole group is done.
struct Judged {
    answer: oneshot::Sender<Result<Sequence, CommitError>>,
    outcome: Result<Sequence, CommitError>,
    effects: Vec<Effect>,
}

/// The state of each key that the accepted batches of a group write, after those writes.
type Overlay = HashMap<Vec<u8>, Option<Summary>>;

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, lacked_room: Cell::new(false) }
    }

    /// Runs until an order to close comes, or the last handle on the store is dropped. A failure ends it too; callers
    /// that still wait then get `Closed`.
    pub(crate) fn run(self, orders: &mpsc::Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            if self.shared.open().is_err() {
                return;
            }
            let mut group = Vec::new();
            let goes_on = gather(order, orders, &mut group);
            // sled panics on some damage. Without this the thread would end silently and writers would wait for ever.
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
            tracing::error!(cause, "the store failed while it was closed");
        }
        self.shared.close(String::from("it was closed on request"));
    }

    /// Takes a group of batches through all its steps. After an error the store closes. The callers of the group then
    /// have their answers, or get `Closed`.
    fn commit_group(&self, group: Vec<Waiting>) -> Result<(), String> {
        let mut overlay = Overlay::new();
        let mut next = self.shared.sequence();
        let time = self.shared.tick();
        let lacks_room = self.lacks_room();
        self.log_room(lacks_room.as_deref());
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
                // The receiver is gone if the caller no longer waits.
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

    /// Applies the accepted batches in slices and syncs them. `Ok` means durable.
    fn make_durable(&self, accepted: &mut [Accepted], time: Time) -> Result<(), String> {
        if accepted.is_empty() {
            return Ok(());
        }
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

    /// Decides whether the batch may be accepted. If so, returns the old state of each key that the batch writes.
    fn judge(
        &self,
        batch: &Batch,
        overlay: &Overlay,
        lacks_room: Option<&str>,
    ) -> Result<Vec<Option<Summary>>, Refusal> {
        if let (Some(path), false) = (lacks_room, batch.urgent) {
            return Err(CommitError::Full(path.to_owned()).into());
        }
        check_shape(batch)?;
        for check in &batch.checks {
            self.expect(&check.key, check.old, overlay)?;
        }
        batch.writes.iter().map(|write| self.expect(&write.key, write.old, overlay)).collect()
    }

    fn expect(&self, key: &[u8], old: Old, overlay: &Overlay) -> Result<Option<Summary>, Refusal> {
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

    /// Logs when room runs short, and when there is room again.
    fn log_room(&self, lacks_room: Option<&str>) {
        match (self.lacked_room.replace(lacks_room.is_some()), lacks_room) {
            (false, Some(place)) => tracing::error!(
                "{place} is nearly full: only deletes, revocations and seal are stored until there is room again"
            ),
            (true, None) => tracing::info!("there is room again: everything is stored"),
            _ => {}
        }
    }
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

/// Fills the group with waiting batches, up to the limits of a group. Returns false if the store closes after this
/// group.
fn gather(first: Order, orders: &mpsc::Receiver<Order>, group: &mut Vec<Waiting>) -> bool {
    // Writers that were just answered are about to send their next batch. Waiting for them makes larger groups for one
    // sync. Measured with 64 writers: groups of 63 batches instead of 40.
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

/// Moves the writes out of an accepted batch and notes the states after them in the overlay.
fn accept(batch: &mut Batch, seen: Vec<Option<Summary>>, sequence: Sequence, overlay: &mut Overlay) -> Accepted {
    let writes = std::mem::take(&mut batch.writes);
    let mut changes = Vec::with_capacity(writes.len());
    for (position, (write, before)) in (0_u32..).zip(writes.into_iter().zip(seen)) {
        let made_by = WriteId { sequence: sequence.0, position };
        let after = write.new.as_ref().map(|new| Summary { tag: tag_of(new), len_bytes: new.len(), made_by });
        overlay.insert(write.key.clone(), after);
        changes.push(Change { key: write.key, before, new: write.new, made_by });
    }
    Accepted { sequence, changes, notes: std::mem::take(&mut batch.notes) }
}

fn check_shape(batch: &Batch) -> Result<(), CommitError> {
    let too_long = |key: &Vec<u8>| key.is_empty() || key.len() > KEY_BYTES_MAX;
    if batch.writes.iter().any(|write| too_long(&write.key)) {
        return Err(CommitError::Refused("a key is empty or longer than 7 KiB"));
    }
    if batch.writes.iter().any(|write| write.new.as_ref().is_some_and(|new| new.len() > VALUE_BYTES_MAX)) {
        return Err(CommitError::Refused("a value is larger than 32 MiB"));
    }
    let mut keys = HashSet::with_capacity(batch.writes.len());
    if batch.writes.iter().all(|write| keys.insert(write.key.as_slice())) {
        Ok(())
    } else {
        Err(CommitError::Refused("two writes have the same key"))
    }
}

/// Runs the effects of a batch. If an effect panics, the others still run, because the batch is durable already.
fn run_effects(effects: Vec<Effect>, sequence: Sequence) {
    for effect in effects {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| effect(sequence))) {
            tracing::error!(cause = panic_text(&*panic), "an effect of a commit panicked");
        }
    }
}

/// Maximum number of bytes of a key; a batch with a longer key is refused. The sealed names of the deepest path fit,
/// and sixteen such keys fit a page that sled does not put into a file of its own.
pub(super) const KEY_BYTES_MAX: usize = 7 << 10;
