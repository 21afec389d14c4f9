//! Names and values of a query or a form. Our own decoding, because strictness is the point: a broken escape or text that
//! is not UTF-8 is refused, where libraries put replacement characters in its place.

/// Pairs of one query: bounded so that nobody makes us keep thousands.
const PAIRS_MAX: usize = 64;

/// Why a query does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum QueryError {
    #[error("the query has too many parameters")]
    TooMany,
    #[error("the query does not decode")]
    Encoding,
}

/// The decoded pairs, in order.
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

/// One pass of form decoding; `None` for a broken escape or text that is not UTF-8.
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
