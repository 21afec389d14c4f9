//! A server on a port of its own, and clients that send what they are told.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use rustls::ServerConfig;
use tokio::sync::oneshot;

use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;

use crate::{
    broker::{BodyError, Peer},
    dialects::{Dialects, read_body},
    server::{
        exchange::Front,
        limits::{ConnectionLimits, Limits, Refusals},
        listener::Listener,
        serving::{self, Served},
    },
};

/// A running server; stopped when dropped.
pub struct Stand {
    pub address: SocketAddr,
    pub others: Vec<SocketAddr>,
    /// Requests that reached the handler.
    pub handled: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Deadlines so long that no test meets one that it did not shorten.
pub fn patient() -> Limits {
    let long = Duration::from_mins(10);
    Limits {
        handshake: long,
        head: long,
        idle: long,
        body_grace: long,
        request: long,
        write_stall: long,
        linger: Duration::from_millis(200),
        stop: long,
        refusals: Refusals::Unlimited,
        connections: ConnectionLimits { loopback_reserved: 0, ..Limits::default().connections },
        ..Limits::default()
    }
}

pub const SHORT: Duration = Duration::from_millis(100);

impl Stand {
    pub fn start(limits: Limits) -> Self {
        Self::with(limits, None, |request| Box::pin(echo(request)))
    }

    pub fn tls(limits: Limits, tls: Arc<ServerConfig>) -> Self {
        Self::with(limits, Some(tls), |request| Box::pin(echo(request)))
    }

    pub fn with(
        limits: Limits,
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(Request) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync + 'static,
    ) -> Self {
        let handled = Arc::new(AtomicUsize::new(0));
        let count = handled.clone();
        let answer = Arc::new(answer);
        let handler = axum::Router::new().fallback(move |request: Request| {
            count.fetch_add(1, Ordering::SeqCst);
            answer(request)
        });
        let mut stand = Self::serving(limits, vec![(tls, handler.into())]);
        stand.handled = handled;
        stand
    }

    /// A server with a listener for each of `handlers`. `address` is that of the first, `others` has the rest.
    pub fn serving(limits: Limits, handlers: Vec<(Option<Arc<ServerConfig>>, Dialects)>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (ready, addresses) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let served = handlers.into_iter().map(|(tls, handler)| {
                    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), tls.map(Into::into)).unwrap();
                    ready.send(listener.address()).unwrap();
                    Served { listener, front: Arc::new(Front::new(handler, limits, Box::new(|_| {}))) }
                });
                let serving = serving::start(served.collect(), limits, 2).unwrap();
                drop(ready);
                let _dropped = stopped.await;
                serving.stop().await;
                serving.end().await;
            });
        });
        let mut addresses = addresses.iter();
        Self {
            address: addresses.next().unwrap(),
            others: addresses.collect(),
            handled: Arc::default(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// A connection from 127.0.0.`last`: every address of 127.0.0.0/8 is one of this machine.
    pub fn connect_from(&self, last: u8) -> TcpStream {
        use rustix::net::{AddressFamily, SocketAddrV4, SocketType, bind, connect, socket};
        let client = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&client, &SocketAddrV4::new([127, 0, 0, last].into(), 0)).unwrap();
        connect(&client, &self.address).unwrap();
        client.into()
    }

    /// Sends `text` on a connection of its own and reads all that comes back until the server closes.
    pub fn say(&self, text: &str) -> String {
        let mut stream = self.connect();
        let _closed_early = stream.write_all(text.as_bytes());
        read_all(&mut stream)
    }

    /// An honest request, whose answer must be what the echo gives.
    pub fn is_well(&self) -> bool {
        self.say("GET /v1/well HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").contains("GET /v1/well 0")
    }

    pub fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

/// Everything until the other side ends, by a close or a reset.
pub fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads one answer with a `content-length`.
pub fn read_one(stream: &mut impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "closed after {:?}", String::from_utf8_lossy(&bytes));
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// Answers with method, target and the number of bytes of the body.
pub async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().unwrap().clone();
    let (method, target) = (parts.method, parts.uri.path_and_query().unwrap().as_str().to_owned());
    match target.as_str() {
        "/v1/unread" => return "unread".into_response(),
        "/v1/refused" => return (StatusCode::FORBIDDEN, "{}").into_response(),
        "/v1/panic" => panic!("a secret"),
        "/v1/hang" => std::future::pending().await,
        "/v1/large" => return vec![b'x'; 64 << 20].into_response(),
        "/v1/shown" => return format!("{:?}", peer.certificate.map(|it| it.len())).into_response(),
        _ => {}
    }
    match read_body(body, 1_000).await {
        Ok(body) => format!("{method} {target} {}", body.len()).into_response(),
        Err(BodyError::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, "{}").into_response(),
        Err(BodyError::TooSlow) => (StatusCode::REQUEST_TIMEOUT, "{}").into_response(),
        Err(BodyError::Broken) => (StatusCode::BAD_REQUEST, "broken").into_response(),
    }
}
