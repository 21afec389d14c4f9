//! The keyring: numbered key terms, each with a key for records, and the keys that are not rotated with the terms. The
//! keyring is stored in the boot document, sealed under a subkey of the root key, and is wiped when dropped.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::base::{random::Random, time::Time};

/// One generation of the key that seals records.
#[derive(minicbor::Encode, minicbor::Decode, Zeroize, ZeroizeOnDrop)]
pub struct Term {
    #[n(0)]
    pub number: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// When the term began, in nanoseconds since the epoch.
    #[n(2)]
    pub created: i64,
}

/// All keys of a store.
#[derive(minicbor::Encode, minicbor::Decode, Zeroize, ZeroizeOnDrop)]
pub struct Keyring {
    /// The generation of the keyring, the same as in the boot document. A difference shows that the two do not belong
    /// together.
    #[n(0)]
    pub generation: u64,
    #[n(1)]
    pub terms: Vec<Term>,
    /// The index key. From it the keys are derived that seal names and hash tokens, accessors and what engines look up.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub index: [u8; 32],
    /// The MAC key with which sensitive values are hashed in audit log lines.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub audit_mac: [u8; 32],
    /// The Ed25519 seed that signs audit checkpoints.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub audit_seed: [u8; 32],
}

impl Keyring {
    /// A fresh keyring with its first term.
    pub(crate) fn generate(random: &Random, now: Time) -> Self {
        let term = Term { number: 1, key: random.bytes(), created: now.unix_nanos() };
        Self {
            generation: 1,
            terms: vec![term],
            index: random.bytes(),
            audit_mac: random.bytes(),
            audit_seed: random.bytes(),
        }
    }
}
