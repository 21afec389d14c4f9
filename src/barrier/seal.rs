//! Whether the store is open, and how it is opened: shares come in one by one, each judged alone by its salted hash;
//! at the threshold the root key is unwrapped, the keyring opened and the root key forgotten.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;

use crate::{
    barrier::{
        BarrierError, Keys,
        boot::{BootDocument, BootError, ShamirSeal, share_hash},
        shares::Shares,
        unit::{Staged, Unit},
    },
    base::{random::Random, secret::Secret},
    store::{Batch, Boot, CommitError, Old, Store, Write},
};

pub struct Barrier {
    pub(super) store: Store,
    pub(super) random: Random,
    open: ArcSwapOption<Keys>,
    sealed: Mutex<Sealed>,
}

struct Sealed {
    boot: Boot,
    /// The document in force, or the one that an init has proposed.
    document: Option<BootDocument>,
    is_proposed: bool,
    /// The proposal was found at the start, and nobody has come back with a share of it: perhaps nobody was shown one.
    is_left: bool,
    nonce: String,
    shares: Shares,
}

/// What a sealed server can say about itself. An init that was not answered is none; where its shares were shown after
/// all, they still open the store.
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

/// What became of a share.
pub enum Submitted {
    /// More are needed.
    Progress,
    /// The last one that was needed: finish with [`Barrier::complete`].
    Opened(Box<Opening>),
}

/// An opened keyring whose store is not yet in use.
pub struct Opening {
    keys: Arc<Keys>,
    first_batch: Option<Staged>,
}

/// Why a share was not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ShareError {
    #[error("server is not yet initialized")]
    NotInitialised,
    #[error("this share does not belong to this store, or to an older set of shares: progress is unchanged")]
    Foreign,
    #[error("the server is sealed by a key of its configuration and takes no shares")]
    NotByShares,
    #[error(
        "the shares fit, but the boot file does not open with them: it is damaged; restore boot.a and boot.b from a backup"
    )]
    Damaged,
}

impl Barrier {
    /// Reads the boot file. Nothing is opened.
    pub fn new(store: Store, boot: Boot, random: Random) -> Result<Self, BootError> {
        let current = boot.read().map_err(|error| BootError::File(error.to_string()))?;
        let (bytes, is_proposed) = match current {
            Some(bytes) => (Some(bytes), false),
            None => (boot.proposed(), true),
        };
        let document = bytes.map(|bytes| BootDocument::decode(&bytes)).transpose()?;
        let is_left = is_proposed && document.is_some();
        let sealed = Sealed { boot, document, is_proposed, is_left, nonce: String::new(), shares: Shares::default() };
        Ok(Self { store, random, open: ArcSwapOption::empty(), sealed: Mutex::new(sealed) })
    }

    fn sealed(&self) -> MutexGuard<'_, Sealed> {
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The keys, while the store is open.
    pub fn keys(&self) -> Result<Arc<Keys>, BarrierError> {
        self.open.load_full().ok_or(BarrierError::Sealed)
    }

    /// A unit of work over the open store, for the request with this id.
    pub fn unit(&self, request: [u8; 16]) -> Result<Unit, BarrierError> {
        Ok(self.unit_with(self.keys()?, request))
    }

    /// A unit of work with keys that the caller holds: those of its snapshot.
    pub fn unit_with(&self, keys: Arc<Keys>, request: [u8; 16]) -> Unit {
        Unit::new(keys, self.store.clone(), request)
    }

    /// A unit that can read and write nothing: for what is answered while the store is sealed.
    pub fn keyless_unit(&self) -> Unit {
        self.unit_with(Arc::new(Keys::none(self.random.clone())), [0; 16])
    }

    pub fn status(&self) -> SealStatus {
        let sealed = self.sealed();
        let document = sealed.document.as_ref();
        let shamir = document.and_then(|d| d.shamir.as_ref());
        SealStatus {
            kind: if document.is_some_and(|d| d.fixed.is_some()) { "static" } else { "shamir" },
            is_initialised: document.is_some() && !sealed.is_left,
            is_sealed: self.open.load().is_none(),
            shares: shamir.map_or(0, |seal| seal.shares),
            threshold: shamir.map_or(0, |seal| seal.threshold),
            progress: sealed.shares.count(),
            nonce: sealed.nonce.clone(),
            cluster_name: document.map(|d| d.cluster_name.clone()).unwrap_or_default(),
            cluster_id: document.map(|d| d.cluster_id.clone()).unwrap_or_default(),
        }
    }

    /// Puts a new document beside whatever was there; it counts as initialised for this process from now on.
    pub(super) fn propose(&self, document: BootDocument) -> Result<(), BarrierError> {
        let stopped = |text: String| BarrierError::Stopped(text);
        let mut sealed = self.sealed();
        let bytes = document.encode().map_err(|e| stopped(e.to_string()))?;
        sealed.boot.propose(&bytes).map_err(|e| stopped(e.to_string()))?;
        sealed.document = Some(document);
        sealed.is_proposed = true;
        sealed.is_left = false;
        sealed.shares = Shares::default();
        Ok(())
    }

    /// Makes a proposed document the one in force: once its shares have left, or came back.
    pub fn promote(&self) -> Result<(), BarrierError> {
        let mut sealed = self.sealed();
        if sealed.is_proposed && sealed.document.is_some() {
            sealed.boot.promote().map_err(|e| BarrierError::Stopped(e.to_string()))?;
            sealed.is_proposed = false;
        }
        Ok(())
    }

    /// Takes a share. A foreign one is refused alone, one that was handed in already does not count twice.
    pub fn submit(&self, share: Secret<Vec<u8>>) -> Result<Submitted, ShareError> {
        let mut sealed = self.sealed();
        let document = sealed.document.clone().ok_or(ShareError::NotInitialised)?;
        let seal = document.shamir.as_ref().ok_or(ShareError::NotByShares)?;
        if !is_known(seal, &document.store, &share) {
            return Err(ShareError::Foreign);
        }
        sealed.is_left = false;
        if sealed.shares.count() == 0 {
            sealed.nonce = self.random.uuid().to_string();
        }
        sealed.shares.add(&share);
        if sealed.shares.count() < seal.threshold {
            return Ok(Submitted::Progress);
        }
        let shares = std::mem::take(&mut sealed.shares);
        sealed.nonce.clear();
        drop(sealed);
        let key = shares.combine().ok_or(ShareError::Damaged)?;
        let root = seal.root.unwrap(key.expose(), &document.store).map_err(|_| ShareError::Damaged)?;
        self.opening(&document, &root).map(|opening| Submitted::Opened(Box::new(opening)))
    }

    /// Forgets the shares that were handed in so far.
    pub fn reset(&self) {
        let mut sealed = self.sealed();
        sealed.shares = Shares::default();
        sealed.nonce.clear();
    }

    /// Opens with the key of `seal "static"`.
    pub fn open_fixed(&self, key_id: &str, key: &Secret<[u8; 32]>) -> Result<Opening, ShareError> {
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

    /// Commits the first batch if the store has none yet, and writes the boot file without it. The store stays closed
    /// to requests until [`Barrier::admit`].
    pub async fn complete(&self, opening: Opening) -> Result<Arc<Keys>, BarrierError> {
        self.promote()?;
        if let Some(staged) = opening.first_batch {
            let writes =
                staged.into_iter().map(|(key, value)| Write { key, old: Old::Absent, new: Some(value) }).collect();
            let batch = Batch { request: self.random.bytes(), writes, urgent: true, ..Batch::default() };
            match self.store.commit(batch).await {
                // A conflict means that it was committed before a crash kept the boot file from saying so.
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
        self.propose(document)?;
        self.promote()
    }

    /// Opens the store to requests.
    pub fn admit(&self, keys: Arc<Keys>) {
        self.open.store(Some(keys));
    }

    /// Closes the store and wipes the keys, also for whoever still holds them.
    pub fn seal(&self) {
        if let Some(keys) = self.open.swap(None) {
            keys.wipe();
        }
        self.reset();
    }
}

/// Whether the share is one of the set; looks at all hashes, in constant time.
fn is_known(seal: &ShamirSeal, store: &[u8; 16], share: &Secret<Vec<u8>>) -> bool {
    let hash = Secret::new(share_hash(store, &seal.set, share.expose()));
    seal.hashes.iter().fold(false, |known, one| known | hash.same(&one.0))
}
