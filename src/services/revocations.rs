//! Bulk revocation: one small commit writes a revocation marker, and everything that the marker names is dead at once,
//! because look-ups check the few live markers. The sweeper deletes what is dead and removes the marker last.
//!
//! The marker that begins generation `g` kills what was stamped before `g` and nothing newer. Whatever
//! creates a token has the generation that it was judged under as a precondition, so nothing that was
//! judged before a marker can commit after it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::{
    barrier::{BarrierError, MountId, Table, Unit},
    contract::{EndedLogins, LoginOrigin},
    services::{
        guards::{self, Registry, Version},
        table_ids::{self, CORE},
    },
};

/// Revocation markers by generation (8 bytes, big-endian).
const MARKERS: Table<Marker> = Table::plain(table_ids::MARKERS);

/// A revocation marker: a revocation that the sweeper has not finished.
#[derive(minicbor::Encode, minicbor::Decode, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Marker {
    /// The generation that began with this marker.
    #[n(0)]
    pub generation: u64,
    #[n(1)]
    pub revoked: Revoked,
}

#[derive(minicbor::Encode, minicbor::Decode, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Revoked {
    /// A token, given by its hash, and all its descendants.
    #[n(0)]
    Tree(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]),
    /// Everything that a mount keeps, and every token that it issued.
    #[n(1)]
    Mount(#[cbor(n(0), with = "minicbor::bytes")] MountId),
    /// The tokens of some logins at a mount, and all their descendants.
    #[n(2)]
    Logins(#[cbor(n(0), with = "minicbor::bytes")] MountId, #[n(1)] EndedLogins),
}

/// The live revocation markers.
#[derive(Default, Clone)]
pub(crate) struct Markers {
    pub version: Version,
    trees: HashMap<[u8; 32], u64>,
    mounts: HashSet<MountId>,
    /// Origins are never used again, so nothing can be newer than a marker that names one.
    logins: HashSet<(MountId, EndedLogins)>,
    /// The generation before which everything is dead. Set if a marker cannot be
    /// read, because nobody knows what it revoked.
    unreadable_before: Option<u64>,
    is_open: bool,
}

/// The hash of a token from which another token descends.
#[derive(minicbor::Encode, minicbor::Decode, Clone, Copy, Debug, PartialEq, Eq)]
#[cbor(transparent)]
pub(crate) struct Ancestor(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// The facts about a token by which a revocation marker may kill it.
pub(crate) struct Lineage<'a> {
    /// The generation under which the token was made.
    pub stamp: u64,
    pub hash: &'a [u8; 32],
    pub ancestors: &'a [Ancestor],
    /// The auth mount of the login that made the token. `None` if no login did.
    pub login_mount: Option<&'a MountId>,
    pub origin: Option<&'a LoginOrigin>,
}

impl Markers {
    fn load(unit: &Unit) -> Result<Self, BarrierError> {
        let version = guards::load(unit, Registry::Revocations)?;
        let mut markers = Self { version, is_open: true, ..Self::default() };
        for (key, marker) in unit.scan_each(&CORE, &MARKERS, &[])? {
            match marker {
                Ok(marker) => markers.insert(&marker),
                Err(error) => {
                    let generation = key.first_chunk::<8>().map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes));
                    tracing::error!(
                        %error,
                        generation,
                        "a revocation cannot be read: every token made before it is refused; restore the store from a backup"
                    );
                    markers.unreadable_before = markers.unreadable_before.max(Some(generation));
                }
            }
        }
        Ok(markers)
    }

    fn insert(&mut self, marker: &Marker) {
        match &marker.revoked {
            Revoked::Tree(hash) => {
                self.trees.insert(*hash, marker.generation);
            }
            Revoked::Mount(id) => {
                self.mounts.insert(*id);
            }
            Revoked::Logins(id, ended) => {
                self.logins.insert((*id, *ended));
            }
        }
    }

    fn remove(&mut self, marker: &Marker) {
        match &marker.revoked {
            // A newer marker of the same token is kept.
            Revoked::Tree(hash) => {
                if self.trees.get(hash) == Some(&marker.generation) {
                    self.trees.remove(hash);
                }
            }
            Revoked::Mount(id) => {
                self.mounts.remove(id);
            }
            Revoked::Logins(id, ended) => {
                self.logins.remove(&(*id, *ended));
            }
        }
    }

    /// Whether a token is dead: a marker newer than the token names it or an ancestor, or a marker names the mount or the
    /// origin of its login. The logins of its ancestors are asked with [`Markers::kill_login`].
    pub fn kill(&self, token: Lineage<'_>) -> bool {
        if self.is_empty() {
            return false;
        }
        let is_dead = |hash: &[u8; 32]| self.kill_tree(token.stamp, hash);
        self.kill_login(token.login_mount, token.origin)
            || self.unreadable_before.is_some_and(|generation| token.stamp < generation)
            || is_dead(token.hash)
            || token.ancestors.iter().any(|ancestor| is_dead(&ancestor.0))
    }

    /// Whether a marker names the mount or the origin of a login.
    pub fn kill_login(&self, mount: Option<&MountId>, origin: Option<&LoginOrigin>) -> bool {
        let Some(id) = mount else { return false };
        let is_ended = |origin: &LoginOrigin| {
            !self.logins.is_empty() && origin.ended_by().iter().any(|ended| self.logins.contains(&(*id, *ended)))
        };
        self.mounts.contains(id) || origin.is_some_and(is_ended)
    }

    /// Whether there is a marker that names the token `hash` and is newer than `stamp`.
    pub fn kill_tree(&self, stamp: u64, hash: &[u8; 32]) -> bool {
        self.trees.get(hash).is_some_and(|generation| stamp < *generation)
    }

    /// The number of revocations that the sweeper has not finished.
    pub fn count(&self) -> usize {
        self.trees.len() + self.mounts.len() + self.logins.len()
    }

    fn is_empty(&self) -> bool {
        self.trees.is_empty() && self.mounts.is_empty() && self.logins.is_empty() && self.unreadable_before.is_none()
    }
}

/// The service of revocations: the live markers, and the only way to change them.
#[derive(Clone, Default)]
pub(crate) struct Revocations {
    current: Arc<ArcSwap<Markers>>,
    /// Wakes the sweeper.
    work: Arc<Notify>,
}

impl Revocations {
    pub fn load(&self, unit: &Unit) -> Result<(), BarrierError> {
        self.current.store(Arc::new(Markers::load(unit)?));
        Ok(())
    }

    pub fn forget(&self) {
        self.current.store(Arc::default());
    }

    pub fn snapshot(&self) -> Arc<Markers> {
        self.current.load_full()
    }

    /// Writes a marker. What `revoked` names is dead once the unit of work commits.
    pub fn add(&self, unit: &Unit, revoked: Revoked) -> Result<(), BarrierError> {
        let next = guards::advance(unit, Registry::Revocations)?;
        let marker = Marker { generation: next.generation, revoked };
        unit.urgent();
        unit.create(&CORE, &MARKERS, &marker.generation.to_be_bytes(), &marker)?;
        let service = self.clone();
        unit.after_commit(move |_| {
            service.change(|markers| {
                markers.insert(&marker);
                markers.version = next.committed();
            });
            service.work.notify_one();
        });
        Ok(())
    }

    /// Removes a marker. To be called when nothing is left of what it revoked.
    pub fn remove(&self, unit: &Unit, marker: Marker) -> Result<(), BarrierError> {
        let next = guards::advance(unit, Registry::Revocations)?;
        unit.delete(&CORE, &MARKERS, &marker.generation.to_be_bytes())?;
        let service = self.clone();
        unit.after_commit(move |_| {
            service.change(|markers| {
                markers.remove(&marker);
                markers.version = next.committed();
            });
        });
        Ok(())
    }

    /// Changes the markers, unless the store is sealed: then they stay empty, even if a commit finishes after the seal.
    fn change(&self, change: impl Fn(&mut Markers)) {
        self.current.rcu(|markers| {
            if !markers.is_open {
                return Arc::clone(markers);
            }
            let mut next = Markers::clone(markers);
            change(&mut next);
            Arc::new(next)
        });
    }

    /// The oldest readable marker on disk. `None` if there is none.
    pub fn oldest(unit: &Unit) -> Result<Option<Marker>, BarrierError> {
        let mut markers = unit.scan_each(&CORE, &MARKERS, &[])?.into_iter();
        Ok(markers.find_map(|(_, marker)| marker.ok()))
    }

    pub fn wake_sweeper(&self) {
        self.work.notify_one();
    }

    pub async fn wait_for_work(&self) {
        self.work.notified().await;
    }
}
