//! The one error of this floor. It is coarse on purpose.

/// Why a cryptographic operation failed. It does not say more, because an attacker could learn from the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// Wrong key, wrong associated data, changed bytes, or a signature that does not verify.
    #[error("does not open or verify: wrong key, or changed since")]
    Sealed,
    /// The bytes are not a key of this kind.
    #[error("not a usable key")]
    Key,
    /// The input has the wrong length, count or form.
    #[error("not of the shape that this operation takes")]
    Shape,
}
