//! Policies: who may do what, by path. [`Policy::parse`] reads a text once, [`Acl::compile`] joins the policies of a
//! token, [`Acl::judge`] decides a request. Only service.rs reads records; nothing here knows a token.
//!
//! What is granted is Vault's: acl.rs has the rules of precedence, pattern.rs the paths, text.rs the language.

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
    capabilities::{Capabilities, Wanted},
    pattern::{Pattern, PatternError},
    policy::{Policy, PolicyRecord},
    text::{PathRule, PolicyError, Shown, Slip},
};
pub(crate) use self::{service::Policies, set::PolicySet};

/// The text of the policy `default`, which every token has unless it was made without.
pub const DEFAULT_POLICY: &str = include_str!("../../../data/policies/default.hcl");

#[cfg(test)]
mod tests;
