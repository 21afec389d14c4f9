//! The form of a stored value: `nonce 24 | format 1 | algorithm 1 | key term 4 | ciphertext | tag 16`.
//!
//! A value is sealed with XChaCha20-Poly1305 under a random nonce, after its plaintext was padded to a multiple of 64
//! bytes. The associated data binds format, store, term and the record's full key, so a value opens only in the store
//! and under the key where it was written.

use zeroize::Zeroizing;

use crate::{
    barrier::{errors::BarrierError, record_key::RecordKey},
    base::random::Random,
    crypto::aead::{self, AeadKey, NONCE_BYTES},
};

const FORMAT: u8 = 1;
/// XChaCha20-Poly1305, the only algorithm of format 1.
const ALGORITHM: u8 = 1;
/// Bytes of the head of a stored value: everything before the ciphertext.
const HEAD_BYTES: usize = NONCE_BYTES + 6;
/// Plaintexts are padded to a multiple of this, so that a stolen store shows size classes only.
const PAD_BYTES: usize = 64;

/// What a sealed value is bound to: a value opens only with the same binding.
pub(super) struct Binding<'a> {
    pub store: &'a [u8; 16],
    /// The number of the term whose key seals the value. The cipher does not commit to its key, so the number is bound
    /// too.
    pub term: u32,
    pub key: &'a RecordKey,
}

impl Binding<'_> {
    /// Seals `plain` with the key of the term and returns the stored form.
    pub(crate) fn seal(&self, with: &AeadKey, plain: &[u8], random: &Random) -> Result<Vec<u8>, BarrierError> {
        let nonce: [u8; NONCE_BYTES] = random.bytes();
        // Room for everything at once: a buffer that grows would leave a copy of the plaintext behind.
        let mut body = Vec::with_capacity(plain.len() + PAD_BYTES + HEAD_BYTES + aead::TAG_BYTES);
        body.extend_from_slice(plain);
        body.push(0x80);
        body.resize(body.len().next_multiple_of(PAD_BYTES), 0);
        aead::seal(with, &nonce, &self.associated_data(), &mut body).map_err(|_| BarrierError::TooLarge)?;
        let mut value = Vec::with_capacity(HEAD_BYTES + body.len());
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&[FORMAT, ALGORITHM]);
        value.extend_from_slice(&self.term.to_be_bytes());
        value.append(&mut body);
        Ok(value)
    }

    /// Opens what [`Binding::seal`] made with the same binding and key. Any other value is an integrity error.
    pub(crate) fn open(&self, with: &AeadKey, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, BarrierError> {
        let damaged = || BarrierError::Integrity { table: self.key.table_id() };
        let (head, sealed) = value.split_at_checked(HEAD_BYTES).ok_or_else(damaged)?;
        let nonce: &[u8; NONCE_BYTES] = head.first_chunk().ok_or_else(damaged)?;
        let mut plain = aead::open(with, nonce, &self.associated_data(), sealed).map_err(|_| damaged())?;
        while plain.pop_if(|last| *last == 0).is_some() {}
        if plain.pop() != Some(0x80) {
            return Err(damaged());
        }
        Ok(plain)
    }

    /// The associated data of the cipher: format, algorithm and this binding. Different bindings give different bytes,
    /// because every part but the last has a fixed length.
    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(22 + self.key.as_bytes().len());
        data.extend_from_slice(&[FORMAT, ALGORITHM]);
        data.extend_from_slice(self.store);
        data.extend_from_slice(&self.term.to_be_bytes());
        data.extend_from_slice(self.key.as_bytes());
        data
    }
}

/// The term under which a stored value was sealed, as the head of the value says. `None` if the value is too short, or
/// of another format or algorithm.
pub(super) fn term_of(value: &[u8]) -> Option<u32> {
    let head = value.get(NONCE_BYTES..HEAD_BYTES)?;
    let (form, term) = head.split_at_checked(2)?;
    (form == [FORMAT, ALGORITHM]).then_some(u32::from_be_bytes(term.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn key() -> AeadKey {
        AeadKey::new(Secret::new([7; 32]))
    }

    fn named(name: u8) -> RecordKey {
        RecordKey::table(&[1; 16], 3).plain(&[name])
    }

    fn seal(plain: &[u8], random: &Random) -> Vec<u8> {
        Binding { store: &[9; 16], term: 1, key: &named(1) }.seal(&key(), plain, random).unwrap()
    }

    fn open(value: &[u8]) -> Result<Zeroizing<Vec<u8>>, BarrierError> {
        Binding { store: &[9; 16], term: 1, key: &named(1) }.open(&key(), value)
    }

    #[test]
    fn a_record_opens_only_where_it_was_written() {
        let value = seal(b"plain", &Random::seeded(1));
        assert_eq!(open(&value).unwrap().as_slice(), b"plain");
        assert_eq!(term_of(&value), Some(1));
        for (term, store, name) in [(2, [9; 16], 1), (1, [8; 16], 1), (1, [9; 16], 2)] {
            assert!(Binding { store: &store, term, key: &named(name) }.open(&key(), &value).is_err());
        }
    }

    /// STO-02: every cut and every flipped bit is an error, never a panic and never a plaintext.
    #[test]
    fn a_cut_or_flipped_record_does_not_open() {
        let value = seal(b"plain", &Random::seeded(1));
        for length in 0..value.len() {
            assert!(open(&value[..length]).is_err());
        }
        for bit in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Format, algorithm and term stand in the head as a hint; what counts is bound in the associated data.
            let is_hint = (NONCE_BYTES..HEAD_BYTES).contains(&(bit / 8));
            assert!(is_hint || open(&flipped).is_err(), "bit {bit}");
            assert!(!is_hint || term_of(&flipped) != Some(1));
        }
        let mut longer = value;
        longer.push(0);
        assert!(open(&longer).is_err());
    }

    /// INVARIANT 18: also two equal plaintexts under one key. `STRONGROOM_LONG=1` seals ten million.
    #[test]
    fn each_plaintext_draws_a_nonce_of_its_own() {
        let (random, count) =
            (Random::seeded(1), if std::env::var_os("STRONGROOM_LONG").is_some() { 10_000_000 } else { 10_000 });
        let mut seen = std::collections::HashSet::with_capacity(count);
        for _ in 0..count {
            let value = seal(b"plain", &random);
            assert!(seen.insert(<[u8; NONCE_BYTES]>::try_from(&value[..NONCE_BYTES]).unwrap()));
        }
    }

    #[test]
    fn plaintexts_of_one_size_class_have_one_length() {
        let random = Random::seeded(1);
        let length = |plain: &[u8]| seal(plain, &random).len();
        assert_eq!(length(b""), length(&[1; 63]));
        assert_eq!(length(&[1; 64]), length(b"") + 64);
    }
}
