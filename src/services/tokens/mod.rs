//! Broker tokens: opaque texts of 256 random bits, stored under a keyed hash. A token is one record with its accessor,
//! expiry, parent and login entries, all written and all deleted in one batch; a login's lease is its token's record.
//!
//! service.rs has the functions that others call. The files beside it each do one thing
//! to a unit of work; cache.rs caches tokens.

mod record;
mod lease;
mod cache;
mod mint;
mod renew;
mod revoke;
mod service;
mod walk;

pub(crate) use cache::Session;
pub(crate) use lease::{LeaseTerms, lease};
pub(crate) use mint::{Plan, PlannedLogin, RootPlan, seed_root};
pub(crate) use record::{SPENT, TokenRecord};
pub(crate) use revoke::Orphaned;
pub(crate) use service::{Tokens, Use};
pub use walk::{WalkReport, walk};
