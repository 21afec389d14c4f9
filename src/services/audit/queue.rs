//! The queue in front of the audit writer. Each queued outcome comes with its batch, on which the
//! sender can wait until the batch is written.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, OnceLock},
    task::{Poll, Waker},
};

use super::{
    error::AuditError,
    locks::hold,
    queued::{QueuedLine, QueuedLines},
};

/// The lines that wait to be written.
#[derive(Default)]
pub(crate) struct Queue {
    lines: QueuedLines,
    batch: Arc<Batch>,
    /// The number of requests that were recorded and have no outcome yet. Room is kept for their outcomes.
    open: usize,
}

/// At most this many bytes may wait to be written, room for outcomes included. Beyond that, requests are refused.
const SIZE_BYTES_MAX: usize = 64 << 20;
/// The bytes that are reserved for the outcome of each open request.
const OUTCOME_BYTES: usize = 4 << 10;

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Adds the line of a request. Fails if there is no room for it and for its outcome.
    pub(crate) fn push_request(&mut self, line: QueuedLine<'_>) -> Result<(), AuditError> {
        if self.lines.size_bytes() + self.open * OUTCOME_BYTES > SIZE_BYTES_MAX {
            return Err(AuditError::Full);
        }
        self.push_request_always(line);
        Ok(())
    }

    /// Adds the line of a request, even if there is no room.
    pub(crate) fn push_request_always(&mut self, line: QueuedLine<'_>) {
        self.open += 1;
        self.push(line);
    }

    /// Queues the audit line that says how a request ended. Returns the batch that will write it.
    pub(crate) fn push_outcome(&mut self, line: QueuedLine<'_>) -> Arc<Batch> {
        self.open = self.open.saturating_sub(1);
        self.push(line);
        self.batch()
    }

    /// Adds a line that is never refused and has no outcome.
    pub(crate) fn push(&mut self, line: QueuedLine<'_>) {
        self.lines.push(line);
    }

    /// The batch of the lines that wait.
    pub(crate) fn batch(&self) -> Arc<Batch> {
        Arc::clone(&self.batch)
    }

    /// Moves all lines that wait into `empty`, which must be an empty buffer. Returns
    /// their batch, which the caller must finish.
    pub(crate) fn take(&mut self, empty: &mut QueuedLines) -> Arc<Batch> {
        std::mem::swap(&mut self.lines, empty);
        std::mem::take(&mut self.batch)
    }
}

/// The batch of lines that are written together: its result, once there is one, and the tasks that wait for it.
#[derive(Default)]
pub(crate) struct Batch {
    done: OnceLock<Result<(), AuditError>>,
    wakers: Mutex<Vec<Waker>>,
}

impl Batch {
    pub(crate) fn is_done(&self) -> bool {
        self.done.get().is_some()
    }

    /// Sets the result of the write and wakes all tasks that wait for it.
    pub(crate) fn finish(&self, result: Result<(), AuditError>) {
        let _only_the_writer_finishes = self.done.set(result);
        let wakers = std::mem::take(&mut *hold(&self.wakers));
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) async fn wait(&self) -> Result<(), AuditError> {
        poll_fn(|context| {
            if let Some(done) = self.done.get() {
                return Poll::Ready(done.clone());
            }
            hold(&self.wakers).push(context.waker().clone());
            // The batch may have been finished after the check above and before the
            // waker was added; then nothing would wake us.
            self.done.get().map_or(Poll::Pending, |done| Poll::Ready(done.clone()))
        })
        .await
    }
}
