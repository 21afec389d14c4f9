//! The stream between a socket (or its TLS session) and hyper. It ends the connection of a client that sends a head too
//! slowly, stays silent too long or does not take its answer; hyper's own header timeout cannot tell a kept connection
//! from a slow one. It also hides from hyper what `framing` refuses. A bad byte takes the place of a refused head, so
//! that hyper answers 400. Reading a refused body fails.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until, timeout},
};

use super::{
    connections::Activity,
    framing::{Framing, Part, Position},
    limits::Limits,
};

/// A stream with deadlines and strict framing.
pub(crate) struct StrictStream<S> {
    stream: S,
    framing: Framing,
    limits: Limits,
    /// While a request is being answered, silence of the client does not count.
    activity: Activity,
    /// The part of a request for which the client is waited for. `silence_deadline` counts only for this part.
    waiting_at: Option<Position>,
    silence_deadline: Deadline,
    /// When the client must have taken some of its answer. `None` while nothing waits to be taken.
    write_deadline: Option<Deadline>,
    /// The number of heads that were complete when bytes last arrived.
    heads: u64,
    /// The part in which bytes were refused. `None` if none were.
    refused: Option<Part>,
    /// The bytes that hyper still has to get in place of a refused head.
    bad_bytes: &'static [u8],
    end: End,
}

/// Bytes that make hyper refuse a head: it refuses a NUL anywhere in a head once it sees the end of the head.
const BAD_BYTES: &[u8] = b"\0\r\n\r\n";

type Deadline = Pin<Box<Sleep>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// The client closed its sending side.
    Client,
    /// The client was too slow.
    Deadline,
}

impl<S: AsyncRead + AsyncWrite + Unpin> StrictStream<S> {
    pub(crate) fn new(stream: S, limits: Limits, activity: Activity) -> Self {
        Self {
            stream,
            framing: Framing::default(),
            limits,
            activity,
            // The first head must be complete within one deadline, whether the client is silent or slow.
            waiting_at: Some(Position::BetweenRequests),
            silence_deadline: Box::pin(sleep_until(after(limits.head))),
            write_deadline: None,
            heads: 0,
            refused: None,
            bad_bytes: BAD_BYTES,
            end: End::Open,
        }
    }

    /// Whether bytes of the client were refused before hyper saw them.
    pub(crate) fn has_refused(&self) -> bool {
        self.framing.position() == Position::Refused
    }

    /// Reads and drops what the client is still sending, for a limited time. If a connection is closed with unread
    /// bytes, it is reset, and the client may lose the answer that says why.
    pub(crate) async fn linger(mut self) {
        if self.end == End::Open && self.framing.position() != Position::BetweenRequests {
            drain(&mut self.stream, self.limits.linger).await;
        }
    }

    /// Ready once the client has been silent for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let position = self.framing.position();
        let limit = match position {
            _ if self.activity.is_answering() => None,
            Position::BetweenRequests => Some(self.limits.idle),
            Position::InHead => Some(self.limits.head),
            // A body has a minimum rate (body_rate.rs), which counts only while somebody reads the body.
            Position::InBody | Position::Refused => None,
        };
        let Some(limit) = limit else {
            self.waiting_at = None;
            return Poll::Pending;
        };
        if self.waiting_at != Some(position) {
            self.waiting_at = Some(position);
            self.silence_deadline.as_mut().reset(after(limit));
        }
        self.silence_deadline.as_mut().poll(cx)
    }

    /// Checks the bytes that were just read, which begin at the offset `before`, and replaces those that are refused.
    fn accept(&mut self, buffer: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        let piece = buffer.filled().get(before..).unwrap_or_default();
        if piece.is_empty() {
            self.end = End::Client;
        }
        let verdict = self.framing.read(piece);
        if self.heads != self.framing.heads() {
            self.heads = self.framing.heads();
            self.waiting_at = None;
        } else if self.heads == 0 {
            self.waiting_at = Some(self.framing.position());
        }
        if let Err(refused) = verdict {
            buffer.set_filled(before + refused.accepted);
            self.refused = Some(refused.part);
            // Giving hyper no bytes would mean that the client has closed its side.
            if refused.accepted == 0 {
                return self.stand_in(refused.part, buffer);
            }
        }
        Ok(())
    }

    /// Gives hyper a replacement for what was refused.
    fn stand_in(&mut self, part: Part, buffer: &mut ReadBuf<'_>) -> io::Result<()> {
        match part {
            Part::Head => {
                self.put_bad_bytes(buffer);
                Ok(())
            }
            // Bad bytes could complete the size line of a chunk, of which a part was passed on, and so end the body.
            Part::Body => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn put_bad_bytes(&mut self, buffer: &mut ReadBuf<'_>) {
        let (now, later) = self.bad_bytes.split_at(self.bad_bytes.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.bad_bytes = later;
    }

    /// Lets a write fail if the client has taken nothing for too long.
    fn limit_write<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.write_deadline = None;
            return done;
        }
        let limit = self.limits.write_stall;
        let deadline = self.write_deadline.get_or_insert_with(|| Box::pin(sleep_until(after(limit))));
        deadline.as_mut().poll(cx).map(|()| Err(self.give_up()))
    }

    fn give_up(&mut self) -> io::Error {
        self.end = End::Deadline;
        io::ErrorKind::TimedOut.into()
    }
}

/// Reads until the other side closes, but at most for `limit`.
pub(crate) async fn drain(stream: &mut (impl AsyncRead + Unpin), limit: Duration) {
    let mut sink = [0; 4_096];
    let all = async { while matches!(stream.read(&mut sink).await, Ok(read) if read > 0) {} };
    let _either_way = timeout(limit, all).await;
}

fn after(limit: Duration) -> Instant {
    Instant::now() + limit
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for StrictStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(part) = this.refused {
            return Poll::Ready(this.stand_in(part, buffer));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(this.accept(buffer, before)),
            Poll::Pending => this.poll_silence(cx).map(|()| Err(this.give_up())),
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for StrictStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.limit_write(cx, done)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_write_vectored(cx, pieces);
        this.limit_write(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_flush(cx);
        this.limit_write(cx, done)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.limit_write(cx, done)
    }
}
