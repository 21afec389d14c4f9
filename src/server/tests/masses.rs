//! Many connections at once, and the end of the server.

use std::{io::Write as _, net::TcpStream, time::Duration};

use super::stand::{SHORT, Stand, patient, read_all, read_one};
use crate::server::limits::Limits;

#[test]
fn two_thousand_that_send_nothing_are_closed_while_a_normal_client_is_served() {
    // A descriptor for each end of each connection.
    let room = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = usize::try_from(room / 3).unwrap_or(usize::MAX).min(2_000);
    let stand = Stand::start(Limits { head: Duration::from_millis(500), ..patient() });
    let mut silent: Vec<TcpStream> = (0..count).map(|_| stand.connect()).collect();
    assert!((0..20).all(|_| stand.is_well()));
    assert!(silent.iter_mut().all(|stream| read_all(stream).is_empty()));
    assert!(stand.is_well());
}

#[test]
fn a_stop_lets_the_open_request_finish_and_closes_the_silent() {
    let stand = Stand::start(patient());
    let mut idle = stand.connect();
    idle.write_all(b"GET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_one(&mut idle);
    let mut open = stand.connect();
    open.write_all(b"POST /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na").unwrap();
    while stand.handled() < 2 {
        std::thread::yield_now();
    }
    let stopping = std::thread::spawn(move || drop(stand));
    assert_eq!(read_all(&mut idle), "");
    open.write_all(b"b").unwrap();
    assert!(read_all(&mut open).ends_with("POST /v1/a 2"));
    stopping.join().unwrap();
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let stand = Stand::start(Limits { stop: SHORT, ..patient() });
    let mut open = stand.connect();
    open.write_all(b"GET /v1/hang HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    while stand.handled() < 1 {
        std::thread::yield_now();
    }
    drop(stand);
    assert_eq!(read_all(&mut open), "");
}
