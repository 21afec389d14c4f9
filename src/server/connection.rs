//! The life of one connection: handshake, requests one after another, close. Everything that waits for the client has
//! a deadline.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::Service as _;

use super::{
    exchange::Front,
    guard::{Busy, Guard, drain},
    limits::Limits,
    listener::{Phase, is_over},
};
use crate::{base::limits::HEAD_BYTES_MAX, broker::Peer};

/// A connection as the acceptor deals it out.
pub struct Dealt {
    pub stream: std::net::TcpStream,
    pub address: SocketAddr,
    pub tls: Option<Arc<ServerConfig>>,
}

/// Serves the connection until it ends.
pub async fn serve(dealt: Dealt, front: Arc<Front>, phase: watch::Receiver<Phase>) {
    let Ok(stream) = TcpStream::from_std(dealt.stream) else { return };
    let address = dealt.address;
    let done = match dealt.tls {
        None => exchange(stream, Peer { address, certificate: None }, &front, phase).await,
        Some(config) => match timeout(front.limits.handshake, handshake(stream, config)).await {
            Ok(Ok(Hello::Tls(stream))) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let certificate = shown.map(|certificate| Arc::from(certificate.as_ref()));
                exchange(*stream, Peer { address, certificate }, &front, phase).await
            }
            Ok(Ok(Hello::Http(stream))) => refuse_http(stream, front.limits).await,
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        },
    };
    if let Err(error) = done {
        tracing::debug!(%address, %error, "connection ended");
    }
}

type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// What a client on a TLS port began with.
enum Hello {
    Tls(Box<TlsStream<TcpStream>>),
    Http(TcpStream),
}

async fn handshake(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Hello> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first[0].is_ascii_uppercase() {
        return Ok(Hello::Http(stream));
    }
    TlsAcceptor::from(config).accept(stream).await.map(|stream| Hello::Tls(Box::new(stream)))
}

/// Tells a client that speaks HTTP where TLS is spoken, in Go's words, which people search for.
async fn refuse_http(mut stream: TcpStream, limits: Limits) -> Done {
    let text = "Client sent an HTTP request to an HTTPS server.\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{text}",
        text.len()
    );
    timeout(limits.write_stall, stream.write_all(answer.as_bytes())).await??;
    stream.shutdown().await?;
    drain(&mut stream, limits.linger).await;
    Ok(())
}

/// Answers the requests of one stream.
async fn exchange<S>(stream: S, peer: Peer, front: &Arc<Front>, mut phase: watch::Receiver<Phase>) -> Done
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (busy, limits) = (Busy::default(), front.limits);
    let guard = Guard::new(stream, limits, busy.clone());
    let handler = front.service(peer);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        busy.set(true);
        let reply = handler.clone().call(request.map(axum::body::Body::new));
        Answering { reply, busy: busy.clone() }
    });
    let mut connection = http1::Builder::new()
        // At most this many bytes of head, and by hyper's default at most 100 headers: 431.
        .max_buf_size(HEAD_BYTES_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        // The guard's deadlines come first. But only with one of its own does hyper look at a kept connection again
        // after an answer, and only with a timer does it keep it.
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle + limits.head)
        .serve_connection(TokioIo::new(guard), service);
    let done = tokio::select! {
        biased;
        done = poll_fn(|cx| connection.poll_without_shutdown(cx)) => done,
        () = is_over(&mut phase, Phase::Serving) => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    let mut guard = connection.into_parts().io.into_inner();
    guard.shutdown().await?;
    guard.linger().await;
    Ok(done?)
}

/// An answer under way; the guard is told when it is there.
struct Answering<F> {
    reply: F,
    busy: Busy,
}

impl<F: Future + Unpin> Future for Answering<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let polled = Pin::new(&mut self.reply).poll(cx);
        if polled.is_ready() {
            self.busy.set(false);
        }
        polled
    }
}
