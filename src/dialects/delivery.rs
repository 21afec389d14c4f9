//! The body of an answer whose row wants to know whether it was sent. A connection takes a body piece by piece and drops it
//! at its end; a body that is dropped untouched was not sent.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::{blocking, contract::Delivery};

/// A body that reports what becomes of it.
pub(super) struct Reported {
    body: Body,
    /// Whether the connection has taken the first piece. What it has not written yet then lies in its buffer.
    is_taken: bool,
    delivery: Option<Delivery>,
}

impl Reported {
    pub fn body(body: Body, delivery: Delivery) -> Body {
        Body::new(Self { body, is_taken: false, delivery: Some(delivery) })
    }
}

impl HttpBody for Reported {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.is_taken |= matches!(polled, Poll::Ready(Some(Ok(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Reported {
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery.take_if(|_| self.is_taken) {
            // The connection writes its buffer on this thread, right after this.
            blocking::begin(move || delivery.sent());
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::sync::oneshot;

    use super::*;
    use crate::contract::Delivered;

    fn reported() -> (Body, oneshot::Receiver<Delivered>) {
        let (tell, told) = oneshot::channel();
        (Reported::body(Body::from("answer"), Delivery::new(move |how| tell.send(how).unwrap())), told)
    }

    #[tokio::test]
    async fn a_body_that_was_taken_is_sent() {
        let (body, told) = reported();
        assert_eq!(body.size_hint().exact(), Some(6), "the answer keeps its length");
        assert_eq!(body.collect().await.unwrap().to_bytes(), "answer");
        assert_eq!(told.await, Ok(Delivered::Yes));
    }

    #[tokio::test]
    async fn a_body_that_nobody_took_is_not_sent() {
        let (body, told) = reported();
        drop(body);
        assert_eq!(told.await, Ok(Delivered::No));
    }
}
