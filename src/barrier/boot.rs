//! The boot document: all that a sealed server needs. It holds the store's id, how the store is sealed, the wrapped
//! root key and the sealed keyring. It is kept outside of the store, so that no old wrapping of the root key stays in
//! the store's log after a change of shares.

use zeroize::Zeroizing;

use crate::{
    barrier::{keyring::Keyring, unit::Staged},
    base::{limits::KEY_TERMS_MAX, random::Random, secret::Secret},
    crypto::{
        CryptoError,
        aead::{self, AeadKey, NONCE_BYTES},
        kdf,
    },
};

/// Why a boot file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error("the boot file cannot be read: {0}")]
    File(String),
    #[error("the boot file is damaged: restore both copies, boot.a and boot.b, from a backup")]
    Damaged,
    #[error("the boot file was written by a newer version of strongroom: start that version")]
    Newer,
    #[error(
        "the store holds data, but its boot file is gone: restore boot.a and boot.b from a backup; without them nobody can open the store"
    )]
    Missing,
    #[error(
        "the boot file is that of a store in use, but the store's data is gone: restore the folder `sled` from the backup that has this boot file"
    )]
    StoreMissing,
}

/// Version of the boot document's form.
const FORMAT: u8 = 1;

#[derive(Clone, minicbor::Encode, minicbor::Decode)]
pub struct BootDocument {
    #[n(0)]
    pub format: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub store: [u8; 16],
    /// The generation of the keyring, which grows with each change. The sealed keyring repeats it.
    #[n(2)]
    pub generation: u64,
    #[n(3)]
    pub shamir: Option<ShamirSeal>,
    #[n(4)]
    pub fixed: Option<FixedSeal>,
    /// The keyring, sealed under a subkey of the root key.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub keyring: Vec<u8>,
    /// The first writes of a new store, encrypted like the keyring. The first unseal applies them; from then on `None`.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub first_batch: Option<Vec<u8>>,
    #[n(7)]
    pub cluster_name: String,
    #[n(8)]
    pub cluster_id: String,
}

/// A root key wrapped under a key that was cut into shares.
#[derive(Clone, minicbor::Encode, minicbor::Decode)]
pub struct ShamirSeal {
    /// The name of this set of shares: four characters that stand in the text form of each share.
    #[n(0)]
    pub set: String,
    #[n(1)]
    pub shares: u8,
    #[n(2)]
    pub threshold: u8,
    /// A salted hash of each share. With it a wrong share is refused at once, and the right ones stay.
    #[n(3)]
    pub hashes: Vec<ShareHash>,
    #[n(4)]
    pub root: WrappedRoot,
}

#[derive(Clone, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct ShareHash(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// A root key wrapped under one key of the configuration: `seal "static"`.
#[derive(Clone, minicbor::Encode, minicbor::Decode)]
pub struct FixedSeal {
    #[n(0)]
    pub key_id: String,
    #[n(1)]
    pub root: WrappedRoot,
}

/// A wrapped root key, with a commitment to the wrapping key. The commitment is compared first, because the cipher
/// alone would let one ciphertext open under two keys.
#[derive(Clone, minicbor::Encode, minicbor::Decode)]
pub struct WrappedRoot {
    #[cbor(n(0), with = "minicbor::bytes")]
    commitment: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

impl WrappedRoot {
    pub(crate) fn wrap(
        root: &Secret<[u8; 32]>,
        key: &[u8],
        store: &[u8; 16],
        random: &Random,
    ) -> Result<Self, CryptoError> {
        let sealed = seal_blob(key, "root", store, root.expose(), random)?;
        Ok(Self { commitment: commitment(key, store), sealed })
    }

    pub(crate) fn unwrap(&self, key: &[u8], store: &[u8; 16]) -> Result<Secret<[u8; 32]>, CryptoError> {
        if !Secret::new(self.commitment).same(&commitment(key, store)) {
            return Err(CryptoError::Sealed);
        }
        let root = open_blob(key, "root", store, &self.sealed)?;
        Ok(Secret::new(root.as_slice().try_into().map_err(|_| CryptoError::Shape)?))
    }
}

/// The hash by which a share is recognised. The store's id is the salt; the set's name tells old sets of shares apart.
pub(crate) fn share_hash(store: &[u8; 16], set: &str, share: &[u8]) -> [u8; 32] {
    kdf::sha256(&[b"strongroom share", store, set.as_bytes(), share])
}

fn commitment(key: &[u8], store: &[u8; 16]) -> [u8; 32] {
    let derived = kdf::derive(key, "commit", store);
    *derived.expose()
}

impl BootDocument {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BootError> {
        let document: Self = minicbor::decode(bytes).map_err(|_| BootError::Damaged)?;
        if document.format == FORMAT { Ok(document) } else { Err(BootError::Newer) }
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, BootError> {
        minicbor::to_vec(self).map_err(|_| BootError::Damaged)
    }

    pub(crate) const fn format() -> u8 {
        FORMAT
    }

    /// Opens the keyring with the root key. Fails if the keyring is not of this document's generation, or has more than
    /// [`KEY_TERMS_MAX`] terms.
    pub(crate) fn open_keyring(&self, root: &Secret<[u8; 32]>) -> Result<Keyring, CryptoError> {
        let plain = open_blob(root.expose(), "keyring", &self.store, &self.keyring)?;
        let ring: Keyring = minicbor::decode(&plain).map_err(|_| CryptoError::Shape)?;
        // A term beyond the limit would have no room in locked memory, and its records would seem damaged.
        let is_usable = ring.generation == self.generation && ring.terms.len() <= KEY_TERMS_MAX;
        if is_usable { Ok(ring) } else { Err(CryptoError::Shape) }
    }

    pub(crate) fn seal_keyring(
        ring: &Keyring,
        root: &Secret<[u8; 32]>,
        store: &[u8; 16],
        random: &Random,
    ) -> Result<Vec<u8>, CryptoError> {
        let plain = Zeroizing::new(minicbor::to_vec(ring).map_err(|_| CryptoError::Shape)?);
        seal_blob(root.expose(), "keyring", store, &plain, random)
    }

    pub(crate) fn seal_first_batch(
        batch: &Staged,
        root: &Secret<[u8; 32]>,
        store: &[u8; 16],
        random: &Random,
    ) -> Result<Vec<u8>, CryptoError> {
        let pairs: Vec<_> = batch
            .iter()
            .map(|(k, v)| (minicbor::bytes::ByteVec::from(k.clone()), minicbor::bytes::ByteVec::from(v.clone())))
            .collect();
        let plain = minicbor::to_vec(pairs).map_err(|_| CryptoError::Shape)?;
        seal_blob(root.expose(), "first batch", store, &plain, random)
    }

    pub(crate) fn open_first_batch(&self, root: &Secret<[u8; 32]>) -> Result<Option<Staged>, CryptoError> {
        let Some(sealed) = &self.first_batch else { return Ok(None) };
        let plain = open_blob(root.expose(), "first batch", &self.store, sealed)?;
        let pairs: Vec<(minicbor::bytes::ByteVec, minicbor::bytes::ByteVec)> =
            minicbor::decode(&plain).map_err(|_| CryptoError::Shape)?;
        Ok(Some(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect()))
    }
}

fn seal_blob(key: &[u8], label: &str, store: &[u8; 16], plain: &[u8], random: &Random) -> Result<Vec<u8>, CryptoError> {
    let nonce: [u8; NONCE_BYTES] = random.bytes();
    let mut body = plain.to_vec();
    aead::seal(&AeadKey::new(kdf::derive(key, label, store)), &nonce, store, &mut body)?;
    let mut blob = nonce.to_vec();
    blob.append(&mut body);
    Ok(blob)
}

fn open_blob(key: &[u8], label: &str, store: &[u8; 16], blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (nonce, sealed) = blob.split_first_chunk::<NONCE_BYTES>().ok_or(CryptoError::Shape)?;
    aead::open(&AeadKey::new(kdf::derive(key, label, store)), nonce, store, sealed)
}
