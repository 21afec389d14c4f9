//! A bare axum server: what `scripts/bench` measures Strongroom against, and two raw rates of the machine.
//!
//! `bare_server --listen 127.0.0.1:8300 --cert CERT --key KEY --bytes 640` answers every request with the same JSON of
//! that size, over TLS 1.3 with keep-alive, on one current-thread runtime. `--sign N` signs N times with Ed25519 and
//! `--sync N --dir DIR` appends 4 KiB and calls `fdatasync` N times; both print one line of JSON and end.

use std::{
    collections::HashMap,
    error::Error,
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, http::header, response::Response};
use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The allocator that the broker uses too, so that the comparison is of what stands above it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let flags = flags(std::env::args().skip(1))?;
    if let Some(count) = flags.get("sign") {
        println!("{}", sign(count.parse()?));
        return Ok(());
    }
    if let Some(count) = flags.get("sync") {
        let dir = PathBuf::from(flags.get("dir").map_or(".", String::as_str));
        println!("{}", sync(count.parse()?, &dir)?);
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(&flags))
}

/// Reads `--name value` and `--name=value`.
fn flags(arguments: impl Iterator<Item = String>) -> Outcome<HashMap<String, String>> {
    let mut found = HashMap::new();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let name = argument.strip_prefix("--").ok_or_else(|| format!("`{argument}` is not a flag"))?;
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (name.to_owned(), arguments.next().ok_or_else(|| format!("--{name} needs a value"))?),
        };
        found.insert(name, value);
    }
    Ok(found)
}

async fn serve(flags: &HashMap<String, String>) -> Outcome<()> {
    let need = |name: &str| flags.get(name).ok_or_else(|| format!("--{name} is missing"));
    let acceptor = TlsAcceptor::from(Arc::new(tls(Path::new(need("cert")?), Path::new(need("key")?))?));
    let body = filler(need("bytes")?.parse()?);
    let router = Router::new().fallback(move || {
        let body = body.clone();
        async move { answer(body) }
    });
    let listener = TcpListener::bind(need("listen")?.as_str()).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            // A client that breaks its handshake or its connection is of no interest here.
            if let Ok(stream) = acceptor.accept(stream).await {
                let mut http = hyper::server::conn::http1::Builder::new();
                http.timer(TokioTimer::new());
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            }
        });
    }
}

fn tls(cert: &Path, key: &Path) -> Outcome<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(cert)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(config)
}

fn answer(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// JSON of exactly `bytes` bytes, 11 at least.
fn filler(bytes: usize) -> Bytes {
    let frame = r#"{"data":""}"#.len();
    Bytes::from(format!(r#"{{"data":"{}"}}"#, "x".repeat(bytes.saturating_sub(frame))))
}

fn sign(count: u32) -> String {
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = [0x2e; 320]; // about the signing input of a service token
    let start = Instant::now();
    for _ in 0..count {
        std::hint::black_box(key.sign(std::hint::black_box(&message)));
    }
    let secs = start.elapsed().as_secs_f64();
    format!(r#"{{"signatures":{count},"per_second":{:.0}}}"#, f64::from(count) / secs)
}

fn sync(count: usize, dir: &Path) -> Outcome<String> {
    let path = dir.join(format!("fdatasync-{}.probe", std::process::id()));
    let mut file = OpenOptions::new().create_new(true).append(true).open(&path)?;
    let block = [0x5a; 4096];
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        took.push(start.elapsed());
    }
    std::fs::remove_file(&path)?;
    took.sort_unstable();
    let at = |percent: usize| took.get(count * percent / 100).copied().unwrap_or(Duration::ZERO).as_secs_f64() * 1e3;
    Ok(format!(r#"{{"syncs":{count},"p50_ms":{:.4},"p99_ms":{:.4}}}"#, at(50), at(99)))
}
