//! One policy: its record, and its rules once the text has been read.

use super::text::{self, PathRule, PolicyError};

/// A policy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct PolicyRecord {
    #[n(0)]
    pub name: String,
    /// The text as it was written, comments included.
    #[n(1)]
    pub text: String,
    /// Counts the writes, from 1.
    #[n(2)]
    pub version: u64,
    /// Unix time in nanoseconds.
    #[n(3)]
    pub modified: i64,
}

/// A policy whose text has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub record: PolicyRecord,
    rules: Vec<PathRule>,
}

impl Policy {
    /// Reads the text of `record`. A text of blanks and comments is a policy that grants nothing; an empty one is none.
    pub fn parse(record: PolicyRecord) -> Result<Self, PolicyError> {
        let rules = text::parse(&record.text)?;
        Ok(Self { record, rules })
    }

    pub fn rules(&self) -> &[PathRule] {
        &self.rules
    }
}
