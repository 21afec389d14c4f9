//! How a new store is made: its keys, its shares and its first batch, gathered in one boot document.
//!
//! The boot document is proposed before the init response is sent, and put in force afterwards. So there is never a
//! store in force whose shares nobody was shown. The first batch stays sealed inside the document until the first
//! unseal.

use std::sync::Arc;

use crate::{
    barrier::{
        boot::{BootDocument, FixedSeal, ShamirSeal, ShareHash, WrappedRoot, share_hash},
        errors::BarrierError,
        keyring::Keyring,
        keys::Keys,
        unit::Unit,
    },
    base::{random::Random, secret::Secret, time::Time},
    crypto::{CryptoError, ed25519::PublicKey, shamir},
    store::Store,
};

/// How a new store is to be made. `shamir` is `None` if the store gets no shares.
pub struct InitPlan {
    pub shamir: Option<ShamirPlan>,
    /// The id and the key of `seal "static"`. `None` if the configuration has no such seal.
    pub fixed: Option<(String, Secret<[u8; 32]>)>,
    pub cluster_name: String,
    pub now: Time,
}

#[derive(Clone, Copy)]
pub struct ShamirPlan {
    pub shares: u8,
    pub threshold: u8,
}

/// What init shows to the operator, only once.
pub struct Initialised {
    /// The shares in Vault's form: 33 bytes each, or the 32 bytes of the key if there is only one share. Empty if the
    /// store has no shares.
    pub shares: Vec<Secret<Vec<u8>>>,
    /// The name of the set of shares, for their text form. Empty if the store has no shares.
    pub set: String,
    pub audit_public_key: PublicKey,
}

impl InitPlan {
    /// Makes the keys, the shares and the sealed first batch that `seed` writes, and the boot document that holds them.
    pub(super) fn make<E: From<BarrierError>>(
        self,
        store: &Store,
        random: &Random,
        seed: impl FnOnce(&Unit) -> Result<(), E>,
    ) -> Result<(BootDocument, Initialised), E> {
        let id: [u8; 16] = random.bytes();
        let root = random.secret::<32>();
        let ring = Keyring::generate(random, self.now);
        let keys = Arc::new(Keys::new(id, &ring, random.clone()));
        let audit_public_key = keys.audit()?.signing.public();

        // The store is still sealed: the batch is kept in the boot document until the first unseal.
        let unit = Unit::new(keys, store.clone(), random.bytes());
        seed(&unit)?;
        let first_batch = unit.into_staged()?;

        let (shamir, shares) = match self.shamir {
            Some(how) => how.cut(&root, &id, random).map(|(seal, shares)| (Some(seal), shares))?,
            None => (None, Vec::new()),
        };
        let fixed = match &self.fixed {
            Some((key_id, key)) => {
                let wrapped = WrappedRoot::wrap(&root, key.expose(), &id, random).map_err(unsealable)?;
                Some(FixedSeal { key_id: key_id.clone(), root: wrapped })
            }
            None => None,
        };
        let set = shamir.as_ref().map(|seal| seal.set.clone()).unwrap_or_default();
        let document = BootDocument {
            format: BootDocument::format(),
            store: id,
            generation: ring.generation,
            shamir,
            fixed,
            keyring: BootDocument::seal_keyring(&ring, &root, &id, random).map_err(unsealable)?,
            first_batch: Some(BootDocument::seal_first_batch(&first_batch, &root, &id, random).map_err(unsealable)?),
            cluster_name: self.cluster_name,
            cluster_id: random.uuid().to_string(),
        };
        Ok((document, Initialised { shares, set, audit_public_key }))
    }
}

impl ShamirPlan {
    /// Wraps the root key under a fresh key and cuts that key into shares.
    fn cut(
        self,
        root: &Secret<[u8; 32]>,
        store: &[u8; 16],
        random: &Random,
    ) -> Result<(ShamirSeal, Vec<Secret<Vec<u8>>>), BarrierError> {
        let key = random.secret::<32>();
        let set = set_name(random.bytes());
        // As in Vault, a single share is the key itself.
        let shares: Vec<Secret<Vec<u8>>> = if self.shares == 1 {
            let only = key.expose().to_vec();
            vec![Secret::new(only)]
        } else {
            let cut = shamir::split(&key, self.shares, self.threshold, random).map_err(unsealable)?;
            cut.iter().map(|share| Secret::new(share.expose().to_vec())).collect()
        };
        let hashes = shares.iter().map(|share| ShareHash(share_hash(store, &set, share.expose()))).collect();
        let wrapped = WrappedRoot::wrap(root, key.expose(), store, random).map_err(unsealable)?;
        Ok((ShamirSeal { set, shares: self.shares, threshold: self.threshold, hashes, root: wrapped }, shares))
    }
}

/// The error for a new store whose keys cannot be cut or sealed. Only numbers of shares that are out of range, or a
/// defect of ours, lead here.
fn unsealable(_: CryptoError) -> BarrierError {
    BarrierError::Integrity { table: 0 }
}

/// Makes the name of a set of shares: four characters of an alphabet in which no character looks like another.
fn set_name(bytes: [u8; 4]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    bytes.iter().map(|byte| char::from(ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'a'))).collect()
}
