//! The keys of an open store. Operations borrow a key for a moment; only the audit log is handed keys of its own. So
//! [`Keys::wipe`] takes the keys from all holders of a handle at once, and every later operation fails with "sealed".

use std::sync::{PoisonError, RwLock};

use zeroize::Zeroizing;

use crate::{
    barrier::{
        arena::Arena,
        errors::BarrierError,
        keyring::Keyring,
        record::{self, Binding},
        record_key::{MountId, RecordKey},
        record_name::RecordName,
        table::NameForm,
    },
    base::{random::Random, sys::Locked, time::Time},
    crypto::{
        ed25519::SigningKey,
        kdf::{self, MacKey},
        siv::SivKey,
    },
};

/// The keys of an unsealed store, until they are wiped.
pub struct Keys {
    store: [u8; 16],
    random: Random,
    arena: RwLock<Option<Locked<Arena>>>,
}

/// The keys that the audit log uses. It holds them in memory until the store is sealed.
pub struct AuditKeys {
    pub mac: MacKey,
    pub signing: SigningKey,
}

impl Keys {
    pub(crate) fn new(store: [u8; 16], ring: &Keyring, random: Random) -> Self {
        Self { store, random, arena: RwLock::new(Some(Arena::fill(&store, ring))) }
    }

    /// A handle without keys: every operation fails with [`BarrierError::Sealed`].
    pub(crate) fn none(random: Random) -> Self {
        Self { store: [0; 16], random, arena: RwLock::new(None) }
    }

    /// Takes the keys away and wipes them. Waits for operations that borrow a key at this moment.
    pub(crate) fn wipe(&self) {
        *self.arena.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn with<T>(&self, run: impl FnOnce(&Arena) -> Result<T, BarrierError>) -> Result<T, BarrierError> {
        let arena = self.arena.read().unwrap_or_else(PoisonError::into_inner);
        run(arena.as_ref().ok_or(BarrierError::Sealed)?)
    }

    /// The number of the key term in use, and when that term began.
    pub(crate) fn term(&self) -> Result<(u32, Time), BarrierError> {
        self.with(|arena| Ok((arena.term, arena.term_began)))
    }

    /// Seals a value for the record at `key`, with the key of the newest term.
    pub(super) fn seal_record(&self, key: &RecordKey, plain: &[u8]) -> Result<Vec<u8>, BarrierError> {
        self.with(|arena| {
            let with = arena.record_key(arena.term).ok_or(BarrierError::Sealed)?;
            Binding { store: &self.store, term: arena.term, key }.seal(with, plain, &self.random)
        })
    }

    /// Opens the value of the record at `key`, with the key of the term under which it was sealed.
    pub(super) fn open_record(&self, key: &RecordKey, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, BarrierError> {
        let damaged = || BarrierError::Integrity { table: key.table_id() };
        self.with(|arena| {
            let term = record::term_of(value).ok_or_else(damaged)?;
            let with = arena.record_key(term).ok_or_else(damaged)?;
            Binding { store: &self.store, term, key }.open(with, value)
        })
    }

    /// The key of a record, or of a folder, whose name is sealed segment by segment.
    pub(super) fn sealed_key<'a>(
        &self,
        mount: &MountId,
        table: u8,
        path: impl IntoIterator<Item = &'a str>,
    ) -> Result<RecordKey, BarrierError> {
        self.with_names(mount, |names| {
            path.into_iter().try_fold(RecordKey::table(mount, table), |parent, segment| parent.sealed(names, segment))
        })
    }

    /// Runs `run` with the key that seals the names of a mount. Sealing the store waits for `run` to end, so `run` must
    /// be short.
    pub(super) fn with_names<T>(
        &self,
        mount: &MountId,
        run: impl FnOnce(&SivKey) -> Result<T, BarrierError>,
    ) -> Result<T, BarrierError> {
        self.with(|arena| arena.with_names(mount, run))
    }

    /// The keyed hash under which a broker token is stored.
    pub(crate) fn token_hash(&self, token: &str) -> Result<[u8; 32], BarrierError> {
        self.with(|arena| Ok(arena.tokens.mac(&[token.as_bytes()])))
    }

    /// The keyed hash under which an accessor is stored.
    pub(crate) fn accessor_hash(&self, accessor: &str) -> Result<[u8; 32], BarrierError> {
        self.with(|arena| Ok(arena.accessors.mac(&[accessor.as_bytes()])))
    }

    /// A keyed hash for an engine, bound to its mount and to a label.
    pub(crate) fn engine_hash(&self, mount: &MountId, label: &str, bytes: &[u8]) -> Result<[u8; 32], BarrierError> {
        self.with(|arena| {
            let key = kdf::derive(arena.index.expose(), "engine", mount);
            let key = key.expose();
            Ok(MacKey::new(key).mac(&[label.as_bytes(), &[0], bytes]))
        })
    }

    pub(crate) fn audit(&self) -> Result<AuditKeys, BarrierError> {
        self.with(|arena| {
            let mac = arena.audit_mac.expose();
            Ok(AuditKeys { mac: MacKey::new(mac), signing: SigningKey::from_seed(&arena.audit_seed) })
        })
    }

    /// The key of a record, with its name in the form of its table. Fails if `name` is not of that form.
    pub(super) fn record_key(
        &self,
        mount: &MountId,
        table: u8,
        form: NameForm,
        name: &RecordName<'_>,
    ) -> Result<RecordKey, BarrierError> {
        match (form, name) {
            (NameForm::Plain, RecordName::Raw(bytes)) => Ok(RecordKey::table(mount, table).plain(bytes)),
            (NameForm::Sealed, RecordName::Path(path)) => self.sealed_key(mount, table, path.iter().copied()),
            (NameForm::Sealed, RecordName::Joined(path)) => self.sealed_key(mount, table, path.split('/')),
            (NameForm::Plain, RecordName::Path(_) | RecordName::Joined(_)) | (NameForm::Sealed, RecordName::Raw(_)) => {
                Err(BarrierError::Integrity { table })
            }
        }
    }
}
