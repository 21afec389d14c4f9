//! One connection to one address: TCP, TLS where the scheme asks for it, HTTP/1.1 on top. The first bytes that come
//! back are remembered, because they tell a port that speaks the other scheme.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::CertificateError;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{
    address::{Address, Scheme},
    error::ClientError,
    tls::Tls,
};

/// How long a connection may take to open, handshake included.
const OPEN_SECS: u64 = 10;

pub struct Connection {
    pub sender: SendRequest<Full<Bytes>>,
    seen: Seen,
}

impl Connection {
    pub async fn open(address: &Address, tls: Option<&Tls>) -> Result<Self, ClientError> {
        let opening = open(address, tls);
        match tokio::time::timeout(Duration::from_secs(OPEN_SECS), opening).await {
            Ok(opened) => opened,
            Err(_) => Err(ClientError::Slow { address: address.clone(), secs: OPEN_SECS }),
        }
    }

    /// Whether what came back over a plain connection was a TLS alert.
    pub fn saw_tls(&self) -> bool {
        self.seen.starts_with(&[0x15, 0x03])
    }
}

async fn open(address: &Address, tls: Option<&Tls>) -> Result<Connection, ClientError> {
    let unreachable = |error: io::Error| ClientError::Unreachable { address: address.clone(), cause: reason(&error) };
    let stream = TcpStream::connect((address.host(), address.port())).await.map_err(unreachable)?;
    let _ = stream.set_nodelay(true);
    let seen = Seen::default();
    let stream = Watched { stream, seen: seen.clone() };
    let sender = match (address.scheme(), tls) {
        (Scheme::Https, Some(tls)) => {
            let connector = TlsConnector::from(tls.config.clone());
            let stream = connector
                .connect(tls.server_name.clone(), stream)
                .await
                .map_err(|error| handshake_error(address, tls, &seen, &error))?;
            serve(address, stream).await?
        }
        _ => serve(address, stream).await?,
    };
    Ok(Connection { sender, seen })
}

async fn serve<S>(address: &Address, stream: S) -> Result<SendRequest<Full<Bytes>>, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| ClientError::Unreachable { address: address.clone(), cause: error.to_string() })?;
    // Its error is also that of the request under way.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

fn handshake_error(address: &Address, tls: &Tls, seen: &Seen, error: &io::Error) -> ClientError {
    let address = address.clone();
    if seen.starts_with(b"HTTP") {
        return ClientError::HttpsOnHttp(address);
    }
    let presented = tls.presented().map(Box::new);
    let tls_error = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls_error {
        Some(rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::InvalidPurpose,
        )) => ClientError::UnknownCa { address, presented, anchors: tls.source },
        Some(rustls::Error::InvalidCertificate(cause)) => {
            ClientError::BadCertificate { address, presented, cause: cause.to_string() }
        }
        Some(rustls::Error::InvalidMessage(_)) => ClientError::HttpsOnHttp(address),
        Some(cause) => ClientError::Handshake { address, cause: cause.to_string() },
        None => ClientError::Handshake { address, cause: reason(error) },
    }
}

/// An operating system's words without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// The first bytes that were read.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    fn add(&self, bytes: &[u8]) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = 8_usize.saturating_sub(seen.len());
        seen.extend(bytes.iter().take(room));
    }

    fn starts_with(&self, start: &[u8]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).starts_with(start)
    }
}

struct Watched {
    stream: TcpStream,
    seen: Seen,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(new) = buf.filled().get(before..) {
            self.seen.add(new);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
