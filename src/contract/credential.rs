//! What a caller shows to say who it is, in words of no protocol: a dialect reads it out of headers, a form or the
//! handshake, and whoever can judge it does.
//!
//! The broker judges its own tokens. Every other credential goes to the auth methods that recognise its form
//! ([`AuthMethod::RECOGNISES`](super::AuthMethod::RECOGNISES)); the first that knows it says who the caller is.

use crate::base::secret::Secret;

/// A credential as the caller showed it. Nothing about it is checked yet.
pub enum Credential {
    /// A broker token.
    Token(Secret<String>),
    /// A token of another issuer, shown as the bearer of it (RFC 6750).
    Bearer(Secret<String>),
    /// A name and a secret shown with each request, as a client of RFC 6749 §2.3.1 does.
    NameAndSecret { name: String, secret: Secret<String> },
    /// A signature over the request, such as AWS Signature Version 4.
    Signature(Signature),
}

/// A signature over a request, with all that is needed to verify it. The dialect writes down the text that was signed;
/// the recogniser, which has the key, verifies it.
pub struct Signature {
    /// Which key made it.
    pub key_id: String,
    /// The signed text up to the place where the digest of the body stands.
    pub signed_head: String,
    /// The signed text behind the digest of the body.
    pub signed_tail: String,
    pub signature: Vec<u8>,
}

/// The form of a credential, by which recognisers are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Bearer,
    NameAndSecret,
    Signature,
}

impl Credential {
    /// `None` for the broker's own tokens, which no auth method is asked about.
    pub const fn form(&self) -> Option<Form> {
        match self {
            Self::Token(_) => None,
            Self::Bearer(_) => Some(Form::Bearer),
            Self::NameAndSecret { .. } => Some(Form::NameAndSecret),
            Self::Signature(_) => Some(Form::Signature),
        }
    }
}

/// What an auth method recognises, and what it needs for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recognises {
    pub form: Form,
    pub body: NeedsBody,
}

/// Whether a recogniser needs the request's body, which is then read before the caller is known, under the cap for
/// callers that are not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NeedsBody {
    No,
    Yes,
}

/// A credential together with the body that it may cover.
pub struct ShownCredential<'a> {
    pub credential: &'a Credential,
    /// The raw body; empty where the recogniser does not need it.
    pub body: &'a [u8],
}
