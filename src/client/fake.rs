//! A server for tests: it answers from a list of routes, over plain HTTP or TLS, and records the requests.

use std::sync::{Arc, Mutex};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// One answer: `GET /v1/x` (the beginning of the request line), a status, and a body; or a redirect's target.
#[derive(Clone, Copy)]
pub(crate) struct Route(pub &'static str, pub u16, pub &'static str);

pub(crate) struct Fake {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

/// A CA, and a certificate for 127.0.0.1 under another name.
pub(crate) struct Certificates {
    pub(crate) ca_pem: String,
    pub(crate) server_pem: String,
    config: Arc<ServerConfig>,
}

impl Certificates {
    pub(crate) fn make(names: &[&str]) -> Self {
        let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        ca.distinguished_name.push(rcgen::DnType::CommonName, "a small CA");
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut leaf = rcgen::CertificateParams::new(names).unwrap();
        leaf.distinguished_name = rcgen::DistinguishedName::new();
        leaf.distinguished_name.push(rcgen::DnType::CommonName, "a server");
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let chain = vec![CertificateDer::from(leaf.der().to_vec())];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        Self { ca_pem, server_pem: leaf.pem(), config: Arc::new(config) }
    }
}

impl Fake {
    pub(crate) async fn plain(routes: &'static [Route]) -> Self {
        Self::start(routes, None).await
    }

    pub(crate) async fn tls(routes: &'static [Route], certificates: &Certificates) -> Self {
        Self::start(routes, Some(TlsAcceptor::from(certificates.config.clone()))).await
    }

    async fn start(routes: &'static [Route], tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = format!("{scheme}://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                log.lock().unwrap().push("connect".to_owned());
                let (tls, log) = (tls.clone(), log.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, routes, &log).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, routes, &log).await,
                            Err(_) => Ok(()),
                        },
                    }
                });
            }
        });
        Self { address, asked }
    }

    /// Requests so far, head and body, and a `connect` for each connection.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    routes: &'static [Route],
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            // A TLS handshake on a plain port: servers say so in plain HTTP.
            if bytes.first() == Some(&0x16) {
                return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        while bytes.len() < head + length {
            stream.read_buf(&mut bytes).await?;
        }
        let request = String::from_utf8_lossy(&bytes[..head + length]).into_owned();
        bytes.drain(..head + length);
        let Route(_, status, body) = routes.iter().find(|route| text.starts_with(route.0)).copied().unwrap_or(Route(
            "",
            404,
            r#"{"errors":[]}"#,
        ));
        log.lock().unwrap().push(request);
        let (location, body) =
            if status == 307 { (format!("location: {body}\r\n"), "") } else { (String::new(), body) };
        let answer = format!("HTTP/1.1 {status} x\r\n{location}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
}
