//! Where one request ends and the next begins, judged strictly and before hyper sees a byte. hyper repairs some
//! requests that two servers in a row could read differently (a length beside chunks, a length said twice, bare line
//! feeds, a fragment in the target); here each of them is refused. No sockets and no clock: bytes in, verdict out.

use crate::base::limits::{CHUNK_LINE_BYTES_MAX, HEAD_BYTES_MAX, HEADER_BYTES_MAX};

/// Follows the bytes of one connection.
#[derive(Default)]
pub struct Framing {
    state: State,
    /// The line or head that is not complete yet.
    open: Vec<u8>,
    /// Where in `open` the last line begins.
    line: usize,
    heads: u64,
}

/// Where the next byte will belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the first byte of a request.
    Between,
    Head,
    Body,
    /// Behind a refused byte; nothing more is read.
    Refused,
}

/// The bytes are no request that has one meaning. Those before `passed` may still be handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub passed: usize,
}

#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    /// A head beyond its limit: hyper, which has the same limit, answers 431.
    HeadTooLong,
    Body(u64),
    ChunkLine,
    /// The bytes of a chunk and the line end behind them.
    Chunk(u64),
    /// The line behind the last chunk, which must be empty: nobody here reads trailers.
    LastLine,
    Refused,
}

/// What a step made of the bytes it was given: how many it used.
type Step = Result<usize, ()>;

impl Framing {
    pub fn place(&self) -> Place {
        match self.state {
            State::Head if self.open.is_empty() => Place::Between,
            State::Head | State::HeadTooLong => Place::Head,
            State::Body(_) | State::ChunkLine | State::Chunk(_) | State::LastLine => Place::Body,
            State::Refused => Place::Refused,
        }
    }

    /// How many heads have come to their end.
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Takes the next bytes of the connection.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), Refused> {
        let mut rest = piece;
        while !rest.is_empty() {
            let step = match self.state {
                State::Head => self.head(rest),
                State::HeadTooLong => Ok(rest.len()),
                State::Body(left) => Ok(self.counted(rest, left, State::Body, State::Head)),
                State::Chunk(left) => self.chunk(rest, left),
                State::ChunkLine | State::LastLine => self.chunk_line(rest),
                State::Refused => Err(()),
            };
            let Ok(used) = step else {
                self.state = State::Refused;
                return Err(Refused { passed: piece.len() - rest.len() });
            };
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    fn head(&mut self, rest: &[u8]) -> Step {
        if self.open.is_empty() {
            return match scan(rest, 0) {
                // The common case: the whole head in one piece, looked at where it lies.
                Scan::End(end) => self.complete(rest.get(..end).unwrap_or_default(), end),
                Scan::Open { line } => {
                    self.line = line;
                    Ok(self.keep(rest))
                }
                Scan::Bare => Err(()),
            };
        }
        let before = self.open.len();
        let used = self.keep(rest);
        match scan(&self.open, self.line) {
            Scan::End(end) => {
                let mut head = std::mem::take(&mut self.open);
                head.truncate(end);
                self.line = 0;
                self.complete(&head, end.saturating_sub(before))
            }
            Scan::Open { line } => {
                self.line = line;
                Ok(used)
            }
            Scan::Bare => Err(()),
        }
    }

    /// Keeps what is not complete; says how many bytes that used.
    fn keep(&mut self, rest: &[u8]) -> usize {
        if self.open.len() + rest.len() > HEAD_BYTES_MAX + HEADER_BYTES_MAX {
            self.state = State::HeadTooLong;
        } else {
            self.open.extend_from_slice(rest);
        }
        rest.len()
    }

    fn complete(&mut self, head: &[u8], used: usize) -> Step {
        self.state = match head.len() {
            0..=HEAD_BYTES_MAX => judge(head).ok_or(())?,
            _ => State::HeadTooLong,
        };
        self.heads += 1;
        Ok(used)
    }

    /// Counts `left` down by what of `rest` belongs to it; 0 leads to `after`.
    fn counted(&mut self, rest: &[u8], left: u64, more: fn(u64) -> State, after: State) -> usize {
        let used = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        self.state = match left - used as u64 {
            0 => after,
            left => more(left),
        };
        used
    }

    fn chunk(&mut self, rest: &[u8], left: u64) -> Step {
        // The last two bytes of `left` are the line end.
        match (left, rest.first()) {
            (2, Some(b'\r')) | (1, Some(b'\n')) => {
                Ok(self.counted(rest.get(..1).unwrap_or_default(), left, State::Chunk, State::ChunkLine))
            }
            (1 | 2, _) => Err(()),
            _ => {
                let data = rest.len().min(usize::try_from(left - 2).unwrap_or(usize::MAX));
                Ok(self.counted(rest.get(..data).unwrap_or_default(), left, State::Chunk, State::ChunkLine))
            }
        }
    }

    fn chunk_line(&mut self, rest: &[u8]) -> Step {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(rest.len(), |end| end + 1);
        if self.open.len() + used > CHUNK_LINE_BYTES_MAX {
            return Err(());
        }
        self.open.extend_from_slice(rest.get(..used).unwrap_or_default());
        if end.is_some() {
            let line = std::mem::take(&mut self.open);
            let line = line.strip_suffix(b"\r\n").ok_or(())?;
            self.state = match self.state {
                State::LastLine if line.is_empty() => State::Head,
                State::LastLine => return Err(()),
                _ => match chunk_size(line).ok_or(())? {
                    0 => State::LastLine,
                    size => State::Chunk(size + 2),
                },
            };
        }
        Ok(used)
    }
}

enum Scan {
    /// The head's last byte lies before this index.
    End(usize),
    /// More is needed; the last line begins at `line`.
    Open { line: usize },
    /// A line ends without a carriage return.
    Bare,
}

/// Looks for the empty line, from the line that begins at `line` on.
fn scan(bytes: &[u8], mut line: usize) -> Scan {
    loop {
        let rest = bytes.get(line..).unwrap_or_default();
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return Scan::Open { line } };
        let text = rest.get(..end).unwrap_or_default();
        match text.strip_suffix(b"\r") {
            None => return Scan::Bare,
            Some([]) => return Scan::End(line + end + 1),
            Some(_) => line += end + 1,
        }
    }
}

/// What follows a complete head; `None` where it can be read in two ways.
fn judge(head: &[u8]) -> Option<State> {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let is_http_11 = request_line(lines.next()?)?;
    let (mut length, mut chunked, mut hosts) = (None, false, 0);
    for line in lines {
        let Some(first) = line.first() else { continue };
        // RFC 9112 §5.2: a folded line is refused.
        if matches!(first, b' ' | b'\t') || line.len() > HEADER_BYTES_MAX {
            return None;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?.trim_ascii());
        if name.last().is_none_or(u8::is_ascii_whitespace) {
            return None;
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            // RFC 9112 §6.3: once, and digits only.
            if length.replace(digits(value)?).is_some() {
                return None;
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !is_http_11 || !value.eq_ignore_ascii_case(b"chunked") {
                return None;
            }
            chunked = true;
        } else if name.eq_ignore_ascii_case(b"host") {
            // RFC 3986 §3.2.2: a name, an address and a port; whatever else is no host.
            if !value.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_~:[]%".contains(byte)) {
                return None;
            }
            hosts += 1;
        } else if name.eq_ignore_ascii_case(b"upgrade") && !value.eq_ignore_ascii_case(b"h2c") {
            return None;
        }
    }
    // RFC 9112 §3.2: HTTP/1.1 needs one Host, and nobody may send two.
    if hosts > 1 || (is_http_11 && hosts == 0) {
        return None;
    }
    match (length, chunked) {
        (Some(_), true) => None,
        (None, true) => Some(State::ChunkLine),
        (None | Some(0), false) => Some(State::Head),
        (Some(left), false) => Some(State::Body(left)),
    }
}

/// Whether the request is HTTP/1.1 rather than 1.0; `None` for any other line.
fn request_line(line: &[u8]) -> Option<bool> {
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    // A fragment would be cut off silently on the way. CONNECT asks for a tunnel, which is not ours to give.
    if words.next().is_some() || target.is_empty() || target.contains(&b'#') || method == b"CONNECT" {
        return None;
    }
    match version {
        b"HTTP/1.1" => Some(true),
        b"HTTP/1.0" => Some(false),
        _ => None,
    }
}

fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The size of a chunk line: hexadecimal digits, and an extension that nobody reads.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let size = line.split(|byte| *byte == b';').next()?;
    if size.is_empty() || size.len() > 8 || !size.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place behind `text`, taken in pieces of every size, which must all agree.
    fn place(text: &str) -> Place {
        let whole = follow(text, text.len().max(1));
        for size in [1, 2, 3, 7] {
            assert_eq!(follow(text, size), whole, "{text:?} in pieces of {size}");
        }
        whole
    }

    fn follow(text: &str, size: usize) -> Place {
        let mut framing = Framing::default();
        for piece in text.as_bytes().chunks(size) {
            if framing.take(piece).is_err() {
                break;
            }
        }
        framing.place()
    }

    fn post(headers: &str, body: &str) -> Place {
        place(&format!("POST /v1/a HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}"))
    }

    #[test]
    fn requests_of_one_meaning_are_followed_to_their_end() {
        assert_eq!(place(""), Place::Between);
        assert_eq!(place("GET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n"), Place::Between);
        assert_eq!(place("LIST /v1/a HTTP/1.1\r\nHost: a\r\n"), Place::Head);
        assert_eq!(place("GET / HTTP/1.0\r\n\r\n"), Place::Between);
        assert_eq!(post("Content-Length: 3\r\n", "ab"), Place::Body);
        assert_eq!(post("Content-Length: 3\r\n", "abc"), Place::Between);
        assert_eq!(post("content-length:3\r\n", "abcG"), Place::Head);
        assert_eq!(post("Content-Length: 0\r\n", ""), Place::Between);
        assert_eq!(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"), Place::Body);
        assert_eq!(
            post("Transfer-Encoding: Chunked\r\n", "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"),
            Place::Between
        );
        assert_eq!(post("Upgrade: h2c\r\n", ""), Place::Between);
        let two = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
        assert_eq!(place(&two), Place::Between);
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
            assert_eq!(post(headers, ""), Place::Refused, "{headers:?}");
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
            assert_eq!(place(text), Place::Refused, "{text:?}");
        }
    }

    #[test]
    fn chunks_are_strict() {
        let long = format!("1;{}\r\na\r\n", "x".repeat(CHUNK_LINE_BYTES_MAX));
        for body in [
            "x\r\n",
            "\r\n",
            "1\na\r\n",
            "1\r\nab\r\n",
            "1\r\na\n",
            "-1\r\n",
            "123456789\r\n",
            "0\r\nX: y\r\n\r\n",
            &long,
        ] {
            assert_eq!(post("Transfer-Encoding: chunked\r\n", body), Place::Refused, "{body:?}");
        }
    }

    #[test]
    fn what_came_before_a_refused_byte_may_pass() {
        let good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let both = format!("{good}GET / HTTP/1.1\n");
        assert_eq!(Framing::default().take(both.as_bytes()), Err(Refused { passed: good.len() }));
    }

    #[test]
    fn a_head_beyond_its_limit_is_left_to_hyper_and_one_long_line_is_refused() {
        let header = format!("X: {}\r\n", "x".repeat(4_000));
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", header.repeat(5));
        assert_eq!(follow(&head, head.len()), Place::Head);
        assert_eq!(follow(&head, 1_000), Place::Head);
        assert_eq!(post(&format!("X: {}\r\n", "x".repeat(HEADER_BYTES_MAX)), ""), Place::Refused);
    }
}
