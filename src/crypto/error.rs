//! The one error type of `crypto`. It is coarse on purpose.

/// Why a cryptographic operation failed. There are few variants, because an attacker could learn from finer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// Wrong key, wrong associated data, changed bytes, or a signature that does not verify.
    #[error("the bytes do not open or verify: the key is wrong, or the bytes were changed")]
    Sealed,
    /// The bytes are not a key of this kind.
    #[error("the bytes are not a usable key")]
    Key,
    /// The input has the wrong length or form, or the wrong number of parts.
    #[error("the input has the wrong length or form, or the wrong number of parts")]
    Shape,
}
