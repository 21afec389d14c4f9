//! What an engine or an auth method must provide, and everything that it is given. An engine can be tested with this
//! module alone, without a broker or a socket.
//!
//! Read in this order: `kind.rs` (the two traits), `row.rs` (the table of an API), `schema.rs` (what a row reads),
//! `call.rs` (what a handler is given), `answer.rs` and `error.rs` (what it gives back).

pub mod answer;
#[cfg(test)]
pub mod bench;
pub mod bounds;
pub mod built_in;
pub mod call;
pub mod credential;
pub mod error;
pub mod help;
pub mod input;
pub mod keyset;
pub mod kind;
mod handler;
mod misfit;
pub mod openapi;
mod origin;
mod page;
pub mod reference;
pub mod row;
pub mod schema;
mod template;
mod weak;

pub use crate::barrier::Table;
pub use answer::{AfterAnswer, Answer, Body, Delivered, Delivery, Granted, IssuedToken, Login, Renewal};
pub use built_in::{BuiltInApi, BuiltInCall, Handled};
pub use call::{Call, Caller, Context, ContextParts, Host, MountFacts, OwnToken, Principal, View};
pub use credential::{Credential, NeedsBody, Recognises, ShownCredential};
#[cfg(test)]
pub use credential::{Form, Signature};
pub use error::{Error, Fault, Result};
pub use handler::{Handling, Later, waits};
pub use input::{Flag, Ident, Int, Names, Opaque, RoleName, given};
pub use kind::{Asked, AuthMethod, Class, Found, Kind, Mounted, RowRef, SecretsEngine};
pub use origin::{EndedLogins, LoginOrigin};
pub use page::ListPage;
pub use row::{
    Access, Api, ApiOf, Fields, Operation, Params, Recording, Row, RowFacts, TrailingSlash, Verb, WhenSealed,
    WhenUnrecordable, delete, list, login, patch, read, write,
};
pub use schema::{Field, ObjectSchema};
pub use template::Template;
