//! What a caller sends to prove who it is, independent of any protocol. A dialect reads the credential from headers, a
//! form or the TLS handshake; other code verifies it.
//!
//! The broker verifies its own tokens. It passes every other credential to the auth methods that recognise its form
//! ([`AuthMethod::RECOGNISES`](super::AuthMethod::RECOGNISES)). The first method that knows the credential names the
//! caller.

use crate::base::secret::Secret;

/// A credential as the caller sent it. Nothing about it is verified yet.
#[expect(dead_code, reason = "read and made by dialects and auth methods to come")]
pub enum Credential {
    /// A token of this broker.
    Token(Secret<String>),
    /// A token of another issuer, sent as a bearer token (RFC 6750).
    Bearer(Secret<String>),
    /// A name and a secret sent with each request, as in RFC 6749 §2.3.1.
    NameAndSecret { name: String, secret: Secret<String> },
    /// A signature over the request, such as AWS Signature Version 4.
    Signature(Signature),
}

/// A signature over a request, with everything that is needed to verify it. The dialect builds the signed text. The
/// recogniser (the auth method that recognises the credential) has the key and verifies the signature.
#[cfg_attr(not(test), expect(dead_code, reason = "read and made by dialects and auth methods to come"))]
pub struct Signature {
    /// The id of the key that signed.
    pub key_id: String,
    /// The part of the signed text that precedes the body's digest.
    pub signed_head: String,
    /// The part of the signed text that follows the body's digest.
    pub signed_tail: String,
    pub signature: Vec<u8>,
}

/// The form of a credential. It decides which auth methods are asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Bearer,
    NameAndSecret,
    Signature,
}

impl Credential {
    /// The form of this credential. `None` for a token of this broker, about which no auth method is asked.
    pub const fn form(&self) -> Option<Form> {
        match self {
            Self::Token(_) => None,
            Self::Bearer(_) => Some(Form::Bearer),
            Self::NameAndSecret { .. } => Some(Form::NameAndSecret),
            Self::Signature(_) => Some(Form::Signature),
        }
    }
}

/// A form of credential that an auth method recognises, and whether the method needs the request's body for that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recognises {
    pub form: Form,
    pub body: NeedsBody,
}

/// Whether the request's body is needed to recognise the credential. If so, the body is read before the caller is
/// known, and the size limit for unknown callers applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(dead_code, reason = "read and made by dialects and auth methods to come")]
pub enum NeedsBody {
    No,
    Yes,
}

/// A credential and the request's body, which the credential's signature may cover.
#[cfg_attr(not(test), expect(dead_code, reason = "read and made by dialects and auth methods to come"))]
pub struct ShownCredential<'a> {
    pub credential: &'a Credential,
    /// The raw body. Empty if the auth method does not need it.
    pub body: &'a [u8],
}
