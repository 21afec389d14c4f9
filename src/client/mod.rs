//! The client of our own API: HTTP/1.1 over rustls to one address, with typed errors. It works with Vault and OpenBao
//! too. Start reading at `api.rs`.

mod address;
mod answer;
mod api;
mod call;
mod certificate;
mod error;
pub(crate) mod json;
mod refusal;
mod tls;
mod transport;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

pub(crate) use address::{Address, Scheme};
pub(crate) use answer::ServerAnswer;
pub(crate) use api::{Client, Settings};
pub(crate) use call::{ApiCall, Method};
pub(crate) use certificate::PresentedCertificate;
pub(crate) use error::ClientError;
pub(crate) use refusal::{Refusal, RefusalKind};
pub(crate) use tls::{Anchors, Identity, TlsSettings};
