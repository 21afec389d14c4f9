//! Policies: who may do what, by path. [`Policy::parse`] parses a policy, [`Acl::compile`]
//! combines the policies of a token, and [`Acl::judge`] decides a request. Only service.rs reads
//! the store. This module knows nothing about tokens.
//!
//! The rules are Vault's: acl.rs has the order of precedence, pattern.rs the paths and text.rs the syntax.

mod capabilities;
mod pattern;
mod prefixes;
mod text;

mod acl;
mod policy;
mod service;
mod set;

pub use self::{
    acl::{Acl, RuleRef, Verdict},
    capabilities::Wanted,
    policy::{Policy, PolicyRecord},
};
pub(crate) use self::{service::Policies, set::PolicySet};

/// The text of the policy `default`. Every token has that policy, unless the token was created without it.
pub const DEFAULT_POLICY: &str = include_str!("../../../data/policies/default.hcl");

#[cfg(test)]
mod tests;
