//! What an engine or an auth method promises, and all that it is given. An engine is testable with this floor alone:
//! no broker, no socket.
//!
//! Read in this order: `kind.rs` (the two traits), `row.rs` (the table of an API), `call.rs` (what a handler is given),
//! `answer.rs` and `error.rs` (what it gives back).

pub mod answer;
#[cfg(test)]
pub mod bench;
pub mod call;
pub mod error;
pub mod input;
pub mod keyset;
pub mod kind;
pub mod row;

pub use crate::barrier::{Name, Table};
pub use answer::{Answer, Body, Granted, Login, Renewal};
pub use call::{Call, Caller, Context, Credential, Host, MountFacts, Principal, View};
pub use error::{Error, Fault, Result};
pub use input::{Flag, Ident, Int, Names, Opaque, RoleName};
pub use kind::{AuthMethod, Class, Found, Kind, Mounted, RowRef, SecretsEngine};
pub use row::{Api, Fields, Operation, Params, Row, RowFacts, Verb, delete, list, login, patch, read, write};
