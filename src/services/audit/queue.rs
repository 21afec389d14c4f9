//! The queue in front of the writer, and the promise that whoever queued a line can wait for.

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

/// What waits to be written.
#[derive(Default)]
pub(crate) struct Queue {
    lines: QueuedLines,
    batch: Arc<Batch>,
    /// Requests that were recorded and have no outcome yet. Room is kept for their outcomes.
    open: usize,
}

/// How much may wait. Beyond that requests are refused.
const SIZE_BYTES_MAX: usize = 64 << 20;
/// The room that is kept for the outcome of an open request.
const OUTCOME_BYTES: usize = 4 << 10;

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Adds the line of a request, if there is room for it and its outcome.
    pub(crate) fn push_request(&mut self, line: QueuedLine<'_>) -> Result<(), AuditError> {
        if self.lines.size_bytes() + self.open * OUTCOME_BYTES > SIZE_BYTES_MAX {
            return Err(AuditError::Full);
        }
        self.push_request_always(line);
        Ok(())
    }

    /// Adds the line of a request, whether there is room or not.
    pub(crate) fn push_request_always(&mut self, line: QueuedLine<'_>) {
        self.open += 1;
        self.push(line);
    }

    /// Adds the outcome of a request. Returns the batch in which it will be written.
    pub(crate) fn push_outcome(&mut self, line: QueuedLine<'_>) -> Arc<Batch> {
        self.open = self.open.saturating_sub(1);
        self.push(line);
        Arc::clone(&self.batch)
    }

    /// Adds a line that is never refused and has no outcome.
    pub(crate) fn push(&mut self, line: QueuedLine<'_>) {
        self.lines.push(line);
    }

    /// Hands over everything that waits, in exchange for an empty buffer. Returns the promise to be kept.
    pub(crate) fn take(&mut self, empty: &mut QueuedLines) -> Arc<Batch> {
        std::mem::swap(&mut self.lines, empty);
        std::mem::take(&mut self.batch)
    }
}

/// Lines that are written together, and who waits for them.
#[derive(Default)]
pub(crate) struct Batch {
    done: OnceLock<Result<(), AuditError>>,
    wakers: Mutex<Vec<Waker>>,
}

impl Batch {
    pub(crate) fn is_done(&self) -> bool {
        self.done.get().is_some()
    }

    /// Says what became of the lines, and wakes everybody who waits.
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
            // The batch may have been finished between the two lines above; then nobody would wake us.
            self.done.get().map_or(Poll::Pending, |done| Poll::Ready(done.clone()))
        })
        .await
    }
}
