//! The seal: whether the store is open, and how it is opened and closed. Shares come in one by one, and each is checked
//! by its salted hash. When there are enough, they unwrap the root key, which opens the keyring and is then wiped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;

use crate::{
    barrier::{
        boot::{BootDocument, BootError, ShamirSeal, share_hash},
        errors::BarrierError,
        init::{InitPlan, Initialised},
        keys::Keys,
        shares::Shares,
        unit::{Staged, Unit},
    },
    base::{limits::UNSEAL_IDLE_SECS, random::Random, secret::Secret, time::Time, ttl::Ttl},
    store::{Batch, Boot, CommitError, Old, Sequence, Store, Write},
};

pub struct Barrier {
    store: Store,
    random: Random,
    open: ArcSwapOption<Keys>,
    sealed: Mutex<Sealed>,
}

struct Sealed {
    boot: Boot,
    /// The boot document in force, or the one that an init has proposed. `None` before an init.
    document: Option<BootDocument>,
    is_proposed: bool,
    /// Whether the boot document is a proposal whose shares perhaps nobody was ever shown: it was found when the server
    /// started, or its answer was not sent. A share of it shows the contrary.
    is_orphan: bool,
    nonce: String,
    shares: Shares,
    /// When the last share of this store was handed in. `None` if no share has come since the last unseal or reset.
    last_share: Option<Time>,
}

/// What a sealed server can tell about itself. If the server stops before the init response is sent, the store counts
/// as uninitialised at the next start. If the operator got the shares after all, they still open the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealStatus {
    pub kind: &'static str,
    pub is_initialised: bool,
    pub is_sealed: bool,
    pub shares: u8,
    pub threshold: u8,
    pub progress: u8,
    pub nonce: String,
    pub cluster_name: String,
    pub cluster_id: String,
}

/// The outcome of a share that was accepted.
pub enum Submitted {
    /// More shares are needed.
    Progress,
    /// This was the last share that was needed: continue with [`Barrier::complete`].
    Opened(Box<Opening>),
}

/// The keys of a store that is being unsealed and does not serve requests yet.
pub struct Opening {
    keys: Arc<Keys>,
    first_batch: Option<Staged>,
}

/// Why a share, or the key of the configuration, was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ShareError {
    #[error("server is not yet initialized")]
    NotInitialised,
    #[error("this share belongs to another store, or to an older set of shares of this one: progress is unchanged")]
    Foreign,
    #[error("the server is unsealed by a key in its configuration, not by shares: the share was not used")]
    NotByShares,
    #[error(
        "the shares are right, but the boot file does not open: it is damaged; restore boot.a and boot.b from a backup"
    )]
    Damaged,
    #[error(
        "an unseal is under way: give one share of this store as `key` together with `reset`, or wait until no share has been given for {} minutes",
        UNSEAL_IDLE_SECS / 60
    )]
    UnderWay,
}

impl Barrier {
    /// Reads the boot file. The store stays sealed.
    pub(crate) fn new(store: Store, boot: Boot, random: Random) -> Result<Self, BootError> {
        let current = boot.read().map_err(|error| BootError::File(error.to_string()))?;
        let (bytes, is_proposed) = match current {
            Some(bytes) => (Some(bytes), false),
            None => (boot.proposed(), true),
        };
        let document = bytes.map(|bytes| BootDocument::decode(&bytes)).transpose()?;
        expect_both(&store, document.as_ref().filter(|_| !is_proposed))?;
        let is_orphan = is_proposed && document.is_some();
        let (nonce, shares) = (String::new(), Shares::default());
        let sealed = Sealed { boot, document, is_proposed, is_orphan, nonce, shares, last_share: None };
        Ok(Self { store, random, open: ArcSwapOption::empty(), sealed: Mutex::new(sealed) })
    }

    fn sealed(&self) -> MutexGuard<'_, Sealed> {
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The keys of the open store, or [`BarrierError::Sealed`].
    pub(crate) fn keys(&self) -> Result<Arc<Keys>, BarrierError> {
        self.open.load_full().ok_or(BarrierError::Sealed)
    }

    /// A unit of work over the open store, for the request with this id.
    pub fn unit(&self, request: [u8; 16]) -> Result<Unit, BarrierError> {
        Ok(self.unit_with(self.keys()?, request))
    }

    /// A unit of work with `keys` from the caller, which are those of its snapshot.
    pub fn unit_with(&self, keys: Arc<Keys>, request: [u8; 16]) -> Unit {
        Unit::new(keys, self.store.clone(), request)
    }

    /// A unit of work that can read and write nothing, for requests that are answered while the store is sealed.
    pub fn keyless_unit(&self) -> Unit {
        self.unit_with(Arc::new(Keys::none(self.random.clone())), [0; 16])
    }

    pub(crate) fn status(&self) -> SealStatus {
        let sealed = self.sealed();
        let document = sealed.document.as_ref();
        let shamir = document.and_then(|d| d.shamir.as_ref());
        SealStatus {
            kind: if document.is_some_and(|d| d.fixed.is_some()) { "static" } else { "shamir" },
            is_initialised: sealed.is_initialised(),
            is_sealed: self.open.load().is_none(),
            shares: shamir.map_or(0, |seal| seal.shares),
            threshold: shamir.map_or(0, |seal| seal.threshold),
            progress: sealed.shares.count(),
            nonce: sealed.nonce.clone(),
            cluster_name: document.map(|d| d.cluster_name.clone()).unwrap_or_default(),
            cluster_id: document.map(|d| d.cluster_id.clone()).unwrap_or_default(),
        }
    }

    /// Makes the store that `plan` describes, with the first batch that `seed` writes, and proposes its boot document. Of
    /// inits that run at once one succeeds. Call [`Barrier::promote`] when its shares were sent, [`Barrier::withdraw`] if
    /// they were not.
    pub(crate) fn initialise<E: From<BarrierError>>(
        &self,
        plan: InitPlan,
        seed: impl FnOnce(&Unit) -> Result<(), E>,
    ) -> Result<Initialised, E> {
        let (document, made) = plan.make(&self.store, &self.random, seed)?;
        let mut sealed = self.sealed();
        if sealed.is_initialised() {
            return Err(BarrierError::Initialised.into());
        }
        sealed.propose(document)?;
        Ok(made)
    }

    /// Lets another init replace the proposed boot document: nobody was shown its shares. Should somebody have them all
    /// the same, they still open the store until then.
    ///
    /// Returns false if the document is in force already, and so cannot be replaced.
    pub(crate) fn withdraw(&self) -> bool {
        let mut sealed = self.sealed();
        sealed.is_orphan = sealed.is_proposed;
        sealed.is_orphan
    }

    /// Puts a proposed boot document in force; does nothing if there is no proposal. Call it when the shares of the
    /// document have been sent to the operator, or when the store is unsealed with them.
    pub(crate) fn promote(&self) -> Result<(), BarrierError> {
        let mut sealed = self.sealed();
        if sealed.is_proposed && sealed.document.is_some() {
            sealed.boot.promote().map_err(|e| BarrierError::Stopped(e.to_string()))?;
            sealed.is_proposed = false;
        }
        Ok(())
    }

    /// Takes a share of the unseal key. A share of another set is refused and changes nothing. A share that was handed
    /// in already does not count twice.
    pub(crate) fn submit(&self, share: Secret<Vec<u8>>, now: Time) -> Result<Submitted, ShareError> {
        let mut sealed = self.sealed();
        sealed.expect_share(&share)?;
        let document = sealed.document.clone().ok_or(ShareError::NotInitialised)?;
        let seal = document.shamir.as_ref().ok_or(ShareError::NotByShares)?;
        sealed.is_orphan = false;
        sealed.last_share = Some(now);
        if sealed.shares.count() == 0 {
            sealed.nonce = self.random.uuid().to_string();
        }
        sealed.shares.add(&share);
        if sealed.shares.count() < seal.threshold {
            return Ok(Submitted::Progress);
        }
        let shares = sealed.forget();
        drop(sealed);
        let key = shares.combine().ok_or(ShareError::Damaged)?;
        let root = seal.root.unwrap(key.expose(), &document.store).map_err(|_| ShareError::Damaged)?;
        self.opening(&document, &root).map(|opening| Submitted::Opened(Box::new(opening)))
    }

    /// Forgets the shares that were handed in so far. Anybody who reaches the server may ask for it, so the shares of
    /// others are forgotten only if the caller hands in a share too, or if nobody has gone on with the unseal for
    /// [`UNSEAL_IDLE_SECS`].
    pub(crate) fn reset(&self, share: Option<&Secret<Vec<u8>>>, now: Time) -> Result<(), ShareError> {
        let mut sealed = self.sealed();
        let is_idle = sealed.last_share.is_none_or(|last| now >= last.plus(Ttl::from_secs(UNSEAL_IDLE_SECS)));
        if sealed.shares.count() > 0 && !is_idle {
            sealed.expect_share(share.ok_or(ShareError::UnderWay)?)?;
        }
        sealed.forget();
        Ok(())
    }

    /// Opens the keyring with the key of `seal "static"`. Continue with [`Barrier::complete`].
    pub(crate) fn open_fixed(&self, key_id: &str, key: &Secret<[u8; 32]>) -> Result<Opening, ShareError> {
        let document = self.sealed().document.clone().ok_or(ShareError::NotInitialised)?;
        let seal = document.fixed.as_ref().filter(|seal| seal.key_id == key_id).ok_or(ShareError::Foreign)?;
        let root = seal.root.unwrap(key.expose(), &document.store).map_err(|_| ShareError::Foreign)?;
        self.opening(&document, &root)
    }

    fn opening(&self, document: &BootDocument, root: &Secret<[u8; 32]>) -> Result<Opening, ShareError> {
        let ring = document.open_keyring(root).map_err(|_| ShareError::Damaged)?;
        let first_batch = document.open_first_batch(root).map_err(|_| ShareError::Damaged)?;
        Ok(Opening { keys: Arc::new(Keys::new(document.store, &ring, self.random.clone())), first_batch })
    }

    /// Commits the first batch of a new store, and writes the boot file without that batch. The store stays closed to
    /// requests until [`Barrier::admit`].
    pub(crate) async fn complete(&self, opening: Opening) -> Result<Arc<Keys>, BarrierError> {
        self.promote()?;
        if let Some(staged) = opening.first_batch {
            let writes =
                staged.into_iter().map(|(key, value)| Write { key, old: Old::Absent, new: Some(value) }).collect();
            let batch = Batch { request: self.random.bytes(), writes, urgent: true, ..Batch::default() };
            match self.store.commit(batch).await {
                // A conflict means that the first batch was committed already, and a crash came before the boot file
                // was written without it.
                Ok(_) | Err(CommitError::Conflict(_)) => {}
                Err(other) => return Err(other.into()),
            }
            self.drop_first_batch()?;
        }
        Ok(opening.keys)
    }

    fn drop_first_batch(&self) -> Result<(), BarrierError> {
        let Some(mut document) = self.sealed().document.clone() else { return Ok(()) };
        document.first_batch = None;
        self.sealed().propose(document)?;
        self.promote()
    }

    /// Opens the store to requests.
    pub(crate) fn admit(&self, keys: Arc<Keys>) {
        self.open.store(Some(keys));
    }

    /// Closes the store to requests and wipes the keys, also for those who still hold a handle on them.
    pub(crate) fn seal(&self) {
        if let Some(keys) = self.open.swap(None) {
            keys.wipe();
        }
        self.sealed().forget();
    }
}

impl Sealed {
    fn is_initialised(&self) -> bool {
        self.document.is_some() && !self.is_orphan
    }

    /// Stores a new boot document in the boot file, as a proposal beside the document in force. From now on this
    /// process counts as initialised. [`Barrier::promote`] puts the proposal in force; a later proposal replaces it.
    fn propose(&mut self, document: BootDocument) -> Result<(), BarrierError> {
        let stopped = |text: String| BarrierError::Stopped(text);
        let bytes = document.encode().map_err(|e| stopped(e.to_string()))?;
        self.boot.propose(&bytes).map_err(|e| stopped(e.to_string()))?;
        self.document = Some(document);
        self.is_proposed = true;
        self.is_orphan = false;
        self.forget();
        Ok(())
    }

    /// Checks that a share belongs to the set of this store.
    fn expect_share(&self, share: &Secret<Vec<u8>>) -> Result<(), ShareError> {
        let document = self.document.as_ref().ok_or(ShareError::NotInitialised)?;
        let seal = document.shamir.as_ref().ok_or(ShareError::NotByShares)?;
        if is_known(seal, &document.store, share) { Ok(()) } else { Err(ShareError::Foreign) }
    }

    /// Ends the unseal that is under way. Returns its shares.
    fn forget(&mut self) -> Shares {
        self.nonce.clear();
        self.last_share = None;
        std::mem::take(&mut self.shares)
    }
}

/// Refuses a store whose boot file is gone, and a boot file whose store is gone. A new store has its first batch in the
/// boot document until the first unseal, which puts the document in force before it commits that batch.
fn expect_both(store: &Store, in_force: Option<&BootDocument>) -> Result<(), BootError> {
    let is_empty = store.sequence() == Sequence(0);
    match in_force {
        None if !is_empty => Err(BootError::Missing),
        Some(document) if is_empty && document.first_batch.is_none() => Err(BootError::StoreMissing),
        _ => Ok(()),
    }
}

/// Whether the share belongs to the set of `seal`. Compares with all hashes, in constant time.
fn is_known(seal: &ShamirSeal, store: &[u8; 16], share: &Secret<Vec<u8>>) -> bool {
    let hash = Secret::new(share_hash(store, &seal.set, share.expose()));
    seal.hashes.iter().fold(false, |known, one| known | hash.same(&one.0))
}
