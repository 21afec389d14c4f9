//! Sends requests to one address, with hyper-util's connection pool over TCP and TLS. Each failure
//! becomes one of the few [`ClientError`]s that lead to different advice. That is decided by the
//! types of its causes, never by their texts.

use std::{error::Error, io, iter, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use rustls::{AlertDescription, CertificateError};
use tokio::net::TcpStream;
use tower::{
    BoxError,
    timeout::{Timeout, error::Elapsed},
    util::BoxCloneSyncService,
};

use super::{
    address::{Address, Scheme},
    error::ClientError,
    tls::{Tls, TlsError, TlsSettings},
};

/// A connection must open within this time, TLS handshake included.
const OPEN_SECS: u64 = 10;

/// The connector's type is boxed, because the pool needs futures that can be moved, and the future of a timeout cannot.
type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;
type Pool = legacy::Client<Connector, Full<Bytes>>;

pub(super) struct Transport {
    address: Address,
    tls: Tls,
    pool: Pool,
}

impl Transport {
    pub(super) fn new(address: &Address, settings: &TlsSettings) -> Result<Self, TlsError> {
        let tls = match address.scheme() {
            Scheme::Https => Tls::new(settings, address.host())?,
            // Only `speaks_tls` uses these settings. They trust no certificate, so
            // nothing is ever sent over such a connection.
            Scheme::Http => Tls::new(&TlsSettings::default(), "localhost")?,
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let resolver = Arc::new(FixedServerNameResolver::new(tls.server_name.clone()));
        let connector = HttpsConnector::new(tcp, tls.config.clone(), false, resolver);
        let connector = BoxCloneSyncService::new(Timeout::new(connector, Duration::from_secs(OPEN_SECS)));
        let pool = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { address: address.clone(), tls, pool })
    }

    /// Sends a request. The pool sends it a second time only if the first connection closed before it took any of it.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, ClientError> {
        match self.pool.request(request).await {
            Ok(response) => Ok(response),
            Err(error) if error.is_connect() => match self.connect_error(&error) {
                ClientError::Unreachable { address, cause } => Err(self.unknown_host(address, cause).await),
                other => Err(other),
            },
            Err(error) => Err(self.request_error(&error).await),
        }
    }

    /// Tells a host without an address from one that does not answer. The connector's error does not say which it was, so
    /// the resolver is asked again.
    async fn unknown_host(&self, address: Address, cause: String) -> ClientError {
        let host = address.host().to_owned();
        let failed = tokio::net::lookup_host((host.as_str(), 0)).await.err();
        match failed {
            None => ClientError::Unreachable { address, cause },
            Some(error) => ClientError::UnknownHost { address, host, cause: error.to_string() },
        }
    }

    fn connect_error(&self, error: &legacy::Error) -> ClientError {
        let address = self.address.clone();
        if causes(error).any(<dyn std::error::Error>::is::<Elapsed>) {
            return ClientError::Slow { address, secs: OPEN_SECS };
        }
        match tls_cause(error) {
            // The first bytes from the server are not TLS.
            Some(rustls::Error::InvalidMessage(_)) => return ClientError::HttpsOnHttp(address),
            Some(error) => return self.tls_error(error),
            None => {}
        }
        // The TLS connector passes an I/O error of the handshake on as it is; the TCP connector wraps its own errors.
        if error.source().is_some_and(<dyn std::error::Error>::is::<io::Error>) {
            return ClientError::Handshake { address, cause: deepest_text(error) };
        }
        ClientError::Unreachable { address, cause: deepest_text(error) }
    }

    /// The error for a failure after the connection was open.
    async fn request_error(&self, error: &legacy::Error) -> ClientError {
        // With TLS 1.3, a client without a certificate learns only here that one was required.
        if let Some(error) = tls_cause(error) {
            return self.tls_error(error);
        }
        let address = self.address.clone();
        if self.speaks_tls().await {
            return ClientError::HttpOnHttps(address);
        }
        let is_parse = causes(error).any(|cause| cause.downcast_ref().is_some_and(hyper::Error::is_parse));
        if is_parse {
            return ClientError::NotVaultApi { address, cause: "the answer is not HTTP".to_owned() };
        }
        if self.address.scheme() == Scheme::Https {
            // The alert of a server that demands a certificate can be lost when it closes the connection at once.
            return ClientError::Closed { address, cause: deepest_text(error) };
        }
        ClientError::Unreachable { address, cause: deepest_text(error) }
    }

    fn tls_error(&self, error: &rustls::Error) -> ClientError {
        let address = self.address.clone();
        let presented = self.tls.presented().map(Box::new);
        match error {
            rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::InvalidPurpose,
            ) => ClientError::UnknownCa { address, presented, anchors: self.tls.source },
            rustls::Error::InvalidCertificate(cause) => {
                ClientError::BadCertificate { address, presented, cause: cause.to_string() }
            }
            rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
                ClientError::ClientCertificateRequired(address)
            }
            rustls::Error::AlertReceived(
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied,
            ) => ClientError::ClientCertificateRefused { address, cause: error.to_string() },
            cause => ClientError::Handshake { address, cause: cause.to_string() },
        }
    }

    /// Whether the port of an `http://` address speaks TLS: it then answers a TLS hello with TLS.
    pub(super) async fn speaks_tls(&self) -> bool {
        if self.address.scheme() == Scheme::Https {
            return false;
        }
        let probe = Request::builder()
            .uri(format!("https://{}/", self.address.authority()))
            .body(Full::new(Bytes::new()))
            .map(|request| self.pool.request(request));
        let Ok(probe) = probe else { return false };
        match probe.await {
            Ok(_) => true,
            Err(error) => tls_cause(&error).is_some_and(|error| !matches!(error, rustls::Error::InvalidMessage(_))),
        }
    }
}

/// An error and all errors that it wraps, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |error| wrapped(*error))
}

/// The error that `error` wraps. The `source` of an I/O error skips the error
/// that it holds, so that one is taken first.
fn wrapped<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(held) => Some(held),
        None => error.source(),
    }
}

fn tls_cause(error: &legacy::Error) -> Option<&rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The text of the innermost cause, which says what happened; the outer errors only say where.
fn deepest_text(error: &legacy::Error) -> String {
    match causes(error).last() {
        None => error.to_string(),
        Some(deepest) => match deepest.downcast_ref::<io::Error>() {
            // The name of the error's kind, because the system's own text includes a number.
            Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
            _ => deepest.to_string(),
        },
    }
}
