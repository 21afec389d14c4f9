//! An answer as the listener takes it: status, headers, and the whole body. The listener adds `date`,
//! `content-length` and what concerns the connection, and nothing else.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

/// One answer. Its `Debug` shows no body: secrets stand there.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Response {
    /// An answer without headers or body.
    pub const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// An answer of JSON text. `no-store`, as every answer of the API is.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![
                (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (http::header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ],
            body: body.into(),
        }
    }

    /// The value of the first header called `name`.
    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_never_stored_by_caches() {
        let answer = Response::json(200, "{}");
        assert_eq!(answer.header(&http::header::CACHE_CONTROL).unwrap(), "no-store");
        assert_eq!(Response::empty(204).header(&http::header::CONTENT_TYPE), None);
    }
}
