//! What can go wrong between this client and a server. There is one variant for each kind of advice to the user. No
//! variant holds a token or a body that was sent.

use super::{
    address::Address,
    certificate::PresentedCertificate,
    refusal::{Refusal, RefusalKind},
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("cannot reach {address}: {cause}")]
    Unreachable { address: Address, cause: String },
    /// The resolver knows no address for the host.
    #[error("the name {host} of {address} has no address: {cause}")]
    UnknownHost { address: Address, host: String, cause: String },
    #[error("no answer from {address} within {secs} s")]
    Slow { address: Address, secs: u64 },
    /// The request went out as plain HTTP, and the port speaks TLS.
    #[error("{0} speaks TLS, but the request was plain HTTP")]
    HttpOnHttps(Address),
    /// The request went out over TLS, and the port speaks plain HTTP.
    #[error("{0} speaks plain HTTP, but the request used TLS")]
    HttpsOnHttp(Address),
    /// No CA that is trusted here signed the server's certificate.
    #[error("the certificate of {address} is signed by a CA that is not known here")]
    UnknownCa { address: Address, presented: Option<Box<PresentedCertificate>>, anchors: &'static str },
    /// A trusted CA signed the certificate, but the certificate is for another name, is expired or is revoked.
    #[error("the certificate of {address} is not acceptable: {cause}")]
    BadCertificate { address: Address, presented: Option<Box<PresentedCertificate>>, cause: String },
    #[error("{0} asks for a client certificate")]
    ClientCertificateRequired(Address),
    /// The server refused the certificate that the client showed.
    #[error("{address} does not accept the client certificate: {cause}")]
    ClientCertificateRefused { address: Address, cause: String },
    /// The server closed a TLS connection that was open, and sent no answer.
    #[error("{address} closed the connection without an answer: {cause}")]
    Closed { address: Address, cause: String },
    #[error("the TLS handshake with {address} failed: {cause}")]
    Handshake { address: Address, cause: String },
    /// The server redirects to another address. If that were followed, the other server would see the token.
    #[error("{address} redirects to {to}, which is not followed")]
    Redirected { address: Address, to: String },
    #[error("{address} did not answer as Vault's API does: {cause}")]
    NotVaultApi { address: Address, cause: String },
    #[error("the request cannot be sent: {0}")]
    Request(String),
    #[error("{0}")]
    Refused(Box<Refusal>),
}

impl ClientError {
    pub(crate) const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    pub(crate) fn kind(&self) -> Option<RefusalKind> {
        self.refusal().map(|refusal| refusal.kind)
    }
}
