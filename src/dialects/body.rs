//! The body of an HTTP request. It is read at most once, and never further than its reader allows.

use std::error::Error;

use axum::body::HttpBody as _;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::broker::{BodyError, BodySource, Reading};

/// The error by which the server says that the sender of a body is too slow. The reader gets [`BodyError::TooSlow`].
#[derive(Debug, thiserror::Error)]
#[error("slower than the least rate of a body")]
pub struct Slow;

/// A body that is still with its sender.
pub(super) struct HttpBody(axum::body::Body);

impl HttpBody {
    /// The source of the body's bytes. `None` if there is no body.
    pub fn source(body: axum::body::Body) -> Option<Box<dyn BodySource>> {
        if body.is_end_stream() { None } else { Some(Box::new(Self(body))) }
    }
}

impl BodySource for HttpBody {
    fn read(self: Box<Self>, cap: usize) -> Reading {
        Box::pin(read(self.0, cap))
    }
}

/// Reads a body of at most `cap` bytes. A longer one is an error: an announced length above `cap` is refused before the
/// first byte, and a piece that would exceed `cap` is not kept.
pub(crate) async fn read(mut body: axum::body::Body, cap: usize) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > cap as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut whole = Gathered::Nothing;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|failure| if is_slow(&failure) { BodyError::TooSlow } else { BodyError::Broken })?;
        let Ok(piece) = frame.into_data() else { continue };
        whole = whole.and(piece, cap)?;
    }
    Ok(whole.into_bytes())
}

/// Whether [`Slow`] is among the causes of this failure.
fn is_slow(failure: &axum::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(failure);
    while let Some(error) = cause {
        if error.is::<Slow>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What has arrived so far. Most bodies arrive in one piece, which is kept without copying.
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

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        pin::Pin,
        task::{Context, Poll},
    };

    use hyper::body::Frame;

    use super::*;

    type Failure = Box<dyn Error + Send + Sync>;

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

    fn read_pieces(pieces: Vec<Result<&'static [u8], Failure>>, cap: usize) -> Result<Bytes, BodyError> {
        let pieces = pieces.into_iter().map(|piece| piece.map(Bytes::from_static)).collect();
        block_on(read(axum::body::Body::new(Pieces(pieces)), cap))
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn pieces_are_joined_up_to_the_cap_and_not_beyond() {
        assert_eq!(read_pieces(vec![], 0).unwrap(), "");
        assert_eq!(read_pieces(vec![Ok(b"ab")], 2).unwrap(), "ab");
        assert_eq!(read_pieces(vec![Ok(b"ab"), Ok(b"c"), Ok(b"d")], 4).unwrap(), "abcd");
        assert_eq!(read_pieces(vec![Ok(b"ab"), Ok(b"c"), Ok(b"d")], 3), Err(BodyError::TooLarge));
        assert_eq!(read_pieces(vec![Ok(b"abc")], 2), Err(BodyError::TooLarge));
    }

    #[test]
    fn an_announced_length_above_the_cap_is_refused_unread() {
        assert_eq!(block_on(read(axum::body::Body::from("abc"), 2)), Err(BodyError::TooLarge));
        assert_eq!(block_on(read(axum::body::Body::from("abc"), 3)).unwrap(), "abc");
        assert!(HttpBody::source(axum::body::Body::empty()).is_none());
    }

    #[test]
    fn slow_and_broken_are_told_apart() {
        assert_eq!(read_pieces(vec![Ok(b"a"), Err(Box::new(Slow))], 9), Err(BodyError::TooSlow));
        assert_eq!(read_pieces(vec![Ok(b"a"), Err("gone".into())], 9), Err(BodyError::Broken));
    }
}
