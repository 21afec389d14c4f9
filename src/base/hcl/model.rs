//! The content of an HCL or JSON text: bodies of items with their positions, and the search for blocks in them.
//!
//! Values have no `Debug` outside of tests: a configuration can hold a key.

use std::{collections::HashSet, fmt};

/// A position in a text. Lines and columns begin at 1; a column counts bytes.
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

/// The content of a file, a block or an object.
#[derive(Clone, PartialEq, Default)]
#[cfg_attr(test, derive(Debug))]
pub struct HclBody {
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
    /// `null`, which only the JSON form has.
    Null,
    Bool(bool),
    /// The decimal number as it was written.
    Number(String),
    String(String),
    List(Vec<Value>),
    Object(HclBody),
}

/// Why a text is refused, and where. The message names the rule and never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pos}: {message}")]
pub struct HclError {
    pub pos: Pos,
    pub message: String,
}

impl HclError {
    pub(crate) fn new(pos: Pos, message: impl Into<String>) -> Self {
        Self { pos, message: message.into() }
    }
}

/// A block that was found under a key, in whichever spelling it was written.
#[derive(Clone)]
pub struct Block<'a> {
    /// The labels as they were written: fewer than were asked for if some are missing, more if there are too many.
    pub labels: Vec<&'a str>,
    pub body: &'a HclBody,
    pub pos: Pos,
}

impl HclBody {
    /// The blocks under `key`, which take up to `labels` labels. All spellings give the same blocks: `path "a" {…}`,
    /// `path = {…}`, and in JSON `{"path": {"a": {…}}}`, lists of objects and repeated keys.
    pub(crate) fn blocks(&self, key: &str, labels: usize) -> Result<Vec<Block<'_>>, HclError> {
        self.blocks_above(key, labels, &[])
    }

    /// As [`HclBody::blocks`], for blocks whose own items may all be objects, so that the keys of these items could be
    /// mistaken for labels. A body that has one of the keys `inner` is the block itself and not a level of labels.
    pub(crate) fn blocks_above(&self, key: &str, labels: usize, inner: &[&str]) -> Result<Vec<Block<'_>>, HclError> {
        let mut search = Search { key, labels, inner, found: Vec::new() };
        for item in self.items.iter().filter(|item| item.key == key) {
            search.collect(item, Vec::new())?;
        }
        Ok(search.found)
    }

    /// The first item with this key. `None` if there is none.
    pub(crate) fn item(&self, key: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.key == key)
    }

    /// The first item whose key an earlier item has too; `None` if no key is repeated. Blocks, and lists of blocks, may
    /// share a key.
    pub(crate) fn twice(&self) -> Option<&Item> {
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
    /// Collects the blocks of `item`. `above` are the labels of the levels around the item.
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

    /// Whether the keys of `body` are labels of blocks and not attributes of one block. `labels` is the number of
    /// labels that were found so far.
    fn holds_labels(&self, body: &HclBody, labels: usize) -> bool {
        labels < self.labels
            && !body.items.is_empty()
            && body.items.iter().all(|item| item.value.is_block() && !self.inner.contains(&item.key.as_str()))
    }
}

impl Value {
    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The texts of a list of texts. `None` if this is not a list, or if one of its values is not a text.
    pub(crate) fn as_list_of_str(&self) -> Option<Vec<&str>> {
        if let Self::List(values) = self { values.iter().map(Self::as_str).collect() } else { None }
    }

    /// True for `true`, `"true"`, `1` and `"1"`, false for `false`, `"false"`, `0` and `"0"`, and `None` for all else.
    pub(crate) fn as_bool(&self) -> Option<bool> {
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

    /// Whether this is an object, or a list that holds objects only and at least one.
    fn is_block(&self) -> bool {
        match self {
            Self::Object(_) => true,
            Self::List(values) => !values.is_empty() && values.iter().all(|value| matches!(value, Self::Object(_))),
            _ => false,
        }
    }
}
