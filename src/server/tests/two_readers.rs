//! Our reader before hyper on random connections. hyper may still refuse what our reader accepts; it then answers 400
//! and closes. But each request that hyper finds must be one that our reader found, with the same method, target and
//! body, at the same place. Otherwise a request could be hidden in the body of another.

use std::{convert::Infallible, sync::mpsc};

use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use proptest::{collection::vec, prelude::*, sample::select, strategy::ValueTree as _, test_runner::Config};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream},
    runtime::Runtime,
};
use tokio_util::sync::CancellationToken;

use super::stand::patient;
use crate::{
    base::limits::HEAD_BYTES_MAX,
    server::{
        connections::Connections,
        framing::{Framing, Position},
        strict_stream::StrictStream,
    },
};

/// One request as a reader found it. A body that breaks off is `None`.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    method: String,
    target: String,
    body: Option<Vec<u8>>,
}

/// The requests in `bytes` by our reader. It is given one byte at a time, so that every boundary is seen.
fn by_ours(bytes: &[u8]) -> Vec<Found> {
    let mut framing = Framing::default();
    let mut found: Vec<Found> = Vec::new();
    let (mut head, mut body) = (Vec::new(), Vec::new());
    for byte in bytes {
        let (position, is_body, heads) = (framing.position(), framing.is_at_body_byte(), framing.heads());
        if framing.read(&[*byte]).is_err() {
            break;
        }
        if is_body {
            body.push(*byte);
        } else if position != Position::InBody {
            head.push(*byte);
        }
        if framing.heads() > heads && !framing.is_head_too_large() {
            let mut words = head.split(|byte| *byte == b' ').map(|word| String::from_utf8_lossy(word).into_owned());
            let (method, target) = (words.next().unwrap(), words.next().unwrap());
            found.push(Found { method, target, body: None });
            head.clear();
        }
        if framing.position() == Position::BetweenRequests {
            found.last_mut().unwrap().body = Some(std::mem::take(&mut body));
        }
    }
    found
}

/// The requests in `bytes` by hyper behind our reader, which gets at most `piece` bytes at a time.
fn by_both(runtime: &Runtime, bytes: &[u8], piece: usize) -> Vec<Found> {
    runtime.block_on(async {
        let slot =
            Connections::new(patient().connections, CancellationToken::new()).open([127, 0, 0, 1].into()).unwrap();
        let strict = |stream| StrictStream::new(stream, patient(), slot.activity.clone());
        by_hyper(bytes, piece, strict).await
    })
}

/// The requests in `bytes` by hyper alone.
fn by_hyper_alone(runtime: &Runtime, bytes: &[u8]) -> Vec<Found> {
    runtime.block_on(by_hyper(bytes, 1 << 20, |stream| stream))
}

/// The requests that hyper finds, with the settings of a connection.
async fn by_hyper<S: AsyncRead + AsyncWrite + Unpin>(
    bytes: &[u8],
    piece: usize,
    wrap: impl FnOnce(DuplexStream) -> S,
) -> Vec<Found> {
    let (requests, found) = mpsc::channel();
    let (mut client, server) = tokio::io::duplex(piece);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let requests = requests.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.ok().map(|body| body.to_bytes().to_vec());
            let target = parts.uri.to_string();
            requests.send(Found { method: parts.method.to_string(), target, body }).unwrap();
            Ok::<_, Infallible>(hyper::Response::new(String::new()))
        }
    });
    let mut builder = http1::Builder::new();
    // The client has nothing more to say; what it said must still be read to the end.
    builder.half_close(true).max_buf_size(HEAD_BYTES_MAX).max_header_size(HEAD_BYTES_MAX);
    let connection = builder.serve_connection(TokioIo::new(wrap(server)), service);
    let (mut answers, mut sender) = tokio::io::split(&mut client);
    let say = async {
        let _refused_before_the_end = sender.write_all(bytes).await;
        let _refused_before_the_end = sender.shutdown().await;
    };
    let listen = async { answers.read_to_end(&mut Vec::new()).await };
    let (_ended, (), _closed) = tokio::join!(connection, say, listen);
    found.try_iter().collect()
}

/// Fails if hyper found a request that our reader did not find.
fn compare(ours: &[Found], hypers: &[Found]) -> Result<(), String> {
    for (place, hypers) in hypers.iter().enumerate() {
        let ours = ours.get(place);
        let is_same = |ours: &Found| {
            ours.method == hypers.method && ours.body == hypers.body && same_target(&ours.target, &hypers.target)
        };
        if !ours.is_some_and(is_same) {
            return Err(format!("request {place}\nours: {ours:?}\nhyper: {hypers:?}"));
        }
    }
    Ok(())
}

/// `http://a` and `http://a/` are one target to hyper, and the scheme is in lower case.
fn same_target(ours: &str, hypers: &str) -> bool {
    ours == hypers || ours.parse::<http::Uri>().is_ok_and(|uri| uri == *hypers)
}

/// With a clock, for the deadlines of our reader. None of them is met.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// A connection: some requests, each made of parts that are right or wrong, and a few bytes changed.
fn connections() -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<prop::sample::Index>(), changes()), 0..3);
    (vec(requests(), 1..4), changes).prop_map(|(requests, changes)| {
        let mut bytes = requests.concat();
        for (at, change) in changes {
            let at = at.index(bytes.len());
            match change {
                Change::Set(byte) => bytes[at] = byte,
                Change::Insert(byte) => bytes.insert(at, byte),
                Change::Remove => drop(bytes.remove(at)),
                Change::Cut => bytes.truncate(at.max(1)),
            }
        }
        bytes
    })
}

#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Insert(u8),
    Remove,
    Cut,
}

fn changes() -> impl Strategy<Value = Change> {
    let byte = || prop_oneof![4 => select(&b"\r\n \t:;,0123\0#/"[..]), 1 => any::<u8>()];
    prop_oneof![
        3 => byte().prop_map(Change::Set),
        3 => byte().prop_map(Change::Insert),
        3 => Just(Change::Remove),
        1 => Just(Change::Cut),
    ]
}

fn requests() -> impl Strategy<Value = Vec<u8>> {
    let method =
        prop_oneof![8 => select(&["GET", "POST", "LIST"][..]), 1 => select(&["CONNECT", "", "G@T", " GET"][..])];
    let target = prop_oneof![
        8 => select(&["/v1/a", "/", "/v1/a%2Fb?c=d", "*"][..]),
        1 => select(&["http://a/b", "HTTP://A", "/a#b", "a", "", "/a b", "/\u{e4}"][..]),
    ];
    let version = prop_oneof![8 => Just("HTTP/1.1"), 1 => select(&["HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", ""][..])];
    let line_end = || prop_oneof![30 => Just("\r\n"), 1 => select(&["\n", "\r", "\r\r\n", "\n\r"][..])];
    (method, target, version, line_end(), vec((headers(), line_end()), 0..4), line_end(), bodies()).prop_map(
        |(method, target, version, first_end, headers, last_end, (framing, body))| {
            let mut bytes = format!("{method} {target} {version}{first_end}Host: a\r\n{framing}").into_bytes();
            for (header, end) in headers {
                bytes.extend_from_slice(header.as_bytes());
                bytes.extend_from_slice(end.as_bytes());
            }
            bytes.extend_from_slice(last_end.as_bytes());
            bytes.extend_from_slice(body.as_bytes());
            bytes
        },
    )
}

/// A header beside those that the body needs.
fn headers() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => select(&["X: 1", "Accept: */*", "Connection: keep-alive", "X-Empty:"][..]),
        3 => select(&[
            "Content-Length: 3", "Content-Length: 0", "content-length: 3", "Content-Length: +3", "Content-Length: 3,3",
            "Content-Length : 3", "Content-Length:\t3", "Content-Length: 03", "Content-Length: 99999999999999999999",
            "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: identity",
            "Transfer-Encoding: chunked, ", "Transfer-Encoding: Chunked", "Transfer-Encoding:\u{b}chunked",
        ][..]),
        1 => select(&["Host: b", " folded", "\tfolded", ": x", "no colon", "Upgrade: h2c", "Upgrade: x",
            "Connection: close", "Expect: 100-continue", "X\u{0}: 1"][..]),
    ]
}

/// The headers of a body, which fit it or not, and its bytes. A body may look like a request.
fn bodies() -> impl Strategy<Value = (&'static str, String)> {
    let text = || select(&["", "abc", "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "0\r\n\r\n", "3\r\nabc\r\n"][..]);
    let size_end =
        prop_oneof![12 => Just("\r\n"), 1 => select(&[";x=y\r\n", " \r\n", "\n", ";\n\r\n", "\t;a\r\n"][..])];
    let chunk = (text(), size_end, prop_oneof![12 => Just("\r\n"), 1 => select(&["\n", "", "x\r\n"][..])])
        .prop_map(|(text, size_end, end)| format!("{:x}{size_end}{text}{end}", text.len()));
    let last = prop_oneof![6 => Just("0\r\n\r\n"), 1 => select(&["0\r\nX: y\r\n\r\n", "00\r\n\r\n", "0\n\n", "0;x\r\n\r\n", ""][..])];
    prop_oneof![
        2 => Just(("", String::new())),
        2 => Just(("Content-Length: 3\r\n", "abc".to_owned())),
        2 => text().prop_map(|text| ("Content-Length: 3\r\n", text.to_owned())),
        1 => text().prop_map(|text| ("", text.to_owned())),
        4 => (vec(chunk, 0..3), last)
            .prop_map(|(chunks, last)| ("Transfer-Encoding: chunked\r\n", chunks.concat() + last)),
    ]
}

/// `STRONGROOM_LONG=1` compares two hundred times as many connections.
fn cases() -> u32 {
    if std::env::var_os("STRONGROOM_LONG").is_some() { 1_000_000 } else { 5_000 }
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn hyper_finds_the_requests_that_our_reader_found(
        bytes in connections(),
        piece in prop_oneof![Just(1_usize), 2..40_usize, Just(1 << 20)],
    ) {
        thread_local!(static RUNTIME: Runtime = runtime());
        let hypers = RUNTIME.with(|runtime| by_both(runtime, &bytes, piece));
        if let Err(difference) = compare(&by_ours(&bytes), &hypers) {
            prop_assert!(false, "{:?}\n{difference}", String::from_utf8_lossy(&bytes));
        }
    }
}

/// Bad bytes in place of a refused size line completed the part of it that hyper had: it took the body for whole.
#[test]
fn a_refused_chunk_line_does_not_end_the_body() {
    let head = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    for line in [
        "0;\n",
        "0;x\n",
        "0;\r",
        "0;x\r",
        "0;x\0y",
        "0\n",
        "0 ",
        "0\r\r",
        "0\r\nx",
        "0\r\n\rx",
        "3\r\nabcd",
        "3\r\nabc\n",
        "3\r\nabc\rx",
    ] {
        let bytes = format!("{head}{line}\r\n0\r\n\r\n");
        for piece in [1, 2, 3, 1 << 20] {
            let found = by_both(&runtime(), bytes.as_bytes(), piece);
            assert!(found.len() == 1 && found[0].body.is_none(), "{line:?} in pieces of {piece}: {found:?}");
        }
    }
}

/// The negative control: without our reader hyper finds other requests, and the comparison says so.
#[test]
fn without_our_reader_the_comparison_fails() {
    let rest = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n";
    for bytes in [
        format!("{rest}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("{rest}Content-Length: 3\r\n\r\nabc"),
        format!("{rest}X: y\n\r\nabc"),
    ] {
        let (ours, runtime) = (by_ours(bytes.as_bytes()), runtime());
        assert!(ours.is_empty() && by_both(&runtime, bytes.as_bytes(), 1 << 20).is_empty(), "{bytes:?}");
        assert!(compare(&ours, &by_hyper_alone(&runtime, bytes.as_bytes())).is_err(), "{bytes:?}");
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (runtime, mut different) = (runtime(), 0);
    for _ in 0..1_000 {
        let bytes = connections().new_tree(&mut runner).unwrap().current();
        different += u32::from(compare(&by_ours(&bytes), &by_hyper_alone(&runtime, &bytes)).is_err());
    }
    assert!(different > 20, "{different} of 1,000");
}

/// Random connections must get past the first rules: many requests are accepted, and many of them have a body.
#[test]
fn many_random_requests_are_accepted() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (runtime, mut accepted, mut with_body) = (runtime(), 0, 0);
    for _ in 0..1_000 {
        let bytes = connections().new_tree(&mut runner).unwrap().current();
        let found = by_both(&runtime, &bytes, 1 << 20);
        accepted += found.len();
        with_body += found.iter().filter(|found| found.body.as_ref().is_some_and(|body| !body.is_empty())).count();
    }
    assert!(accepted > 300 && with_body > 100, "{accepted} accepted, {with_body} with a body");
}
