//! What a dialect asks of the broker and what it gets back, in words of no protocol. A dialect builds a [`Request`] from
//! its headers and paths, and renders the [`Reply`]; it has no other way in.

use std::{fmt, net::SocketAddr, pin::Pin, sync::Arc};

use bytes::Bytes;

use crate::{
    base::path::CanonicalPath,
    contract::{Answer, Credential, Error, Operation},
    services::mounts::Mount,
};

/// One request, its body not yet read. Its `Debug` shows nothing that may be secret.
pub struct Request {
    pub operation: Operation,
    /// Within the broker: `secret/data/app/db`.
    pub path: CanonicalPath,
    /// Decoded names and values, in order. They count where there is no body.
    pub query: Vec<(String, String)>,
    pub credential: Option<Credential>,
    pub peer: Peer,
    pub body: Body,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// Who is at the other end of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    /// The certificate (DER) whose key the client proved to hold in the handshake. Whether it is trusted is judged by
    /// whoever asks for it: it may be self-signed or expired.
    pub certificate: Option<Arc<[u8]>>,
}

/// A body that is still with its sender, and how its bytes become fields.
pub struct Body {
    /// `None`: there is none.
    pub source: Option<Box<dyn BodySource>>,
    pub decode: Decode,
}

/// Makes fields of a body's bytes, which are empty where there is no body: the text of one JSON object, or `None` where
/// the query counts.
pub type Decode = fn(&[u8]) -> Result<Option<String>, Error>;

impl Body {
    /// No body; the query counts.
    #[cfg_attr(not(test), expect(dead_code, reason = "for dialects that read no body"))]
    pub const fn none() -> Self {
        Self { source: None, decode: |_| Ok(None) }
    }

    /// Fields that are here already, as the text of one JSON object.
    #[cfg_attr(not(test), expect(dead_code, reason = "for dialects whose bodies are no JSON"))]
    pub fn fields(text: String) -> Self {
        Self {
            source: Some(Box::new(Text(text))),
            decode: |bytes| {
                String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| Error::internal("fields not UTF-8"))
            },
        }
    }
}

struct Text(String);

impl BodySource for Text {
    fn read(self: Box<Self>, cap: usize) -> Reading {
        let fits = self.0.len() <= cap;
        Box::pin(async move { if fits { Ok(Bytes::from(self.0)) } else { Err(BodyError::TooLarge) } })
    }
}

/// Where a body's bytes come from.
pub trait BodySource: Send {
    /// The whole body, at most `cap` bytes. Bytes beyond are never kept.
    fn read(self: Box<Self>, cap: usize) -> Reading;
}

/// A body on its way.
pub type Reading = Pin<Box<dyn Future<Output = Result<Bytes, BodyError>> + Send>>;

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

/// What the broker answers.
pub struct Reply {
    pub outcome: Result<Answer, Error>,
    /// Stands in the audit log's lines of the request; empty where there are none.
    pub request_id: Arc<str>,
    pub(super) mount: Option<Arc<Mount>>,
}

impl Reply {
    /// The kind of the mount that was asked; empty where there is none.
    pub fn mount_kind(&self) -> &str {
        self.mount.as_ref().map_or("", |mount| &mount.record.kind)
    }

    /// A refusal of a request that was not routed.
    pub(super) fn refusal(error: Error) -> Self {
        Self { outcome: Err(error), request_id: Arc::default(), mount: None }
    }
}
