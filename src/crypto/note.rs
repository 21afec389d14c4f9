//! Signed tree heads in the form of transparency logs (C2SP signed-note and tlog-checkpoint), so that public verifiers
//! can read them. A tree head is three lines (origin, number of leaves, root), an empty line, and one Ed25519
//! signature. The key is named after the origin. The last head before a log is left for a while says so in a fourth
//! line, which is an extension line of C2SP tlog-checkpoint: `final`.

use data_encoding::BASE64;

use super::{
    ed25519::{PublicKey, SigningKey},
    error::CryptoError,
    kdf::sha256,
    merkle::Hash,
};

/// The number that stands for Ed25519 in a key id (C2SP signed-note, "Signature types").
const ED25519: u8 = 0x01;

/// A signed tree head. Reading it does not verify it: see [`Checkpoint::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
    /// Whether the signer wrote nothing of its own after this tree until it got its keys again.
    pub is_final: bool,
    key_id: [u8; 4],
    signature: [u8; 64],
}

/// The extension line of a final head.
const FINAL: &str = "final";

impl Checkpoint {
    /// Signs the head of a tree with `size` leaves. The origin must hold no space, plus or newline.
    pub(crate) fn sign(origin: &str, size: u64, root: &Hash, key: &SigningKey) -> Self {
        Self::unsigned(origin, size, root, key).signed(key)
    }

    /// As [`Checkpoint::sign`], for a head that says `final`.
    pub(crate) fn sign_final(origin: &str, size: u64, root: &Hash, key: &SigningKey) -> Self {
        Self { is_final: true, ..Self::unsigned(origin, size, root, key) }.signed(key)
    }

    fn unsigned(origin: &str, size: u64, root: &Hash, key: &SigningKey) -> Self {
        let key_id = key_id(origin, &key.public());
        Self { origin: origin.to_owned(), size, root: *root, is_final: false, key_id, signature: [0; 64] }
    }

    fn signed(self, key: &SigningKey) -> Self {
        Self { signature: key.sign(self.signed_text().as_bytes()), ..self }
    }

    /// Reads a signed tree head in the exact form that [`Checkpoint::text`] writes: one signature, and no extension line
    /// but `final`. Every other form is refused, so that no tree head has two texts.
    pub(crate) fn parse(text: &str) -> Result<Self, CryptoError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(CryptoError::Shape);
        let (origin, size, root, mut empty) = (line()?, line()?, line()?, line()?);
        let is_final = empty == FINAL;
        if is_final {
            empty = line()?;
        }
        let (signed, end) = (line()?, line()?);
        let fields = signed.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(CryptoError::Shape)?;
        let bytes = BASE64.decode(fields.1.as_bytes()).map_err(|_| CryptoError::Shape)?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or(CryptoError::Shape)?;
        let parsed = Self {
            origin: origin.to_owned(),
            size: size.parse().map_err(|_| CryptoError::Shape)?,
            root: decode_hash(root)?,
            is_final,
            key_id: *id,
            signature: signature.try_into().map_err(|_| CryptoError::Shape)?,
        };
        let is_exact = empty.is_empty() && end.is_empty() && fields.0 == origin && parsed.text() == text;
        if is_exact { Ok(parsed) } else { Err(CryptoError::Shape) }
    }

    /// The signed tree head as text. It ends in a newline.
    pub(crate) fn text(&self) -> String {
        let mut signed = self.key_id.to_vec();
        signed.extend_from_slice(&self.signature);
        let head = self.signed_text();
        format!("{head}\n— {} {}\n", self.origin, BASE64.encode(&signed))
    }

    /// Checks that `key`, under the name of the origin, signed this tree head.
    pub(crate) fn verify(&self, key: &PublicKey) -> Result<(), CryptoError> {
        if self.key_id != key_id(&self.origin, key) {
            return Err(CryptoError::Key);
        }
        key.verify(self.signed_text().as_bytes(), &self.signature)
    }

    fn signed_text(&self) -> String {
        let tree = format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root));
        if self.is_final { format!("{tree}{FINAL}\n") } else { tree }
    }
}

/// The first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key) (C2SP signed-note).
fn key_id(name: &str, key: &PublicKey) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[name.as_bytes(), &[0x0a, ED25519], key.as_bytes()]);
    [a, b, c, d]
}

fn decode_hash(text: &str) -> Result<Hash, CryptoError> {
    let bytes = BASE64.decode(text.as_bytes()).map_err(|_| CryptoError::Shape)?;
    bytes.try_into().map_err(|_| CryptoError::Shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Secret::new([seed; 32]))
    }

    fn heads() -> [Checkpoint; 2] {
        [Checkpoint::sign("c/l/file", 7, &[9; 32], &key(1)), Checkpoint::sign_final("c/l/file", 7, &[9; 32], &key(1))]
    }

    #[test]
    fn a_note_reads_back_and_only_its_own_key_believes_it() {
        for head in heads() {
            let read = Checkpoint::parse(&head.text()).unwrap();
            assert_eq!(read, head);
            assert_eq!(read.verify(&key(1).public()), Ok(()));
            assert_eq!(read.verify(&key(2).public()), Err(CryptoError::Key));
        }
    }

    #[test]
    fn every_changed_byte_is_refused() {
        for text in heads().map(|head| head.text()) {
            for at in 0..text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1;
                let believed = String::from_utf8(bytes)
                    .is_ok_and(|text| Checkpoint::parse(&text).is_ok_and(|head| head.verify(&key(1).public()).is_ok()));
                assert!(!believed, "byte {at}");
            }
        }
    }

    /// Whether a head is final is signed: the word can be neither added nor removed, and no other one can stand there.
    #[test]
    fn s3_the_word_final_is_signed() {
        let [open, last] = heads().map(|head| head.text());
        let added = open.replace("\n\n", "\nfinal\n\n");
        assert_eq!((Checkpoint::parse(&added).unwrap().is_final, last.contains("\nfinal\n\n")), (true, true));
        for forged in [added, last.replace("final\n", "")] {
            assert!(Checkpoint::parse(&forged).unwrap().verify(&key(1).public()).is_err(), "{forged}");
        }
        for other in ["final\nfinal", "Final", "other"] {
            assert_eq!(Checkpoint::parse(&last.replace("final", other)), Err(CryptoError::Shape), "{other}");
        }
    }

    /// The example key of Go's golang.org/x/mod/sumdb/note documentation: name, key id and key belong together.
    #[test]
    fn the_key_id_is_that_of_sumdb_note() {
        // PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
        let bytes = BASE64.decode(b"ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
        let key = PublicKey::from_bytes(bytes[1..].try_into().unwrap()).unwrap();
        assert_eq!(key_id("PeterNeumann", &key), [0xc7, 0x4f, 0x20, 0xa3]);
    }
}
