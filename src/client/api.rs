//! The client: a call goes in, an answer or a typed error comes out. It follows no redirect to another origin, so a
//! token is sent only to the address for which it was meant.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header, response::Parts};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};

use super::{
    address::Address,
    answer::ServerAnswer,
    call::{ApiCall, Method},
    error::ClientError,
    json::Json,
    refusal::Refusal,
    tls::{TlsError, TlsSettings},
    transport::Transport,
};
use crate::base::secret::Secret;

/// An answer may have at most this many bytes; a longer one is an error. Servers take smaller
/// bodies, so what was written can be read.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How to reach a server, and with which token.
pub(crate) struct Settings {
    pub(crate) address: Address,
    pub(crate) tls: TlsSettings,
    pub(crate) token: Option<Secret<String>>,
    pub(crate) namespace: Option<String>,
    pub(crate) wrap_ttl: Option<String>,
    /// The time limit for one request and its answer together.
    pub(crate) timeout: Duration,
}

pub(crate) struct Client {
    address: Address,
    transport: Transport,
    token: Option<Secret<String>>,
    namespace: Option<String>,
    wrap_ttl: Option<String>,
    timeout: Duration,
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Result<Self, TlsError> {
        let Settings { address, tls, token, namespace, wrap_ttl, timeout } = settings;
        let transport = Transport::new(&address, &tls)?;
        Ok(Self { address, transport, token, namespace, wrap_ttl, timeout })
    }

    pub(crate) const fn token(&self) -> Option<&Secret<String>> {
        self.token.as_ref()
    }

    pub(crate) async fn read(&self, path: &str) -> Result<ServerAnswer, ClientError> {
        self.send(ApiCall::new(Method::Read, path)).await
    }

    pub(crate) async fn list(&self, path: &str) -> Result<ServerAnswer, ClientError> {
        self.send(ApiCall::new(Method::List, path)).await
    }

    pub(crate) async fn write(&self, path: &str, body: Json) -> Result<ServerAnswer, ClientError> {
        self.send(ApiCall::new(Method::Write, path).with(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<ServerAnswer, ClientError> {
        self.send(ApiCall::new(Method::Delete, path)).await
    }

    /// Sends one call. Follows one redirect, if it stays within the same origin.
    pub(crate) async fn send(&self, call: ApiCall) -> Result<ServerAnswer, ClientError> {
        let target = call.target(self.address.base());
        let (parts, bytes) = self.exchange(&call, &target).await?;
        if !parts.status.is_redirection() {
            return self.read_answer(&call, &target, &parts, &bytes).await;
        }
        let to = parts.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        let Some(next) = self.same_origin(to) else {
            return Err(ClientError::Redirected { address: self.address.clone(), to: to.to_owned() });
        };
        let (parts, bytes) = self.exchange(&call, &next).await?;
        if parts.status.is_redirection() {
            return Err(ClientError::Redirected { address: self.address.clone(), to: next });
        }
        self.read_answer(&call, &next, &parts, &bytes).await
    }

    /// The request target of a redirect to the same origin. `None` if the redirect leads elsewhere.
    fn same_origin(&self, to: &str) -> Option<String> {
        if to.starts_with('/') && !to.starts_with("//") {
            return Some(to.to_owned());
        }
        let (origin, path) = to.split_at(to.find("/v1/")?);
        let origin = Address::parse(origin).ok()?;
        (origin.scheme() == self.address.scheme() && origin.authority() == self.address.authority())
            .then(|| path.to_owned())
    }

    /// Sends a request and reads the whole answer, within the time limit.
    async fn exchange(&self, call: &ApiCall, target: &str) -> Result<(Parts, Bytes), ClientError> {
        let request = self.request(call, target)?;
        let exchange = async {
            let (parts, body) = self.transport.send(request).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
                let cause = if error.is::<LengthLimitError>() {
                    format!("its answer is too long: at most {ANSWER_BYTES_MAX} bytes")
                } else {
                    format!("its answer broke off ({error})")
                };
                self.not_vault_api(cause)
            })?;
            Ok((parts, body.to_bytes()))
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(exchanged) => exchanged,
            Err(_) => Err(ClientError::Slow { address: self.address.clone(), secs: self.timeout.as_secs() }),
        }
    }

    fn request(&self, call: &ApiCall, target: &str) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder()
            .method(call.method.http())
            .uri(self.url(target))
            .header(header::HOST, self.address.authority())
            .header(header::USER_AGENT, concat!("strongroom/", env!("CARGO_PKG_VERSION")))
            .header("x-vault-request", "true");
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(token.expose())
                .map_err(|_| ClientError::Request("the token has characters that a header must not have".to_owned()))?;
            value.set_sensitive(true);
            request = request.header("x-vault-token", value);
        }
        for (name, value) in [("x-vault-namespace", &self.namespace), ("x-vault-wrap-ttl", &self.wrap_ttl)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if call.body.is_some() {
            let kind = if call.method == Method::Patch { "application/merge-patch+json" } else { "application/json" };
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let body = call.body.as_ref().map_or_else(String::new, Json::to_string);
        request.body(Full::new(Bytes::from(body))).map_err(|error| ClientError::Request(error.to_string()))
    }

    async fn read_answer(
        &self,
        call: &ApiCall,
        target: &str,
        parts: &Parts,
        bytes: &Bytes,
    ) -> Result<ServerAnswer, ClientError> {
        let status = parts.status.as_u16();
        let body = std::str::from_utf8(bytes).ok().and_then(|text| Json::parse(text).ok());
        // A Go server answers plain HTTP on a TLS port with a 400 in plain text.
        if status == 400 && body.is_none() && self.transport.speaks_tls().await {
            return Err(ClientError::HttpOnHttps(self.address.clone()));
        }
        let has_data = body.as_ref().is_some_and(|body| {
            body.path(&["data"]).is_some() || body.path(&["warnings"]).is_some() && body.path(&["errors"]).is_none()
        });
        // What was deleted can be read as such. A change that was answered 404 was not made, whatever else is in the body.
        let is_told = status == 404 && has_data && matches!(call.method, Method::Read | Method::List);
        if parts.status.is_success() || is_told || is_health(&call.path, body.as_ref()) {
            if body.is_none() && !bytes.is_empty() {
                return Err(self.not_vault_api("the answer is not JSON".to_owned()));
            }
            return Ok(ServerAnswer { status, body });
        }
        let mut refusal = Refusal::new(status, call.method.http(), self.url(target), body.as_ref());
        if refusal.request_id.is_none() {
            let header = ["x-request-id", "x-strongroom-request-id"].iter().find_map(|name| parts.headers.get(*name));
            refusal.request_id = header.and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty()).map(str::to_owned);
        }
        Err(ClientError::Refused(Box::new(refusal)))
    }

    fn url(&self, target: &str) -> String {
        format!("{}://{}{target}", self.address.scheme().as_str(), self.address.authority())
    }

    fn not_vault_api(&self, cause: String) -> ClientError {
        ClientError::NotVaultApi { address: self.address.clone(), cause }
    }
}

/// Whether an error status is an answer all the same: `sys/health` uses such statuses
/// for sealed, standby and not initialised.
fn is_health(path: &str, body: Option<&Json>) -> bool {
    path == "sys/health" && body.is_some_and(|body| body.at("initialized").is_some())
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
