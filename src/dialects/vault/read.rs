//! Reads the head of an HTTP request into the broker's types: operation, canonical path, query and token. A header that
//! asks for something that is not supported is refused here, by name.

use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};

use crate::{
    base::{path::CanonicalPath, secret::Secret},
    contract::{Credential, Error, Fault, Operation},
    dialects::query,
};

/// A request without its body.
pub(super) struct Head {
    pub operation: Operation,
    /// The path without the leading `v1`.
    pub path: CanonicalPath,
    /// The decoded query parameters, in order.
    pub query: Vec<(String, String)>,
    pub credential: Option<Credential>,
    /// The namespace, which the answer repeats as Vault's does.
    pub namespace: Option<String>,
    /// The media type of the body, in lower case and without parameters.
    pub media_type: Option<String>,
}

/// A request head that is refused before anything is looked up.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub status: u16,
    /// The error message. `None` gives an empty `errors` array.
    pub message: Option<String>,
}

impl Refused {
    fn new(status: u16, message: &str) -> Self {
        Self { status, message: Some(message.to_owned()) }
    }

    const fn silent(status: u16) -> Self {
        Self { status, message: None }
    }
}

/// A token may have at most this many bytes. A longer one is refused with 400 and never looked up.
const TOKEN_BYTES_MAX: usize = 8_192;
/// Paths under `sys/` that Vault answers only in the root namespace.
const ROOT_ONLY: [&str; 9] =
    ["init", "seal", "unseal", "health", "rekey", "generate-root", "storage", "metrics", "step-down"];

impl Head {
    /// Reads the head. The body is not touched.
    pub fn read(parts: &Parts) -> Result<Self, Refused> {
        let target = parts.uri.path();
        let whole = CanonicalPath::parse(target).map_err(|error| Refused::new(400, &error.to_string()))?;
        let path = whole.strip("v1").filter(|path| !path.is_empty()).ok_or_else(|| Refused::silent(404))?;
        let query_text = parts.uri.query().unwrap_or("");
        let mut query = query::pairs(query_text).map_err(|error| Refused::new(400, &error.to_string()))?;
        if parts.method == "HEAD" && path.joined() != "sys/health" {
            return Err(Refused::silent(405));
        }
        let operation = operation(parts.method.as_str(), &mut query)?;
        let headers = Headers::find(&parts.headers)?;
        headers.refuse_unbuilt()?;
        let namespace = headers.namespace(&path)?;
        Ok(Self {
            operation,
            path,
            query,
            credential: headers.credential()?,
            namespace,
            media_type: headers.media_type(),
        })
    }
}

/// The operation of a method. Help is asked for with the method HELP, or with GET and `help`.
/// OpenBao answers every method with `help` with the help. Here another method is refused, so that
/// an audit log line always says what was done.
fn operation(method: &str, query: &mut Vec<(String, String)>) -> Result<Operation, Refused> {
    let listing = |query: &mut Vec<(String, String)>, name| match take(query, name) {
        None => Ok(false),
        Some(text) if text.is_empty() => Ok(false),
        Some(text) => go_bool(&text).ok_or_else(|| Refused::silent(400)),
    };
    let wants_help = take(query, "help").is_some_and(|value| !value.is_empty());
    match method {
        "GET" | "HELP" if wants_help => Ok(Operation::Help),
        _ if wants_help => Err(Refused::new(400, "help is asked for with GET or HELP: this method was not performed")),
        "GET" => match (listing(query, "list")?, listing(query, "scan")?) {
            (true, true) => Err(Refused::silent(400)),
            (true, false) => Ok(Operation::List),
            (false, true) => Ok(Operation::Scan),
            (false, false) => Ok(Operation::Read),
        },
        "HELP" => Ok(Operation::Help),
        "HEAD" => Ok(Operation::Read),
        "LIST" => Ok(Operation::List),
        "SCAN" => Ok(Operation::Scan),
        "POST" | "PUT" => Ok(Operation::Update),
        "PATCH" => Ok(Operation::Patch),
        "DELETE" => Ok(Operation::Delete),
        _ => Err(Refused::silent(405)),
    }
}

/// Reads a boolean as Go's `strconv.ParseBool` does. `None` for any other text.
fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn take(query: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let at = query.iter().position(|(known, _)| known == name)?;
    Some(query.remove(at).1)
}

/// The headers that this dialect reads, found in one pass.
#[derive(Default)]
struct Headers<'h> {
    token: Option<&'h HeaderValue>,
    authorization: Option<&'h HeaderValue>,
    namespace: Option<&'h HeaderValue>,
    content_type: Option<&'h HeaderValue>,
    wrap_ttl: Option<&'h HeaderValue>,
    /// The error for the first header that asks for something that is not supported.
    unbuilt: Option<Refused>,
}

impl<'h> Headers<'h> {
    /// Finds the headers. None of them may occur twice: a proxy in front of us may have looked at the other one.
    fn find(headers: &'h HeaderMap) -> Result<Self, Refused> {
        let mut found = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                "x-vault-token" => once(&mut found.token, name, value)?,
                "authorization" => once(&mut found.authorization, name, value)?,
                "x-vault-namespace" => once(&mut found.namespace, name, value)?,
                "content-type" => once(&mut found.content_type, name, value)?,
                "x-vault-wrap-ttl" => once(&mut found.wrap_ttl, name, value)?,
                name => found.unbuilt = found.unbuilt.or_else(|| unbuilt(name)),
            }
        }
        Ok(found)
    }

    /// Refuses a request that asks in a header for something that is not supported, instead of ignoring the header.
    fn refuse_unbuilt(&self) -> Result<(), Refused> {
        if let Some(value) = self.wrap_ttl {
            let text = value.to_str().unwrap_or("?");
            match crate::base::ttl::Ttl::parse(text) {
                Ok(ttl) if ttl.is_zero() => {}
                Ok(_) => {
                    return Err(Refused::new(400, "response wrapping is not supported: leave out X-Vault-Wrap-TTL"));
                }
                Err(_) => return Err(Refused::new(400, "X-Vault-Wrap-TTL is not a duration")),
            }
        }
        self.unbuilt.clone().map_or(Ok(()), Err)
    }

    /// The token in `X-Vault-Token`, or the bearer token in `Authorization`. Two different tokens are refused, because a
    /// proxy in front of us may have checked the other one.
    fn credential(&self) -> Result<Option<Credential>, Refused> {
        let own = self.token.map(HeaderValue::as_bytes);
        let bearer = self.authorization.and_then(|value| bearer(value.as_bytes()));
        let bytes = match (own.filter(|own| !own.is_empty()), bearer.filter(|bearer| !bearer.is_empty())) {
            (Some(own), Some(bearer)) if own != bearer => {
                return Err(Refused::new(
                    400,
                    "X-Vault-Token and Authorization carry different tokens: send one of them",
                ));
            }
            (Some(token), _) | (None, Some(token)) => token,
            (None, None) => return Ok(None),
        };
        if bytes.len() > TOKEN_BYTES_MAX || !bytes.iter().all(|byte| (0x21..0x7f).contains(byte)) {
            return Err(Refused::new(400, "the token is too long or has characters that no token has"));
        }
        Ok(std::str::from_utf8(bytes).ok().map(|text| Credential::Token(Secret::text(text))))
    }

    fn namespace(&self, path: &CanonicalPath) -> Result<Option<String>, Refused> {
        let Some(value) = self.namespace else { return Ok(None) };
        let text = value.to_str().map_err(|_| Refused::new(400, "X-Vault-Namespace is not text"))?;
        if text.is_empty() {
            return Ok(None);
        }
        let is_root_only =
            path.segment(0) == Some("sys") && path.segment(1).is_some_and(|name| ROOT_ONLY.contains(&name));
        if is_root_only {
            return Err(Refused::new(400, "operation unavailable in namespaces"));
        }
        let is_anywhere = matches!(path.joined(), "sys/seal-status" | "sys/leader");
        if !is_anywhere && !matches!(text, "/" | "root" | "root/") {
            return Err(Refused::new(404, "namespace not found"));
        }
        Ok(Some(text.to_owned()))
    }

    fn media_type(&self) -> Option<String> {
        let text = self.content_type?.to_str().ok()?;
        Some(text.split(';').next().unwrap_or("").trim().to_ascii_lowercase())
    }
}

/// The token of an `Authorization` header with the scheme Bearer.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    // RFC 9110 §11.1: the case of a scheme does not matter.
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(token)
}

fn once<'h>(found: &mut Option<&'h HeaderValue>, name: &HeaderName, value: &'h HeaderValue) -> Result<(), Refused> {
    match found.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refused::new(400, &format!("the header {name} occurs more than once: send it once"))),
    }
}

fn unbuilt(header: &str) -> Option<Refused> {
    match header {
        "x-vault-index" => Some(Refused::new(400, "failed to decode \"X-Vault-Index\"")),
        "x-vault-mfa" => Some(Refused::new(400, "MFA is not supported: leave out X-Vault-MFA")),
        "content-encoding" => {
            Some(Refused::new(415, "compressed bodies are not supported: leave out Content-Encoding"))
        }
        _ if header.starts_with("x-vault-inline-auth-") => {
            Some(Refused::new(400, "inline authentication is not supported: leave out X-Vault-Inline-Auth headers"))
        }
        _ => None,
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let fault = match refused.status {
            404 => Fault::Missing,
            405 => Fault::Unsupported,
            415 => Fault::WrongType,
            _ => Fault::Invalid,
        };
        Self::new(fault, refused.message.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: &str, target: &str, headers: &[(&'static str, &str)]) -> Result<Head, Refused> {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Head::read(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn method_and_query_make_the_operation() {
        for (method, target, operation) in [
            ("GET", "/v1/a/b", Operation::Read),
            ("GET", "/v1/a/b?list=true", Operation::List),
            ("GET", "/v1/a/b?list=0", Operation::Read),
            ("GET", "/v1/a?scan=1", Operation::Scan),
            ("LIST", "/v1/a/", Operation::List),
            ("PUT", "/v1/a", Operation::Update),
            ("POST", "/v1/a?list=true", Operation::Update),
            ("PATCH", "/v1/a", Operation::Patch),
            ("DELETE", "/v1/a", Operation::Delete),
        ] {
            assert_eq!(ask(method, target, &[]).ok().map(|ask| ask.operation), Some(operation), "{method} {target}");
        }
    }

    #[test]
    fn what_is_refused_at_the_head_has_vaults_code() {
        for (method, target, headers, status) in [
            ("GET", "/v1/a?list=maybe", vec![], 400),
            ("GET", "/v1/a?list=1&scan=1", vec![], 400),
            ("TRACE", "/v1/a", vec![], 405),
            ("HEAD", "/v1/secret/data/a", vec![], 405),
            ("GET", "/v2/a", vec![], 404),
            ("GET", "/", vec![], 404),
            ("GET", "/v1/a/../b", vec![], 400),
            ("GET", "/v1/a//b", vec![], 400),
            ("GET", "/v1/a", vec![("x-vault-namespace", "ns1")], 404),
            ("GET", "/v1/sys/health", vec![("x-vault-namespace", "root")], 400),
            ("GET", "/v1/a", vec![("x-vault-wrap-ttl", "5m")], 400),
            ("GET", "/v1/a", vec![("x-vault-mfa", "x:1")], 400),
            ("GET", "/v1/a", vec![("x-vault-token", "a b")], 400),
            ("POST", "/v1/a", vec![("content-encoding", "gzip")], 415),
        ] {
            assert_eq!(
                ask(method, target, &headers).err().map(|refused| refused.status),
                Some(status),
                "{method} {target}"
            );
        }
        assert!(ask("GET", "/v1/a", &[("x-vault-namespace", "root/")]).is_ok());
        assert!(ask("GET", "/v1/sys/seal-status", &[("x-vault-namespace", "ns1")]).is_ok());
        assert!(ask("GET", "/v1/a", &[("x-vault-wrap-ttl", "0")]).is_ok());
    }

    #[test]
    fn a_token_stands_once_and_the_case_of_bearer_does_not_matter() {
        let token = |headers: &[(&'static str, &str)]| match ask("GET", "/v1/a", headers)?.credential {
            Some(Credential::Token(token)) => Ok(Some(token.expose().clone())),
            _ => Ok::<_, Refused>(None),
        };
        assert_eq!(
            token(&[("x-vault-token", "one"), ("authorization", "Bearer one")]).unwrap().as_deref(),
            Some("one")
        );
        assert_eq!(token(&[("authorization", "Bearer two")]).unwrap().as_deref(), Some("two"));
        for value in ["bearer two", "BEARER two"] {
            assert_eq!(token(&[("authorization", value)]).unwrap().as_deref(), Some("two"));
        }
        for value in ["Bearer", "bearer ", "Basic two", "Bearertwo"] {
            assert_eq!(token(&[("authorization", value)]).unwrap(), None, "{value}");
        }
        for headers in [
            [("x-vault-token", "one"), ("authorization", "Bearer two")],
            [("x-vault-token", "one"), ("authorization", "bearer two")],
            [("x-vault-token", "one"), ("x-vault-token", "one")],
            [("authorization", "Bearer one"), ("authorization", "Basic eDp5")],
        ] {
            assert_eq!(token(&headers).unwrap_err().status, 400, "{headers:?}");
        }
    }

    /// Of two headers of one name the first counted, while a proxy may look at the last one.
    #[test]
    fn every_header_that_is_read_stands_once() {
        for (name, value) in [
            ("x-vault-token", "one"),
            ("authorization", "Bearer one"),
            ("x-vault-namespace", "root"),
            ("x-vault-wrap-ttl", "0"),
            ("content-type", "application/json"),
        ] {
            assert!(ask("GET", "/v1/a", &[(name, value)]).is_ok(), "{name}");
            let refused = ask("GET", "/v1/a", &[(name, value), (name, value)]).err().unwrap();
            assert_eq!(refused.status, 400, "{name}");
        }
    }

    /// S7: a request that changes something can never pass for a question about help.
    #[test]
    fn help_is_asked_by_get_and_help_alone() {
        let of = |method, target| ask(method, target, &[]).ok().map(|head| head.operation);
        assert_eq!(of("GET", "/v1/a?help=1"), Some(Operation::Help));
        assert_eq!(of("HELP", "/v1/a"), Some(Operation::Help));
        assert_eq!(of("GET", "/v1/a?help="), Some(Operation::Read));
        for method in ["DELETE", "POST", "PUT", "PATCH", "LIST", "SCAN", "HEAD"] {
            assert_eq!(of(method, "/v1/sys/health?help=1"), None, "{method}");
        }
    }
}
