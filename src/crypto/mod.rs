//! Cryptography as pure functions over bytes: no clock, no disk, no network. The same input gives the same output, so
//! every module here is proved by published vectors (`data/vectors/SOURCE.md`). No cipher is our own, save the field
//! arithmetic of [`shamir`].

pub mod aead;
pub mod ed25519;
pub mod jose;
pub mod kdf;
pub mod merkle;
pub mod note;
pub mod shamir;
pub mod siv;

/// Why a cryptographic operation gives nothing. Says no more than that, so that nobody learns from the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// Wrong key, wrong associated data, changed bytes or a signature that does not hold: which of them is not told.
    #[error("does not open or verify: wrong key, or changed since")]
    Sealed,
    /// The bytes are no key of this kind.
    #[error("not a usable key")]
    Key,
    /// The input has the wrong length, count or form.
    #[error("not of the shape that this operation takes")]
    Shape,
}
