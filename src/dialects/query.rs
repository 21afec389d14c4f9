//! Decodes the names and values of a query or a form. The decoder is our own because it is strict: it refuses a broken
//! escape or text that is not UTF-8, where libraries put replacement characters in its place.

/// A query may have at most this many parameters, so that it cannot take much memory. A longer one is refused.
const PAIRS_MAX: usize = 64;

/// Why a query is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryError {
    #[error("the query has too many parameters: at most {PAIRS_MAX}")]
    TooMany,
    #[error("the query has a broken escape or is not UTF-8")]
    Encoding,
}

/// The decoded parameters, in order.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, QueryError> {
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if pairs.len() >= PAIRS_MAX {
            return Err(QueryError::TooMany);
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push(decode(name).zip(decode(value)).ok_or(QueryError::Encoding)?);
    }
    Ok(pairs)
}

/// Decodes one name or value of a form, once. `None` if an escape is broken or the result is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|d| u8::try_from(d).ok());
                bytes.push(digit(rest.next())? << 4 | digit(rest.next())?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}
