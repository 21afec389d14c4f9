//! The hub collects the audit log lines of all requests. They go into one queue under a short lock, and whoever finds
//! the writer lock free writes them all, with one call for each device. So a request needs no channel and no other
//! thread, and many requests share one write.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use arc_swap::{ArcSwapOption, Guard};

use super::{
    draft_line::DraftLine,
    error::AuditError,
    facts::Urgency,
    keys::HashKeys,
    locks::{hold, hold_or_give_up, try_hold},
    queue::{Batch, Queue},
    queued::QueuedLine,
    request_id::RequestId,
    status::{AuditMeasurements, DeviceState, DeviceStatus},
    wake_up::WakeUp,
    wording::{Closed, closing_draft_of},
    writer::Writer,
};
use crate::base::time::{Clock, Time};

pub(crate) struct Hub {
    queue: Mutex<Queue>,
    writer: Mutex<Writer>,
    /// The keys that hash values. `None` while sealed.
    keys: ArcSwapOption<HashKeys>,
    board: Board,
    writing: Writing,
    wake_up: Arc<WakeUp>,
    clock: Clock,
}

/// The state of the devices that can be read without the writer lock.
#[derive(Default)]
struct Board {
    /// Whether requests may be performed: the devices can take their lines.
    is_ready: AtomicBool,
    status: Mutex<Vec<DeviceStatus>>,
    /// How many devices are up.
    up: AtomicUsize,
    /// All changes up to this sequence number have their lines, synced, in every required device.
    covered: AtomicU64,
    lines: AtomicU64,
    write_failures: AtomicU64,
}

/// Who writes the queued lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// Whichever caller finds the writer lock free.
    ByCallers,
    /// The maintenance thread alone, because answers wait for a sync.
    ByThread,
}

impl Hub {
    pub(crate) fn new(writer: Writer, writing: Writing, clock: Clock) -> Self {
        let hub = Self {
            queue: Mutex::default(),
            writer: Mutex::new(writer),
            keys: ArcSwapOption::empty(),
            board: Board::default(),
            writing,
            wake_up: Arc::default(),
            clock,
        };
        hub.with_writer(|_| ());
        hub
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(crate) fn keys(&self) -> Guard<Option<Arc<HashKeys>>> {
        self.keys.load()
    }

    pub(crate) fn set_keys(&self, keys: Option<HashKeys>) {
        self.keys.store(keys.map(Arc::new));
    }

    pub(crate) fn wake_up(&self) -> Arc<WakeUp> {
        Arc::clone(&self.wake_up)
    }

    /// Queues the line of a request. Fails if the queue is full or no device can take the line.
    pub(crate) fn record(&self, draft: &DraftLine, urgency: Urgency) -> Result<(), AuditError> {
        self.check_ready()?;
        hold(&self.queue).push_request(line_of(draft))?;
        if urgency == Urgency::Now {
            self.write_queued();
            if let Err(error) = self.check_ready() {
                self.close(&draft.request_id());
                return Err(error);
            }
        }
        Ok(())
    }

    /// Queues the line of a request, even if no device can take it now. An error says why the line is not written yet.
    pub(crate) fn record_always(&self, draft: &DraftLine) -> Result<(), AuditError> {
        hold(&self.queue).push_request_always(line_of(draft));
        self.write_queued();
        self.check_ready()
    }

    /// Queues a line that is never refused, and writes it unless another caller does. Returns its batch.
    pub(crate) fn write(&self, draft: &DraftLine) -> Arc<Batch> {
        let batch = {
            let mut queue = hold(&self.queue);
            queue.push(line_of(draft));
            queue.batch()
        };
        self.write_queued();
        batch
    }

    /// Queues the line of an outcome and returns its batch. [`Hub::written`] waits for that batch.
    pub(crate) fn outcome(&self, draft: &DraftLine, txn: Option<u64>) -> Arc<Batch> {
        hold(&self.queue).push_outcome(QueuedLine { txn, ..line_of(draft) })
    }

    /// Queues an outcome line for a request that ended without an outcome.
    pub(crate) fn close(&self, id: &RequestId) {
        self.outcome(&closing_draft_of(id, self.now(), Closed::NoOutcome), None);
    }

    /// Waits until a batch is written, and writes it if nobody else does.
    pub(crate) async fn written(&self, batch: &Batch) -> Result<(), AuditError> {
        if self.writing == Writing::ByCallers {
            // Other requests that are about to be answered add their lines now. Then
            // the first task to run again writes for all.
            tokio::task::yield_now().await;
        }
        if !batch.is_done() {
            self.write_queued();
        }
        batch.wait().await
    }

    /// Writes what is queued, unless another caller is writing. After releasing the writer lock, a caller checks the
    /// queue once more, so that no line is left behind.
    pub(crate) fn write_queued(&self) {
        while !hold(&self.queue).is_empty() {
            if self.writing == Writing::ByThread {
                return self.wake_up.wake();
            }
            let Some(mut writer) = try_hold(&self.writer) else { return };
            self.drain(&mut writer);
        }
    }

    /// Runs `act` under the writer lock. Everything that is queued is written before and after it. Blocks.
    pub(crate) fn with_writer<T>(&self, act: impl FnOnce(&mut Writer) -> T) -> T {
        let done = {
            let mut writer = hold(&self.writer);
            self.drain(&mut writer);
            let done = act(&mut writer);
            self.drain(&mut writer);
            self.publish(&writer);
            done
        };
        self.write_queued();
        done
    }

    /// Writes what is queued, for the panic hook. Gives up after some milliseconds if the writer lock is taken, because
    /// the thread that panicked may hold it.
    pub(crate) fn drain_for_panic(&self) {
        if let Some(mut writer) = hold_or_give_up(&self.writer) {
            self.drain(&mut writer);
        }
    }

    fn drain(&self, writer: &mut Writer) {
        loop {
            let batch = {
                // The panic hook calls this too, and its own thread may hold the queue's lock.
                let Some(mut queue) = hold_or_give_up(&self.queue) else { return };
                if queue.is_empty() {
                    return;
                }
                queue.take(writer.taken_mut())
            };
            let lines = u64::try_from(writer.taken_mut().len()).unwrap_or_default();
            let result = writer.write_taken();
            self.board.lines.fetch_add(lines, Ordering::Relaxed);
            self.board.write_failures.fetch_add(u64::from(result.is_err()), Ordering::Relaxed);
            if writer.up() != self.board.up.load(Ordering::Relaxed) {
                self.publish(writer);
            }
            batch.finish(result);
        }
    }

    /// Publishes the state of the devices, so that it can be read without the writer lock.
    fn publish(&self, writer: &Writer) {
        self.board.up.store(writer.up(), Ordering::Relaxed);
        *hold(&self.board.status) = writer.status();
        self.board.is_ready.store(writer.is_ready(), Ordering::Release);
    }

    /// Publishes the sequence number up to which all changes have their lines.
    pub(crate) fn publish_covered(&self, covered: u64) {
        self.board.covered.store(covered, Ordering::Release);
    }

    pub(crate) fn covered(&self) -> u64 {
        self.board.covered.load(Ordering::Acquire)
    }

    pub(crate) fn status(&self) -> Vec<DeviceStatus> {
        hold(&self.board.status).clone()
    }

    pub(crate) fn measure(&self) -> AuditMeasurements {
        let status = hold(&self.board.status);
        let count = |state| status.iter().filter(|device| device.state == state).count();
        AuditMeasurements {
            up: count(DeviceState::Up),
            behind: count(DeviceState::Behind),
            down: count(DeviceState::Down),
            lines: self.board.lines.load(Ordering::Relaxed),
            write_failures: self.board.write_failures.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.board.is_ready.load(Ordering::Acquire)
    }

    /// Fails if requests must not be performed. The error names the device that is down.
    pub(crate) fn check_ready(&self) -> Result<(), AuditError> {
        if self.is_ready() {
            return Ok(());
        }
        let status = hold(&self.board.status);
        let down = status.iter().filter(|device| device.state != DeviceState::Up);
        Err(down.max_by_key(|device| device.required).map_or(AuditError::NoDevice, AuditError::down))
    }
}

fn line_of(draft: &DraftLine) -> QueuedLine<'_> {
    QueuedLine { draft: draft.as_bytes(), txn: None }
}
