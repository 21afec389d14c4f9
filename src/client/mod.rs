//! The typed client of our own API: HTTP/1.1 over rustls, one origin for its whole life, and errors that say which of
//! the few things went wrong. Start reading at `api.rs`. Works against Vault and OpenBao as well.

mod address;
mod answer;
mod api;
mod certificate;
mod connection;
mod error;
pub mod json;
mod tls;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

pub use address::{Address, AddressError, Scheme};
pub use answer::Answer;
pub use api::{Call, Client, Method, Settings};
pub use certificate::Presented;
pub use error::{ClientError, Refusal, RefusalKind};
pub use tls::{Anchors, Identity, TlsError, TlsSettings};
