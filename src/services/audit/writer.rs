//! The writer: all audit devices. Only the holder of the writer lock can use it.

use std::path::PathBuf;

use super::{
    devices::{Expected, Progress, Refused, Sidecar, SyncDone, Syncable, device::Device},
    error::AuditError,
    keys::LogKeys,
    open_requests::OpenRequests,
    origin::Signer,
    queued::QueuedLines,
    status::{DeviceState, DeviceStatus},
};
use crate::{
    base::time::Time,
    crypto::{ed25519::SigningKey, kdf::MacKey},
    store::Sequence,
};

pub(crate) struct Writer {
    devices: Vec<Device>,
    open: OpenRequests,
    unsealed: Option<Unsealed>,
    /// The lines that are being written now.
    taken: QueuedLines,
}

/// What devices need at unseal, kept for devices that come up later.
struct Unsealed {
    mac: MacKey,
    signing: SigningKey,
    signer: Signer,
    /// The drafts that the store kept, with their sequence numbers.
    notes: Vec<(Sequence, Vec<u8>)>,
}

impl Writer {
    pub(crate) fn new(devices: Vec<Device>) -> Self {
        Self { devices, open: OpenRequests::default(), unsealed: None, taken: QueuedLines::default() }
    }

    /// The buffer into which the queue moves its lines.
    pub(crate) fn taken_mut(&mut self) -> &mut QueuedLines {
        &mut self.taken
    }

    pub(crate) fn status(&self) -> Vec<DeviceStatus> {
        self.devices.iter().map(Device::status).collect()
    }

    /// How many devices are up.
    pub(crate) fn up(&self) -> usize {
        self.devices.iter().filter(|device| device.is_up()).count()
    }

    /// Whether lines can be written: every required device is up, and at least one device is.
    pub(crate) fn is_ready(&self) -> bool {
        self.up() > 0 && self.devices.iter().all(|device| device.is_up() || !device.config().required)
    }

    /// The file of a device whose file system has no room for the lines of strangers. `None` if all have.
    pub(crate) fn lacks_room_for_strangers(&self) -> Option<PathBuf> {
        self.devices.iter().find(|device| device.lacks_room_for_strangers()).map(|device| device.config().path.clone())
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.devices.iter().map(|device| device.config().name.as_str()).collect()
    }

    /// Writes the taken lines to every device. Fails if a required device, or every device, could not write them now.
    pub(crate) fn write_taken(&mut self) -> Result<(), AuditError> {
        let (mut is_written, mut failed) = (false, None);
        for device in &mut self.devices {
            let written = device.write(&self.taken);
            is_written |= written.is_ok();
            if written.is_err() && device.config().required {
                failed.get_or_insert_with(|| AuditError::down(&device.status()));
            }
        }
        self.open.track(&self.taken);
        self.taken.clear();
        match failed {
            Some(error) => Err(error),
            None if is_written => Ok(()),
            None => Err(AuditError::NoDevice),
        }
    }

    /// Gives every device that is not down its keys, writes the lines that its file lacks, and signs a checkpoint for
    /// it. `notes` are the drafts that the store kept.
    pub(crate) fn unseal(&mut self, keys: LogKeys, notes: Vec<(Sequence, Vec<u8>)>, now: Time) {
        let signer = Signer::new(&keys.cluster, &keys.log_id, keys.signing.public());
        self.unsealed = Some(Unsealed { mac: keys.mac, signing: keys.signing, signer, notes });
        self.attach_keys(now);
        self.sign(Sign::Always, now);
    }

    pub(crate) fn forget_keys(&mut self) {
        self.unsealed = None;
        self.devices.iter_mut().for_each(Device::forget_keys);
    }

    /// Checks the files of devices that are up, and tries the others again. Then writes to each file what it lacks.
    pub(crate) fn maintain(&mut self, now: Time) {
        for device in &mut self.devices {
            if device.is_up() {
                device.check_file(now);
            } else {
                device.retry(now);
            }
        }
        self.attach_keys(now);
    }

    /// Writes what the files lack, for all devices that can write again.
    pub(crate) fn flush(&mut self, now: Time) {
        for device in self.devices.iter_mut().filter(|device| device.state() == DeviceState::Behind) {
            let _down_is_in_status = device.flush(now);
        }
    }

    /// Gives keys to the devices that lack them, and writes to each device that is not down what its file lacks.
    fn attach_keys(&mut self, now: Time) {
        for device in &mut self.devices {
            let state = device.state();
            if state == DeviceState::Down {
                continue;
            }
            if let Some(unsealed) = self.unsealed.as_ref().filter(|_| !device.has_keys()) {
                let expected = Expected { notes: &unsealed.notes, under_way: self.open.requests() };
                device.attach_keys(&unsealed.mac, &unsealed.signer, expected, now);
                if device.state() != DeviceState::Down {
                    let _down_is_in_status = device.flush(now);
                }
            } else if state == DeviceState::Behind && device.flush(now).is_ok() {
                tracing::info!(device = device.config().name, "audit device is up");
            }
        }
    }

    /// Signs a checkpoint for each device that is up and, with [`Sign::IfDue`], needs one now.
    pub(crate) fn sign(&mut self, due: Sign, now: Time) {
        let Some(unsealed) = &self.unsealed else { return };
        for device in &mut self.devices {
            if due == Sign::IfDue && !device.is_checkpoint_due(now) {
                continue;
            }
            let _down_is_in_status = sign(device, &mut self.open, (&unsealed.signing, due), now);
        }
    }

    /// Rotates the files that are large enough. The old file ends with a checkpoint, and the new one begins with one:
    /// it names the requests without an outcome, for a start that reads no further back.
    ///
    /// A sealed server cannot sign, and does not rotate.
    pub(crate) fn rotate(&mut self, now: Time) {
        let Some(unsealed) = &self.unsealed else { return };
        for device in &mut self.devices {
            if device.is_full(now)
                && sign(device, &mut self.open, (&unsealed.signing, Sign::Always), now).is_ok()
                && device.rotate(now).is_ok()
            {
                let _down_is_in_status = sign(device, &mut self.open, (&unsealed.signing, Sign::Always), now);
            }
        }
    }

    /// The files that have unsynced bytes, each with the index of its device.
    pub(crate) fn unsynced(&self) -> Vec<(usize, Syncable)> {
        let files = self.devices.iter().map(Device::unsynced).enumerate();
        files.filter_map(|(n, file)| Some((n, file?))).collect()
    }

    pub(crate) fn synced(&mut self, n: usize, done: SyncDone) {
        if let Some(device) = self.devices.get_mut(n) {
            device.synced(done);
        }
    }

    /// All changes up to this sequence number have their lines, synced, in every required device.
    pub(crate) fn covered(&self) -> u64 {
        let required = self.devices.iter().filter(|device| device.config().required);
        required.map(Device::covered).min().unwrap_or_else(|| self.open.sequence())
    }

    /// The newest checkpoint of every device, with its sidecar. None while sealed: what a file held when it was opened is
    /// not judged yet, and must not replace what the sidecar says.
    pub(crate) fn newest_checkpoints(&self) -> Vec<(Sidecar, String)> {
        if self.unsealed.is_none() {
            return Vec::new();
        }
        self.devices.iter().filter_map(Device::newest_checkpoint).collect()
    }
}

/// Signs a checkpoint for a device that is up.
fn sign(
    device: &mut Device,
    open: &mut OpenRequests,
    (key, due): (&SigningKey, Sign),
    now: Time,
) -> Result<(), Refused> {
    let progress = Progress { moment: open.moment(), open: &open.named(), is_final: due == Sign::Last };
    device.sign(key, &progress, now)?;
    open.next_epoch();
    Ok(())
}

/// Which devices get a checkpoint, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    IfDue,
    Always,
    /// Always, and it says `final`, because the keys are forgotten after it.
    Last,
}
