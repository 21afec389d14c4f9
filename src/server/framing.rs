//! Finds where one request ends and the next begins, before hyper sees the bytes. hyper accepts some requests that two
//! servers in a row could read differently: a length together with chunks, a length given twice, bare line feeds. This
//! reader refuses them. It parses heads with httparse, as hyper does, and adds rules; `tests/two_readers.rs` compares
//! it with hyper on random input. See docs/adr/0005. It uses no sockets and no clock.

#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;

use crate::base::limits::{CHUNK_LINE_BYTES_MAX, HEAD_BYTES_MAX, HEADER_BYTES_MAX, HEADERS_MAX};

/// The framing reader of one connection.
#[derive(Default)]
pub(crate) struct Framing {
    state: State,
    /// The bytes of a chunk line or head that is not complete yet.
    incomplete: Vec<u8>,
    /// The offset in `incomplete` of the line that is not complete yet.
    line_start: usize,
    heads: u64,
}

/// The part of a request to which the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    BetweenRequests,
    InHead,
    InBody,
    /// A byte was refused. No further byte is read.
    Refused,
}

/// The error for bytes that are not a request with exactly one meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The number of bytes, from the beginning of the piece, that may be passed on.
    pub(crate) accepted: usize,
    pub(crate) part: Part,
}

/// The part of a request in which a byte was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Head,
    Body,
}

#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    /// The head is longer than its limit or has too many headers. hyper has the same limits and answers 431.
    HeadTooLarge,
    /// A body of known length. The value is the number of bytes that are left.
    Body(u64),
    ChunkLine,
    /// A chunk. The value is the number of bytes that are left, including the line end after the chunk.
    Chunk(u64),
    /// The line after the last chunk. It must be empty, because Strongroom reads no trailers.
    LastLine,
    Refused,
}

/// The number of bytes that a step used. An error refuses the connection.
type Step = Result<usize, ()>;

impl Framing {
    pub(crate) fn position(&self) -> Position {
        match self.state {
            State::Head if self.incomplete.is_empty() => Position::BetweenRequests,
            State::Head | State::HeadTooLarge => Position::InHead,
            State::Body(_) | State::ChunkLine | State::Chunk(_) | State::LastLine => Position::InBody,
            State::Refused => Position::Refused,
        }
    }

    /// The number of request heads that have been completed.
    pub(crate) fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether the next byte is content of a body, and neither part of a head nor of a chunk's frame.
    #[cfg(test)]
    pub(crate) fn is_at_body_byte(&self) -> bool {
        matches!(self.state, State::Body(_)) || matches!(self.state, State::Chunk(3..))
    }

    /// Whether the request head is one that hyper answers with 431.
    #[cfg(test)]
    pub(crate) fn is_head_too_large(&self) -> bool {
        self.state == State::HeadTooLarge
    }

    /// Reads the next bytes of the connection.
    pub(crate) fn read(&mut self, piece: &[u8]) -> Result<(), Refused> {
        let mut rest = piece;
        while !rest.is_empty() {
            let step = match self.state {
                State::Head => self.read_head(rest),
                State::HeadTooLarge => Ok(rest.len()),
                State::Body(left) => Ok(self.count_down(rest.len(), left, State::Body, State::Head)),
                State::Chunk(left) => self.read_chunk(rest, left),
                State::ChunkLine | State::LastLine => self.read_chunk_line(rest),
                State::Refused => Err(()),
            };
            let Ok(used) = step else {
                let part = if self.position() == Position::InBody { Part::Body } else { Part::Head };
                self.state = State::Refused;
                return Err(Refused { accepted: piece.len() - rest.len(), part });
            };
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    fn read_head(&mut self, rest: &[u8]) -> Step {
        if self.incomplete.is_empty() {
            return match find_head_end(rest, 0) {
                // The common case: the head arrives in one piece, so it is not copied.
                HeadEnd::At(end) => self.complete_head(rest.get(..end).unwrap_or_default(), end),
                HeadEnd::Missing { line_start } => {
                    self.line_start = line_start;
                    Ok(self.keep(rest))
                }
                HeadEnd::BareLineFeed => Err(()),
            };
        }
        let before = self.incomplete.len();
        let used = self.keep(rest);
        match find_head_end(&self.incomplete, self.line_start) {
            HeadEnd::At(end) => {
                let mut head = std::mem::take(&mut self.incomplete);
                head.truncate(end);
                self.line_start = 0;
                self.complete_head(&head, end.saturating_sub(before))
            }
            HeadEnd::Missing { line_start } => {
                self.line_start = line_start;
                Ok(used)
            }
            HeadEnd::BareLineFeed => Err(()),
        }
    }

    /// Stores bytes of a head that is not complete. If the head gets too long,
    /// drops them. Returns the number of bytes used.
    fn keep(&mut self, rest: &[u8]) -> usize {
        if self.incomplete.len() + rest.len() > HEAD_BYTES_MAX + HEADER_BYTES_MAX {
            self.state = State::HeadTooLarge;
        } else {
            self.incomplete.extend_from_slice(rest);
        }
        rest.len()
    }

    fn complete_head(&mut self, head: &[u8], used: usize) -> Step {
        self.state = match head.len() {
            0..=HEAD_BYTES_MAX => state_after(head).ok_or(())?,
            _ => State::HeadTooLarge,
        };
        self.heads += 1;
        Ok(used)
    }

    /// Uses at most `available` of the `left` bytes and returns how many. When
    /// none are left, the state becomes `after`.
    fn count_down(&mut self, available: usize, left: u64, more: fn(u64) -> State, after: State) -> usize {
        let used = usize::try_from(left).unwrap_or(usize::MAX).min(available);
        self.state = match left - used as u64 {
            0 => after,
            left => more(left),
        };
        used
    }

    fn read_chunk(&mut self, rest: &[u8], left: u64) -> Step {
        // The last two bytes of `left` are the line end.
        let available = match (left, rest.first()) {
            (2, Some(b'\r')) | (1, Some(b'\n')) => 1,
            (1 | 2, _) => return Err(()),
            _ => rest.len().min(usize::try_from(left - 2).unwrap_or(usize::MAX)),
        };
        Ok(self.count_down(available, left, State::Chunk, State::ChunkLine))
    }

    fn read_chunk_line(&mut self, rest: &[u8]) -> Step {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(rest.len(), |end| end + 1);
        if self.incomplete.len() + used > CHUNK_LINE_BYTES_MAX {
            return Err(());
        }
        self.incomplete.extend_from_slice(rest.get(..used).unwrap_or_default());
        if end.is_some() {
            let line = std::mem::take(&mut self.incomplete);
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

enum HeadEnd {
    /// The head is complete. The value is the index after its last byte.
    At(usize),
    /// The head is not complete: more bytes are needed. Its last line, which is not complete
    /// either, begins at the offset `line_start`.
    Missing { line_start: usize },
    /// A line of the head ends without a carriage return.
    BareLineFeed,
}

/// Searches for the empty line that ends a head. All lines before the offset `line_start` were checked already.
fn find_head_end(bytes: &[u8], mut line_start: usize) -> HeadEnd {
    loop {
        let rest = bytes.get(line_start..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else { return HeadEnd::Missing { line_start } };
        let line = rest.get(..end).unwrap_or_default();
        match line.strip_suffix(b"\r") {
            None => return HeadEnd::BareLineFeed,
            Some([]) => return HeadEnd::At(line_start + end + 1),
            Some(_) => line_start += end + 1,
        }
    }
}

/// The state after a complete head. `None` if the head could be read in two ways and must be refused.
fn state_after(head: &[u8]) -> Option<State> {
    // httparse skips empty lines before a request, but another server may not.
    if head.starts_with(b"\r\n") {
        return None;
    }
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut headers) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Some(State::HeadTooLarge),
        _ => return None,
    }
    // hyper drops a fragment without an error. CONNECT asks for a tunnel, which Strongroom does not offer.
    if request.method? == "CONNECT" || request.path?.contains('#') {
        return None;
    }
    let version = if request.version? == 1 { HttpVersion::Http11 } else { HttpVersion::Http10 };
    body_framing(request.headers, version)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HttpVersion {
    Http10,
    Http11,
}

/// The state that the headers of a request lead to: how its body is framed. `None` if they could be read in two ways.
fn body_framing(headers: &[httparse::Header<'_>], version: HttpVersion) -> Option<State> {
    let (mut length, mut is_chunked, mut hosts) = (None, false, 0);
    for header in headers {
        let (name, value) = (header.name, header.value);
        if name.len() + value.len() > HEADER_BYTES_MAX {
            return None;
        }
        if name.eq_ignore_ascii_case("content-length") {
            // RFC 9112 §6.3: a length may be given only once, in digits. hyper accepts a second one that is equal.
            if length.replace(content_length(value)?).is_some() {
                return None;
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if is_chunked || version == HttpVersion::Http10 || !value.eq_ignore_ascii_case(b"chunked") {
                return None;
            }
            is_chunked = true;
        } else if name.eq_ignore_ascii_case("host") {
            // RFC 3986 §3.2.2: a host is a name or an address, perhaps with a port.
            if !value.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_~:[]%".contains(byte)) {
                return None;
            }
            hosts += 1;
        } else if name.eq_ignore_ascii_case("upgrade") && !value.eq_ignore_ascii_case(b"h2c") {
            return None;
        }
    }
    // RFC 9112 §3.2: HTTP/1.1 needs one Host, and no request may have two.
    if hosts > 1 || (version == HttpVersion::Http11 && hosts == 0) {
        return None;
    }
    match (length, is_chunked) {
        (Some(_), true) => None,
        (None, true) => Some(State::ChunkLine),
        (None | Some(0), false) => Some(State::Head),
        (Some(left), false) => Some(State::Body(left)),
    }
}

fn content_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The size in a chunk line: at most 8 hexadecimal digits. An extension after them is ignored, if it has no control
/// character but tabs: at a bare carriage return, other readers end the line. `None` if the line is not valid.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let size = line.split(|byte| *byte == b';').next()?;
    if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
        || size.is_empty()
        || size.len() > 8
        || !size.iter().all(u8::is_ascii_hexdigit)
    {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()
}
