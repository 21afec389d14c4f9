//! Parses the text of a policy: HCL or JSON, with one `path` block for each rule. Anything unknown is refused with its
//! line number, because ignoring a constraint would grant more than the author intended.

use std::fmt;

use super::{
    capabilities::{Capabilities, WORDS},
    pattern::{Pattern, PatternError},
};
use crate::base::{
    hcl::{self, Block, HclError, Item},
    limits::POLICY_BYTES_MAX,
    suggest::nearest,
};

/// One `path` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRule {
    pub pattern: Pattern,
    pub capabilities: Capabilities,
    /// The line where the block begins, counted from 1.
    pub line: u32,
}

/// Why a text is not a valid policy. The error may repeat a key or a capability, but never a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("the policy is empty")]
    Empty,
    #[error("the policy is too long: at most {POLICY_BYTES_MAX} bytes")]
    Length,
    #[error(transparent)]
    Syntax(#[from] HclError),
    #[error("line {line}: unknown key {key}")]
    Key { line: u32, key: UnknownWord },
    #[error("line {line}: `{key}` is given twice")]
    Twice { line: u32, key: ShownWord },
    #[error("line {line}: `{key}` is not supported")]
    Unsupported { line: u32, key: &'static str },
    #[error("line {line}: unknown capability {word}")]
    Capability { line: u32, word: UnknownWord },
    #[error("line {line}: `policy` must be `read`, `write`, `sudo` or `deny`; use `capabilities`")]
    Shorthand { line: u32 },
    #[error("line {line}: `{key}` must be {expected}")]
    Value { line: u32, key: &'static str, expected: &'static str },
    #[error("line {line}: `path` takes one path in quotes and a block")]
    Labels { line: u32 },
    #[error("line {line}: {error}")]
    Pattern { line: u32, error: PatternError },
}

/// An unknown word of a policy, with the known word that was probably meant, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    word: ShownWord,
    meant: Option<&'static str>,
}

/// A word of the policy's text that an error may repeat: without control characters, and cut to a limited length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownWord(String);

pub(super) fn parse(text: &str) -> Result<Vec<PathRule>, PolicyError> {
    if text.is_empty() {
        return Err(PolicyError::Empty);
    }
    if text.len() > POLICY_BYTES_MAX {
        return Err(PolicyError::Length);
    }
    let body = hcl::parse(text)?;
    for item in &body.items {
        match item.key.as_str() {
            PATH => {}
            // Old clients wrote the policy's name here. It has no effect.
            "name" => expect_text(item, "name")?,
            _ => return Err(unknown_key(item, &[PATH, "name"])),
        }
    }
    refuse_twice(&body)?;
    body.blocks(PATH, 1)?.iter().map(path_rule).collect()
}

fn path_rule(block: &Block<'_>) -> Result<PathRule, PolicyError> {
    let line = block.pos.line;
    let [text] = block.labels.as_slice() else { return Err(PolicyError::Labels { line }) };
    let pattern = Pattern::parse(text).map_err(|error| PolicyError::Pattern { line, error })?;
    let mut capabilities = Capabilities::NONE;
    for item in &block.body.items {
        capabilities = capabilities | attribute(item)?;
    }
    refuse_twice(block.body)?;
    Ok(PathRule { pattern, capabilities: capabilities.settled(), line })
}

/// The capabilities that one attribute of a block adds.
fn attribute(item: &Item) -> Result<Capabilities, PolicyError> {
    let line = item.pos.line;
    match item.key.as_str() {
        "capabilities" => capability_list(item),
        "policy" => match item.value.as_str() {
            Some("") => Ok(Capabilities::NONE),
            Some(word) => Capabilities::from_shorthand(word).ok_or(PolicyError::Shorthand { line }),
            None => Err(PolicyError::Shorthand { line }),
        },
        "comment" => expect_text(item, "comment").map(|()| Capabilities::NONE),
        key => match UNSUPPORTED.iter().find(|known| **known == key) {
            Some(key) => Err(PolicyError::Unsupported { line, key }),
            None => Err(unknown_key(item, &[ATTRIBUTES.as_slice(), UNSUPPORTED.as_slice()].concat())),
        },
    }
}

fn capability_list(item: &Item) -> Result<Capabilities, PolicyError> {
    let line = item.pos.line;
    let expected = "a list of capabilities in quotes";
    let words = item.value.as_list_of_str().ok_or(PolicyError::Value { line, key: "capabilities", expected })?;
    let known = WORDS.map(|(word, _)| word);
    words.into_iter().try_fold(Capabilities::NONE, |set, word| {
        let capability = Capabilities::from_word(word)
            .ok_or_else(|| PolicyError::Capability { line, word: UnknownWord::new(word, &known) })?;
        Ok(set | capability)
    })
}

fn expect_text(item: &Item, key: &'static str) -> Result<(), PolicyError> {
    let wrong = || PolicyError::Value { line: item.pos.line, key, expected: "a text in quotes" };
    item.value.as_str().map(drop).ok_or_else(wrong)
}

fn refuse_twice(body: &hcl::HclBody) -> Result<(), PolicyError> {
    let twice = |item: &Item| PolicyError::Twice { line: item.pos.line, key: ShownWord::new(&item.key) };
    body.twice().map(twice).map_or(Ok(()), Err)
}

fn unknown_key(item: &Item, known: &[&'static str]) -> PolicyError {
    PolicyError::Key { line: item.pos.line, key: UnknownWord::new(&item.key, known) }
}

impl UnknownWord {
    fn new(word: &str, known: &[&'static str]) -> Self {
        Self { word: ShownWord::new(word), meant: nearest(word, known) }
    }
}

impl ShownWord {
    fn new(word: &str) -> Self {
        let mut shown: String = word.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
        if word.chars().nth(SHOWN_CHARS_MAX).is_some() {
            shown.push('…');
        }
        Self(shown)
    }
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.word)?;
        self.meant.map_or(Ok(()), |meant| write!(f, "; did you mean `{meant}`?"))
    }
}

impl fmt::Display for ShownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const PATH: &str = "path";
const ATTRIBUTES: [&str; 3] = ["capabilities", "policy", "comment"];
/// Other keys that Vault and OpenBao accept. Each restricts what a rule grants, so ignoring one would grant too much.
const UNSUPPORTED: [&str; 12] = [
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "min_wrapping_ttl",
    "max_wrapping_ttl",
    "control_group",
    "mfa_methods",
    "pagination_limit",
    "expiration",
    "response_keys_filter_path",
    "list_scan_response_keys_filter_path",
    "subscribe_event_types",
];
const SHOWN_CHARS_MAX: usize = 40;
