//! The head of a request in our words: operation, canonical path, query, token. What a caller asks for in a header and
//! we have not built is refused by name here.

use http::HeaderMap;

use crate::{
    base::{path::CanonicalPath, secret::Secret},
    contract::{Error, Fault, Operation},
    wire::Request,
};

/// A request before its body.
pub struct Ask {
    pub operation: Operation,
    /// Without the leading `v1`.
    pub path: CanonicalPath,
    /// Decoded pairs, in order.
    pub query: Vec<(String, String)>,
    pub token: Option<Secret<String>>,
    /// `HEAD`: the answer's body is left out.
    pub is_head: bool,
    /// The help of the path is asked, not the path.
    pub is_help: bool,
    /// Echoed as Vault echoes it.
    pub namespace: Option<String>,
    /// Media type of the body, lower-cased, without parameters.
    pub media_type: Option<String>,
}

/// A head that is refused before anything is looked up.
pub struct Refused {
    pub status: u16,
    /// `None`: an empty `errors` array.
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

/// Values of a query: bounded so that nobody makes us keep thousands.
const QUERY_PAIRS_MAX: usize = 64;
/// Characters of a token that we would look up.
const TOKEN_BYTES_MAX: usize = 8_192;
/// Paths that Vault answers in the root namespace alone.
const ROOT_ONLY: [&str; 9] =
    ["init", "seal", "unseal", "health", "rekey", "generate-root", "storage", "metrics", "step-down"];

impl Ask {
    /// Reads the head; the body stays where it is.
    pub fn read(request: &Request) -> Result<Self, Refused> {
        let (target, query_text) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let whole = CanonicalPath::parse(target).map_err(|error| Refused::new(400, &error.to_string()))?;
        let path = whole.strip("v1").filter(|path| !path.is_empty()).ok_or_else(|| Refused::silent(404))?;
        let mut query = query(query_text)?;
        let is_help = request.method == "HELP" || take(&mut query, "help").is_some_and(|value| !value.is_empty());
        let is_head = request.method == "HEAD";
        if is_head && path.joined() != "sys/health" {
            return Err(Refused::silent(405));
        }
        let operation = operation(&request.method, &mut query)?;
        check_headers(&request.headers)?;
        let namespace = namespace(&request.headers, &path)?;
        let media_type = request.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.map(|text| text.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
        Ok(Self { operation, path, query, token: token(&request.headers)?, is_head, is_help, namespace, media_type })
    }
}

fn operation(method: &str, query: &mut Vec<(String, String)>) -> Result<Operation, Refused> {
    let listing = |query: &mut Vec<(String, String)>, name| match take(query, name) {
        None => Ok(false),
        Some(text) => go_bool(&text).ok_or_else(|| Refused::silent(400)),
    };
    match method {
        "GET" => match (listing(query, "list")?, listing(query, "scan")?) {
            (true, true) => Err(Refused::silent(400)),
            (true, false) => Ok(Operation::List),
            (false, true) => Ok(Operation::Scan),
            (false, false) => Ok(Operation::Read),
        },
        "HEAD" | "HELP" => Ok(Operation::Read),
        "LIST" => Ok(Operation::List),
        "SCAN" => Ok(Operation::Scan),
        "POST" | "PUT" => Ok(Operation::Update),
        "PATCH" => Ok(Operation::Patch),
        "DELETE" => Ok(Operation::Delete),
        _ => Err(Refused::silent(405)),
    }
}

/// What Go's `strconv.ParseBool` takes.
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

fn query(text: &str) -> Result<Vec<(String, String)>, Refused> {
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if pairs.len() >= QUERY_PAIRS_MAX {
            return Err(Refused::new(400, "the query has too many parameters"));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decode(name), decode(value)) {
            (Some(name), Some(value)) => pairs.push((name, value)),
            _ => return Err(Refused::new(400, "the query does not decode")),
        }
    }
    Ok(pairs)
}

/// One pass of form decoding; `None` for a broken escape or text that is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|d| u8::try_from(d).ok());
                bytes.push(digit(rest.next())? << 4 | digit(rest.next())?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

/// `X-Vault-Token` wins over `Authorization: Bearer`, which is case-sensitive.
fn token(headers: &HeaderMap) -> Result<Option<Secret<String>>, Refused> {
    let value = match headers.get("x-vault-token") {
        Some(value) => Some(value.as_bytes()),
        None => headers.get(http::header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer ")),
    };
    let Some(bytes) = value.filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    if bytes.len() > TOKEN_BYTES_MAX || !bytes.iter().all(|byte| (0x21..0x7f).contains(byte)) {
        return Err(Refused::new(400, "the token holds characters that no token has"));
    }
    Ok(std::str::from_utf8(bytes).ok().map(Secret::text))
}

fn namespace(headers: &HeaderMap, path: &CanonicalPath) -> Result<Option<String>, Refused> {
    let Some(value) = headers.get("x-vault-namespace") else { return Ok(None) };
    let text = value.to_str().map_err(|_| Refused::new(400, "X-Vault-Namespace is not text"))?;
    if text.is_empty() {
        return Ok(None);
    }
    let is_root_only = path.segment(0) == Some("sys") && path.segment(1).is_some_and(|name| ROOT_ONLY.contains(&name));
    if is_root_only {
        return Err(Refused::new(400, "operation unavailable in namespaces"));
    }
    let is_anywhere = matches!(path.joined(), "sys/seal-status" | "sys/leader");
    if !is_anywhere && !matches!(text, "/" | "root" | "root/") {
        return Err(Refused::new(404, "namespace not found"));
    }
    Ok(Some(text.to_owned()))
}

/// What is asked for in a header and not built is refused, never ignored.
fn check_headers(headers: &HeaderMap) -> Result<(), Refused> {
    if let Some(value) = headers.get("x-vault-wrap-ttl") {
        let text = value.to_str().unwrap_or("?");
        match crate::base::ttl::Ttl::parse(text) {
            Ok(ttl) if ttl.is_zero() => {}
            Ok(_) => return Err(Refused::new(400, "response wrapping is not built: leave out X-Vault-Wrap-TTL")),
            Err(_) => return Err(Refused::new(400, "X-Vault-Wrap-TTL is no duration")),
        }
    }
    if headers.contains_key("x-vault-index") {
        return Err(Refused::new(400, "failed to decode \"X-Vault-Index\""));
    }
    if headers.contains_key("x-vault-mfa") {
        return Err(Refused::new(400, "MFA is not built: leave out X-Vault-MFA"));
    }
    if headers.keys().any(|name| name.as_str().starts_with("x-vault-inline-auth-")) {
        return Err(Refused::new(400, "inline authentication is not built: leave out X-Vault-Inline-Auth headers"));
    }
    if headers.contains_key(http::header::CONTENT_ENCODING) {
        return Err(Refused { status: 415, message: Some(String::from("compressed bodies are not read")) });
    }
    Ok(())
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
    use crate::wire::{Body, Peer};

    fn ask(method: &str, target: &str, headers: &[(&'static str, &str)]) -> Result<Ask, Refused> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let peer = Peer { address: "127.0.0.1:1".parse().unwrap(), certificate: None };
        Ask::read(&Request { method: method.into(), target: target.into(), headers: map, peer, body: Body::Empty })
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
    fn the_token_header_wins_and_bearer_is_case_sensitive() {
        let token = |headers: &[(&'static str, &str)]| {
            ask("GET", "/v1/a", headers).ok().and_then(|ask| ask.token).map(|t| t.expose().clone())
        };
        assert_eq!(token(&[("x-vault-token", "one"), ("authorization", "Bearer two")]).as_deref(), Some("one"));
        assert_eq!(token(&[("authorization", "Bearer two")]).as_deref(), Some("two"));
        assert_eq!(token(&[("authorization", "bearer two")]), None);
    }
}
