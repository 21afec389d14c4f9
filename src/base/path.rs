//! Canonical paths. [`CanonicalPath::parse`] reads a request target once. Rate limits, lockout, access control, routing
//! and audit all use its result and accept nothing else, so no two of them can disagree about a path. A target that is
//! not canonical is refused, never cleaned up or redirected. Segments are compared as segments.
//!
//! Percent decoding is our own, because refusing every second spelling is the point. [`ident`], [`name`] and
//! [`policy_name`] are the alphabets of names.

use std::fmt;

use super::{
    limits::{NAME_BYTES_MAX, PATH_BYTES_MAX, PATH_SEGMENTS_MAX, SEGMENT_BYTES_MAX},
    unicode,
};

/// The segments of a request target, each decoded exactly once; none is empty, `.` or `..`, and none holds a `/`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CanonicalPath {
    /// The segments with `/` between them. Different paths have different texts, because no segment holds a `/`.
    joined: String,
    /// For each segment, the index in `joined` where it ends.
    ends: Vec<u16>,
    slashed: bool,
}

/// Why a text is not a path or a name. The message says which rule it breaks and never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the request target must begin with `/`")]
    Origin,
    #[error("the path is longer than {PATH_BYTES_MAX} bytes")]
    Length,
    #[error("the path has more than {PATH_SEGMENTS_MAX} segments")]
    Segments,
    #[error("a segment of the path is longer than {SEGMENT_BYTES_MAX} bytes")]
    SegmentLength,
    #[error("the path has an empty segment: write one `/` between segments")]
    Empty,
    #[error("the path may hold printable ASCII only and neither `#` nor `\\`: encode other bytes with `%`")]
    Byte,
    #[error("`%` in the path must be followed by two hexadecimal digits")]
    Escape,
    #[error("the path may not encode `/`, `\\` or a control character")]
    Hidden,
    #[error("the path is percent-encoded twice: encode it once")]
    Twice,
    #[error("the path is not UTF-8 after percent decoding")]
    Utf8,
    #[error("the path is not in Unicode normalization form C")]
    Form,
    #[error("relative paths not supported")]
    Relative,
    #[error("a name has 1 to {NAME_BYTES_MAX} characters")]
    NameLength,
    #[error("a name begins with a letter or digit and holds only letters, digits, `.`, `_`, `@` and `-`")]
    NameLetter,
    #[error("the name `root` is reserved")]
    Reserved,
}

impl CanonicalPath {
    /// Reads a request target as it came over the wire, up to a `?`. The target `/` gives a path without segments.
    pub(crate) fn parse(target: &str) -> Result<Self, PathError> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        if path.len() > PATH_BYTES_MAX {
            return Err(PathError::Length);
        }
        // This refuses the absolute form (`http://…`), the authority form and `*` (RFC 9112 §3.2).
        let body = path.strip_prefix('/').ok_or(PathError::Origin)?;
        let is_escaped = check_bytes(body.as_bytes())?;
        let (body, slashed) = match body.strip_suffix('/') {
            Some(body) => (body, true),
            None => (body, body.is_empty()),
        };
        let mut parsed = Self { joined: String::with_capacity(body.len()), ends: Vec::new(), slashed };
        if body.is_empty() {
            // `//` has an empty segment; `/` has none.
            return if path.len() > 1 { Err(PathError::Empty) } else { Ok(parsed) };
        }
        // The segments are counted first, so that a path with too many is refused before anything is stored.
        let raw_segments = || body.as_bytes().split(|&b| b == b'/');
        let count = raw_segments().count();
        if count > PATH_SEGMENTS_MAX {
            return Err(PathError::Segments);
        }
        parsed.ends.reserve_exact(count);
        if is_escaped {
            for raw in raw_segments() {
                parsed.push_decoded(raw)?;
            }
            return Ok(parsed);
        }
        parsed.joined.push_str(body);
        let mut end = 0;
        for segment in raw_segments() {
            end += segment.len();
            parsed.close_segment(segment, end)?;
            end += 1;
        }
        Ok(parsed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn segment(&self, index: usize) -> Option<&str> {
        let end = usize::from(*self.ends.get(index)?);
        self.joined.get(self.start_of(index)..end)
    }

    /// The decoded segments with `/` between them, without a `/` at the beginning or end.
    pub(crate) fn joined(&self) -> &str {
        &self.joined
    }

    /// The segments from number `from` (the first is 0) to the end, with `/` between them. Empty if there are none.
    pub(crate) fn tail(&self, from: usize) -> &str {
        if from >= self.ends.len() {
            return "";
        }
        self.joined.get(self.start_of(from)..).unwrap_or("")
    }

    /// Whether the target ended in a `/`, as clients write the path of a folder.
    pub(crate) fn is_slashed(&self) -> bool {
        self.slashed
    }

    /// The path without its first segment, if that segment is `first`; otherwise `None`. For `v1`, `/v1/sys/health`
    /// gives `sys/health`.
    pub(crate) fn strip(&self, first: &str) -> Option<Self> {
        if self.segment(0)? != first {
            return None;
        }
        let cut = u16::try_from(first.len()).ok()?.checked_add(1)?;
        let ends = self.ends.iter().skip(1).map(|end| end.saturating_sub(cut)).collect();
        Some(Self { joined: self.tail(1).to_owned(), ends, slashed: self.slashed })
    }

    fn start_of(&self, index: usize) -> usize {
        let before = index.checked_sub(1).and_then(|i| self.ends.get(i));
        before.map_or(0, |&end| usize::from(end) + 1)
    }

    #[cold]
    fn push_decoded(&mut self, raw: &[u8]) -> Result<(), PathError> {
        let segment = decode(raw)?;
        if !self.ends.is_empty() {
            self.joined.push('/');
        }
        self.joined.push_str(&segment);
        self.close_segment(segment.as_bytes(), self.joined.len())
    }

    /// Checks a decoded segment and stores where it ends.
    fn close_segment(&mut self, segment: &[u8], end: usize) -> Result<(), PathError> {
        match segment {
            [] => Err(PathError::Empty),
            b"." | b".." => Err(PathError::Relative),
            long if long.len() > SEGMENT_BYTES_MAX => Err(PathError::SegmentLength),
            _ => {
                // At most 4,096 bytes went in and decoding only shortens, so the end fits.
                self.ends.push(u16::try_from(end).map_err(|_| PathError::Length)?);
                Ok(())
            }
        }
    }
}

impl fmt::Debug for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.joined, if self.slashed { "/" } else { "" })
    }
}

/// Refuses bytes that a target may not hold. Returns whether the target has a `%`, so that it must be decoded.
fn check_bytes(raw: &[u8]) -> Result<bool, PathError> {
    let mut is_escaped = false;
    for &byte in raw {
        match byte {
            b'#' | b'\\' | 0..=0x20 | 0x7f.. => return Err(PathError::Byte),
            b'%' => is_escaped = true,
            _ => {}
        }
    }
    Ok(is_escaped)
}

/// Decodes a segment once. Refuses a result that could be decoded again, that holds `/`, `\` or an invisible character,
/// or that is not in Unicode normalization form C.
fn decode(segment: &[u8]) -> Result<String, PathError> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (bytes.next().and_then(hex), bytes.next().and_then(hex));
            decoded.push(high.ok_or(PathError::Escape)? << 4 | low.ok_or(PathError::Escape)?);
        } else {
            decoded.push(byte);
        }
    }
    if decoded.windows(3).any(|w| matches!(w, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())) {
        return Err(PathError::Twice);
    }
    let text = String::from_utf8(decoded).map_err(|_| PathError::Utf8)?;
    if text.chars().any(|c| matches!(c, '/' | '\\') || unicode::is_hidden(c)) {
        return Err(PathError::Hidden);
    }
    if !text.is_ascii() && !unicode_normalization::is_nfc(&text) {
        return Err(PathError::Form);
    }
    Ok(text)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Reads the name of a user, policy, group or mount. Lower-cases ASCII letters and accepts
/// `[a-z0-9][a-z0-9._@-]{0,127}`.
pub(crate) fn ident(text: &str) -> Result<String, PathError> {
    name(text).map(str::to_ascii_lowercase)
}

/// Reads the name of a role or key: as [`ident`], but the case is kept.
pub(crate) fn name(text: &str) -> Result<&str, PathError> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        return Err(PathError::NameLength);
    }
    let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'@' | b'-'));
    let begins_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if is_plain && begins_well { Ok(text) } else { Err(PathError::NameLetter) }
}

/// Reads the name of a policy that may be written: an [`ident`] other than `root`. Lower-casing finds `Root`. The
/// alphabet refuses names that only look like `root`: with blanks, zero-width characters or letters of other scripts.
pub(crate) fn policy_name(text: &str) -> Result<String, PathError> {
    let lowered = ident(text)?;
    if lowered == "root" { Err(PathError::Reserved) } else { Ok(lowered) }
}

/// Reads the name of a policy that a token may have: as [`policy_name`], and also `root` in exactly this spelling.
pub(crate) fn policy_name_or_root(text: &str) -> Result<String, PathError> {
    if text == "root" { Ok(text.to_owned()) } else { policy_name(text) }
}

#[cfg(test)]
mod tests;
