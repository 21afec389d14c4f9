//! The path pattern of a rule. It has one of three shapes: a whole path, the beginning of a path
//! followed by `*`, or segments of which some are `+`. A pattern that no path can match is refused: a
//! `deny` that never applies would be dangerous.

use std::cmp::Reverse;

use data_encoding::HEXLOWER;

use crate::base::path::{CanonicalPath, PathError};

/// The path pattern of a rule, without its leading `/`. Its case is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    shape: Shape,
    rank: Rank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The whole path.
    Exact,
    /// The beginning of a path: the text ended in `*`.
    Prefix,
    /// At least one segment is `+`. The text may also end in `*`.
    Segments,
}

/// How specific a pattern is, in Vault's order: if several patterns match, the greatest rank wins. Among patterns of
/// equal rank the greatest text wins, ignoring case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// The number of bytes before the first `+` or `*`.
    literal: usize,
    ending: Ending,
    wildcards: Reverse<usize>,
    /// The number of bytes without the final `*`.
    length: usize,
}

/// How a pattern ends. The variants are in the order of precedence, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// With `*`: any text may follow.
    Open,
    /// Without `*`.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("a path is missing between the quotes")]
    Missing,
    #[error("`*` is only allowed at the end of a path")]
    Star,
    #[error("`+` stands for a whole segment: nothing may follow it but `/`")]
    Plus,
    #[error("templates (`{{{{…}}}}`) are not supported")]
    Template,
    #[error("no request can match this path: {0}")]
    Unreachable(PathError),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.strip_prefix('/').unwrap_or(text);
        if text.contains("{{") || text.contains("}}") {
            return Err(PatternError::Template);
        }
        let (body, ending) = text.strip_suffix('*').map_or((text, Ending::Closed), |body| (body, Ending::Open));
        check(text, body, ending)?;
        let wildcards = body.split('/').filter(|segment| *segment == WILDCARD).count();
        let shape = match (wildcards, ending) {
            (0, Ending::Closed) => Shape::Exact,
            (0, Ending::Open) => Shape::Prefix,
            _ => Shape::Segments,
        };
        let literal = literal_bytes(body);
        let rank = Rank { literal, ending, wildcards: Reverse(wildcards), length: body.len() };
        Ok(Self { text: text.into(), shape, rank })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn rank(&self) -> Rank {
        self.rank
    }

    fn is_closed(&self) -> bool {
        self.rank.ending == Ending::Closed
    }

    /// The text before the first wildcard.
    pub(super) fn literal(&self) -> &str {
        self.text.get(..self.rank.literal).unwrap_or("")
    }

    /// The text without the final `*`.
    pub(super) fn body(&self) -> &str {
        self.text.get(..self.rank.length).unwrap_or("")
    }

    /// The same pattern with its letters in lower case.
    pub(super) fn folded(&self) -> Self {
        Self { text: self.text.to_ascii_lowercase().into(), ..self.clone() }
    }

    /// Sample paths below `mount` (which has no `/` at its end) that this pattern matches: none, one, or one for each
    /// depth that a final `*` may reach. Each wildcard is filled with a character that no path or pattern may contain,
    /// so another pattern can match the sample there only with a wildcard of its own.
    pub(super) fn samples_below(&self, mount: &str) -> Vec<String> {
        let Some(first) = self.sample_below(mount) else { return Vec::new() };
        let depths = if self.is_closed() { 1 } else { SAMPLE_DEPTHS };
        (0..depths).map(|depth| format!("{first}{}", format!("/{ANY}").repeat(depth))).collect()
    }

    fn sample_below(&self, mount: &str) -> Option<String> {
        let mut parts = self.body().split('/').peekable();
        for segment in mount.split('/') {
            let part = parts.next()?;
            if !self.is_closed() && parts.peek().is_none() {
                return segment.starts_with(part).then(|| format!("{mount}/{ANY}"));
            }
            if part != segment && part != WILDCARD {
                return None;
            }
        }
        parts.peek()?;
        let rest: Vec<&str> = parts.map(|part| if part == WILDCARD { ANY } else { part }).collect();
        Some(format!("{mount}/{}{}", rest.join("/"), if self.is_closed() { "" } else { ANY }))
    }
}

const WILDCARD: &str = "+";
const ANY: &str = "\u{1}";
/// A pattern that ends in `*` is sampled at this many depths. A rule that other rules override at
/// all of these depths counts as overridden.
const SAMPLE_DEPTHS: usize = 8;

/// The number of bytes of `body` before its first `+` segment: whole segments
/// with their `/`. All bytes if it has no `+`.
fn literal_bytes(body: &str) -> usize {
    let mut length = 0;
    for segment in body.split('/') {
        if segment == WILDCARD {
            return length;
        }
        length += segment.len() + 1;
    }
    body.len()
}

fn check(text: &str, body: &str, ending: Ending) -> Result<(), PatternError> {
    if text.is_empty() {
        return Err(PatternError::Missing);
    }
    if body.contains('*') {
        return Err(PatternError::Star);
    }
    if text.contains("+*") || text.split('/').any(|segment| segment.starts_with('+') && segment != WILDCARD) {
        return Err(PatternError::Plus);
    }
    // A pattern that ends in `*` is checked by completing it to one of the paths that it matches.
    let completion = match ending {
        Ending::Closed => "",
        Ending::Open => "z",
    };
    let mut target = String::with_capacity(body.len() + 2);
    for byte in "/".bytes().chain(body.bytes()).chain(completion.bytes()) {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'+') {
            target.push(char::from(byte));
        } else {
            target.push('%');
            target.push_str(&HEXLOWER.encode(&[byte]));
        }
    }
    CanonicalPath::parse(&target).map_err(PatternError::Unreachable)?;
    Ok(())
}

/// The part of a pattern from its first `+` on, split into segments for matching.
#[derive(Debug)]
pub(super) struct Segments {
    /// The segments that must match; `None` stands for `+`.
    parts: Box<[Option<Box<str>>]>,
    /// If the pattern ends in `*`: the text with which the next segment must begin.
    tail: Option<Box<str>>,
}

impl Segments {
    pub(super) fn new(pattern: &Pattern) -> Self {
        let wild = pattern.body().get(pattern.rank.literal..).unwrap_or("");
        let mut parts: Vec<_> = wild.split('/').map(|part| (part != WILDCARD).then(|| part.into())).collect();
        let tail = if pattern.is_closed() { None } else { parts.pop().flatten() };
        Self { parts: parts.into(), tail }
    }

    /// Whether `rest` matches. `rest` is the part of a path after the literal beginning of the pattern.
    pub(super) fn matches(&self, rest: &str) -> bool {
        let mut segments = rest.split('/');
        for part in &self.parts {
            let Some(segment) = segments.next() else { return false };
            if part.as_deref().is_some_and(|part| part != segment) {
                return false;
            }
        }
        match &self.tail {
            Some(tail) => segments.next().is_some_and(|segment| segment.starts_with(&**tail)),
            None => segments.next().is_none(),
        }
    }
}
