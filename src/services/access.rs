//! Whether a caller may. [`judge`] takes a request and gives it back inside a [`Permitted`] or a [`Denied`]. Only this
//! file makes them, and each owns the request that it was made for: the permit of one request cannot run another.
//!
//! ```
//! // Its name is within reach, so that the two tests below fail for their own reason.
//! use strongroom::access::Permitted;
//! fn look<R>(permit: &Permitted<R>) -> &R {
//!     permit.inner()
//! }
//! ```
//!
//! ```compile_fail
//! use strongroom::access::Permitted;
//! struct Request;
//! // A permit cannot be made by hand for a request of one's choice:
//! let permit = Permitted { request: Box::new(Request), ruling: Default::default() };
//! ```
//!
//! ```compile_fail
//! use strongroom::access::Permitted;
//! fn swap<R>(permit: Permitted<R>, other: Box<R>) -> Permitted<R> {
//!     // Nor can another request be put under a permit that was granted:
//!     Permitted { request: other, ..permit }
//! }
//! ```

use crate::{
    contract::{Access, Error, Operation},
    services::policies::{Acl, RuleRef, Verdict, Wanted},
};

/// A request that can be judged.
pub trait Judged: Send + Sync {
    /// The canonical path, with its trailing slash where a list is asked.
    fn path(&self) -> &str;
    fn operation(&self) -> Operation;
    /// What the row asks of callers; `None` where the request leads to no row, which is told to those alone who may use
    /// the path.
    fn access(&self) -> Option<Access>;
    /// Whether the thing that is written exists already. Asked only where creating and updating are judged differently.
    fn exists(&self) -> Result<bool, Error>;
}

/// A request that may be performed. The request lies on the heap, so that a state that passes from hand to hand is small.
pub struct Permitted<R> {
    request: Box<R>,
    ruling: Ruling,
}

/// A request that may not.
pub struct Denied<R> {
    request: Box<R>,
    ruling: Ruling,
}

/// A request that ends without a judgement: something failed before, or its token has ended.
pub struct Unjudged<R> {
    request: Box<R>,
    ruling: Ruling,
}

/// What the judge says.
pub enum Judgement<R> {
    Permitted(Permitted<R>),
    Denied(Denied<R>),
    /// `exists` could not be answered.
    Failed(Unjudged<R>, Error),
}

/// What decided: a rule of a policy, or nothing at all.
#[derive(Clone, Default)]
pub struct Ruling {
    pub rule: Option<RuleRef>,
    /// No rule was asked: the root policy binds nobody.
    pub is_root: bool,
}

impl<R> Permitted<R> {
    pub fn inner(&self) -> &R {
        &self.request
    }

    pub fn ruling(&self) -> &Ruling {
        &self.ruling
    }

    /// Takes the request out. The permit ends with it.
    pub fn into_inner(self) -> Box<R> {
        self.request
    }
}

impl<R> Denied<R> {
    pub fn inner(&self) -> &R {
        &self.request
    }

    pub fn ruling(&self) -> &Ruling {
        &self.ruling
    }
}

impl<R> Unjudged<R> {
    pub fn new(request: Box<R>) -> Self {
        Self { request, ruling: Ruling::default() }
    }

    pub fn inner(&self) -> &R {
        &self.request
    }

    pub fn ruling(&self) -> &Ruling {
        &self.ruling
    }

    pub fn into_inner(self) -> Box<R> {
        self.request
    }
}

/// Judges a request by the rules of its caller.
pub fn judge<R: Judged>(request: Box<R>, acl: &Acl) -> Judgement<R> {
    if request.access() == Some(Access::Public) {
        return Judgement::Permitted(Permitted { request, ruling: Ruling::default() });
    }
    if request.operation() == Operation::Help {
        // Vault lets every valid token read the documentation of every path.
        return Judgement::Permitted(Permitted { request, ruling: Ruling::default() });
    }
    let access = request.access().unwrap_or(Access::Ordinary);
    let wanted = wanted(request.operation());
    let verdict = acl.judge(request.path(), wanted, access);
    if wanted != Wanted::Update {
        return settle(request, verdict, acl);
    }
    let as_create = acl.judge(request.path(), Wanted::Create, access);
    if verdict.allowed == as_create.allowed {
        return settle(request, verdict, acl);
    }
    match request.exists() {
        Ok(true) => settle(request, verdict, acl),
        Ok(false) => settle(request, as_create, acl),
        Err(error) => Judgement::Failed(Unjudged::new(request), error),
    }
}

fn settle<R>(request: Box<R>, verdict: Verdict, acl: &Acl) -> Judgement<R> {
    let ruling = Ruling { rule: verdict.rule, is_root: acl.is_root() };
    if verdict.allowed {
        Judgement::Permitted(Permitted { request, ruling })
    } else {
        Judgement::Denied(Denied { request, ruling })
    }
}

/// What an operation asks of a policy; a write is an update unless it is known to create.
fn wanted(operation: Operation) -> Wanted {
    match operation {
        Operation::Read | Operation::Help => Wanted::Read,
        Operation::List => Wanted::List,
        Operation::Scan => Wanted::Scan,
        Operation::Update => Wanted::Update,
        Operation::Patch => Wanted::Patch,
        Operation::Delete => Wanted::Delete,
    }
}
