//! The audit log: one line for a request before it is performed, one for its outcome before it is answered, in files
//! that prove themselves. Each line names the hash of the one before, and signed heads of the tree of all lines stand
//! between them; DESIGN.md §7 is the specification, docs/reference/audit.md the format.
//!
//! [`Audit`] is the face. Lines meet in hub.rs; note.rs says what stands in them; device.rs and its neighbours keep one
//! file; verify.rs and search.rs read files without a server.

mod draft;
mod entry;
mod fields;
mod id;
mod note;
mod wording;

mod hub;
mod keeper;
mod keys;
mod unseal;

mod device;
mod feed;
mod line;
mod missed;
mod own;
mod read;
mod recover;
mod scan;
mod sign;

pub mod search;
pub mod verify;

#[cfg(test)]
mod tests;

use std::sync::{Arc, atomic::Ordering};

use self::{
    device::Device,
    hub::{Hub, hold},
    id::Id,
};
pub use self::{
    device::{DeviceConfig, DeviceStatus, State},
    entry::{AuthFacts, Badge, Decision, Entry, PlainEntry, Urgency, Who},
    keys::Keys,
    note::Note,
};
use crate::{
    base::time::Clock,
    crypto::note::Checkpoint,
    store::{Sequence, files::Files},
};

/// Why a request cannot be recorded. It must not be performed, or not be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// A device that is needed cannot write. For operators: the path and cause are no caller's business.
    #[error("audit device `{device}` cannot write `{path}` ({cause}): mend it, it is tried again each second")]
    Down { device: String, path: String, cause: String },
    #[error("no audit device can write: mend one, they are tried again each second")]
    NoDevice,
    /// Too many lines wait.
    #[error("too many audit lines wait to be written")]
    Full,
    /// The log has no keys now.
    #[error("the audit log is sealed")]
    Sealed,
}

impl AuditError {
    fn of(status: &DeviceStatus) -> Self {
        Self::Down {
            device: status.name.clone(),
            path: status.path.display().to_string(),
            cause: status.error.clone().unwrap_or_default(),
        }
    }
}

/// The audit log with all its devices. Clones share it.
#[derive(Clone)]
pub struct Audit(Arc<Hub>);

/// Proof that a request was recorded. It is given back with the outcome; dropped without one, it is counted, logged and
/// its request closed.
#[must_use = "a request that was recorded needs an outcome"]
pub struct Receipt {
    hub: Option<Arc<Hub>>,
    id: Id,
}

impl Audit {
    /// Opens the files (0600, for appending, links not followed). One that does not open is down, and is tried again each
    /// second. Blocks while the ends of the files are read.
    pub fn start(devices: Vec<DeviceConfig>, files: Files, clock: Clock) -> Self {
        let audit = Self::unattended(devices, files, clock);
        keeper::start(&audit.0);
        audit
    }

    /// As [`Audit::start`], without the thread: tests turn the wheel by hand.
    fn unattended(devices: Vec<DeviceConfig>, files: Files, clock: Clock) -> Self {
        let now = clock.now();
        let open = |config| {
            let mut device = Device::new(config, files.clone());
            if device.bring_up(now) {
                device.pay(now);
            }
            device
        };
        let devices = devices.into_iter().map(open).collect();
        Self(Arc::new(Hub::new(devices, files, clock)))
    }

    /// Names a signed head that was kept elsewhere (in the store, by an operator). A file that is behind it is not gone
    /// on with at the next unseal. What is no head of ours is ignored.
    pub fn expect_head(&self, note: &str) {
        hold(&self.0.kept).extend(Checkpoint::parse(note));
    }

    /// Takes the keys, writes what the files lack of `backlog` (notes that the store kept, with their sequences), closes
    /// requests that have no outcome, and signs the logs. To be called before the barrier opens; blocks. Refused where a
    /// required device is not up.
    pub fn unseal(&self, keys: Keys, backlog: Vec<(Sequence, Vec<u8>)>) -> Result<(), AuditError> {
        self.0.unseal(keys, backlog)
    }

    /// Signs the last heads and forgets the keys. Blocks for one sync of each file.
    pub async fn seal(&self) {
        self.0.seal();
    }

    pub fn status(&self) -> Vec<DeviceStatus> {
        self.0.status()
    }

    /// Whether requests can be recorded: every required device is up, and at least one is.
    pub fn is_ready(&self) -> bool {
        self.0.is_ready()
    }

    /// What stands in the lines of `device` where `input` was hashed; `None` while sealed or where there is no such
    /// device. Texts under 8 bytes are hashed with their request's id and cannot be found by this.
    pub fn hash(&self, device: &str, input: &str) -> Option<String> {
        self.0.ring.load().as_ref()?.hash(device, input)
    }

    /// Makes a caller's part of all his lines; `None` while there is no key for it.
    pub fn badge(&self, facts: &AuthFacts<'_>) -> Option<Badge> {
        let ring = self.0.ring.load();
        let key = &ring.as_ref()?.values;
        Some(draft::with_draft(Some(key), "", |draft| wording::write_badge(draft, facts)))
    }

    /// Makes the line of a request, or of its outcome.
    pub fn note(&self, entry: &Entry<'_>) -> Note {
        let ring = self.0.ring.load();
        Note::of_entry(entry, ring.as_ref().map(|ring| &ring.values))
    }

    /// Records a request before it is performed. Its line is in the file when this returns, or with its outcome, as
    /// `urgency` says. `Err`: it must not be performed.
    pub fn record(&self, note: &Note, urgency: Urgency) -> Result<Receipt, AuditError> {
        if note.is_keyless() {
            return Err(AuditError::Sealed);
        }
        self.0.record(note, urgency)?;
        Ok(Receipt { hub: Some(Arc::clone(&self.0)), id: note.id() })
    }

    /// Records a request that is performed whatever the devices do. Where they cannot take its line now, it waits for
    /// them, and the caller is told why, to say so in the operator's log.
    pub fn insist(&self, note: &Note) -> (Receipt, Option<AuditError>) {
        let error = self.0.insist(note);
        (Receipt { hub: Some(Arc::clone(&self.0)), id: note.id() }, error)
    }

    /// Records the outcome before the request is answered; `txn` is the sequence of its commit. Resolves when the line is
    /// with every device that is up. `Err`: the answer must be withheld; the line is kept and written later.
    pub fn outcome(
        &self,
        mut receipt: Receipt,
        note: Note,
        txn: Option<Sequence>,
    ) -> impl Future<Output = Result<(), AuditError>> + Send + use<> {
        let hub = Arc::clone(&self.0);
        receipt.hub = None;
        // Queued here and now: a caller that goes away takes nothing back.
        let batch = hub.outcome(&note, txn.map(|txn| txn.0));
        async move { hub.written(&batch).await }
    }

    /// Writes a line that needs no key.
    pub fn plain(&self, line: PlainEntry<'_>) {
        self.0.push(&Note::of_plain(&line));
        self.0.attend();
    }

    /// Writes what is queued. For the panic hook: never panics, and gives up after some milliseconds.
    pub fn drain_for_panic(&self) {
        self.0.drain_for_panic();
    }

    /// The newest signed head of the first device.
    pub fn checkpoint_now(&self) -> Option<String> {
        self.0.newest.load().as_ref().map(|note| note.as_ref().clone())
    }

    /// Every change up to this sequence has its lines, synced, in all required devices: the store may release its notes.
    pub fn fed(&self) -> Sequence {
        Sequence(self.0.fed.load(Ordering::Acquire))
    }

    /// How many receipts were dropped without an outcome.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl Receipt {
    /// The id of the request that was recorded.
    pub fn request_id(&self) -> &str {
        self.id.as_str()
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let Some(hub) = self.hub.take() else { return };
        hub.dropped.fetch_add(1, Ordering::Relaxed);
        tracing::error!(request_id = self.id.as_str(), "a recorded request ended without an outcome");
        hub.close(&Note::closing(&self.id, hub.clock.now(), feed::NONE));
    }
}
