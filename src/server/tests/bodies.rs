//! Bodies, and answers that nobody reads.

use std::io::Write as _;

use super::stand::{SHORT, Stand, patient, read_all};
use crate::server::limits::Limits;

fn post(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n")
}

#[test]
fn a_body_above_the_cap_is_413_however_it_announces_itself() {
    let stand = Stand::start(patient());
    let honest = post("/v1/a", "Content-Length: 5000\r\n") + &"x".repeat(5_000);
    assert!(stand.say(&honest).starts_with("HTTP/1.1 413"));
    let huge = post("/v1/a", "Content-Length: 999999999999\r\n") + &"x".repeat(500);
    assert!(stand.say(&huge).starts_with("HTTP/1.1 413"));
    let chunked =
        post("/v1/a", "Transfer-Encoding: chunked\r\n") + &format!("1f4\r\n{}\r\n", "x".repeat(500)).repeat(3);
    assert!(stand.say(&chunked).starts_with("HTTP/1.1 413"));
}

#[test]
fn broken_chunks_break_the_body_and_are_not_the_next_request() {
    let stand = Stand::start(patient());
    for body in ["5\nabcde\r\n0\r\n\r\n", "x\r\n", "1\r\nab\r\n0\r\n\r\n", "0\r\nX: y\r\n\r\n"] {
        let text = format!(
            "POST /v1/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}GET /v1/b HTTP/1.1\r\nHost: a\r\n\r\n"
        );
        let answer = stand.say(&text);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{body:?}: {answer:?}");
        assert!(answer.starts_with("HTTP/1.1 400"), "{body:?}: {answer:?}");
    }
}

#[test]
fn a_slow_body_is_cut_off_and_a_steady_one_is_not() {
    let stand = Stand::start(Limits { body_grace: SHORT, ..patient() });
    let mut slow = stand.connect();
    slow.write_all(post("/v1/a", "Content-Length: 900\r\n").as_bytes()).unwrap();
    slow.write_all(b"x").unwrap();
    assert!(read_all(&mut slow).starts_with("HTTP/1.1 408"));

    // So high a rate is bought by the first bytes that no pause can matter.
    let stand = Stand::start(Limits { body_grace: SHORT, body_bytes_per_sec_min: 1, ..patient() });
    let mut steady = stand.connect();
    steady.write_all(post("/v1/a", "Content-Length: 900\r\n").as_bytes()).unwrap();
    steady.write_all(&[b'x'; 899]).unwrap();
    assert!(stand.is_well());
    steady.write_all(b"x").unwrap();
    assert!(read_all(&mut steady).contains("POST /v1/a 900"));
}

#[test]
fn an_unread_body_costs_the_connection_and_not_the_answer() {
    let stand = Stand::start(patient());
    let mut stream = stand.connect();
    stream.write_all(b"POST /v1/unread HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n").unwrap();
    let mut writer = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let _cut_off = writer.write_all(&vec![b'x'; 3_000_000]);
    });
    let answer = read_all(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("unread"), "{answer:?}");
    sender.join().unwrap();
    assert_eq!(stand.handled(), 1);
}

#[test]
fn a_client_that_asks_first_gets_its_100_only_where_the_body_is_read() {
    let stand = Stand::start(patient());
    let asked = "Expect: 100-continue\r\nContent-Length: 2\r\n";
    let mut stream = stand.connect();
    stream.write_all(post("/v1/a", asked).as_bytes()).unwrap();
    let mut first = [0; 25];
    std::io::Read::read_exact(&mut stream, &mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ab").unwrap();
    assert!(read_all(&mut stream).ends_with("POST /v1/a 2"));
    assert!(stand.say(&post("/v1/unread", asked)).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_client_that_never_reads_is_cut_off() {
    let stand = Stand::start(Limits { write_stall: SHORT, ..patient() });
    let mut stream = stand.connect();
    stream.write_all(b"GET /v1/large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    // The next answer on another connection is given while this one waits; dropping the stand waits for both.
    assert!(stand.is_well());
    while stream.write_all(b"GET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n").is_ok() {
        std::thread::yield_now();
    }
    assert!(read_all(&mut stream).len() < 64 << 20);
}
