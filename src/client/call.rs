//! One call of the API: method, path, query and body, and the request target made from them.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::json::Json;

/// The characters that are percent-encoded in a query: all but the unreserved ones of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The characters that are percent-encoded in a path: those of [`RESERVED`], except slashes.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    Read,
    List,
    Write,
    /// A write by `PUT`, as Vault's own client sends it: old servers know some paths by `PUT` only.
    Put,
    Patch,
    Delete,
}

impl Method {
    pub(super) const fn http(self) -> &'static str {
        match self {
            Self::Read | Self::List => "GET",
            Self::Write => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One call of the API. The path is relative to `/v1/` and is not encoded yet.
#[derive(Clone, Debug)]
pub(crate) struct ApiCall {
    pub(super) method: Method,
    pub(super) path: String,
    query: Vec<(String, String)>,
    pub(super) body: Option<Json>,
}

impl ApiCall {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None }
    }

    pub(crate) fn with(mut self, body: Json) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// The request target: encoded path and query. `base` is the path prefix of the server's address.
    pub(super) fn target(&self, base: &str) -> String {
        let path = utf8_percent_encode(self.path.trim_start_matches('/'), RESERVED_IN_PATH);
        let mut target = format!("{base}/v1/{path}");
        let list = (self.method == Method::List).then(|| ("list".to_owned(), "true".to_owned()));
        for (index, (name, value)) in list.iter().chain(&self.query).enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            let (name, value) = (utf8_percent_encode(name, RESERVED), utf8_percent_encode(value, RESERVED));
            let _ = write!(target, "{name}={value}");
        }
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_encoded_once_and_a_list_is_a_get() {
        let call = ApiCall::new(Method::List, "secret/metadata/a b/ü%").query("after", "x&y z");
        assert_eq!(call.target(""), "/v1/secret/metadata/a%20b/%C3%BC%25?list=true&after=x%26y%20z");
        assert_eq!(call.method.http(), "GET");
    }

    /// An address may hold a path of its own, and dots in a path are the server's to refuse.
    #[test]
    fn a_base_path_comes_first_and_dots_are_kept() {
        assert_eq!(ApiCall::new(Method::Read, "/a/../b").target("/team"), "/team/v1/a/../b");
    }
}
