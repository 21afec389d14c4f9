//! Single requests and chunks, each taken in pieces of several sizes.

use super::*;

/// The position after `text`, taken in pieces of every size, which must all agree.
fn position(text: &str) -> Position {
    let whole = follow(text, text.len().max(1));
    for size in [1, 2, 3, 7] {
        assert_eq!(follow(text, size), whole, "{text:?} in pieces of {size}");
    }
    whole
}

fn follow(text: &str, size: usize) -> Position {
    let mut framing = Framing::default();
    for piece in text.as_bytes().chunks(size) {
        if framing.read(piece).is_err() {
            break;
        }
    }
    framing.position()
}

fn post(headers: &str, body: &str) -> Position {
    position(&format!("POST /v1/a HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}"))
}

#[test]
fn requests_of_one_meaning_are_followed_to_their_end() {
    assert_eq!(position(""), Position::BetweenRequests);
    assert_eq!(position("GET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n"), Position::BetweenRequests);
    assert_eq!(position("LIST /v1/a HTTP/1.1\r\nHost: a\r\n"), Position::InHead);
    assert_eq!(position("GET / HTTP/1.0\r\n\r\n"), Position::BetweenRequests);
    assert_eq!(post("Content-Length: 3\r\n", "ab"), Position::InBody);
    assert_eq!(post("Content-Length: 3\r\n", "abc"), Position::BetweenRequests);
    assert_eq!(post("content-length:3\r\n", "abcG"), Position::InHead);
    assert_eq!(post("Content-Length: 0\r\n", ""), Position::BetweenRequests);
    assert_eq!(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"), Position::InBody);
    assert_eq!(
        post("Transfer-Encoding: Chunked\r\n", "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"),
        Position::BetweenRequests
    );
    assert_eq!(post("Upgrade: h2c\r\n", ""), Position::BetweenRequests);
    let two = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
    assert_eq!(position(&two), Position::BetweenRequests);
}

#[test]
fn requests_of_two_meanings_are_refused() {
    for headers in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: 3,3\r\n",
        "Content-Length: 0x3\r\n",
        "Content-Length: -1\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\r\n",
        ": 1\r\n",
        "X: 1\r\n folded\r\n",
        "X: 1\nY: 2\r\n",
        "no colon\r\n",
        "Host: b\r\n",
        "Upgrade: websocket\r\n",
    ] {
        assert_eq!(post(headers, ""), Position::Refused, "{headers:?}");
    }
    for text in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(position(text), Position::Refused, "{text:?}");
    }
}

#[test]
fn chunks_are_strict() {
    let long = format!("1;{}\r\na\r\n", "x".repeat(CHUNK_LINE_BYTES_MAX));
    for body in
        ["x\r\n", "\r\n", "1\na\r\n", "1\r\nab\r\n", "1\r\na\n", "-1\r\n", "123456789\r\n", "0\r\nX: y\r\n\r\n", &long]
    {
        assert_eq!(post("Transfer-Encoding: chunked\r\n", body), Position::Refused, "{body:?}");
    }
}

#[test]
fn what_came_before_a_refused_byte_may_pass() {
    let good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let both = format!("{good}GET / HTTP/1.1\n");
    assert_eq!(Framing::default().read(both.as_bytes()), Err(Refused { accepted: good.len(), part: Part::Head }));
}

#[test]
fn a_head_beyond_its_limit_is_left_to_hyper_and_one_long_line_is_refused() {
    let header = format!("X: {}\r\n", "x".repeat(4_000));
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", header.repeat(5));
    assert_eq!(follow(&head, head.len()), Position::InHead);
    assert_eq!(follow(&head, 1_000), Position::InHead);
    assert_eq!(post(&format!("X: {}\r\n", "x".repeat(HEADER_BYTES_MAX)), ""), Position::Refused);
}
