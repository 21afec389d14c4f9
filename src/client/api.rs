//! The client itself: calls in, answers or typed errors out. It keeps one connection, follows no redirect to another
//! origin (so the token goes to the address it was meant for and nowhere else), and tries nothing twice except a
//! request that never left because a kept connection had been closed.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use tokio::sync::Mutex;

use super::{
    address::{Address, Scheme},
    answer::Answer,
    connection::Connection,
    error::{ClientError, Refusal, RefusalKind},
    json::Json,
    tls::{Tls, TlsError, TlsSettings},
};
use crate::base::secret::Secret;

/// Bytes of an answer: above the largest body that a server takes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How to reach a server, and as whom.
pub struct Settings {
    pub address: Address,
    pub tls: TlsSettings,
    pub token: Option<Secret<String>>,
    pub namespace: Option<String>,
    pub wrap_ttl: Option<String>,
    /// For one request and its answer.
    pub timeout: Duration,
}

pub struct Client {
    address: Address,
    tls: Option<Tls>,
    token: Option<Secret<String>>,
    namespace: Option<String>,
    wrap_ttl: Option<String>,
    timeout: Duration,
    kept: Mutex<Option<Connection>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Read,
    List,
    Write,
    /// As Vault's own client writes: some rows know `PUT` only in old servers.
    Put,
    Patch,
    Delete,
}

/// One call: a path under `/v1/`, written as a person writes it, not yet encoded.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Option<Json>,
}

impl Call {
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None }
    }

    pub fn with(mut self, body: Json) -> Self {
        self.body = Some(body);
        self
    }

    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    fn target(&self, base: &str) -> String {
        let mut target = format!("{base}/v1/{}", encode(self.path.trim_start_matches('/'), b"/"));
        let list = (self.method == Method::List).then(|| ("list".to_owned(), "true".to_owned()));
        for (index, (name, value)) in list.iter().chain(&self.query).enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            let _ = write!(target, "{}={}", encode(name, b""), encode(value, b""));
        }
        target
    }
}

impl Client {
    pub fn new(settings: Settings) -> Result<Self, TlsError> {
        let Settings { address, tls, token, namespace, wrap_ttl, timeout } = settings;
        let tls = match address.scheme() {
            Scheme::Https => Some(Tls::new(&tls, address.host())?),
            Scheme::Http => None,
        };
        Ok(Self { address, tls, token, namespace, wrap_ttl, timeout, kept: Mutex::new(None) })
    }

    pub const fn address(&self) -> &Address {
        &self.address
    }

    pub const fn token(&self) -> Option<&Secret<String>> {
        self.token.as_ref()
    }

    pub fn set_token(&mut self, token: Option<Secret<String>>) {
        self.token = token;
    }

    pub async fn read(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(Call::new(Method::Read, path)).await
    }

    pub async fn list(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(Call::new(Method::List, path)).await
    }

    pub async fn write(&self, path: &str, body: Json) -> Result<Answer, ClientError> {
        self.send(Call::new(Method::Write, path).with(body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(Call::new(Method::Delete, path)).await
    }

    /// Sends one call. A redirect within the same origin is followed once.
    pub async fn send(&self, call: Call) -> Result<Answer, ClientError> {
        let target = call.target(self.address.base());
        let (parts, bytes) = self.round(&call, &target).await?;
        if !parts.status.is_redirection() {
            return self.judge(&call, &target, &parts, &bytes);
        }
        let to = parts.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        let Some(next) = self.same_origin(to) else {
            return Err(ClientError::Redirected { address: self.address.clone(), to: to.to_owned() });
        };
        let (parts, bytes) = self.round(&call, &next).await?;
        if parts.status.is_redirection() {
            return Err(ClientError::Redirected { address: self.address.clone(), to: next });
        }
        self.judge(&call, &next, &parts, &bytes)
    }

    /// The target of a redirect that stays with this server.
    fn same_origin(&self, to: &str) -> Option<String> {
        if to.starts_with('/') && !to.starts_with("//") {
            return Some(to.to_owned());
        }
        let (origin, path) = to.split_at(to.find("/v1/")?);
        let origin = Address::parse(origin).ok()?;
        (origin.scheme() == self.address.scheme() && origin.authority() == self.address.authority())
            .then(|| path.to_owned())
    }

    async fn round(&self, call: &Call, target: &str) -> Result<(http::response::Parts, Bytes), ClientError> {
        let asking = async {
            let response = self.ask(call, target).await?;
            let (parts, body) = response.into_parts();
            let bytes = Limited::new(body, ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(|error| self.not_ours(&format!("its answer broke off ({error})")))?;
            Ok((parts, bytes.to_bytes()))
        };
        match tokio::time::timeout(self.timeout, asking).await {
            Ok(answered) => answered,
            Err(_) => Err(ClientError::Slow { address: self.address.clone(), secs: self.timeout.as_secs() }),
        }
    }

    async fn ask(&self, call: &Call, target: &str) -> Result<Response<Incoming>, ClientError> {
        let mut kept = self.kept.lock().await;
        // A kept connection that the other side has closed is known as such before anything is sent on it.
        let usable = match kept.take() {
            Some(mut connection) => connection.sender.ready().await.is_ok().then_some(connection),
            None => None,
        };
        let mut connection = match usable {
            Some(connection) => connection,
            None => Connection::open(&self.address, self.tls.as_ref()).await?,
        };
        match connection.sender.send_request(self.request(call, target)?).await {
            Ok(response) => {
                *kept = Some(connection);
                Ok(response)
            }
            Err(_) if connection.saw_tls() && self.tls.is_none() => Err(ClientError::HttpOnHttps(self.address.clone())),
            Err(error) if error.is_parse() => Err(self.not_ours("its answer is no HTTP")),
            Err(error) => Err(ClientError::Unreachable { address: self.address.clone(), cause: cause(&error) }),
        }
    }

    fn request(&self, call: &Call, target: &str) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder()
            .method(call.method.http())
            .uri(target)
            .header(header::HOST, self.address.authority())
            .header(header::USER_AGENT, concat!("strongroom/", env!("CARGO_PKG_VERSION")))
            .header("x-vault-request", "true");
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(token.expose())
                .map_err(|_| ClientError::Request("the token holds characters that no header carries".to_owned()))?;
            value.set_sensitive(true);
            request = request.header("x-vault-token", value);
        }
        for (name, value) in [("x-vault-namespace", &self.namespace), ("x-vault-wrap-ttl", &self.wrap_ttl)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let body = match (&call.body, call.method) {
            (Some(body), Method::Patch) => {
                request = request.header(header::CONTENT_TYPE, "application/merge-patch+json");
                body.to_string()
            }
            (Some(body), _) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                body.to_string()
            }
            (None, _) => String::new(),
        };
        request.body(Full::new(Bytes::from(body))).map_err(|error| ClientError::Request(error.to_string()))
    }

    fn judge(
        &self,
        call: &Call,
        target: &str,
        parts: &http::response::Parts,
        bytes: &Bytes,
    ) -> Result<Answer, ClientError> {
        let status = parts.status.as_u16();
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        if status == 400 && text.contains("HTTP request to an HTTPS server") {
            return Err(ClientError::HttpOnHttps(self.address.clone()));
        }
        let body = Json::parse(text).ok();
        let has_data = body.as_ref().is_some_and(|body| {
            body.path(&["data"]).is_some() || body.path(&["warnings"]).is_some() && body.path(&["errors"]).is_none()
        });
        if parts.status.is_success() || (status == 404 && has_data) || is_health(&call.path, body.as_ref()) {
            if body.is_none() && !bytes.is_empty() {
                return Err(self.not_ours("its answer is no JSON"));
            }
            return Ok(Answer { status, body });
        }
        let errors = body.as_ref().and_then(|body| body.at("errors")).map(Json::strings).unwrap_or_default();
        let in_body = body.as_ref().and_then(|body| body.path(&["request_id"])).and_then(Json::as_str);
        let in_header = ["x-request-id", "x-strongroom-request-id"].iter().find_map(|name| parts.headers.get(*name));
        let request_id = in_body.or_else(|| in_header.and_then(|id| id.to_str().ok())).filter(|id| !id.is_empty());
        Err(ClientError::Refused(Box::new(Refusal {
            kind: RefusalKind::of(status, &errors),
            status,
            method: call.method.http(),
            url: format!("{}://{}{target}", self.address.scheme().as_str(), self.address.authority()),
            errors,
            request_id: request_id.map(str::to_owned),
            body,
        })))
    }

    fn not_ours(&self, cause: &str) -> ClientError {
        ClientError::NotOurs { address: self.address.clone(), cause: cause.to_owned() }
    }
}

/// `sys/health` says with its status what another answer says in its body.
fn is_health(path: &str, body: Option<&Json>) -> bool {
    path == "sys/health" && body.is_some_and(|body| body.at("initialized").is_some())
}

/// The words of the error that lies deepest: hyper's own say only where it happened.
fn cause(error: &hyper::Error) -> String {
    let mut at: &dyn std::error::Error = error;
    while let Some(deeper) = at.source() {
        at = deeper;
    }
    at.to_string()
}

impl Method {
    pub const fn http(self) -> &'static str {
        match self {
            Self::Read | Self::List => "GET",
            Self::Write => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3) and those in `also`.
fn encode(text: &str, also: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Client {
        Client::new(Settings {
            address: Address::parse(address).unwrap(),
            tls: TlsSettings::default(),
            token: None,
            namespace: None,
            wrap_ttl: None,
            timeout: Duration::from_secs(1),
        })
        .unwrap()
    }

    #[test]
    fn a_path_is_encoded_once_and_a_list_is_a_get() {
        let call = Call::new(Method::List, "secret/metadata/a b/ü%").query("after", "x&y");
        assert_eq!(call.target(""), "/v1/secret/metadata/a%20b/%C3%BC%25?list=true&after=x%26y");
        assert_eq!(call.method.http(), "GET");
    }

    /// MEM-05: a redirect to another host never carries the token, so it is not followed at all.
    #[test]
    fn only_a_redirect_to_the_same_origin_is_followed() {
        let client = client("https://h:8200");
        assert_eq!(client.same_origin("/v1/a"), Some("/v1/a".to_owned()));
        assert_eq!(client.same_origin("https://h:8200/v1/a?list=true"), Some("/v1/a?list=true".to_owned()));
        for to in
            ["https://evil/v1/a", "http://h:8200/v1/a", "//evil/v1/a", "https://h:8201/v1/a", "https://h@evil/v1/"]
        {
            assert_eq!(client.same_origin(to), None, "{to}");
        }
    }
}
