//! A second listener with a service of its own, as `/metrics` has: plain HTTP, the same limits and drain.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
};

use axum::{Extension, Router, routing::get};

use super::stand::{Stand, echo, patient, read_all, read_one};
use crate::{
    broker::Peer,
    server::limits::{ConnectionLimits, Limits},
};

fn two_listeners(limits: Limits) -> Stand {
    let broker = Router::new().fallback(echo);
    let shown = |Extension(peer): Extension<Peer>| async move { peer.address.ip().to_string() };
    let own = Router::new().route("/metrics", get(shown));
    Stand::serving(limits, vec![(None, broker.into()), (None, own.into())])
}

fn say(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    read_all(&mut stream)
}

#[test]
fn each_listener_serves_its_own() {
    let stand = two_listeners(patient());
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let metrics = stand.others[0];
    assert!(say(metrics, &ask("/metrics")).ends_with("\r\n\r\n127.0.0.1"));
    assert!(say(metrics, &ask("/v1/a")).starts_with("HTTP/1.1 404"));
    assert!(say(stand.address, &ask("/metrics")).ends_with("GET /metrics 0"));
    let two_lengths = "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n";
    assert!(say(metrics, two_lengths).starts_with("HTTP/1.1 400"));
}

#[test]
fn listeners_share_their_connections_and_stop_together() {
    let connections = ConnectionLimits { all_max: 2, address_max: 1, loopback_reserved: 0 };
    let stand = two_listeners(Limits { connections, ..patient() });
    let mut first = stand.connect();
    first.write_all(b"GET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_one(&mut first);
    let mut second = TcpStream::connect(stand.others[0]).unwrap();
    second.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_one(&mut second);
    assert_eq!(read_all(&mut first), "");
    drop(stand);
    assert_eq!(read_all(&mut second), "");
}
