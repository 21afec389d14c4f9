//! Where lines come together. They are put into one queue under a short lock; whoever finds the desk free writes them
//! all, with one call for each device. So a request crosses no channel and no thread, and many share one write.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
};

use arc_swap::ArcSwapOption;

use super::{
    AuditError, Urgency,
    device::{Device, DeviceStatus, State},
    feed,
    id::Id,
    keeper::Beside,
    keys::Ring,
    missed::Item,
    note::{Note, Parts},
    unseal::Unsealed,
};
use crate::{base::time::Clock, crypto::note::Checkpoint, store::files::Files};

pub(super) struct Hub {
    queue: Mutex<Queue>,
    desk: Mutex<Desk>,
    /// The keys of the log, while unsealed.
    pub ring: ArcSwapOption<Ring>,
    /// Whether requests may be performed: devices can take their lines.
    is_ready: AtomicBool,
    status: Mutex<Vec<DeviceStatus>>,
    /// How many devices `status` shows to be up.
    up: AtomicUsize,
    /// The newest signed head of the first device.
    pub newest: ArcSwapOption<String>,
    /// All changes up to this sequence have their lines, synced, in every required device.
    pub fed: AtomicU64,
    /// Receipts that were dropped without an outcome.
    pub dropped: AtomicU64,
    /// Heads that others kept, and that the files are judged by.
    pub kept: Mutex<Vec<Checkpoint>>,
    pub beside: Mutex<Beside>,
    /// Whether an answer waits for a sync; then the keeper writes, and nobody else.
    is_strict: bool,
    pub bell: Arc<Bell>,
    pub clock: Clock,
    pub files: Files,
}

/// What waits to be written.
#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    items: Vec<Item>,
    batch: Arc<Batch>,
    /// Requests that were recorded and have no outcome yet: room is kept for theirs.
    open: usize,
}

/// The devices, in the hands of whoever writes.
pub(super) struct Desk {
    pub devices: Vec<Device>,
    /// Open requests of which the line has been handed to the devices, with the epoch in which that was.
    pub open: HashMap<Id, u64>,
    pub epoch: u64,
    /// The highest sequence of the store in any line.
    pub sequence: u64,
    pub unsealed: Option<Unsealed>,
    bytes: Vec<u8>,
    items: Vec<Item>,
}

/// Lines that are written together, and who waits for them.
#[derive(Default)]
pub(super) struct Batch {
    done: OnceLock<Result<(), AuditError>>,
    wakers: Mutex<Vec<Waker>>,
}

/// What may wait in the queue, and for it: beyond that requests are refused.
const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Room kept for an outcome that has not come yet.
const OUTCOME_BYTES: usize = 4 << 10;

impl Hub {
    pub fn new(devices: Vec<Device>, files: Files, clock: Clock) -> Self {
        let is_strict = devices.iter().any(|device| device.config.sync_always);
        let desk = Desk {
            devices,
            open: HashMap::new(),
            epoch: 1,
            sequence: 0,
            unsealed: None,
            bytes: Vec::new(),
            items: Vec::new(),
        };
        let hub = Self {
            queue: Mutex::default(),
            desk: Mutex::new(desk),
            ring: ArcSwapOption::empty(),
            is_ready: AtomicBool::new(false),
            status: Mutex::default(),
            up: AtomicUsize::new(0),
            newest: ArcSwapOption::empty(),
            fed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            kept: Mutex::default(),
            beside: Mutex::default(),
            is_strict,
            bell: Arc::default(),
            clock,
            files,
        };
        hub.at_desk(|desk| hub.publish(desk));
        hub
    }

    /// Puts a note into the queue. `Err` where there is no room, or no device to take it.
    pub fn record(&self, note: &Note, urgency: Urgency) -> Result<(), AuditError> {
        if !self.is_ready.load(Ordering::Acquire) {
            return Err(self.why_not_ready());
        }
        {
            let mut queue = hold(&self.queue);
            if queue.bytes.len() + queue.open * OUTCOME_BYTES > QUEUE_BYTES_MAX {
                return Err(AuditError::Full);
            }
            queue.open += 1;
            queue.push(note, None);
        }
        if urgency == Urgency::Now {
            self.attend();
            if !self.is_ready.load(Ordering::Acquire) {
                self.close(&Note::closing(&note.id(), self.clock.now(), feed::NONE));
                return Err(self.why_not_ready());
            }
        }
        Ok(())
    }

    /// Puts a note into the queue whatever there is to take it, and says why its line is not written yet.
    pub fn insist(&self, note: &Note) -> Option<AuditError> {
        {
            let mut queue = hold(&self.queue);
            queue.open += 1;
            queue.push(note, None);
        }
        self.attend();
        (!self.is_ready.load(Ordering::Acquire)).then(|| self.why_not_ready())
    }

    /// Puts a note into the queue that is never refused.
    pub fn push(&self, note: &Note) {
        hold(&self.queue).push(note, None);
    }

    /// Queues an outcome; [`Hub::written`] waits for the batch that it is in.
    pub fn outcome(&self, note: &Note, txn: Option<u64>) -> Arc<Batch> {
        let mut queue = hold(&self.queue);
        queue.open = queue.open.saturating_sub(1);
        queue.push(note, txn);
        Arc::clone(&queue.batch)
    }

    /// Waits until a batch is written, and writes it where nobody else does.
    pub async fn written(&self, batch: &Batch) -> Result<(), AuditError> {
        if !self.is_strict {
            // Others that are about to answer add their lines now; then the first to come back writes for all.
            tokio::task::yield_now().await;
        }
        if batch.done.get().is_none() {
            self.attend();
        }
        batch.wait().await
    }

    /// Closes the place of an outcome that never came.
    pub fn close(&self, note: &Note) {
        let mut queue = hold(&self.queue);
        queue.open = queue.open.saturating_sub(1);
        queue.push(note, None);
    }

    /// Writes what is queued, unless somebody is at it: whoever has the desk looks into the queue once more after
    /// leaving it, so that nothing is left behind.
    pub fn attend(&self) {
        while !hold(&self.queue).items.is_empty() {
            if self.is_strict {
                return self.bell.ring();
            }
            let Some(mut desk) = try_hold(&self.desk) else { return };
            self.drain(&mut desk);
        }
    }

    /// Does something at the desk, before and after which everything queued is written. May wait for the file system.
    pub fn at_desk<T>(&self, act: impl FnOnce(&mut Desk) -> T) -> T {
        let done = {
            let mut desk = hold(&self.desk);
            self.drain(&mut desk);
            let done = act(&mut desk);
            self.drain(&mut desk);
            self.publish(&desk);
            done
        };
        self.attend();
        done
    }

    /// For the panic hook: writes what is queued, and gives up after a moment where the desk is taken, as it is when
    /// the panic happened there.
    pub fn drain_for_panic(&self) {
        for _ in 0..PANIC_TRIES {
            if let Some(mut desk) = try_hold(&self.desk) {
                return self.drain(&mut desk);
            }
            std::thread::yield_now();
        }
    }

    fn drain(&self, desk: &mut Desk) {
        loop {
            let batch = {
                let Some(mut queue) = try_hold_long(&self.queue) else { return };
                if queue.items.is_empty() {
                    return;
                }
                std::mem::swap(&mut queue.bytes, &mut desk.bytes);
                std::mem::swap(&mut queue.items, &mut desk.items);
                std::mem::take(&mut queue.batch)
            };
            let result = desk.write_all();
            if desk.up() != self.up.load(Ordering::Relaxed) {
                self.publish(desk);
            }
            batch.finish(result);
        }
    }

    /// Shows to others how the devices do.
    fn publish(&self, desk: &Desk) {
        let any_up = desk.devices.iter().any(|device| device.state == State::Up);
        let required_up = desk.devices.iter().all(|device| device.state == State::Up || !device.config.required);
        self.up.store(desk.up(), Ordering::Relaxed);
        *hold(&self.status) = desk.devices.iter().map(Device::status).collect();
        self.is_ready.store(any_up && required_up, Ordering::Release);
    }

    pub fn status(&self) -> Vec<DeviceStatus> {
        hold(&self.status).clone()
    }

    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    fn why_not_ready(&self) -> AuditError {
        let status = hold(&self.status);
        let down = |device: &&DeviceStatus| device.state != State::Up;
        let device = status.iter().filter(down).max_by_key(|device| device.required);
        device.map_or(AuditError::NoDevice, AuditError::of)
    }
}

impl Queue {
    fn push(&mut self, note: &Note, txn: Option<u64>) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(note.as_bytes());
        self.items.push(Item { from, to: self.bytes.len(), txn });
    }
}

impl Desk {
    fn up(&self) -> usize {
        self.devices.iter().filter(|device| device.state == State::Up).count()
    }

    /// Hands what was taken from the queue to every device. `Err` where a required one, or all, could not take it now.
    fn write_all(&mut self) -> Result<(), AuditError> {
        let (mut taken, mut failed) = (false, None);
        for device in &mut self.devices {
            let is_written = device.write(&self.bytes, &self.items) && (!device.config.sync_always || device.sync());
            taken |= is_written;
            if !is_written && device.config.required {
                failed.get_or_insert_with(|| AuditError::of(&device.status()));
            }
        }
        for item in &self.items {
            self.sequence = self.sequence.max(item.txn.unwrap_or(0));
            if let Some(parts) = Parts::read(item.of(&self.bytes)).filter(|parts| !parts.is_plain()) {
                if parts.is_response() {
                    self.open.remove(&parts.id)
                } else {
                    self.open.insert(parts.id, self.epoch)
                };
            }
        }
        self.bytes.clear();
        self.items.clear();
        self.bytes.shrink_to(BUFFER_BYTES_KEPT);
        match failed {
            Some(error) => Err(error),
            None if taken => Ok(()),
            None => Err(AuditError::NoDevice),
        }
    }
}

impl Batch {
    fn finish(&self, result: Result<(), AuditError>) {
        let _ = self.done.set(result);
        let wakers = std::mem::take(&mut *hold(&self.wakers));
        wakers.into_iter().for_each(Waker::wake);
    }

    async fn wait(&self) -> Result<(), AuditError> {
        poll_fn(|context| {
            if let Some(done) = self.done.get() {
                return Poll::Ready(done.clone());
            }
            hold(&self.wakers).push(context.waker().clone());
            // It may have been finished between the two: then nobody wakes us.
            self.done.get().map_or(Poll::Pending, |done| Poll::Ready(done.clone()))
        })
        .await
    }
}

/// Wakes the keeper before its time.
#[derive(Default)]
pub(super) struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    pub fn ring(&self) {
        *hold(&self.rung) = true;
        self.heard.notify_one();
    }

    /// Waits until it rings, or for `at_most`.
    pub fn wait(&self, at_most: std::time::Duration) {
        let rung = hold(&self.rung);
        let waited = self.heard.wait_timeout_while(rung, at_most, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// What a buffer keeps after a burst.
const BUFFER_BYTES_KEPT: usize = 1 << 20;
/// How often the panic hook tries to get the desk: some milliseconds in all.
const PANIC_TRIES: usize = 10_000;

/// A lock whose holder panicked is taken all the same: what it guards is consistent between any two calls.
pub(super) fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_hold<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match lock.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// As [`hold`], but gives up: the queue is held for a copy of one note, unless the holder is in the panic hook.
fn try_hold_long<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    (0..PANIC_TRIES).find_map(|n| {
        let held = try_hold(lock);
        if held.is_none() && n > 100 {
            std::thread::yield_now();
        }
        held
    })
}
