//! A section of a configuration: which keys it may have, and their values in the types that they must have.

use super::{
    error::{ConfigError, Location, Problem},
    keys::Known,
};
use crate::base::{
    hcl::{HclBody, Item, Pos, Value},
    suggest::nearest,
    ttl::{Ttl, TtlError},
};

/// A section: one body of a configuration, with its source and with its name for messages.
pub(crate) struct Section<'a> {
    source: &'a str,
    title: &'static str,
    body: &'a HclBody,
    /// The labels of the section's block.
    pub(crate) labels: Vec<&'a str>,
    pos: Pos,
}

/// A block that may stand once: where it stands, and under which of its names.
pub(crate) struct Stanza {
    pub(crate) key: &'static str,
    location: Location,
}

impl<'a> Section<'a> {
    /// The section that is a whole source.
    pub(crate) fn new(source: &'a str, title: &'static str, body: &'a HclBody) -> Self {
        Self { source, title, body, labels: Vec::new(), pos: Pos { line: 1, column: 1 } }
    }

    /// The blocks named `key` in this section; see [`HclBody::blocks_above`] for `inner`.
    pub(crate) fn blocks(
        &self,
        key: &'static str,
        labels: usize,
        inner: &[&str],
    ) -> Result<Vec<Section<'a>>, ConfigError> {
        let blocks =
            self.body.blocks_above(key, labels, inner).map_err(|error| ConfigError::syntax(self.source, error))?;
        let section = |block: crate::base::hcl::Block<'a>| Section {
            source: self.source,
            title: key,
            body: block.body,
            labels: block.labels,
            pos: block.pos,
        };
        Ok(blocks.into_iter().map(section).collect())
    }

    /// The block named `key` in this section, which may stand once. `None` if there is none.
    pub(crate) fn block(&self, key: &'static str, labels: usize) -> Result<Option<Section<'a>>, ConfigError> {
        let mut blocks = self.blocks(key, labels, &[])?.into_iter();
        let (first, second) = (blocks.next(), blocks.next());
        match (&first, second) {
            (Some(first), Some(second)) => Err(second.again(&first.stanza())),
            _ => Ok(first),
        }
    }

    /// Where this block stands.
    pub(crate) fn stanza(&self) -> Stanza {
        Stanza { key: self.title, location: self.location(self.pos) }
    }

    /// The error for this block if one that may stand once, or one that means the same, stands at `first` already.
    pub(crate) fn again(&self, first: &Stanza) -> ConfigError {
        let (key, short) = (self.title, first.location.short());
        let problem = if first.key == key {
            Problem::Twice { key: key.to_owned(), first: short }
        } else {
            Problem::Beside { key, other: first.key, first: short }
        };
        ConfigError { location: self.location(self.pos), problem }
    }

    /// Refuses unknown keys and keys that are given twice. Warns about keys that have no effect.
    pub(crate) fn check(&self, used: Known, unused: Known, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
        if let Some(item) = self.body.twice() {
            let first = self.location_of(&item.key).short();
            return Err(self.wrong(item, Problem::Twice { key: item.key.clone(), first }));
        }
        for item in &self.body.items {
            let key = item.key.as_str();
            if used.contains(&key) {
                continue;
            }
            if !unused.contains(&key) {
                return Err(self.wrong(item, self.unknown(key, used, unused)));
            }
            warnings.push(format!("{}`{key}` is a key of Vault's that has no effect here", self.location(item.pos)));
        }
        Ok(())
    }

    fn unknown(&self, key: &str, used: Known, unused: Known) -> Problem {
        let inside = if self.title.is_empty() { String::new() } else { format!(" in `{}`", self.title) };
        let key = key.to_owned();
        match nearest(&key, used).or_else(|| nearest(&key, unused)) {
            Some(nearest) => Problem::UnknownLike { key, inside, nearest: nearest.to_owned() },
            None => Problem::Unknown { key, inside },
        }
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        self.value(key, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// A whole number from 0, also written as a text.
    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>, ConfigError> {
        self.value(key, "a whole number, 0 or more", |value| match value {
            Value::Number(text) | Value::String(text) => text.parse().ok(),
            _ => None,
        })
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        self.value(key, "true or false", Value::as_bool)
    }

    /// The value of `key` as a duration: a number of seconds, or a text such as `768h`. `None` if there is no such key.
    pub(crate) fn ttl(&self, key: &str) -> Result<Option<Ttl>, ConfigError> {
        let Some(item) = self.body.item(key) else { return Ok(None) };
        let parsed = match &item.value {
            Value::Number(text) | Value::String(text) => Ttl::parse(text),
            _ => Err(TtlError::Shape),
        };
        parsed.map(Some).map_err(|cause| self.wrong(item, Problem::Duration { key: key.to_owned(), cause }))
    }

    fn value<T>(
        &self,
        key: &str,
        expected: &'static str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(item) = self.body.item(key) else { return Ok(None) };
        match read(&item.value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong(item, Problem::Value { key: key.to_owned(), expected })),
        }
    }

    /// An error at the value of `key`, or at the block if it has no such key.
    pub(crate) fn at(&self, key: &str, problem: Problem) -> ConfigError {
        ConfigError { location: self.location_of(key), problem }
    }

    /// A warning that names the place of the block.
    pub(crate) fn warning(&self, text: &str) -> String {
        format!("{}{text}", self.location(self.pos))
    }

    /// The place of the value of `key`, or of the block if it has no such key.
    pub(crate) fn location_of(&self, key: &str) -> Location {
        self.location(self.body.item(key).map_or(self.pos, |item| item.pos))
    }

    fn wrong(&self, item: &Item, problem: Problem) -> ConfigError {
        ConfigError { location: self.location(item.pos), problem }
    }

    fn location(&self, pos: Pos) -> Location {
        Location::Line { source: self.source.to_owned(), line: pos.line }
    }
}
