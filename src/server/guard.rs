//! The stream between a socket (or its TLS session) and hyper. It stops clients that send a head too slowly, stay
//! silent too long, or do not take their answer, and it replaces a request that `framing` refuses by one bad byte, so
//! that hyper answers 400 and closes. hyper's own header timeout cannot tell a kept connection from a slow one.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until, timeout},
};

use super::{
    framing::{Framing, Place},
    limits::Limits,
};

/// A stream with deadlines.
pub struct Guard<S> {
    stream: S,
    framing: Framing,
    limits: Limits,
    /// Until a request is answered, no silence of its client counts.
    busy: Busy,
    /// What the client is waited for, and until when.
    wait: Option<Place>,
    alarm: Alarm,
    /// Until when the client must take something of its answer; `None` while it does.
    stall: Option<Alarm>,
    /// How many heads have been seen to end.
    heads: u64,
    /// What hyper still has to be given in place of refused bytes.
    poison: &'static [u8],
    end: End,
}

/// hyper refuses a NUL wherever it stands in a head or around a chunk, once it sees the end of the head.
const POISON: &[u8] = b"\0\r\n\r\n";

/// Says whether a request is being answered; shared by a connection's guard and its service.
#[derive(Clone, Default)]
pub struct Busy(Arc<AtomicBool>);

type Alarm = Pin<Box<Sleep>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// The client ended its side.
    Client,
    /// The client was too slow.
    Deadline,
}

impl Busy {
    pub fn set(&self, busy: bool) {
        self.0.store(busy, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    pub fn new(stream: S, limits: Limits, busy: Busy) -> Self {
        Self {
            stream,
            framing: Framing::default(),
            limits,
            busy,
            // A new connection owes its first head within one deadline, silent or slow.
            wait: Some(Place::Between),
            alarm: Box::pin(sleep_until(after(limits.head))),
            stall: None,
            heads: 0,
            poison: POISON,
            end: End::Open,
        }
    }

    /// Reads away, for a while, what the client is still sending: closing over unread bytes would reset the
    /// connection, and the client would lose the answer that says why.
    pub async fn linger(mut self) {
        if self.end == End::Open && self.framing.place() != Place::Between {
            drain(&mut self.stream, self.limits.linger).await;
        }
    }

    /// Looks at how long the client has been silent. `Ready` means too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let place = self.framing.place();
        let limit = match place {
            _ if self.busy.is_set() => None,
            Place::Between => Some(self.limits.idle),
            Place::Head => Some(self.limits.head),
            // A body has a least rate (pace.rs), which counts only while somebody reads it.
            Place::Body | Place::Refused => None,
        };
        let Some(limit) = limit else {
            self.wait = None;
            return Poll::Pending;
        };
        if self.wait != Some(place) {
            self.wait = Some(place);
            self.alarm.as_mut().reset(after(limit));
        }
        self.alarm.as_mut().poll(cx)
    }

    /// Keeps of the bytes from `before` on what the framing accepts.
    fn accept(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let piece = buffer.filled().get(before..).unwrap_or_default();
        if piece.is_empty() {
            self.end = End::Client;
        }
        let verdict = self.framing.take(piece);
        if self.heads != self.framing.heads() {
            self.heads = self.framing.heads();
            self.wait = None;
        } else if self.heads == 0 {
            self.wait = Some(self.framing.place());
        }
        if let Err(refused) = verdict {
            buffer.set_filled(before + refused.passed);
            self.poison(buffer);
        }
    }

    fn poison(&mut self, buffer: &mut ReadBuf<'_>) {
        let (now, later) = self.poison.split_at(self.poison.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.poison = later;
    }

    /// Gives up on a client that takes nothing.
    fn judge_write<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stall = None;
            return done;
        }
        let limit = self.limits.write_stall;
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep_until(after(limit))));
        stall.as_mut().poll(cx).map(|()| Err(self.give_up()))
    }

    fn give_up(&mut self) -> io::Error {
        self.end = End::Deadline;
        io::ErrorKind::TimedOut.into()
    }
}

/// Reads until the other side ends or `limit` has passed.
pub async fn drain(stream: &mut (impl AsyncRead + Unpin), limit: Duration) {
    let mut sink = [0; 4_096];
    let all = async { while matches!(stream.read(&mut sink).await, Ok(read) if read > 0) {} };
    let _either_way = timeout(limit, all).await;
}

fn after(limit: Duration) -> Instant {
    Instant::now() + limit
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guard<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.framing.place() == Place::Refused {
            this.poison(buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => {
                this.accept(buffer, before);
                Poll::Ready(Ok(()))
            }
            Poll::Pending => this.poll_silence(cx).map(|()| Err(this.give_up())),
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.judge_write(cx, done)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_write_vectored(cx, pieces);
        this.judge_write(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_flush(cx);
        this.judge_write(cx, done)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.judge_write(cx, done)
    }
}
