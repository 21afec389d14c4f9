//! Whether a caller may. A [`Permit`] is the proof that policies said yes (or that the row asks nobody); only this file
//! makes one, and dispatch takes nothing less.

use std::sync::Arc;

use crate::{
    contract::{Operation, RowFacts},
    services::policies::{Acl, RuleRef, Wanted},
};

/// Proof that the request may be performed.
pub struct Permit {
    ruling: Ruling,
}

/// Proof that it may not.
pub struct Refusal {
    ruling: Ruling,
}

/// What decided: a rule of a policy, or nothing at all.
#[derive(Clone, Default)]
pub struct Ruling {
    pub rule: Option<RuleRef>,
    /// No rule was asked: the root policy binds nobody.
    pub is_root: bool,
}

impl Permit {
    pub fn ruling(&self) -> &Ruling {
        &self.ruling
    }
}

impl Refusal {
    pub fn ruling(&self) -> &Ruling {
        &self.ruling
    }
}

/// Judges a request that needs a token. `path` is the full path, with its trailing slash where a list is asked.
pub fn judge(acl: &Acl, path: &str, wanted: Wanted, facts: Option<&RowFacts>) -> Result<Permit, Refusal> {
    let verdict = acl.judge(path, wanted, facts.is_some_and(|facts| facts.is_sudo));
    let ruling = Ruling { rule: verdict.rule, is_root: acl.is_root() };
    if verdict.allowed { Ok(Permit { ruling }) } else { Err(Refusal { ruling }) }
}

/// The permit of a public row.
pub fn public(facts: &RowFacts) -> Option<Permit> {
    facts.is_public.then(|| Permit { ruling: Ruling::default() })
}

/// The permit of a path's help, which any valid token may read.
pub fn help(acl: &Arc<Acl>) -> Permit {
    let _ = acl;
    Permit { ruling: Ruling::default() }
}

/// What an operation asks of a policy; a write is an update unless it is known to create.
pub fn wanted(operation: Operation, creates: bool) -> Wanted {
    match operation {
        Operation::Read => Wanted::Read,
        Operation::List => Wanted::List,
        Operation::Scan => Wanted::Scan,
        Operation::Update if creates => Wanted::Create,
        Operation::Update => Wanted::Update,
        Operation::Patch => Wanted::Patch,
        Operation::Delete => Wanted::Delete,
    }
}
