//! One body of a configuration with its place: which keys may stand in it, and their values as what they must be.

use super::{
    error::{ConfigError, Place, Problem},
    keys::Known,
};
use crate::base::{
    hcl::{Body, Item, Pos, Value},
    suggest::nearest,
    ttl::{Ttl, TtlError},
};

/// A body, the source that it stands in, and what it is called in messages.
pub struct Section<'a> {
    source: &'a str,
    title: &'static str,
    body: &'a Body,
    /// The labels of its block.
    pub labels: Vec<&'a str>,
    pos: Pos,
}

impl<'a> Section<'a> {
    /// A whole source.
    pub fn new(source: &'a str, title: &'static str, body: &'a Body) -> Self {
        Self { source, title, body, labels: Vec::new(), pos: Pos { line: 1, column: 1 } }
    }

    /// The blocks under `key`; see [`Body::blocks_above`] for `inner`.
    pub fn blocks(&self, key: &'static str, labels: usize, inner: &[&str]) -> Result<Vec<Section<'a>>, ConfigError> {
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

    /// Refuses keys that nobody knows and keys that stand twice; warns of those that mean nothing here.
    pub fn check(&self, used: Known, unused: Known, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
        if let Some(item) = self.body.twice() {
            return Err(self.wrong(item, Problem::Twice(item.key.clone())));
        }
        for item in &self.body.items {
            let key = item.key.as_str();
            if used.contains(&key) {
                continue;
            }
            if !unused.contains(&key) {
                return Err(self.wrong(item, self.unknown(key, used, unused)));
            }
            warnings.push(format!("{}`{key}` is known to Vault and has no effect here", self.place(item.pos)));
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

    pub fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        self.value(key, "a text", |value| value.as_str().map(str::to_owned))
    }

    pub fn flag(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        self.value(key, "true or false", Value::as_bool)
    }

    /// Seconds, or a text as `768h`.
    pub fn ttl(&self, key: &str) -> Result<Option<Ttl>, ConfigError> {
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

    /// A problem of the value at `key`, or of the whole block where there is no such key.
    pub fn at(&self, key: &str, problem: Problem) -> ConfigError {
        let pos = self.body.item(key).map_or(self.pos, |item| item.pos);
        ConfigError { place: self.place(pos), problem }
    }

    /// A warning about the block.
    pub fn warning(&self, text: &str) -> String {
        format!("{}{text}", self.place(self.pos))
    }

    fn wrong(&self, item: &Item, problem: Problem) -> ConfigError {
        ConfigError { place: self.place(item.pos), problem }
    }

    fn place(&self, pos: Pos) -> Place {
        Place::Line { source: self.source.to_owned(), line: pos.line }
    }
}
