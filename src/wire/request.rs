//! A request as the listener hands it over: the raw target, the headers, who asks, and a body that nobody has read.
//! Nothing is decoded here; `base::path` does that once, for everybody.

use std::{error::Error, fmt, net::SocketAddr, pin::Pin};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

/// One request, its body still on the wire. Its `Debug` shows neither headers nor target: tokens stand there.
pub struct Request {
    /// The method as it was sent: `GET`, `LIST`, `HELP` …
    pub method: String,
    /// The raw request target, `/v1/a%20b?list=true`, never decoded.
    pub target: String,
    pub headers: http::HeaderMap,
    pub peer: Peer,
    pub body: Body,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).field("body", &self.body).finish_non_exhaustive()
    }
}

/// Who is at the other end of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    /// The certificate (DER) whose key the client proved to hold in the handshake. Whether it is trusted is judged by
    /// whoever asks for it: it may be self-signed or expired.
    pub certificate: Option<Vec<u8>>,
}

/// What a body's stream fails with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Bytes that arrive piece by piece.
pub type Stream = Pin<Box<dyn hyper::body::Body<Data = Bytes, Error = Failure> + Send>>;

/// A body that has not been read.
pub enum Body {
    Empty,
    Stream(Stream),
}

/// Why a body could not be read. None of it quotes the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the request body is too large")]
    TooLarge,
    #[error("the request body came too slowly")]
    TooSlow,
    #[error("the request body broke off or is malformed")]
    Broken,
}

/// The failure by which a stream says that its sender is too slow; [`Body::read`] answers it with
/// [`BodyError::TooSlow`].
#[derive(Debug, thiserror::Error)]
#[error("slower than the least rate of a body")]
pub struct Slow;

impl Body {
    /// A body that is here already.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Self::Empty;
        }
        Self::Stream(Box::pin(http_body_util::Full::new(bytes).map_err(|never| match never {})))
    }

    /// The whole body, at most `cap` bytes. A piece that would go beyond is not kept: the count comes before the
    /// buffer, and an announced length above `cap` is refused before the first byte.
    pub async fn read(self, cap: usize) -> Result<Bytes, BodyError> {
        let Self::Stream(mut stream) = self else { return Ok(Bytes::new()) };
        if stream.size_hint().lower() > cap as u64 {
            return Err(BodyError::TooLarge);
        }
        let mut whole = Gathered::Nothing;
        while let Some(frame) = stream.frame().await {
            let frame = frame.map_err(|failure| match failure.downcast_ref::<Slow>() {
                Some(Slow) => BodyError::TooSlow,
                None => BodyError::Broken,
            })?;
            let Ok(piece) = frame.into_data() else { continue };
            whole = whole.and(piece, cap)?;
        }
        Ok(whole.into_bytes())
    }
}

/// What has come so far. Most bodies are one piece, which is kept as it came.
enum Gathered {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Gathered {
    fn and(self, piece: Bytes, cap: usize) -> Result<Self, BodyError> {
        let before = match &self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        };
        if piece.len() > cap.saturating_sub(before) {
            return Err(BodyError::TooLarge);
        }
        Ok(match self {
            Self::Nothing => Self::One(piece),
            Self::One(first) => {
                let mut both = BytesMut::with_capacity(first.len() + piece.len());
                both.extend_from_slice(&first);
                both.extend_from_slice(&piece);
                Self::Many(both)
            }
            Self::Many(mut bytes) => {
                bytes.extend_from_slice(&piece);
                Self::Many(bytes)
            }
        })
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Body::Empty",
            Self::Stream(_) => "Body::Stream",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        task::{Context, Poll},
    };

    use hyper::body::Frame;

    use super::*;

    /// Pieces that come one by one, and perhaps a failure at their end; the length is not announced.
    struct Pieces(VecDeque<Result<Bytes, Failure>>);

    impl hyper::body::Body for Pieces {
        type Data = Bytes;
        type Error = Failure;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop_front().map(|piece| piece.map(Frame::data)))
        }
    }

    fn read(pieces: Vec<Result<&'static [u8], Failure>>, cap: usize) -> Result<Bytes, BodyError> {
        let pieces = pieces.into_iter().map(|piece| piece.map(Bytes::from_static)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Body::Stream(Box::pin(Pieces(pieces))).read(cap))
    }

    #[test]
    fn pieces_are_joined_up_to_the_cap_and_not_beyond() {
        assert_eq!(read(vec![], 0).unwrap(), "");
        assert_eq!(read(vec![Ok(b"ab")], 2).unwrap(), "ab");
        assert_eq!(read(vec![Ok(b"ab"), Ok(b"c"), Ok(b"d")], 4).unwrap(), "abcd");
        assert_eq!(read(vec![Ok(b"ab"), Ok(b"c"), Ok(b"d")], 3), Err(BodyError::TooLarge));
        assert_eq!(read(vec![Ok(b"abc")], 2), Err(BodyError::TooLarge));
    }

    #[test]
    fn an_announced_length_above_the_cap_is_refused_unread() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(Body::full("abc").read(2)), Err(BodyError::TooLarge));
        assert_eq!(runtime.block_on(Body::full("abc").read(3)).unwrap(), "abc");
        assert_eq!(runtime.block_on(Body::full("").read(0)).unwrap(), "");
    }

    #[test]
    fn slow_and_broken_are_told_apart() {
        assert_eq!(read(vec![Ok(b"a"), Err(Box::new(Slow))], 9), Err(BodyError::TooSlow));
        assert_eq!(read(vec![Ok(b"a"), Err("gone".into())], 9), Err(BodyError::Broken));
    }
}
