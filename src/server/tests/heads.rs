//! Request lines and headers.

use std::io::Write as _;

use super::stand::{SHORT, Stand, patient, read_all, read_one};
use crate::server::limits::Limits;

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

fn head(headers: &str) -> String {
    format!("GET /v1/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n")
}

#[test]
fn methods_of_vaults_own_reach_the_handler_as_they_were_sent() {
    let stand = Stand::start(patient());
    for method in ["GET", "LIST", "SCAN", "HELP", "PATCH", "DELETE", "OPTIONS"] {
        let answer =
            stand.say(&format!("{method} /v1/a%2Fb/?list=true HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        assert_eq!(status(&answer), "200");
        assert!(answer.ends_with(&format!("{method} /v1/a%2Fb/?list=true 0")), "{answer}");
    }
}

#[test]
fn an_answer_carries_no_headers_but_ours_and_the_connections() {
    let stand = Stand::start(patient());
    let answer = stand.say(&head(""));
    let mut names: Vec<_> =
        answer.lines().skip(1).map_while(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["connection", "content-length", "content-type", "date"]);
}

#[test]
fn too_many_and_too_large_headers_are_431() {
    let stand = Stand::start(patient());
    let many = "X: 1\r\n".repeat(98);
    assert_eq!(status(&stand.say(&head(&many))), "200");
    assert_eq!(status(&stand.say(&head(&(many + "Y: 1\r\n")))), "431");
    let large = format!("X: {}\r\n", "x".repeat(4_000));
    assert_eq!(status(&stand.say(&head(&large.repeat(3)))), "200");
    assert_eq!(status(&stand.say(&head(&large.repeat(5)))), "431");
    assert_eq!(status(&stand.say(&head(&format!("X: {}\r\n", "x".repeat(9_000))))), "400");
    assert_eq!(status(&stand.say(&format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(20_000)))), "431");
    assert_eq!(stand.handled(), 2);
}

#[test]
fn a_request_of_two_meanings_is_400_and_the_connection_closed() {
    let stand = Stand::start(patient());
    let rest = "POST /v1/a HTTP/1.1\r\nHost: a\r\n";
    let smuggled = "GET /v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for bad in [
        format!("{rest}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{rest}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{rest}Content-Length: 0\r\nContent-Length: 44\r\n\r\n{smuggled}"),
        format!("{rest}Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde{smuggled}"),
        format!("{rest}Content-Length: +5\r\n\r\nabcde{smuggled}"),
        format!("{rest}Content-Length: 5,5\r\n\r\nabcde{smuggled}"),
        format!("{rest}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{rest}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{rest}X: a\r\n b\r\n\r\n{smuggled}"),
        format!("POST / HTTP/1.1\nHost: a\n\n{smuggled}"),
        format!("{rest}X: a\0b\r\n\r\n{smuggled}"),
        format!("{rest}X: a\x01b\r\n\r\n{smuggled}"),
        format!("{rest}Host: b\r\n\r\n{smuggled}"),
        format!("GET / HTTP/1.1\r\n\r\n{smuggled}"),
        format!("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}"),
        format!("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}"),
        format!("{rest}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n{smuggled}"),
        format!("GET http://b/v1/a HTTP/1.1\r\nHost: a\r\n\r\n{smuggled}"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let answer = stand.say(&bad);
        assert_eq!(status(&answer), "400", "{bad:?}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{bad:?}: {answer:?}");
    }
    assert_eq!(stand.handled(), 0);
    assert!(stand.is_well());
}

#[test]
fn requests_in_a_row_are_answered_in_a_row_up_to_a_bad_one() {
    let stand = Stand::start(patient());
    let answer = stand.say(concat!(
        "POST /v1/one HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
        "POST /v1/two HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET http://A/v1/three HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /v1/four HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "GET /v1/five HTTP/1.1\r\nHost: a\r\n\r\n",
    ));
    let answers: Vec<_> =
        answer.split("HTTP/1.1 ").skip(1).map(|it| (&it[..3], it.split("\r\n\r\n").last().unwrap())).collect();
    assert_eq!(
        answers,
        [("200", "POST /v1/one 2"), ("200", "POST /v1/two 3"), ("200", "GET /v1/three 0"), ("400", "")]
    );
}

#[test]
fn what_follows_an_ignored_upgrade_is_not_read_as_a_request() {
    let stand = Stand::start(patient());
    let upgrade = "GET /v1/a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n";
    let answer = stand.say(&format!("{upgrade}{upgrade}"));
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer:?}");
    assert_eq!(stand.handled(), 1);
}

#[test]
fn silent_and_slow_heads_are_cut_off() {
    let stand = Stand::start(Limits { head: SHORT, ..patient() });
    assert_eq!(read_all(&mut stand.connect()), "");
    let mut slow = stand.connect();
    while slow.write_all(b"G").is_ok() {
        std::thread::yield_now();
    }
    let mut half = stand.connect();
    half.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
    assert_eq!(read_all(&mut half), "");
    assert!(stand.is_well());
}

#[test]
fn a_kept_connection_may_be_silent_for_longer_than_a_head_may_take_and_then_is_closed() {
    let stand = Stand::start(Limits { head: SHORT, ..patient() });
    let mut kept = stand.connect();
    kept.write_all(head("").replace("Connection: close\r\n", "").as_bytes()).unwrap();
    read_one(&mut kept);
    // Longer than a head's deadline: a fresh connection has been cut off meanwhile.
    assert_eq!(read_all(&mut stand.connect()), "");
    kept.write_all(b"GET /v1/b HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(read_one(&mut kept).ends_with("GET /v1/b 0"));
    kept.write_all(b"GET /v1/b HTTP/1.1\r\n").unwrap();
    assert_eq!(read_all(&mut kept), "");

    let stand = Stand::start(Limits { idle: SHORT, ..patient() });
    let mut kept = stand.connect();
    kept.write_all(b"GET /v1/b HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_one(&mut kept);
    assert_eq!(read_all(&mut kept), "");
}

#[test]
fn a_handler_that_panics_is_a_500_for_its_caller_alone() {
    let stand = Stand::start(patient());
    let mut stream = stand.connect();
    write!(stream, "GET /v1/panic HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let answer = read_one(&mut stream);
    assert!(status(&answer) == "500" && !answer.contains("a secret"));
    write!(stream, "GET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(status(&read_one(&mut stream)), "200");
}

#[test]
fn a_request_without_end_is_answered_at_its_deadline() {
    let stand = Stand::start(Limits { request: SHORT, ..patient() });
    assert_eq!(status(&stand.say("GET /v1/hang HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")), "503");
}
