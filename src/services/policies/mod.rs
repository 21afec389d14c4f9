//! Policies: who may do what, by path. [`Policy::parse`] reads a text once, [`Acl::compile`] joins the policies of a
//! token, [`Acl::judge`] decides a request. Nothing here reads a record or knows a token.
//!
//! What is granted is Vault's: acl.rs has the rules of precedence, pattern.rs the paths, text.rs the language.

mod capabilities;
mod pattern;
mod prefixes;
mod text;

mod acl;

pub use self::{
    acl::{Acl, RuleRef, Ruling, Verdict},
    capabilities::{Capabilities, Wanted},
    pattern::{Pattern, PatternError},
    text::{PathRule, PolicyError, Shown, Slip},
};

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

/// The text of the policy `default`, which every token has unless it was made without.
pub const DEFAULT_POLICY: &str = include_str!("../../../data/policies/default.hcl");

#[cfg(test)]
mod tests;
