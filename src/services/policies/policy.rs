//! One policy: its record, and its parsed rules.

use super::text::{self, PathRule, PolicyError};

/// The stored record of a policy.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct PolicyRecord {
    #[n(0)]
    pub name: String,
    /// The text as it was written, including comments.
    #[n(1)]
    pub text: String,
    /// The number of times that the policy was written, starting at 1.
    #[n(2)]
    pub version: u64,
    /// The time of the last write: Unix time in nanoseconds.
    #[n(3)]
    pub modified: i64,
}

/// A policy with its parsed rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub record: PolicyRecord,
    rules: Vec<PathRule>,
}

impl Policy {
    /// Parses the text of `record`. A text with only spaces and comments grants nothing. An empty text is an error.
    pub fn parse(record: PolicyRecord) -> Result<Self, PolicyError> {
        let rules = text::parse(&record.text)?;
        Ok(Self { record, rules })
    }

    pub fn rules(&self) -> &[PathRule] {
        &self.rules
    }
}
