//! Metrics and probes over sockets, of a real broker: what each listener answers, sealed and unsealed.

use std::{io::Write as _, net::SocketAddr, net::TcpStream, sync::Arc};

use super::stand::{Stand, patient, read_all};
use crate::{
    base::time::{Clock, Time},
    broker::{Broker, DeviceConfig, Rotation, Setup},
    dialects,
    server::{certificates::SoonestEnd, connection_counts::ConnectionCounts, telemetry::Meter},
    store::Files,
};

/// A server with both listeners.
struct Server {
    broker: Arc<Broker>,
    stand: Stand,
    /// In which the broker works on its own.
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Not initialised.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _inside = runtime.enter();
        let clock = Clock::system(Time::EPOCH);
        let path = folder.path().join("audit.log");
        let device = DeviceConfig {
            name: "main".into(),
            path,
            required: true,
            sync_always: false,
            rotation: Rotation::default(),
        };
        let broker = Broker::start(Setup::in_memory(clock.clone(), vec![device])).unwrap();
        let meter = Meter {
            files: Files::real(),
            started: clock.now(),
            api: ConnectionCounts::default(),
            certificates_end: SoonestEnd::default(),
        };
        let metrics = dialects::metrics(&broker, meter.measuring(ConnectionCounts::default()));
        let stand = Stand::serving(patient(), vec![(None, dialects::api(&broker)), (None, metrics)]);
        Self { broker, stand, runtime, _folder: folder }
    }

    /// Initialises and unseals; the root token.
    fn open(&self) -> String {
        self.runtime.block_on(self.broker.dev_init(None)).unwrap().root_token.expose().clone()
    }

    fn seal(&self, token: &str) {
        let head = format!("PUT /v1/sys/seal HTTP/1.1\r\nHost: a\r\nX-Vault-Token: {token}\r\nContent-Length: 0");
        assert!(say(self.stand.address, &head).starts_with("HTTP/1.1 204"));
    }

    /// The answer of the listener of metrics.
    fn scrape(&self, method: &str, path: &str) -> String {
        say(self.stand.others[0], &format!("{method} {path} HTTP/1.1\r\nHost: a"))
    }

    /// The answer of the listener of the API.
    fn probe(&self, method: &str, path: &str) -> String {
        say(self.stand.address, &format!("{method} {path} HTTP/1.1\r\nHost: a"))
    }
}

fn say(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    read_all(&mut stream)
}

fn has_line(answer: &str, line: &str) -> bool {
    answer.lines().any(|there| there == line)
}

#[test]
fn metrics_follow_the_seal_and_are_told_at_any_time() {
    let server = Server::start();
    let new = server.scrape("GET", "/metrics");
    assert!(new.starts_with("HTTP/1.1 200 OK\r\n"), "{new}");
    assert!(has_line(&new, "content-type: text/plain; version=0.0.4; charset=utf-8"), "{new}");
    assert!(has_line(&new, "cache-control: no-store"), "{new}");
    assert!(has_line(&new, "strongroom_initialised 0") && has_line(&new, "strongroom_sealed 1"), "{new}");
    let token = server.open();
    let open = server.scrape("GET", "/metrics");
    assert!(has_line(&open, "strongroom_sealed 0") && has_line(&open, "strongroom_ready 1"), "{open}");
    assert!(has_line(&open, "strongroom_mounts{mount_kind=\"kv\"} 1"), "{open}");
    server.seal(&token);
    let sealed = server.scrape("GET", "/metrics");
    assert!(has_line(&sealed, "strongroom_initialised 1") && has_line(&sealed, "strongroom_sealed 1"), "{sealed}");
    let sealing = "strongroom_requests_total{mount_kind=\"system\",operation=\"update\",outcome=\"ok\"} 1";
    assert!(has_line(&sealed, sealing), "{sealed}");
}

#[test]
fn the_listener_of_metrics_answers_nothing_else() {
    let server = Server::start();
    for path in ["/", "/metrics/", "/metrics/a", "/Metrics", "/livez", "/readyz", "/v1/sys/health", "/v1/sys/metrics"] {
        assert!(server.scrape("GET", path).starts_with("HTTP/1.1 404"), "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "LIST", "OPTIONS"] {
        let refused = server.scrape(method, "/metrics");
        assert!(refused.starts_with("HTTP/1.1 405") && has_line(&refused, "allow: GET,HEAD"), "{method}: {refused}");
    }
    let head = server.scrape("HEAD", "/metrics");
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn the_listener_of_the_api_tells_no_metrics() {
    let server = Server::start();
    server.open();
    for method in ["GET", "HEAD", "POST"] {
        assert!(server.probe(method, "/metrics").starts_with("HTTP/1.1 404"), "{method}");
    }
}

#[test]
fn probes_say_whether_requests_are_served() {
    let server = Server::start();
    let says = |path: &str, status: &str, word: &str| {
        let answer = server.probe("GET", path);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{word}\n")), "{path}: {answer}");
        let head = server.probe("HEAD", path);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && head.ends_with("\r\n\r\n"), "{path}: {head}");
    };
    says("/livez", "200", "ok");
    says("/readyz", "503", "not initialised");
    let token = server.open();
    says("/livez", "200", "ok");
    says("/readyz", "200", "ok");
    server.seal(&token);
    says("/livez", "200", "ok");
    says("/readyz", "503", "sealed");
    assert!(server.probe("POST", "/readyz").starts_with("HTTP/1.1 405"));
}
