//! The keys of an open store. They are borrowed for one operation and never handed out: [`Keys::wipe`] takes them
//! away from everybody at once, and every later operation answers that the store is sealed.

use std::sync::{PoisonError, RwLock};

use zeroize::Zeroizing;

use crate::{
    barrier::{
        BarrierError, Form,
        arena::Arena,
        keyring::Keyring,
        place::{MountId, Place},
        record,
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

/// What the audit log is keyed with.
pub struct AuditKeys {
    pub mac: MacKey,
    pub signing: SigningKey,
}

impl Keys {
    pub fn new(store: [u8; 16], ring: &Keyring, random: Random) -> Self {
        Self { store, random, arena: RwLock::new(Some(Arena::fill(&store, ring))) }
    }

    /// No keys at all: every operation answers that the store is sealed.
    pub fn none(random: Random) -> Self {
        Self { store: [0; 16], random, arena: RwLock::new(None) }
    }

    /// Takes the keys away. Operations under way end first.
    pub fn wipe(&self) {
        *self.arena.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn with<T>(&self, run: impl FnOnce(&Arena) -> Result<T, BarrierError>) -> Result<T, BarrierError> {
        let arena = self.arena.read().unwrap_or_else(PoisonError::into_inner);
        run(arena.as_ref().ok_or(BarrierError::Sealed)?)
    }

    /// The number of the term in use and when it began.
    pub fn term(&self) -> Result<(u32, Time), BarrierError> {
        self.with(|arena| Ok((arena.term, arena.term_began)))
    }

    pub fn seal_record(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, BarrierError> {
        self.with(|arena| {
            let key = arena.record_key(arena.term).ok_or(BarrierError::Sealed)?;
            record::seal(key, arena.term, &self.store, place, plain, &self.random)
        })
    }

    pub fn open_record(&self, place: &Place, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, BarrierError> {
        let damaged = || BarrierError::Integrity { table: place.table_id() };
        self.with(|arena| {
            let term = record::term_of(value).ok_or_else(damaged)?;
            let key = arena.record_key(term).ok_or_else(damaged)?;
            record::open(key, term, &self.store, place, value)
        })
    }

    /// The place of a record whose name is sealed segment by segment.
    pub fn sealed_place<'a>(
        &self,
        mount: &MountId,
        table: u8,
        path: impl IntoIterator<Item = &'a str>,
    ) -> Result<Place, BarrierError> {
        self.with_names(mount, |names| {
            path.into_iter().try_fold(Place::table(mount, table), |place, segment| place.sealed(names, segment))
        })
    }

    /// The name under which `key` lies below `parent`, and that child's place.
    pub fn child_of(&self, mount: &MountId, parent: &Place, key: &[u8]) -> Result<(String, Place), BarrierError> {
        self.with_names(mount, |names| parent.child_of(names, key))
    }

    fn with_names<T>(
        &self,
        mount: &MountId,
        run: impl FnOnce(&SivKey) -> Result<T, BarrierError>,
    ) -> Result<T, BarrierError> {
        self.with(|arena| arena.with_names(mount, run))
    }

    /// What a broker token is stored under.
    pub fn token_hash(&self, token: &str) -> Result<[u8; 32], BarrierError> {
        self.with(|arena| Ok(arena.tokens.mac(&[token.as_bytes()])))
    }

    /// What an accessor is stored under.
    pub fn accessor_hash(&self, accessor: &str) -> Result<[u8; 32], BarrierError> {
        self.with(|arena| Ok(arena.accessors.mac(&[accessor.as_bytes()])))
    }

    /// A keyed hash for an engine, bound to its mount and to a label.
    pub fn engine_hash(&self, mount: &MountId, label: &str, bytes: &[u8]) -> Result<[u8; 32], BarrierError> {
        self.with(|arena| {
            let key = kdf::derive(arena.index.expose(), "engine", mount);
            let key = key.expose();
            Ok(MacKey::new(key).mac(&[label.as_bytes(), &[0], bytes]))
        })
    }

    pub fn audit(&self) -> Result<AuditKeys, BarrierError> {
        self.with(|arena| {
            let mac = arena.audit_mac.expose();
            Ok(AuditKeys { mac: MacKey::new(mac), signing: SigningKey::from_seed(&arena.audit_seed) })
        })
    }

    /// The place of a record, in the form its table says.
    pub fn place(&self, mount: &MountId, table: u8, form: Form, name: &Key<'_>) -> Result<Place, BarrierError> {
        match (form, name) {
            (Form::Plain, Key::Raw(bytes)) => Ok(Place::table(mount, table).plain(bytes)),
            (Form::Sealed, Key::Path(path)) => self.sealed_place(mount, table, path.iter().copied()),
            (Form::Sealed, Key::Joined(path)) => self.sealed_place(mount, table, path.split('/')),
            (Form::Plain, Key::Path(_) | Key::Joined(_)) | (Form::Sealed, Key::Raw(_)) => {
                Err(BarrierError::Integrity { table })
            }
        }
    }
}

/// The name of a record within its table.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    /// Segments, for a sealed table.
    Path(&'a [&'a str]),
    /// Segments joined by slashes, for a sealed table.
    Joined(&'a str),
    /// Bytes, for a plain table.
    Raw(&'a [u8]),
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(path: &'a str) -> Self {
        Self::Joined(path)
    }
}

impl<'a> From<&'a String> for Key<'a> {
    fn from(path: &'a String) -> Self {
        Self::Joined(path)
    }
}

impl<'a> From<&'a [u8]> for Key<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Raw(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Key<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Raw(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Key<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Raw(bytes)
    }
}

impl<'a, const N: usize> From<&'a [&'a str; N]> for Key<'a> {
    fn from(path: &'a [&'a str; N]) -> Self {
        Self::Path(path)
    }
}
