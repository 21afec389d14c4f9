//! The life of one connection: the handshake, one request after another, and the close.
//! Every wait for the client has a deadline.

use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use axum::body::Body;
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};

use super::{
    connection_counts::CountedConnection,
    connections::Slot,
    exchange::{Front, PeerService},
    limits::Limits,
    strict_stream::{StrictStream, drain},
};
use crate::{base::limits::HEAD_BYTES_MAX, broker::Peer};

/// An accepted connection, as the acceptor gives it to a worker.
pub(crate) struct Accepted {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) front: Arc<Front>,
    pub(crate) slot: Slot,
    pub(crate) counted: CountedConnection,
    /// Cancelled when the server stops.
    pub(crate) stop: CancellationToken,
    /// The server has stopped only when all of these are dropped.
    pub(crate) open: TaskTrackerToken,
}

/// Serves the connection until it ends.
pub(crate) async fn serve(accepted: Accepted, limits: Limits) {
    let Accepted { stream, address, tls, front, slot, counted, stop, open } = accepted;
    let ends = Ends { stop, slot, address: address.ip(), front: Arc::clone(&front) };
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    let peer = |certificate: Option<Arc<[u8]>>| Peer { address, certificate };
    let done = match tls {
        None => answer_requests(stream, front.for_peer(peer(None)), &ends, limits).await,
        Some(config) => match ends.first(timeout(limits.handshake, handshake(stream, config))).await {
            None => Ok(()),
            Some(Ok(Ok(Hello::Tls(stream)))) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let certificate = shown.map(|certificate| Arc::from(certificate.as_ref()));
                answer_requests(*stream, front.for_peer(peer(certificate)), &ends, limits).await
            }
            Some(Ok(Ok(Hello::Http(stream)))) => refuse_http(stream, limits).await,
            Some(Ok(Err(error))) => Err(error.into()),
            Some(Err(_)) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        },
    };
    if let Err(error) = done {
        tracing::debug!(%address, %error, "connection ended");
    }
    drop(counted);
    drop(open);
}

/// What can end a connection from the server's side.
struct Ends {
    stop: CancellationToken,
    slot: Slot,
    address: IpAddr,
    front: Arc<Front>,
}

impl Ends {
    /// The result of `work`. `None` if the connection must end before `work` is done.
    async fn first<F: Future>(&self, work: F) -> Option<F::Output> {
        tokio::select! {
            // A request that has arrived is read before the connection is closed, so that it is answered.
            biased;
            output = work => Some(output),
            () = self.slot.close.cancelled() => None,
        }
    }
}

type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// What a client on a TLS port sent first.
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

/// Answers a client that speaks HTTP on a TLS port. The message is that of Go, because people search the web for it.
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

/// Answers all requests of one connection.
async fn answer_requests<S>(stream: S, service: PeerService, ends: &Ends, limits: Limits) -> Done
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = ends.slot.activity.clone();
    let stream = StrictStream::new(stream, limits, activity.clone());
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        // The connection does not count as idle until the answer is ready.
        activity.begin_answer();
        let (answer, activity) = (service.answer(request.map(body)), activity.clone());
        Box::pin(async move {
            let answer = answer.await;
            activity.end_answer();
            Ok::<_, Infallible>(answer)
        })
    });
    let mut connection = http1::Builder::new()
        // hyper answers 431 to a longer head. By default it also refuses more than HEADERS_MAX headers.
        .max_buf_size(HEAD_BYTES_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        // The deadlines of `StrictStream` are shorter than this one. But after an answer hyper reads from a kept
        // connection only if it has a deadline of its own, and it has that deadline only with a timer.
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle + limits.head)
        .serve_connection(TokioIo::new(stream), service);
    let finished = ends.first(poll_fn(|cx| connection.poll_without_shutdown(cx))).await;
    let makes_room = finished.is_none() && !ends.stop.is_cancelled() && !ends.slot.activity.is_answering();
    let done = match finished {
        Some(done) => done,
        None if makes_room => Ok(()),
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    let mut stream = connection.into_parts().io.into_inner();
    if stream.has_refused() || done.as_ref().is_err_and(hyper::Error::is_parse) {
        ends.front.refused(ends.address);
    }
    stream.shutdown().await?;
    if !makes_room {
        stream.linger().await;
    }
    Ok(done?)
}

/// The body of a request; most have none.
fn body(incoming: Incoming) -> Body {
    if incoming.is_end_stream() { Body::empty() } else { Body::new(incoming) }
}
