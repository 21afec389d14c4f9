//! Where the token of a login comes from: the principal who logged in, and the credential that it showed. The broker
//! keeps both with the token, so that an auth method which deletes one of them can end the tokens that came from it.

/// The origin of a login. Both numbers are random or keyed hashes, and are never used for anybody else: not for a later
/// principal of the same name, nor for a later credential of the same text.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct LoginOrigin {
    /// The incarnation of the principal: of the role, user or key that logged in. Never zero.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub principal: [u8; 16],
    /// The credential. Zero if the auth method has no credentials that end without their principal.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub credential: [u8; 16],
}

/// The logins whose tokens end, together with all descendants of those tokens.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EndedLogins {
    /// All logins of a principal, which was deleted.
    #[n(0)]
    OfPrincipal(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16]),
    /// All logins with one credential of a principal, which somebody destroyed.
    #[n(1)]
    OfCredential(#[n(0)] LoginOrigin),
}

impl LoginOrigin {
    /// The endings that reach a token of this origin.
    pub fn ended_by(&self) -> [EndedLogins; 2] {
        [EndedLogins::OfPrincipal(self.principal), EndedLogins::OfCredential(*self)]
    }

    pub fn names_a_principal(&self) -> bool {
        self.principal != [0; 16]
    }
}
