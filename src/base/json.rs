//! A JSON reader that checks a text before anything is built from it. [`scan`] is the check of every request body:
//! valid JSON, limited depth, tokens and numbers, no repeated key. [`walk`] gives the events of a text in order.
//! Neither recurses or copies, so a hostile text costs no more than its length.
//!
//! The scan is our own: limits and repeated keys must be found before a value is built, which serde_json does not do.
//! Stricter than RFC 8259: no byte order mark, no lone surrogates, no number that a double cannot hold.

mod text;

use std::{borrow::Cow, collections::HashSet};

use self::text::four_digits;
pub(crate) use self::text::{quote, unescape};
use super::limits::{JSON_DEPTH_MAX, JSON_TOKENS_MAX, NUMBER_BYTES_MAX};

/// A piece of a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    /// The text between the quotes, its escapes unresolved; [`unescape`] resolves them.
    Key(&'a str),
    /// The text between the quotes, as in `Key`.
    String(&'a str),
    /// The digits as they were written.
    Number(&'a str),
    Bool(bool),
    Null,
}

/// Why a text is refused. `at` counts bytes from 0; no message repeats any of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("the JSON text is not UTF-8")]
    Utf8,
    #[error("the JSON text is not valid at byte {at}")]
    Syntax { at: usize },
    #[error("the JSON text is incomplete")]
    Early,
    #[error("a string in the JSON text has a bad escape or a control character at byte {at}")]
    Text { at: usize },
    #[error("a number in the JSON text at byte {at} is too large or longer than {NUMBER_BYTES_MAX} bytes")]
    Number { at: usize },
    #[error("the JSON text continues after its value, at byte {at}")]
    Trailing { at: usize },
    #[error("the JSON text is nested too deeply at byte {at}: at most {JSON_DEPTH_MAX} levels")]
    Depth { at: usize },
    #[error("the JSON text has more than {JSON_TOKENS_MAX} values and keys")]
    Tokens,
    #[error("an object in the JSON text has the same key twice, at byte {at}")]
    KeyTwice { at: usize },
}

/// Accepts one JSON value of at most [`JSON_DEPTH_MAX`] levels and [`JSON_TOKENS_MAX`] keys and values, in which no
/// object has a key twice, however the key is escaped. Returns the text. Takes time linear in the length of `bytes`.
pub(crate) fn scan(bytes: &[u8]) -> Result<&str, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Utf8)?;
    let (mut keys, mut tokens) = (Keys::default(), 0_usize);
    run(text, |event, at| {
        match event {
            Event::ObjectEnd => {
                keys.close();
                return Ok(());
            }
            Event::ArrayEnd => {
                keys.depth -= 1;
                return Ok(());
            }
            Event::ObjectStart => keys.open(at)?,
            Event::ArrayStart => keys.descend(at)?,
            Event::Key(raw) => keys.add(raw, at)?,
            _ => {}
        }
        tokens += 1;
        if tokens > JSON_TOKENS_MAX { Err(JsonError::Tokens) } else { Ok(()) }
    })?;
    Ok(text)
}

/// Hands every piece of one JSON value to `visit`, in order. Keys may be repeated, and the number of values and keys is
/// not limited: texts from outside go through [`scan`] first.
pub(crate) fn walk<'a>(text: &'a str, mut visit: impl FnMut(Event<'a>)) -> Result<(), JsonError> {
    run(text, |event, _| {
        visit(event);
        Ok(())
    })
}

/// As [`walk`], but `visit` also gets the byte offset of each piece and can stop the reading with an error.
pub(super) fn run<'a, E: From<JsonError>>(
    text: &'a str,
    mut visit: impl FnMut(Event<'a>, usize) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0 };
    // A stack with one bit for each level, the innermost lowest: 1 is an object, 0 an array.
    let (mut kinds, mut depth) = (0_u128, 0_u32);
    loop {
        reader.skip_blanks();
        let at = reader.at;
        let event = match reader.peek() {
            Some(b'"') => Event::String(reader.string()?),
            Some(b'{') => Event::ObjectStart,
            Some(b'[') => Event::ArrayStart,
            Some(b'-' | b'0'..=b'9') => Event::Number(reader.number()?),
            _ => reader.word()?,
        };
        let mut is_first = matches!(event, Event::ObjectStart | Event::ArrayStart);
        let in_object = matches!(event, Event::ObjectStart);
        visit(event, at)?;
        if is_first {
            if depth == u128::BITS {
                return Err(JsonError::Depth { at }.into());
            }
            (kinds, depth) = (kinds << 1 | u128::from(in_object), depth + 1);
            reader.at += 1;
        }
        loop {
            reader.skip_blanks();
            let at = reader.at;
            if depth == 0 {
                let is_end = at == reader.bytes.len();
                return if is_end { Ok(()) } else { Err(JsonError::Trailing { at }.into()) };
            }
            let in_object = kinds & 1 == 1;
            match (reader.peek(), in_object) {
                (Some(b'}'), true) => visit(Event::ObjectEnd, at)?,
                (Some(b']'), false) => visit(Event::ArrayEnd, at)?,
                (Some(b','), _) if !is_first => {
                    reader.at += 1;
                    if in_object {
                        reader.key(&mut visit)?;
                    }
                    break;
                }
                (Some(b'"'), true) if is_first => {
                    reader.key(&mut visit)?;
                    break;
                }
                (Some(_), false) if is_first => break,
                _ => return Err(reader.unexpected().into()),
            }
            reader.at += 1;
            (kinds, depth, is_first) = (kinds >> 1, depth - 1, false);
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn unexpected(&self) -> JsonError {
        if self.at >= self.bytes.len() { JsonError::Early } else { JsonError::Syntax { at: self.at } }
    }

    fn key<E: From<JsonError>>(&mut self, visit: &mut impl FnMut(Event<'a>, usize) -> Result<(), E>) -> Result<(), E> {
        self.skip_blanks();
        let at = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.unexpected().into());
        }
        visit(Event::Key(self.string()?), at)?;
        self.skip_blanks();
        if self.peek() != Some(b':') {
            return Err(self.unexpected().into());
        }
        self.at += 1;
        Ok(())
    }

    /// Reads from one quote to the next and returns the text between them, its escapes unresolved.
    #[inline]
    fn string(&mut self) -> Result<&'a str, JsonError> {
        let from = self.at + 1;
        self.at = from;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(JsonError::Text { at: self.at }),
                None => return Err(JsonError::Early),
            }
        }
        let raw = self.text.get(from..self.at).ok_or(JsonError::Utf8)?;
        self.at += 1;
        Ok(raw)
    }

    /// Moves to the next quote, backslash or control byte, eight bytes at a time.
    #[inline]
    fn skip_plain(&mut self) {
        while let Some(&eight) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            let stops = stops(u64::from_le_bytes(eight));
            if stops != 0 {
                self.at += stops.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.peek().is_some_and(|b| !matches!(b, b'"' | b'\\' | 0..=0x1f)) {
            self.at += 1;
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let at = self.at;
        let bad = JsonError::Text { at };
        self.at += 2;
        match self.bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => {
                let unit = self.four_digits().ok_or(bad)?;
                match unit {
                    0xdc00..=0xdfff => Err(bad),
                    0xd800..=0xdbff => {
                        let is_pair = self.bytes.get(self.at..self.at + 2) == Some(b"\\u");
                        self.at += 2;
                        let low = self.four_digits().filter(|low| is_pair && (0xdc00..=0xdfff).contains(low));
                        low.map(|_| ()).ok_or(bad)
                    }
                    _ => Ok(()),
                }
            }
            Some(_) => Err(bad),
            None => Err(JsonError::Early),
        }
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        four_digits(digits)
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        let mut is_exact = true;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
            is_exact = false;
        }
        let raw = self.text.get(from..self.at).ok_or(JsonError::Utf8)?;
        let is_held = raw.len() <= NUMBER_BYTES_MAX
            && ((is_exact && raw.len() <= 300) || raw.parse::<f64>().is_ok_and(f64::is_finite));
        if is_held { Ok(raw) } else { Err(JsonError::Number { at: from }) }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let from = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > from { Ok(()) } else { Err(self.unexpected()) }
    }

    fn word(&mut self) -> Result<Event<'a>, JsonError> {
        for (word, event) in [(&b"true"[..], Event::Bool(true)), (b"false", Event::Bool(false)), (b"null", Event::Null)]
        {
            if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
                self.at += word.len();
                return Ok(event);
            }
        }
        Err(self.unexpected())
    }
}

/// Returns a word with the high bit set in each byte of `eight` that is a quote, a backslash or a control character.
/// Only the lowest of these bits is reliable: the subtraction borrows from the next byte, so higher bits can be false
/// alarms.
#[inline]
const fn stops(eight: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let quotes = eight ^ (ONES * b'"' as u64);
    let slashes = eight ^ (ONES * b'\\' as u64);
    let controls = eight.wrapping_sub(ONES * 0x20) & !eight;
    let zeros = (quotes.wrapping_sub(ONES) & !quotes) | (slashes.wrapping_sub(ONES) & !slashes);
    (controls | zeros) & HIGHS
}

/// The keys that were read of the objects that are still open, to find a repeated key.
#[derive(Default)]
struct Keys<'a> {
    /// Keys of all open objects, the innermost last.
    names: Vec<Cow<'a, str>>,
    objects: Vec<Object<'a>>,
    depth: usize,
}

struct Object<'a> {
    /// The index in `names` of this object's first key.
    from: usize,
    /// All keys of this object once it has nine; `None` before. Comparing a key with each earlier key would be
    /// quadratic. The hasher is std's, seeded at random, so that nobody can choose keys that collide.
    many: Option<HashSet<Cow<'a, str>>>,
}

/// Maximum number of keys of an object that are compared one by one; an object with more keys uses a hash set.
const FEW_KEYS: usize = 8;

impl<'a> Keys<'a> {
    fn descend(&mut self, at: usize) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth > JSON_DEPTH_MAX { Err(JsonError::Depth { at }) } else { Ok(()) }
    }

    fn open(&mut self, at: usize) -> Result<(), JsonError> {
        self.descend(at)?;
        self.objects.push(Object { from: self.names.len(), many: None });
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        if let Some(object) = self.objects.pop() {
            self.names.truncate(object.from);
        }
    }

    fn add(&mut self, raw: &'a str, at: usize) -> Result<(), JsonError> {
        let name = unescape(raw);
        let Some(object) = self.objects.last_mut() else { return Ok(()) };
        let is_new = if let Some(many) = &mut object.many {
            many.insert(name)
        } else {
            let own = self.names.get(object.from..).unwrap_or(&[]);
            let is_new = !own.contains(&name);
            if own.len() == FEW_KEYS {
                let mut many: HashSet<_> = self.names.drain(object.from..).collect();
                many.insert(name);
                object.many = Some(many);
            } else {
                self.names.push(name);
            }
            is_new
        };
        if is_new { Ok(()) } else { Err(JsonError::KeyTwice { at }) }
    }
}

#[cfg(test)]
mod tests;
