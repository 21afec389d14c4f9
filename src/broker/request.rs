//! What a dialect asks of the broker and what it gets back, in types of no protocol. A dialect builds a [`Request`]
//! from its headers and paths, and renders the [`Reply`]; it has no other way in.

use std::{fmt, net::SocketAddr, pin::Pin, sync::Arc};

use bytes::Bytes;

use crate::{
    base::path::CanonicalPath,
    contract::{Answer, Credential, Error, Operation},
    services::mounts::Mount,
};

/// One request, whose body is not read yet. Its `Debug` output shows nothing that may be secret.
pub struct Request {
    pub operation: Operation,
    /// The path within the broker, such as `secret/data/app/db`.
    pub path: CanonicalPath,
    /// Decoded names and values of the query, in order. They become the fields of the request if it has no body.
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

/// The peer of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    /// The certificate (DER) whose key the client proved to hold in the handshake. The server has not checked whether
    /// it is trusted: it may be self-signed or expired. Whoever uses it must judge that.
    pub certificate: Option<Arc<[u8]>>,
}

/// A body that is still with its sender, and the function that makes fields of its bytes.
pub struct Body {
    /// The source of the body's bytes. `None` if there is no body.
    pub source: Option<Box<dyn BodySource>>,
    pub decode: Decode,
}

/// Decodes the bytes of a body into the text of one JSON object. The bytes are empty if there is no body. `None` means
/// that the fields come from the query.
pub type Decode = fn(&[u8]) -> Result<Option<String>, Error>;

impl Body {
    /// No body: the fields come from the query.
    #[cfg_attr(not(test), expect(dead_code, reason = "for dialects that read no body"))]
    pub const fn none() -> Self {
        Self { source: None, decode: |_| Ok(None) }
    }

    /// A body that was read before. Nothing is decoded from it a second time.
    pub(super) fn bytes(bytes: Bytes) -> Self {
        Self { source: Some(Box::new(ReadBefore(bytes))), decode: |_| Ok(None) }
    }

    /// Fields that are known already, as the text of one JSON object.
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

struct ReadBefore(Bytes);

impl BodySource for ReadBefore {
    fn read(self: Box<Self>, cap: usize) -> Reading {
        let fits = self.0.len() <= cap;
        Box::pin(async move { if fits { Ok(self.0) } else { Err(BodyError::TooLarge) } })
    }
}

/// The source of a body's bytes.
pub trait BodySource: Send {
    /// Reads the whole body. A body of more than `cap` bytes is an error, and the bytes beyond are never kept.
    fn read(self: Box<Self>, cap: usize) -> Reading;
}

/// The future of a body that is being read.
pub type Reading = Pin<Box<dyn Future<Output = Result<Bytes, BodyError>> + Send>>;

/// Why a body could not be read. No message quotes the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the request body is too large")]
    TooLarge,
    #[error("the request body arrived too slowly: send it faster")]
    TooSlow,
    #[error("the request body is incomplete or malformed")]
    Broken,
}

/// The broker's reply to a request.
pub struct Reply {
    pub outcome: Result<Answer, Error>,
    /// The ID of the request in its audit log lines. Empty if the request has no audit log lines.
    pub request_id: Arc<str>,
    pub(super) mount: Option<Arc<Mount>>,
}

impl Reply {
    /// The kind of the mount to which the request led. Empty if it led to no mount.
    pub fn mount_kind(&self) -> &str {
        self.mount.as_ref().map_or("", |mount| &mount.record.kind)
    }

    /// The reply to a request that was refused before it was routed.
    pub(super) fn refusal(error: Error) -> Self {
        Self { outcome: Err(error), request_id: Arc::default(), mount: None }
    }
}
