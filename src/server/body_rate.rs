//! A body that must arrive at a minimum rate. The rate counts after some seconds of grace, and each byte that arrives
//! moves the deadline. So a client that sends a byte now and then is cut off; a slow but steady connection is not.

use std::{
    future::Future as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::limits::Limits;
use crate::dialects::Slow;

/// The error of a body.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A body, with the deadline for its next bytes.
pub(crate) struct MinRateBody<B> {
    body: B,
    grace: Duration,
    bytes_per_sec_min: u64,
    received: u64,
    /// When somebody first waited for bytes, and the current deadline. `None` until somebody reads the body.
    started: Option<(Instant, Pin<Box<Sleep>>)>,
    end: BodyEnd,
}

/// Whether a body was read to its end. Clones share the value.
#[derive(Clone, Default)]
pub(crate) struct BodyEnd(Arc<AtomicBool>);

impl BodyEnd {
    pub(crate) fn is_reached(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<B> MinRateBody<B> {
    pub(crate) fn new(body: B, limits: &Limits) -> Self {
        Self {
            body,
            grace: limits.body_grace,
            bytes_per_sec_min: limits.body_bytes_per_sec_min.max(1),
            received: 0,
            started: None,
            end: BodyEnd::default(),
        }
    }

    /// A handle that says, later, whether the body was read to its end.
    pub(crate) fn end(&self) -> BodyEnd {
        self.end.clone()
    }

    /// The time that the bytes received so far would take at the minimum rate.
    fn earned(&self) -> Duration {
        Duration::from_millis(self.received.saturating_mul(1_000) / self.bytes_per_sec_min)
    }
}

impl<B: Body<Data = Bytes, Error: Into<Failure>> + Unpin> Body for MinRateBody<B> {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.received += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.body.is_end_stream() {
                    this.end.0.store(true, Ordering::Release);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                this.end.0.store(true, Ordering::Release);
                Poll::Ready(None)
            }
            Poll::Ready(other) => Poll::Ready(other.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => {
                let earned = this.earned();
                let grace = this.grace;
                let (start, deadline) = this.started.get_or_insert_with(|| {
                    let start = Instant::now();
                    (start, Box::pin(sleep_until(start + grace)))
                });
                let due = *start + grace + earned;
                if deadline.deadline() != due {
                    deadline.as_mut().reset(due);
                }
                deadline.as_mut().poll(cx).map(|()| Some(Err(Slow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
