//! How a store comes to be. The document is proposed before the answer is given and promoted afterwards, so that a
//! store never exists whose shares nobody was shown; its first batch lies sealed within until the first unseal.

use std::sync::Arc;

use crate::{
    barrier::{
        BarrierError, Keyring, Keys, Unit,
        boot::{BootDocument, FixedSeal, ShamirSeal, ShareHash, WrappedRoot, share_hash},
        seal::Barrier,
    },
    base::{secret::Secret, time::Time},
    crypto::{ed25519::PublicKey, shamir},
};

/// How the new store shall be sealed.
pub struct InitPlan {
    pub shamir: Option<ShamirPlan>,
    /// The key of `seal "static"`, with its id.
    pub fixed: Option<(String, Secret<[u8; 32]>)>,
    pub cluster_name: String,
    pub now: Time,
}

#[derive(Clone, Copy)]
pub struct ShamirPlan {
    pub shares: u8,
    pub threshold: u8,
}

/// What the operator is shown, once.
pub struct Initialised {
    /// In Vault's form: 33 bytes, or the key's 32 where there is one share.
    pub shares: Vec<Secret<Vec<u8>>>,
    /// The name of the set, for the shares' text form.
    pub set: String,
    pub audit_public_key: PublicKey,
}

impl Barrier {
    /// Makes keys, shares and the sealed first batch that `seed` writes, and proposes them to the boot file.
    pub fn initialise<E: From<BarrierError>>(
        &self,
        plan: InitPlan,
        seed: impl FnOnce(&Unit) -> Result<(), E>,
    ) -> Result<Initialised, E> {
        let random = &self.random;
        let store: [u8; 16] = random.bytes();
        let root = random.secret::<32>();
        let ring = Keyring::generate(random, plan.now);
        let keys = Arc::new(Keys::new(store, &ring, random.clone()));
        let audit_public_key = keys.audit()?.signing.public();

        let unit = Unit::new(keys, self.store.clone(), random.bytes());
        seed(&unit)?;
        let first_batch = unit.into_staged()?;

        let broken = |_| BarrierError::Integrity { table: 0 };
        let (shamir, shares) = match plan.shamir {
            Some(how) => self.cut(how, &root, &store)?,
            None => (None, Vec::new()),
        };
        let fixed = match &plan.fixed {
            Some((key_id, key)) => {
                let wrapped = WrappedRoot::wrap(&root, key.expose(), &store, random).map_err(broken)?;
                Some(FixedSeal { key_id: key_id.clone(), root: wrapped })
            }
            None => None,
        };
        let set = shamir.as_ref().map(|seal| seal.set.clone()).unwrap_or_default();
        let document = BootDocument {
            format: BootDocument::format(),
            store,
            generation: ring.generation,
            shamir,
            fixed,
            keyring: BootDocument::seal_keyring(&ring, &root, &store, random).map_err(broken)?,
            first_batch: Some(BootDocument::seal_first_batch(&first_batch, &root, &store, random).map_err(broken)?),
            cluster_name: plan.cluster_name,
            cluster_id: random.uuid().to_string(),
        };
        self.propose(document)?;
        Ok(Initialised { shares, set, audit_public_key })
    }

    /// Wraps the root key under a fresh key and cuts that key into shares.
    fn cut(
        &self,
        how: ShamirPlan,
        root: &Secret<[u8; 32]>,
        store: &[u8; 16],
    ) -> Result<(Option<ShamirSeal>, Vec<Secret<Vec<u8>>>), BarrierError> {
        let broken = |_| BarrierError::Integrity { table: 0 };
        let key = self.random.secret::<32>();
        let set = set_name(self.random.bytes());
        // As in Vault: one share is the key itself.
        let shares: Vec<Secret<Vec<u8>>> = if how.shares == 1 {
            let only = key.expose().to_vec();
            vec![Secret::new(only)]
        } else {
            let cut = shamir::split(&key, how.shares, how.threshold, &self.random).map_err(broken)?;
            cut.iter().map(|share| Secret::new(share.expose().to_vec())).collect()
        };
        let hashes = shares.iter().map(|share| ShareHash(share_hash(store, &set, share.expose()))).collect();
        let wrapped = WrappedRoot::wrap(root, key.expose(), store, &self.random).map_err(broken)?;
        Ok((Some(ShamirSeal { set, shares: how.shares, threshold: how.threshold, hashes, root: wrapped }), shares))
    }
}

/// Four characters of an alphabet without look-alikes.
fn set_name(bytes: [u8; 4]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    bytes.iter().map(|byte| char::from(ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'a'))).collect()
}
