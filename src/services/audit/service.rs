//! The audit service as the broker uses it: [`Audit`], and the [`Receipt`] of a recorded request.

use std::sync::Arc;

use super::{
    devices::device::Device,
    draft_line::DraftLine,
    error::AuditError,
    facts::{AuthFacts, CachedAuthFields, LineFacts, PlainFacts, Urgency},
    hub::{Hub, Writing},
    keys::LogKeys,
    maintenance::AuditLog,
    request_id::RequestId,
    sealing,
    sidecars::Sidecars,
    status::{AuditMeasurements, DeviceConfig, DeviceStatus},
    strangers::{Count, CountedAs, HowRecorded, Refusal, StrangersLines},
    wording::{cached_auth_fields_of, draft_of, plain_draft_of},
    writer::Writer,
};
use crate::{
    base::time::{Clock, Time},
    blocking,
    store::{Sequence, files::Files},
};

/// The audit log with all its devices. Clones share it.
#[derive(Clone)]
pub struct Audit(Arc<AuditLog>);

/// Proof that a request was recorded. The caller gives it back with the outcome. If it is dropped without one, that is
/// logged, and the request gets an outcome line that says so.
#[must_use = "a request that was recorded needs an outcome"]
pub(crate) struct Receipt {
    log: Option<Arc<AuditLog>>,
    id: RequestId,
}

impl Audit {
    /// Opens the files (0600, for appending, links not followed) and starts the maintenance thread. A device whose file
    /// cannot be opened is down, and is tried again every second. Blocks: reads the ends of the files.
    pub(crate) fn start(devices: Vec<DeviceConfig>, files: Files, clock: Clock) -> Self {
        let audit = Self::without_thread(devices, files, clock);
        audit.0.start_thread();
        audit
    }

    /// Does the same as [`Audit::start`], without the thread: tests make its rounds themselves.
    pub(crate) fn without_thread(devices: Vec<DeviceConfig>, files: Files, clock: Clock) -> Self {
        let now = clock.now();
        let syncs_always = devices.iter().any(|device| device.sync_always);
        let open = |config| {
            let mut device = Device::new(config, files.clone());
            device.bring_up(now);
            device
        };
        let mut writer = Writer::new(devices.into_iter().map(open).collect());
        writer.flush(now);
        let writing = if syncs_always { Writing::ByThread } else { Writing::ByCallers };
        let hub = Hub::new(writer, writing, clock);
        Self(Arc::new(AuditLog { hub, sidecars: Sidecars::default(), strangers: StrangersLines::default() }))
    }

    fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// Gives the log its keys, writes the lines of `notes` that the files lack, closes requests that have no outcome,
    /// and signs the logs. `notes` are the drafts that the store kept, with their sequence numbers. Must be called
    /// before the barrier opens. Fails if a required device cannot write.
    pub(crate) async fn unseal(&self, keys: LogKeys, notes: Vec<(Sequence, Vec<u8>)>) -> Result<(), AuditError> {
        let audit = self.clone();
        blocking::run(move || audit.unseal_blocking(keys, notes)).await.map_err(|_| AuditError::Stopping)?
    }

    /// Does the same as [`Audit::unseal`]. Blocks: reads the ends of the files, writes, and syncs.
    pub(crate) fn unseal_blocking(&self, keys: LogKeys, notes: Vec<(Sequence, Vec<u8>)>) -> Result<(), AuditError> {
        sealing::unseal(self.hub(), keys, notes)
    }

    /// Signs the last checkpoints and forgets the keys. It runs to its end even if the caller is cancelled.
    pub(crate) async fn seal(&self) {
        let audit = self.clone();
        if blocking::run(move || audit.seal_blocking()).await.is_err() {
            tracing::error!("the server stops before the audit log is closed: its last lines have no checkpoint");
        }
    }

    /// Does the same as [`Audit::seal`]. Blocks: writes, and syncs each file.
    pub(crate) fn seal_blocking(&self) {
        self.flush_strangers(self.hub().now());
        sealing::seal(self.hub(), &self.0.sidecars);
    }

    pub(crate) fn status(&self) -> Vec<DeviceStatus> {
        self.hub().status()
    }

    pub(crate) fn measure(&self) -> AuditMeasurements {
        self.hub().measure()
    }

    /// Whether requests can be recorded: every required device is up, and at least one device is.
    pub(crate) fn is_ready(&self) -> bool {
        self.hub().is_ready()
    }

    /// What the lines of `device` hold as the hash of `input`. `None` while sealed, or if there is no such device.
    /// Texts under 8 bytes are hashed together with the id of their request, so this hash does not find them.
    pub(crate) fn hash(&self, device: &str, input: &str) -> Option<String> {
        self.hub().keys().as_ref()?.hash(device, input)
    }

    /// Writes the caller's part of a line once, for all lines of one token. `None` while sealed.
    pub(crate) fn cache_auth_fields(&self, facts: &AuthFacts<'_>) -> Option<CachedAuthFields> {
        Some(cached_auth_fields_of(facts, self.hub().keys().as_ref()?.values()))
    }

    /// Drafts the line of a request, or of its outcome.
    pub(crate) fn draft(&self, facts: &LineFacts<'_>) -> DraftLine {
        draft_of(facts, self.hub().keys().as_ref().map(|keys| keys.values()))
    }

    /// Records a request before it is performed. `urgency` says whether its line is in the file when this returns, or
    /// only together with its outcome. After an error, the request must not be performed.
    pub(crate) fn record(&self, draft: &DraftLine, urgency: Urgency) -> Result<Receipt, AuditError> {
        if draft.is_keyless() {
            return Err(AuditError::Sealed);
        }
        self.hub().record(draft, urgency)?;
        Ok(self.receipt(draft))
    }

    /// Records a request that must be performed in any case. If no device can take its line now, the line stays queued,
    /// and the error gives the reason for the operator's log.
    pub(crate) fn record_always(&self, draft: &DraftLine) -> (Receipt, Option<AuditError>) {
        let error = self.hub().record_always(draft).err();
        (self.receipt(draft), error)
    }

    fn receipt(&self, draft: &DraftLine) -> Receipt {
        Receipt { log: Some(Arc::clone(&self.0)), id: draft.request_id() }
    }

    /// Records the outcome before the request is answered; `txn` is the sequence number of its commit.
    /// Resolves when every device that is up has the line. After an error, the answer must be
    /// withheld; the line is kept and written later.
    pub(crate) fn record_outcome(
        &self,
        mut receipt: Receipt,
        draft: DraftLine,
        txn: Option<Sequence>,
    ) -> impl Future<Output = Result<(), AuditError>> + Send + use<> {
        let log = Arc::clone(&self.0);
        receipt.log = None;
        // Queued before the first await: a caller that goes away takes nothing back.
        let batch = log.hub.outcome(&draft, txn.map(|txn| txn.0));
        async move { log.hub.written(&batch).await }
    }

    /// Writes a line that needs no key.
    pub(crate) fn record_plain(&self, facts: PlainFacts<'_>) {
        let _nobody_waits = self.hub().write(&plain_draft_of(&facts));
    }

    /// Records the outcome of a request whose lines need no key. Resolves when the line was written or could not be.
    /// A failure holds no answer back, because an unseal must succeed without a device too; the status of the devices
    /// reports it.
    pub(crate) fn record_plain_outcome(&self, facts: PlainFacts<'_>) -> impl Future<Output = ()> + Send + use<> {
        let log = Arc::clone(&self.0);
        let batch = log.hub.write(&plain_draft_of(&facts));
        async move {
            let _failure_is_in_status = log.hub.written(&batch).await;
        }
    }

    /// Records that a caller whom the broker does not know was refused. The first hundred a second get a line of their
    /// own; the others are counted, and [`Audit::tick_strangers`] writes the counts.
    pub fn record_refusal(&self, refusal: &Refusal<'_>, now: Time) {
        let (recorded, finished) = self.0.strangers.add(refusal.reason, now);
        self.write_counts(&finished, now);
        if recorded == HowRecorded::InFull {
            self.record_plain(PlainFacts {
                is_response: true,
                time: now,
                operation: refusal.operation,
                path: refusal.path,
                remote_address: &refusal.address.to_string(),
                status: refusal.status,
                outcome: Some(refusal.reason),
                ..PlainFacts::default()
            });
        }
    }

    /// Decides how a stranger's request to a public row is recorded. If it is only counted, it needs its lines all the same
    /// once it is about to change something; else its outcome goes to [`Audit::count_stranger`]. Fails if no device can
    /// record requests.
    pub(crate) fn admit_stranger(&self) -> Result<HowRecorded, AuditError> {
        let now = self.hub().now();
        let (recorded, finished) = self.0.strangers.admit_pair(now);
        self.write_counts(&finished, now);
        self.hub().check_ready().map(|()| recorded)
    }

    /// Counts a stranger's request that has no lines.
    pub(crate) fn count_stranger(&self, kind: CountedAs) {
        let now = self.hub().now();
        let finished = self.0.strangers.count(kind, now);
        self.write_counts(&finished, now);
    }

    /// Writes the counts of strangers' requests of a second that is over. Must be called every second.
    pub fn tick_strangers(&self, now: Time) {
        self.write_counts(&self.0.strangers.take_finished(now), now);
    }

    /// Writes the counts of strangers' requests so far. A seal does this itself, so that its checkpoints cover them.
    pub(crate) fn flush_strangers(&self, now: Time) {
        self.write_counts(&self.0.strangers.take_all(), now);
    }

    fn write_counts(&self, counts: &[Count], now: Time) {
        for count in counts {
            let (operation, what) = match count.kind {
                CountedAs::Refused(reason) => ("refused", reason),
                CountedAs::Answered(what) => ("answered", what),
            };
            self.record_plain(PlainFacts {
                is_response: true,
                time: now,
                operation,
                outcome: Some(what),
                count: Some(count.requests),
                ..PlainFacts::default()
            });
        }
    }

    /// Writes what is queued, for the panic hook: it never panics, and gives up after some milliseconds.
    pub(crate) fn drain_for_panic(&self) {
        self.hub().drain_for_panic();
    }

    /// Every change up to this sequence number has its lines, synced, in all required
    /// devices: the store may release its notes.
    pub(crate) fn covered(&self) -> Sequence {
        Sequence(self.hub().covered())
    }

    /// Holds the writer lock while `act` runs, as a thread that writes does.
    #[cfg(test)]
    pub(crate) fn with_writer_lock(&self, act: impl FnOnce()) {
        self.hub().with_writer(|_| act());
    }

    /// Does one round of the maintenance thread's work, for a test.
    #[cfg(test)]
    pub(crate) fn round(&self) {
        self.0.round();
    }
}

impl Receipt {
    /// The id of the request that was recorded.
    pub(crate) fn request_id(&self) -> &str {
        self.id.as_str()
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let Some(log) = self.log.take() else { return };
        // A client that went away before it was answered; the log says so with a line of its own.
        tracing::debug!(request_id = self.id.as_str(), "a recorded request ended without an outcome");
        log.hub.close(&self.id);
    }
}
