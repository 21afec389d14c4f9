//! The language of configuration and policies: HCL 1 as Vault reads it, or JSON where the text begins with `{`. A text
//! becomes a [`Body`] of [`Item`]s with their positions, in the order in which they stand; nothing is interpolated,
//! and a key may stand twice ([`Body::twice`] finds it). Depth and items are limited; the time taken is linear.
//!
//! Values have no `Debug` outside of tests: a configuration can hold a key.

mod from_json;
mod native;

use std::{collections::HashSet, fmt};

/// Where something stands, from 1; columns count bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pos {
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What a file, a block or an object holds.
#[derive(Clone, PartialEq, Default)]
#[cfg_attr(test, derive(Debug))]
pub struct Body {
    pub items: Vec<Item>,
}

/// `key = value`, or a block `key "label" { … }`, whose value is an object.
#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub struct Item {
    pub key: String,
    pub pos: Pos,
    pub labels: Vec<String>,
    pub value: Value,
}

#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub enum Value {
    /// JSON alone has it.
    Null,
    Bool(bool),
    /// As it was written: decimal, with point and exponent if it has them.
    Number(String),
    String(String),
    List(Vec<Value>),
    Object(Body),
}

/// A text that cannot be read, or that says what it may not. The message names the rule and never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pos}: {message}")]
pub struct HclError {
    pub pos: Pos,
    pub message: String,
}

impl HclError {
    pub fn new(pos: Pos, message: impl Into<String>) -> Self {
        Self { pos, message: message.into() }
    }
}

/// Reads a whole text.
pub fn parse(text: &str) -> Result<Body, HclError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') { from_json::parse(text) } else { native::parse(text) }
}

/// A block under one key, however it was written.
#[derive(Clone)]
pub struct Block<'a> {
    /// As many as were asked for; fewer where they were left out, more where too many were written.
    pub labels: Vec<&'a str>,
    pub body: &'a Body,
    pub pos: Pos,
}

impl Body {
    /// The blocks under `key`, which take up to `labels` labels: `path "a" {…}`, `path = {…}`, and JSON's
    /// `{"path": {"a": {…}}}`, its lists of objects and its repeated keys all come out the same.
    pub fn blocks(&self, key: &str, labels: usize) -> Result<Vec<Block<'_>>, HclError> {
        self.blocks_above(key, labels, &[])
    }

    /// As [`Body::blocks`], for blocks that hold nothing but objects: a body in which one of the keys `inner` stands
    /// is taken for the block itself, where its keys could be read as labels too.
    pub fn blocks_above(&self, key: &str, labels: usize, inner: &[&str]) -> Result<Vec<Block<'_>>, HclError> {
        let mut search = Search { key, labels, inner, found: Vec::new() };
        for item in self.items.iter().filter(|item| item.key == key) {
            search.collect(item, Vec::new())?;
        }
        Ok(search.found)
    }

    /// The first item under `key`.
    pub fn item(&self, key: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.key == key)
    }

    /// The first item whose key stood before, unless all its namesakes are blocks or lists of them.
    pub fn twice(&self) -> Option<&Item> {
        let (mut seen, mut blocks) = (HashSet::new(), HashSet::new());
        self.items.iter().find(|item| {
            let key = item.key.as_str();
            if item.value.is_block() {
                blocks.insert(key);
                seen.contains(key)
            } else {
                !seen.insert(key) || blocks.contains(key)
            }
        })
    }
}

struct Search<'a, 'k> {
    key: &'k str,
    labels: usize,
    inner: &'k [&'k str],
    found: Vec<Block<'a>>,
}

impl<'a> Search<'a, '_> {
    /// Collects the blocks of `item`; `above` are the labels that were found on the way to it.
    fn collect(&mut self, item: &'a Item, above: Vec<&'a str>) -> Result<(), HclError> {
        let labels: Vec<&str> = above.into_iter().chain(item.labels.iter().map(String::as_str)).collect();
        self.collect_value(&item.value, item, labels)
    }

    fn collect_value(&mut self, value: &'a Value, item: &'a Item, labels: Vec<&'a str>) -> Result<(), HclError> {
        match value {
            Value::List(values) => values.iter().try_for_each(|value| self.collect_value(value, item, labels.clone())),
            Value::Object(body) if item.labels.is_empty() && self.holds_labels(body, labels.len()) => {
                body.items.iter().try_for_each(|inner| {
                    let mut above = labels.clone();
                    above.push(&inner.key);
                    self.collect(inner, above)
                })
            }
            Value::Object(body) => {
                self.found.push(Block { labels, body, pos: item.pos });
                Ok(())
            }
            _ => Err(HclError::new(item.pos, format!("`{}` must be a block", self.key))),
        }
    }

    /// Whether the keys of `body` are labels rather than its own attributes.
    fn holds_labels(&self, body: &Body, labels: usize) -> bool {
        labels < self.labels
            && !body.items.is_empty()
            && body.items.iter().all(|item| item.value.is_block() && !self.inner.contains(&item.key.as_str()))
    }
}

impl Value {
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The texts of a list that holds nothing else.
    pub fn as_list_of_str(&self) -> Option<Vec<&str>> {
        if let Self::List(values) = self { values.iter().map(Self::as_str).collect() } else { None }
    }

    /// `true`, `"true"`, `1` and `"1"`, and their opposites.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Number(text) | Self::String(text) => match text.as_str() {
                "1" | "true" => Some(true),
                "0" | "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A whole number, quoted or not.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(text) | Self::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        }
    }

    /// Whether this is an object or a list that holds nothing else.
    fn is_block(&self) -> bool {
        match self {
            Self::Object(_) => true,
            Self::List(values) => !values.is_empty() && values.iter().all(|value| matches!(value, Self::Object(_))),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
