//! Cryptography as pure functions over bytes: no clock, no disk, no network. The same input gives the same output, so
//! every module here is checked against published vectors (`data/vectors/SOURCE.md`). The ciphers come from libraries;
//! only the field arithmetic of [`shamir`] is our own.

mod error;

pub mod aead;
pub mod ed25519;
pub mod jose;
pub mod kdf;
pub mod merkle;
pub mod note;
pub mod shamir;
pub mod siv;

pub use error::CryptoError;
