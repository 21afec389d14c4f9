//! The text form of a key share, for people: `srk1-<set>-<index>-<share>-<checksum>`. `set` names the shares that
//! belong together, `index` counts them from 1, and the share is written in base 32 (RFC 4648, lower case). The
//! checksum finds a typing error before anything is sent. Capital letters are read too.
//!
//! The form is our own, so that a share names its set and an error names the part that is wrong.

use data_encoding::{BASE32_NOPAD, Encoding};
use zeroize::{Zeroize, Zeroizing};

use super::secret::Secret;

/// Why a text is not a share. No message repeats any part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareTextError {
    #[error("a share begins with `srk1-`")]
    Prefix,
    #[error("a share has five parts with `-` between them: `srk1`, set, index, share, checksum")]
    Parts,
    #[error("the set of a share is 4 letters or digits")]
    Set,
    #[error("the index of a share is a number from 1 to 255")]
    Index,
    #[error("the share itself is {SHARE_CHARS} letters a to z and digits 2 to 7")]
    Share,
    #[error("the checksum does not match: a character of this share is wrong, missing or moved")]
    Checksum,
}

/// Writes a share. `set` is 4 letters or digits and `index` is not 0; otherwise [`read`] refuses what is written.
pub(crate) fn write(set: &str, index: u8, share: &[u8; SHARE_BYTES]) -> Secret<String> {
    let mut text = Secret::new(String::with_capacity(TEXT_BYTES_MAX));
    let out = text.expose_mut();
    out.push_str(PREFIX);
    out.push_str(set);
    out.push('-');
    out.push_str(&index.to_string());
    out.push('-');
    let mut share_text = Zeroizing::new([0; SHARE_CHARS]);
    BASE32_NOPAD.encode_mut(share, &mut *share_text);
    out.extend(share_text.iter().map(|&b| char::from(b)));
    out.make_ascii_lowercase();
    let sum = checksum(out);
    out.push('-');
    out.push_str(&sum);
    text
}

/// Reads a share in the form that [`write()`] writes. Returns the set in lower case, the index and the bytes of the
/// share.
pub(crate) fn read(text: &str) -> Result<(String, u8, Secret<[u8; SHARE_BYTES]>), ShareTextError> {
    let lowered = Zeroizing::new(text.to_ascii_lowercase());
    let body = lowered.strip_prefix(PREFIX).ok_or(ShareTextError::Prefix)?;
    let mut parts = body.split('-');
    let (Some(set), Some(index), Some(share), Some(sum), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ShareTextError::Parts);
    };
    // The checksum is checked last, because naming the wrong part helps more.
    if set.len() != SET_CHARS || !set.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(ShareTextError::Set);
    }
    let number: u8 = index.parse().map_err(|_| ShareTextError::Index)?;
    if number == 0 || index != number.to_string() {
        return Err(ShareTextError::Index);
    }
    let mut bytes = Secret::new([0; SHARE_BYTES]);
    let upper = Zeroizing::new(share.to_ascii_uppercase());
    if upper.len() != SHARE_CHARS || !decode(&BASE32_NOPAD, upper.as_bytes(), bytes.expose_mut()) {
        return Err(ShareTextError::Share);
    }
    let signed = lowered.get(..lowered.len().saturating_sub(sum.len() + 1)).unwrap_or("");
    if checksum(signed) != sum {
        return Err(ShareTextError::Checksum);
    }
    Ok((set.to_owned(), number, bytes))
}

const PREFIX: &str = "srk1-";
const SET_CHARS: usize = 4;
/// Bytes of a share: 32 bytes y and one byte x (crypto/shamir.rs).
const SHARE_BYTES: usize = 33;
const SHARE_CHARS: usize = 53;
const TEXT_BYTES_MAX: usize = PREFIX.len() + SET_CHARS + 1 + 3 + 1 + SHARE_CHARS + 1 + CHECK_CHARS;
const CHECK_CHARS: usize = 6;

fn decode(encoding: &Encoding, text: &[u8], out: &mut [u8; SHARE_BYTES]) -> bool {
    let is_right = encoding.decode_mut(text, out).is_ok_and(|len| len == SHARE_BYTES);
    if !is_right {
        out.zeroize();
    }
    is_right
}

/// The upper 30 bits of the CRC-32 over `text`, as six characters.
fn checksum(text: &str) -> String {
    let sum = crc32fast::hash(text.as_bytes());
    (0..CHECK_CHARS as u32)
        .map(|place| {
            let digit = (sum >> (27 - 5 * place) & 31) as u8;
            char::from(if digit < 26 { b'a' + digit } else { b'2' + digit - 26 })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz;

    fn share(byte: u8) -> [u8; SHARE_BYTES] {
        std::array::from_fn(|i| byte.wrapping_mul(i as u8 + 1).wrapping_add(i as u8))
    }

    #[test]
    fn a_share_reads_back_in_either_case() {
        for (index, byte) in [(1, 0), (9, 7), (255, 255)] {
            let text = write("k7qd", index, &share(byte));
            for text in [text.expose().clone(), text.expose().to_ascii_uppercase()] {
                let (set, read_index, read_share) = read(&text).unwrap();
                assert_eq!((set.as_str(), read_index), ("k7qd", index));
                assert!(read_share.same(&share(byte)));
            }
        }
    }

    #[test]
    fn the_form_is_the_documented_one() {
        let text = write("ab12", 3, &[0; SHARE_BYTES]);
        let expected = format!("srk1-ab12-3-{}-", "a".repeat(SHARE_CHARS));
        assert!(text.expose().starts_with(&expected) && text.expose().len() == expected.len() + CHECK_CHARS);
        assert!(write("ab12", 255, &[1; SHARE_BYTES]).expose().len() == TEXT_BYTES_MAX);
    }

    #[test]
    fn every_wrong_or_swapped_character_is_noticed() {
        let text = write("k7qd", 3, &share(5));
        let text = text.expose();
        for at in 0..text.len() {
            for other in ["a", "7", "-", "0", ""] {
                let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                assert!(wrong == *text || read(&wrong).is_err(), "{at}");
            }
            let mut swapped = text.clone().into_bytes();
            swapped.swap(at, (at + 1) % text.len());
            assert!(swapped == text.as_bytes() || read(std::str::from_utf8(&swapped).unwrap()).is_err(), "{at}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let body = "a".repeat(SHARE_CHARS);
        for (text, error) in [
            ("", ShareTextError::Prefix),
            ("srk2-ab12-1-a-a", ShareTextError::Prefix),
            ("srk1-ab12-1", ShareTextError::Parts),
            (&format!("srk1-ab12-1-{body}-aaaaaa-"), ShareTextError::Parts),
            (&format!("srk1-ab1-1-{body}-aaaaaa"), ShareTextError::Set),
            (&format!("srk1-abé1-1-{body}-aaaaaa"), ShareTextError::Set),
            (&format!("srk1-ab12-0-{body}-aaaaaa"), ShareTextError::Index),
            (&format!("srk1-ab12-01-{body}-aaaaaa"), ShareTextError::Index),
            (&format!("srk1-ab12-256-{body}-aaaaaa"), ShareTextError::Index),
            (&format!("srk1-ab12-1-{}-aaaaaa", &body[1..]), ShareTextError::Share),
            (&format!("srk1-ab12-1-{}b-aaaaaa", &body[1..]), ShareTextError::Share),
            (&format!("srk1-ab12-1-{}1-aaaaaa", &body[1..]), ShareTextError::Share),
            (&format!("srk1-ab12-1-{body}-aaaaaa"), ShareTextError::Checksum),
            (&format!(" {}", write("ab12", 1, &[0; SHARE_BYTES]).expose()), ShareTextError::Prefix),
        ] {
            assert_eq!(read(text).err(), Some(error), "{text}");
        }
    }

    proptest::proptest! {
        #![proptest_config(fuzz::config())]

        /// What is read has no other spelling but for capitals, so two texts are one share only if they say the same.
        #[test]
        fn a_changed_share_is_refused_or_the_same(
            index in 1_u8.., bytes in proptest::array::uniform32(0_u8..), at: proptest::sample::Index, to in "[a-z0-9é -]?",
        ) {
            let mut share = [index; SHARE_BYTES];
            share[..32].copy_from_slice(&bytes);
            let text = write("ab12", index, &share).expose().clone();
            let at = at.index(text.len());
            let changed = format!("{}{to}{}", &text[..at], &text[at + 1..]);
            let same = read(&changed).is_ok_and(|(set, index, share)| *write(&set, index, share.expose()).expose() == text);
            proptest::prop_assert!(same || read(&changed).is_err(), "{changed}");
            proptest::prop_assert_eq!(same, changed == text);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "(srk1-)?.{0,40}", parts in "srk1(-[a-z0-9é]{0,6}){0,5}") {
            let _ = (read(&text), read(&parts));
        }
    }
}
