//! Decides whether a caller may make a request. [`judge`] takes the request and gives it back inside a
//! [`Permitted`] or a [`Denied`]. Only this file makes them, and each owns the request that it was made for: the
//! permit of one request cannot run another.
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

/// A request that can be judged: what [`judge`] asks of it.
pub trait Judged: Send + Sync {
    /// The canonical path of the request. The path of a list ends in a slash.
    fn path(&self) -> &str;
    fn operation(&self) -> Operation;
    /// The path of the mount that the request leads to.
    fn mount_path(&self) -> Option<&str>;
    /// What the API row asks of callers. `None` if the request leads to no API row; only
    /// a caller who may use the path is told so.
    fn access(&self) -> Option<Access>;
    /// Whether the thing that the request writes exists already. Asked only where
    /// creating and updating are judged differently.
    fn exists(&self) -> Result<bool, Error>;
}

/// A request that may be performed. The request is boxed, so that this value is cheap to move.
pub struct Permitted<R> {
    request: Box<R>,
    ruling: Ruling,
}

/// A request that may not be performed.
pub struct Denied<R> {
    request: Box<R>,
    ruling: Ruling,
}

/// A request that ends without a judgement: something failed before, or its token has ended.
pub struct Unjudged<R> {
    request: Box<R>,
    ruling: Ruling,
}

/// The result of [`judge`].
pub enum Judgement<R> {
    Permitted(Permitted<R>),
    Denied(Denied<R>),
    /// The judge could not tell, because [`Judged::exists`] failed.
    Failed(Unjudged<R>, Error),
}

/// Why a request was permitted or denied: the policy rule that decided, if one did.
#[derive(Clone, Default)]
pub struct Ruling {
    pub rule: Option<RuleRef>,
    /// True if the caller has the policy `root`, to which no rule applies.
    pub is_root: bool,
}

impl<R> Permitted<R> {
    pub fn inner(&self) -> &R {
        &self.request
    }

    pub fn ruling(&self) -> &Ruling {
        &self.ruling
    }

    /// Takes the request out. This ends the permit.
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

/// Judges a request by the compiled policies of its caller.
pub fn judge<R: Judged>(request: Box<R>, acl: &Acl) -> Judgement<R> {
    if request.access() == Some(Access::Public) {
        return Judgement::Permitted(Permitted { request, ruling: Ruling::default() });
    }
    if request.operation() == Operation::Help {
        // Documentation is for whoever may do something in the mount. To anybody else it would tell what is mounted.
        let ruling = Ruling { rule: None, is_root: acl.is_root() };
        return match request.mount_path() {
            Some(mount) if acl.allows_any_below(mount) => Judgement::Permitted(Permitted { request, ruling }),
            None if acl.is_root() => Judgement::Permitted(Permitted { request, ruling }),
            _ => Judgement::Denied(Denied { request, ruling }),
        };
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

/// What an operation asks of a policy. A write asks for `Update`; [`judge`]
/// decides whether it asks for `Create` instead.
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
