//! The text of a token: a prefix for its kind, 256 random bits in base 62, and a checksum. With the checksum a secret
//! scanner can recognise a leaked token without asking the server. `srs.` is a service token of the broker; `srb.`
//! (batch) and `srw.` (wrapping) are reserved.

use zeroize::Zeroizing;

use super::{random::Random, secret::Secret};

/// Makes a token: `prefix`, 43 characters for 256 random bits, and 6 characters for the CRC-32 of everything before
/// them.
pub(crate) fn make(prefix: &str, random: &Random) -> Secret<String> {
    let seed = random.secret::<32>();
    // Reserved at once: a text that grows would leave a shorter copy behind.
    let mut text = Secret::new(String::with_capacity(prefix.len() + BODY_CHARS + CHECK_CHARS));
    let out = text.expose_mut();
    out.push_str(prefix);
    push_body(seed.expose(), out);
    let sum = crc32fast::hash(out.as_bytes());
    push_base62(u64::from(sum), CHECK_CHARS, out);
    text
}

/// Characters for 256 bits: 62^43 is just above 2^256.
const BODY_CHARS: usize = 43;
/// Characters for a CRC-32: 62^6 is above 2^32.
const CHECK_CHARS: usize = 6;
/// Characters that one round of division yields: 62^5 is the largest power of 62 that fits 32 bits.
const STEP_CHARS: usize = 5;
const STEP: u64 = 62_u64.pow(5);

/// Appends 256 bits to `out` in base 62, as 43 characters. The bits come most significant first, the characters least
/// significant first.
fn push_body(bits: &[u8; 32], out: &mut String) {
    let mut limbs = Zeroizing::new([0_u32; 8]);
    for (limb, bytes) in limbs.iter_mut().zip(bits.as_chunks().0) {
        *limb = u32::from_be_bytes(*bytes);
    }
    let mut left = BODY_CHARS;
    while left > 0 {
        let mut rest = 0;
        for limb in limbs.iter_mut() {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / STEP) as u32;
            rest = value % STEP;
        }
        push_base62(rest, left.min(STEP_CHARS), out);
        left = left.saturating_sub(STEP_CHARS);
    }
}

/// Appends `value` to `out` in base 62, as exactly `chars` digits, the least significant first.
fn push_base62(mut value: u64, chars: usize, out: &mut String) {
    for _ in 0..chars {
        let digit = (value % 62) as u8;
        value /= 62;
        out.push(char::from(match digit {
            0..=9 => b'0' + digit,
            10..=35 => b'A' + digit - 10,
            _ => b'a' + digit - 36,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIXES: [&str; 3] = ["srs.", "srb.", "srw."];

    /// What a secret scanner checks: prefix, length, letters and checksum.
    fn looks_right(text: &str) -> bool {
        let Some(body) = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)) else { return false };
        if body.len() != BODY_CHARS + CHECK_CHARS || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return false;
        }
        let Some((signed, check)) = text.split_at_checked(text.len() - CHECK_CHARS) else { return false };
        let mut expected = String::with_capacity(CHECK_CHARS);
        push_base62(u64::from(crc32fast::hash(signed.as_bytes())), CHECK_CHARS, &mut expected);
        check == expected
    }

    #[test]
    fn a_token_is_recognised_and_a_typing_error_is_not() {
        let random = Random::seeded(1);
        for prefix in PREFIXES {
            let token = make(prefix, &random);
            let text = token.expose();
            assert_eq!((text.len(), text.capacity()), (53, 53));
            assert!(looks_right(text));
            for at in 0..text.len() {
                for other in ["0", "z", ".", ""] {
                    let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                    assert!(wrong == *text || !looks_right(&wrong), "{at}");
                }
            }
        }
        for text in ["", "srs.", "hvs.CAESIJ", "srs.é", &format!("srs.{}", "é".repeat(25)), &"a".repeat(53)] {
            assert!(!looks_right(text), "{text}");
        }
    }

    /// The digits of 0, 1, 62^5 and 2^256 - 1, counted by hand and with Python's integers.
    #[test]
    fn the_body_is_the_number_in_base_62() {
        let body = |bits: [u8; 32]| {
            let mut out = String::new();
            push_body(&bits, &mut out);
            out
        };
        let small = |value: u32| {
            let mut bits = [0; 32];
            bits[28..].copy_from_slice(&value.to_be_bytes());
            body(bits)
        };
        assert_eq!(small(0), "0".repeat(43));
        assert_eq!(small(1), format!("1{}", "0".repeat(42)));
        assert_eq!(small(61), format!("z{}", "0".repeat(42)));
        assert_eq!(small(916_132_832), format!("000001{}", "0".repeat(37)));
        assert_eq!(body([0xff; 32]), "1pX8wOr5j2ACunjH7GLL8mWZWHmY1LA1ZO6Adwksjhy");
    }

    #[test]
    fn every_bit_of_the_seed_shows() {
        let zero = make("srs.", &Random::seeded(1));
        let one = make("srs.", &Random::seeded(2));
        assert!(zero.expose() != one.expose());
    }
}
