//! JSON strings: resolving the escapes of a string, and writing a text as a string.

use std::{borrow::Cow, fmt::Write as _};

use crate::base::unicode;

/// The text of a JSON string. `raw` is what stands between its quotes.
pub(crate) fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    unescape_to(raw, &mut out);
    Cow::Owned(out)
}

/// As [`unescape`], but appends to `out`. A bad escape becomes U+FFFD; a JSON text that was read without an error has
/// no bad escape.
fn unescape_to(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let (c, len) = one_escape(escape);
        out.push(c);
        rest = escape.get(len..).unwrap_or("");
    }
    out.push_str(rest);
}

/// The character that the escape at the beginning of `text` stands for, and the escape's length.
fn one_escape(text: &str) -> (char, usize) {
    let bad = char::REPLACEMENT_CHARACTER;
    let unit = |at: usize| text.get(at..at + 4).and_then(four_digits);
    match text.as_bytes().get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'u') => match unit(2) {
            Some(high @ 0xd800..=0xdbff) if text.get(6..8) == Some("\\u") => {
                let pair = unit(8).filter(|low| (0xdc00..=0xdfff).contains(low));
                let c = pair.and_then(|low| char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)));
                c.map_or((bad, 6), |c| (c, 12))
            }
            Some(unit) => (char::from_u32(unit).unwrap_or(bad), 6),
            None => (bad, 2),
        },
        Some(&byte) if byte.is_ascii() => (char::from(byte), 2),
        _ => (bad, 1),
    }
}

/// Appends `text` to `out` as a JSON string. Characters that a terminal, a browser or a person could mistake are
/// written as `\u…`: hidden ones (see [`unicode::is_hidden`]) and `<`, `>`, `&`.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, suspect) = rest.split_at(plain_bytes(rest));
        out.push_str(plain);
        let Some(c) = suspect.chars().next() else { break };
        if c.is_ascii() || unicode::is_hidden(c) {
            quote_one(c, out);
        } else {
            out.push(c);
        }
        rest = suspect.get(c.len_utf8()..).unwrap_or("");
    }
    out.push('"');
}

/// How many bytes at the beginning of `text` need no escape. Looks at blocks of 16 bytes first, because the compiler
/// turns each block into a few vector instructions.
#[expect(clippy::needless_bitwise_bool, clippy::manual_range_contains, reason = "a block has no branches only so")]
fn plain_bytes(text: &str) -> usize {
    let is_plain = |byte: u8| {
        (byte >= 0x20)
            & (byte < 0x7f)
            & (byte != b'"')
            & (byte != b'\\')
            & (byte != b'<')
            & (byte != b'>')
            & (byte != b'&')
    };
    let (blocks, _) = text.as_bytes().as_chunks::<16>();
    let whole =
        blocks.iter().take_while(|block| block.iter().fold(true, |all, byte| all & is_plain(*byte))).count() * 16;
    let rest = text.as_bytes().get(whole..).unwrap_or_default();
    whole + rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len())
}

fn quote_one(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

pub(super) fn four_digits(digits: &str) -> Option<u32> {
    // `from_str_radix` would take a sign.
    if digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}
