//! What the broker knows and does beyond a single mount: mounts, policies, tokens, identity, marks, audit. Each keeps
//! its records in the core mount and its snapshot in memory; a snapshot changes only through the effect of a commit.

pub mod access;
pub mod audit;
mod guards;
pub mod identity;
pub mod lifecycle;
pub mod marks;
pub mod mounts;
pub mod policies;
pub mod policy_set;
pub mod sweeper;
pub mod tables;
pub mod tokens;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicUsize},
};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::{
    barrier::{Barrier, BarrierError, Keys, Unit},
    base::{
        random::Random,
        secret::Secret,
        time::{Clock, Time},
    },
    contract::{Error, Host, Kind, Mounted, Result},
    services::{
        audit::Audit,
        marks::Marks,
        mounts::{Mount, MountTable, SystemTtls},
        policy_set::PolicySet,
        tokens::{SPENT, Session, SessionCache},
    },
};

/// Everything that the built-in mounts and the pipeline share.
pub struct Services {
    pub barrier: Barrier,
    pub audit: Audit,
    pub clock: Clock,
    pub random: Random,
    pub system: SystemTtls,
    pub host: Host,
    pub kinds: &'static [Kind],
    pub mounts: ArcSwap<MountTable>,
    pub policies: ArcSwap<PolicySet>,
    pub marks: ArcSwap<Marks>,
    pub sessions: SessionCache,
    /// The mounts that every broker has, by path; set once, when the broker is made.
    pub builtin: OnceLock<Vec<(&'static str, Arc<dyn Mounted>)>>,
    /// The key of `seal "static"`, with its id.
    pub fixed_seal: Option<(String, Secret<[u8; 32]>)>,
    pub is_closing: AtomicBool,
    /// Requests between admission and answer.
    pub under_way: AtomicUsize,
    /// Wakes the sweeper when there is something to delete.
    pub sweep: Notify,
}

impl Services {
    /// A unit of work over the open store.
    pub fn unit(&self, request: [u8; 16]) -> Result<Unit, BarrierError> {
        Ok(self.unit_with(self.barrier.keys()?, request))
    }

    pub fn unit_with(&self, keys: Arc<Keys>, request: [u8; 16]) -> Unit {
        Unit::new(keys, self.barrier.store().clone(), request)
    }

    /// A unit that reads and writes nothing: for what is answered without a store.
    pub fn keyless_unit(&self) -> Unit {
        self.unit_with(Arc::new(Keys::none(self.random.clone())), [0; 16])
    }

    /// Whether a token that was found may be used: not expired, not spent, not under a mark.
    pub fn is_alive(&self, session: &Session, now: Time) -> bool {
        let record = &session.record;
        let line = std::iter::once(&session.hash).chain(record.ancestors.iter().map(|ancestor| &ancestor.0));
        record.num_uses != SPENT
            && !record.is_expired(now)
            && !self.marks.load().kill(record.stamp, line, record.login_mount.as_ref())
    }

    /// Reads all snapshots; then the store can be opened to requests.
    pub async fn load(&self, keys: Arc<Keys>, builtin: &[(&str, Arc<dyn Mounted>)]) -> Result<()> {
        let unit = self.unit_with(keys, [0; 16]);
        self.policies.store(Arc::new(PolicySet::load(&unit)?));
        self.marks.store(Arc::new(Marks::load(&unit)?));
        let table = MountTable::load(&unit, self.kinds, &self.host, &self.system, builtin).await?;
        self.mounts.store(Arc::new(table));
        self.clock.not_before(self.barrier.store().last_time());
        Ok(())
    }

    /// Drops every snapshot: with the keys goes what they opened.
    pub fn forget(&self) {
        self.mounts.store(Arc::default());
        self.policies.store(Arc::default());
        self.marks.store(Arc::default());
        self.sessions.clear();
    }

    /// Makes the snapshots that a request was judged by preconditions of its commit.
    pub fn expect_snapshots(
        unit: &Unit,
        mounts: &MountTable,
        policies: &PolicySet,
        marks: &Marks,
    ) -> Result<(), BarrierError> {
        guards::expect(unit, guards::Kind::Mounts, &mounts.guarded)?;
        guards::expect(unit, guards::Kind::Policies, &policies.guarded)?;
        guards::expect(unit, guards::Kind::Marks, &marks.guarded)
    }

    /// After the commit: reads the policies again.
    pub fn policies_change(self: &Arc<Self>, unit: &Unit) {
        let services = Arc::clone(self);
        unit.after_commit(move |_| {
            services.refresh("policies", |services, unit| {
                services.policies.store(Arc::new(PolicySet::load(unit)?));
                Ok(())
            });
        });
    }

    /// After the commit: reads the marks again and wakes the sweeper.
    pub fn marks_change(self: &Arc<Self>, unit: &Unit) {
        let services = Arc::clone(self);
        unit.after_commit(move |_| {
            services.refresh("marks", |services, unit| {
                services.marks.store(Arc::new(Marks::load(unit)?));
                Ok(())
            });
            services.sweep.notify_one();
        });
    }

    /// After the commit: a token's record is no longer what the cache says.
    pub fn session_changes(self: &Arc<Self>, unit: &Unit, hash: [u8; 32]) {
        let services = Arc::clone(self);
        unit.after_commit(move |_| services.sessions.remove(&hash));
    }

    /// After the commit: puts a mount into the table, in the place of one with the same path.
    pub fn mount_changes(self: &Arc<Self>, unit: &Unit, mount: Mount) {
        let services = Arc::clone(self);
        unit.after_commit(move |_| services.change_table(|table| table.insert(mount)));
    }

    /// After the commit: takes a mount out of the table.
    pub fn mount_goes(self: &Arc<Self>, unit: &Unit, path: String) {
        let services = Arc::clone(self);
        unit.after_commit(move |_| services.change_table(|table| table.remove(&path)));
    }

    fn change_table(&self, change: impl FnOnce(&mut MountTable)) {
        self.refresh("mounts", |services, unit| {
            let mut table = MountTable::clone(&services.mounts.load());
            change(&mut table);
            table.guarded = guards::load(unit, guards::Kind::Mounts)?;
            services.mounts.store(Arc::new(table));
            Ok(())
        });
    }

    /// Runs on the committer's thread, after the change and before its answer. A snapshot that cannot be read again
    /// would go on granting what was taken away: then the store is sealed.
    fn refresh(&self, what: &str, run: impl FnOnce(&Self, &Unit) -> Result<(), Error>) {
        let result = self.unit([0; 16]).map_err(Error::from).and_then(|unit| run(self, &unit));
        if let Err(error) = result {
            if self.barrier.keys().is_ok() {
                tracing::error!(
                    what,
                    cause = error.cause.unwrap_or(error.message),
                    "a snapshot cannot be read again: sealing"
                );
                self.barrier.seal();
            }
            self.forget();
        }
    }
}
