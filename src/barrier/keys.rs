//! The keys of an open store. They are borrowed for one operation and never handed out: [`Keys::wipe`] takes them
//! away from everybody at once, and every later operation answers that the store is sealed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use zeroize::Zeroizing;

use crate::{
    barrier::{
        BarrierError, Form,
        keyring::Keyring,
        place::{MountId, Place},
        record,
    },
    base::{random::Random, secret::Secret, time::Time},
    crypto::{
        aead::AeadKey,
        ed25519::SigningKey,
        kdf::{self, MacKey},
        siv::SivKey,
    },
};

/// The keys of an unsealed store, until they are wiped.
pub struct Keys {
    store: [u8; 16],
    random: Random,
    material: RwLock<Option<Material>>,
}

struct Material {
    /// The term under which new records are sealed.
    term: u32,
    term_began: Time,
    records: BTreeMap<u32, AeadKey>,
    index: Secret<[u8; 32]>,
    names: RwLock<HashMap<MountId, Arc<SivKey>>>,
    tokens: MacKey,
    accessors: MacKey,
    cursors: MacKey,
    audit_mac: Secret<[u8; 32]>,
    audit_seed: Secret<[u8; 32]>,
}

/// What the audit log is keyed with.
pub struct AuditKeys {
    pub mac: MacKey,
    pub signing: SigningKey,
}

impl Keys {
    pub fn new(store: [u8; 16], ring: &Keyring, random: Random) -> Self {
        let newest = ring.terms.iter().max_by_key(|term| term.number);
        let mac = |label| {
            let key = kdf::derive(&ring.index, label, &store);
            let bytes = key.expose();
            MacKey::new(bytes)
        };
        let material = Material {
            term: newest.map_or(0, |term| term.number),
            term_began: Time::from_unix_nanos(newest.map_or(0, |term| term.created)),
            records: ring
                .terms
                .iter()
                .map(|t| (t.number, AeadKey::new(kdf::derive(&t.key, "records", &store))))
                .collect(),
            index: Secret::new(ring.index),
            names: RwLock::default(),
            tokens: mac("tokens"),
            accessors: mac("accessors"),
            cursors: mac("cursors"),
            audit_mac: Secret::new(ring.audit_mac),
            audit_seed: Secret::new(ring.audit_seed),
        };
        Self { store, random, material: RwLock::new(Some(material)) }
    }

    /// No keys at all: every operation answers that the store is sealed.
    pub fn none(random: Random) -> Self {
        Self { store: [0; 16], random, material: RwLock::new(None) }
    }

    /// Takes the keys away. Operations under way end first.
    pub fn wipe(&self) {
        *self.material.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn with<T>(&self, run: impl FnOnce(&Material) -> Result<T, BarrierError>) -> Result<T, BarrierError> {
        let material = self.material.read().unwrap_or_else(PoisonError::into_inner);
        run(material.as_ref().ok_or(BarrierError::Sealed)?)
    }

    /// The number of the term in use and when it began.
    pub fn term(&self) -> Result<(u32, Time), BarrierError> {
        self.with(|material| Ok((material.term, material.term_began)))
    }

    pub fn seal_record(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, BarrierError> {
        self.with(|material| {
            let key = material.records.get(&material.term).ok_or(BarrierError::Sealed)?;
            record::seal(key, material.term, &self.store, place, plain, &self.random)
        })
    }

    pub fn open_record(&self, place: &Place, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, BarrierError> {
        let damaged = || BarrierError::Integrity { table: place.table_id() };
        self.with(|material| {
            let term = record::term_of(value).ok_or_else(damaged)?;
            let key = material.records.get(&term).ok_or_else(damaged)?;
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
        let names = self.names(mount)?;
        path.into_iter().try_fold(Place::table(mount, table), |place, segment| place.sealed(&names, segment))
    }

    /// The name under which `key` lies below `parent`, and that child's place.
    pub fn child_of(&self, mount: &MountId, parent: &Place, key: &[u8]) -> Result<(String, Place), BarrierError> {
        parent.child_of(&*self.names(mount)?, key)
    }

    fn names(&self, mount: &MountId) -> Result<Arc<SivKey>, BarrierError> {
        self.with(|material| {
            if let Some(key) = material.names.read().unwrap_or_else(PoisonError::into_inner).get(mount) {
                return Ok(Arc::clone(key));
            }
            let key = Arc::new(SivKey::new(kdf::derive64(material.index.expose(), "names", mount)));
            material.names.write().unwrap_or_else(PoisonError::into_inner).insert(*mount, Arc::clone(&key));
            Ok(key)
        })
    }

    /// What a broker token is stored under.
    pub fn token_hash(&self, token: &str) -> Result<[u8; 32], BarrierError> {
        self.with(|material| Ok(material.tokens.mac(&[token.as_bytes()])))
    }

    /// What an accessor is stored under.
    pub fn accessor_hash(&self, accessor: &str) -> Result<[u8; 32], BarrierError> {
        self.with(|material| Ok(material.accessors.mac(&[accessor.as_bytes()])))
    }

    /// A keyed hash for an engine, bound to its mount and to a label.
    pub fn engine_hash(&self, mount: &MountId, label: &str, bytes: &[u8]) -> Result<[u8; 32], BarrierError> {
        self.with(|material| {
            let key = kdf::derive(material.index.expose(), "engine", mount);
            let key = key.expose();
            Ok(MacKey::new(key).mac(&[label.as_bytes(), &[0], bytes]))
        })
    }

    /// A keyed hash for cursors and the like, which need no mount.
    pub fn cursor_hash(&self, bytes: &[u8]) -> Result<[u8; 32], BarrierError> {
        self.with(|material| Ok(material.cursors.mac(&[bytes])))
    }

    pub fn audit(&self) -> Result<AuditKeys, BarrierError> {
        self.with(|material| {
            let mac = material.audit_mac.expose();
            Ok(AuditKeys { mac: MacKey::new(mac), signing: SigningKey::from_seed(&material.audit_seed) })
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
