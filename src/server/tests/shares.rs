//! Who gets a connection when there are few. The clients have addresses of 127.0.0.0/8.

use std::{io::Write as _, net::TcpStream};

use super::stand::{Stand, patient, read_all, read_one};
use crate::server::limits::{ConnectionLimits, Limits};

fn stand(all_max: usize, address_max: usize) -> Stand {
    Stand::start(Limits { connections: ConnectionLimits { all_max, address_max, loopback_reserved: 0 }, ..patient() })
}

/// Asks once, so that the connection is open and idle.
fn ask(stream: &mut TcpStream) {
    stream.write_all(b"GET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_one(stream);
}

/// Opens a connection that is idle after one answer.
fn idle(stand: &Stand, address: u8) -> TcpStream {
    let mut stream = stand.connect_from(address);
    ask(&mut stream);
    stream
}

/// Opens a connection whose request is never answered.
fn answering(stand: &Stand, address: u8) -> TcpStream {
    let before = stand.handled();
    let mut stream = stand.connect_from(address);
    stream.write_all(b"GET /v1/hang HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    while stand.handled() == before {
        std::thread::yield_now();
    }
    stream
}

/// One address held every connection: it opened 230, asked once every 75 seconds on each, and nobody else was served.
#[test]
fn an_address_that_holds_the_most_loses_its_longest_idle_connection() {
    let stand = stand(6, 3);
    let mut many: Vec<_> = (0..3).map(|_| idle(&stand, 2)).collect();
    let mut few: Vec<_> = (0..2).map(|_| idle(&stand, 3)).collect();
    let mut single = idle(&stand, 4);
    // All six are taken. The first of the many has been idle for the shortest time now.
    ask(&mut many[0]);
    let mut newcomer = idle(&stand, 5);
    assert_eq!(read_all(&mut many[1]), "");
    for kept in [&mut newcomer, &mut single].into_iter().chain(&mut few) {
        ask(kept);
    }
    ask(&mut many[0]);
    ask(&mut many[2]);
}

#[test]
fn an_address_at_its_share_loses_its_own_and_others_keep_theirs() {
    let stand = stand(6, 2);
    let mut other = idle(&stand, 3);
    let mut first = idle(&stand, 2);
    let mut second = idle(&stand, 2);
    let mut third = idle(&stand, 2);
    assert_eq!(read_all(&mut first), "");
    for kept in [&mut second, &mut third, &mut other] {
        ask(kept);
    }
}

#[test]
fn a_connection_that_is_being_answered_is_not_closed_for_another() {
    let stand = Stand::start(Limits {
        connections: ConnectionLimits { all_max: 4, address_max: 2, loopback_reserved: 0 },
        stop: super::stand::SHORT,
        ..patient()
    });
    let _busy = [answering(&stand, 2), answering(&stand, 2)];
    // At the share of the address, with nothing idle: the newest is closed.
    assert_eq!(read_all(&mut stand.connect_from(2)), "");
    let _others = [answering(&stand, 3), answering(&stand, 4)];
    // All four are taken, with nothing idle.
    assert_eq!(read_all(&mut stand.connect_from(5)), "");
    assert_eq!(stand.handled(), 4);
}

#[test]
fn a_client_that_holds_as_many_takes_nothing_from_others() {
    let stand = stand(4, 2);
    let mut ours: Vec<_> = (0..2).map(|_| idle(&stand, 2)).collect();
    let mut theirs: Vec<_> = (0..2).map(|_| idle(&stand, 3)).collect();
    let mut again = idle(&stand, 3);
    assert_eq!(read_all(&mut theirs[0]), "");
    for kept in [&mut again, &mut theirs[1]].into_iter().chain(&mut ours) {
        ask(kept);
    }
}

/// Also a client that never finished a head counts as idle.
#[test]
fn a_silent_or_half_open_request_makes_room() {
    let stand = stand(4, 2);
    let mut silent = stand.connect_from(2);
    let mut half = stand.connect_from(2);
    half.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
    let mut first = idle(&stand, 2);
    assert_eq!(read_all(&mut silent), "");
    let mut second = idle(&stand, 2);
    assert_eq!(read_all(&mut half), "");
    ask(&mut first);
    ask(&mut second);
}

#[test]
fn room_comes_back_when_a_connection_ends() {
    let stand = stand(2, 1);
    for address in 2..50 {
        drop(idle(&stand, address));
    }
    let mut kept = idle(&stand, 2);
    ask(&mut kept);
}
