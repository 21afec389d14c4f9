//! The form of a value on disk: `nonce 24 | format 1 | algorithm 1 | key term 4 | ciphertext | tag 16`, sealed with
//! XChaCha20-Poly1305 under a random nonce, the plaintext padded to 64 bytes. The associated data binds format, store,
//! full key and term, so that a record opens nowhere but where it was written.

use zeroize::Zeroizing;

use crate::{
    barrier::{BarrierError, place::Place},
    base::random::Random,
    crypto::aead::{self, AeadKey, NONCE_BYTES},
};

const FORMAT: u8 = 1;
/// XChaCha20-Poly1305, the only algorithm of format 1.
const ALGORITHM: u8 = 1;
/// Bytes before the ciphertext.
const HEAD_BYTES: usize = NONCE_BYTES + 6;
/// Plaintexts are padded to a multiple of this, so that a stolen store shows size classes only.
const PAD_BYTES: usize = 64;

/// Seals `plain` for `place`.
pub fn seal(
    key: &AeadKey,
    term: u32,
    store: &[u8; 16],
    place: &Place,
    plain: &[u8],
    random: &Random,
) -> Result<Vec<u8>, BarrierError> {
    let nonce: [u8; NONCE_BYTES] = random.bytes();
    let mut body = Vec::with_capacity(plain.len() + PAD_BYTES + HEAD_BYTES + aead::TAG_BYTES);
    body.extend_from_slice(plain);
    body.push(0x80);
    body.resize(body.len().next_multiple_of(PAD_BYTES), 0);
    aead::seal(key, &nonce, &associated_data(term, store, place), &mut body).map_err(|_| BarrierError::TooLarge)?;
    let mut value = Vec::with_capacity(HEAD_BYTES + body.len());
    value.extend_from_slice(&nonce);
    value.extend_from_slice(&[FORMAT, ALGORITHM]);
    value.extend_from_slice(&term.to_be_bytes());
    value.append(&mut body);
    Ok(value)
}

/// The term under which a value was sealed.
pub fn term_of(value: &[u8]) -> Option<u32> {
    let head = value.get(NONCE_BYTES..HEAD_BYTES)?;
    let (form, term) = head.split_at_checked(2)?;
    (form == [FORMAT, ALGORITHM]).then_some(u32::from_be_bytes(term.try_into().ok()?))
}

/// Opens what [`seal`] made for the same place; anything else is an integrity error.
pub fn open(
    key: &AeadKey,
    term: u32,
    store: &[u8; 16],
    place: &Place,
    value: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BarrierError> {
    let damaged = || BarrierError::Integrity { table: place.table_id() };
    let (head, sealed) = value.split_at_checked(HEAD_BYTES).ok_or_else(damaged)?;
    let nonce: &[u8; NONCE_BYTES] = head.first_chunk().ok_or_else(damaged)?;
    let mut plain = aead::open(key, nonce, &associated_data(term, store, place), sealed).map_err(|_| damaged())?;
    while plain.pop_if(|last| *last == 0).is_some() {}
    if plain.pop() != Some(0x80) {
        return Err(damaged());
    }
    Ok(plain)
}

/// Injective: every part but the last has a fixed length.
fn associated_data(term: u32, store: &[u8; 16], place: &Place) -> Vec<u8> {
    let mut data = Vec::with_capacity(22 + place.as_bytes().len());
    data.extend_from_slice(&[FORMAT, ALGORITHM]);
    data.extend_from_slice(store);
    data.extend_from_slice(&term.to_be_bytes());
    data.extend_from_slice(place.as_bytes());
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn key() -> AeadKey {
        AeadKey::new(Secret::new([7; 32]))
    }

    fn place(name: u8) -> Place {
        Place::table(&[1; 16], 3).plain(&[name])
    }

    #[test]
    fn a_record_opens_only_where_it_was_written() {
        let value = seal(&key(), 1, &[9; 16], &place(1), b"plain", &Random::seeded(1)).unwrap();
        assert_eq!(open(&key(), 1, &[9; 16], &place(1), &value).unwrap().as_slice(), b"plain");
        assert_eq!(term_of(&value), Some(1));
        for (term, store, at) in [(2, [9; 16], place(1)), (1, [8; 16], place(1)), (1, [9; 16], place(2))] {
            assert!(open(&key(), term, &store, &at, &value).is_err());
        }
    }

    /// STO-02: every cut and every flipped bit is an error, never a panic and never a plaintext.
    #[test]
    fn a_cut_or_flipped_record_does_not_open() {
        let value = seal(&key(), 1, &[9; 16], &place(1), b"plain", &Random::seeded(1)).unwrap();
        for length in 0..value.len() {
            assert!(open(&key(), 1, &[9; 16], &place(1), &value[..length]).is_err());
        }
        for bit in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Format, algorithm and term stand in the head as a hint; what counts is bound in the associated data.
            let hint = (NONCE_BYTES..HEAD_BYTES).contains(&(bit / 8));
            assert!(hint || open(&key(), 1, &[9; 16], &place(1), &flipped).is_err(), "bit {bit}");
            assert!(!hint || term_of(&flipped) != Some(1));
        }
        let mut longer = value;
        longer.push(0);
        assert!(open(&key(), 1, &[9; 16], &place(1), &longer).is_err());
    }

    /// INVARIANT 18: also two equal plaintexts at one place. `STRONGROOM_LONG=1` seals ten million.
    #[test]
    fn each_plaintext_draws_a_nonce_of_its_own() {
        let (random, count) =
            (Random::seeded(1), if std::env::var_os("STRONGROOM_LONG").is_some() { 10_000_000 } else { 10_000 });
        let mut seen = std::collections::HashSet::with_capacity(count);
        for _ in 0..count {
            let value = seal(&key(), 1, &[9; 16], &place(1), b"plain", &random).unwrap();
            assert!(seen.insert(<[u8; NONCE_BYTES]>::try_from(&value[..NONCE_BYTES]).unwrap()));
        }
    }

    #[test]
    fn plaintexts_of_one_size_class_have_one_length() {
        let random = Random::seeded(1);
        let length = |plain: &[u8]| seal(&key(), 1, &[9; 16], &place(1), plain, &random).unwrap().len();
        assert_eq!(length(b""), length(&[1; 63]));
        assert_eq!(length(&[1; 64]), length(b"") + 64);
    }
}
