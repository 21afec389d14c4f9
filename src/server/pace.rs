//! A body that must keep a least rate. For its first seconds it owes nothing; from then on each byte buys a moment, so
//! that a sender of one byte now and then is cut off and an honest slow link is not.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::limits::Limits;
use crate::dialects::Slow;

/// What a body fails with.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A body and its due date.
pub struct Paced<B> {
    body: B,
    grace: Duration,
    bytes_per_sec_min: u64,
    received: u64,
    /// Set when somebody first waits: the body owes nothing while nobody reads it.
    due: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<B> Paced<B> {
    pub fn new(body: B, limits: &Limits) -> Self {
        Self {
            body,
            grace: limits.body_grace,
            bytes_per_sec_min: limits.body_bytes_per_sec_min.max(1),
            received: 0,
            due: None,
        }
    }

    fn bought(&self) -> Duration {
        Duration::from_millis(self.received.saturating_mul(1_000) / self.bytes_per_sec_min)
    }
}

impl<B: Body<Data = Bytes, Error: Into<Failure>> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.received += frame.data_ref().map_or(0, |data| data.len() as u64);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => Poll::Ready(other.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => {
                let bought = this.bought();
                let grace = this.grace;
                let (start, alarm) = this.due.get_or_insert_with(|| {
                    let start = Instant::now();
                    (start, Box::pin(sleep_until(start + grace)))
                });
                let due = *start + grace + bought;
                if alarm.deadline() != due {
                    alarm.as_mut().reset(due);
                }
                alarm.as_mut().poll(cx).map(|()| Some(Err(Slow.into())))
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
