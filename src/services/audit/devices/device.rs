//! An audit device as the writer uses it. The writer holds the writer lock while it calls these functions; they wait
//! for nothing but the file system.

use std::{io, path::Path};

use super::{
    batch::LineKind,
    catch_up::{Complete, Expected, missing_lines},
    checkpoints::{Checkpoints, Distrust, Progress},
    coverage::Coverage,
    due::{Naming, Newline},
    file::{LogFile, OnDisk, SyncDone, Syncable},
    foreign::{Inherited, Judgement, judge},
    health::{Health, Operation, Refused},
    log::Log,
    rotation::{rotated_path, superfluous},
    sidecar::Sidecar,
};
use crate::{
    base::{limits::STRANGERS_ROOM_BYTES, time::Time, ttl::Ttl},
    crypto::{ed25519::SigningKey, kdf::MacKey, note::Checkpoint},
    services::audit::{
        control::{self, Head, Standing},
        keys::DeviceKeys,
        origin::{Signer, log_id_of, origin},
        parse::Foreign,
        queued::QueuedLines,
        status::{DeviceConfig, DeviceState, DeviceStatus},
    },
    store::files::{File, Files, Stat},
};

pub(crate) struct Device {
    config: DeviceConfig,
    health: Health,
    log: Log,
    sidecar: Sidecar,
    checkpoints: Checkpoints,
    coverage: Coverage,
    /// The first part of the log's full name (see origin.rs). `None` until the first unseal.
    prefix: Option<String>,
    /// How many lines the log had when this process opened it.
    lines_at_open: u64,
    /// What was found when the file was opened, until it is judged at the first unseal.
    found: Option<Found>,
    /// After a failed rotation, the next one is tried at this time.
    rotate_after: Time,
    files: Files,
}

/// A log that an earlier process left. The file stays open, wherever it is moved.
struct Found {
    file: File,
    bytes: u64,
    sidecar: Option<Checkpoint>,
}

/// How long after a failed rotation the next one is tried.
const ROTATE_AGAIN: Ttl = Ttl::from_secs(60);

impl Device {
    /// A device that is down until [`Device::bring_up`].
    pub(crate) fn new(config: DeviceConfig, files: Files) -> Self {
        Self {
            health: Health::default(),
            sidecar: Sidecar::of(files.clone(), &config.path),
            log: Log::new(LogFile::new(files.clone(), config.path.clone())),
            checkpoints: Checkpoints::default(),
            coverage: Coverage::default(),
            prefix: None,
            lines_at_open: 0,
            found: None,
            rotate_after: Time::EPOCH,
            files,
            config,
        }
    }

    pub(crate) const fn config(&self) -> &DeviceConfig {
        &self.config
    }

    pub(crate) fn status(&self) -> DeviceStatus {
        let DeviceConfig { name, path, required, .. } = self.config.clone();
        let error = self.health.error().map(str::to_owned);
        DeviceStatus { name, path, required, state: self.health.state(), error }
    }

    /// Whether so little is free on the file system of the file that only callers whom the broker knows may write to it.
    pub(crate) fn lacks_room_for_strangers(&self) -> bool {
        // If the file system does not tell its free room, it is assumed to have enough.
        let folder = self.config.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Ok(room) = self.files.room(folder.unwrap_or(Path::new("."))) else { return false };
        room.free_bytes < STRANGERS_ROOM_BYTES.min(room.total_bytes / 10)
    }

    pub(crate) const fn state(&self) -> DeviceState {
        self.health.state()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.health.is_up()
    }

    pub(crate) const fn has_keys(&self) -> bool {
        self.log.has_keys()
    }

    /// All changes of the store up to this sequence number have their lines, synced.
    pub(crate) const fn covered(&self) -> u64 {
        self.coverage.synced()
    }

    /// The newest checkpoint, with the sidecar that should hold it. `None` if the log has no checkpoint.
    pub(crate) fn newest_checkpoint(&self) -> Option<(Sidecar, String)> {
        let newest = self.checkpoints.newest_text().filter(|_| self.checkpoints.is_written)?;
        Some((self.sidecar.clone(), newest))
    }

    fn origin(&self) -> Option<String> {
        Some(origin(self.prefix.as_ref()?, self.log.chain()?.id(), &self.config.name))
    }

    /// Writes the lines of all drafts with one call, and syncs them if the configuration says so. If that fails, the
    /// device keeps the drafts for the next flush.
    pub(crate) fn write(&mut self, lines: &QueuedLines) -> Result<(), Refused> {
        if !self.is_up() {
            self.log.postpone(lines);
            return Err(Refused);
        }
        let written = self.log.append(lines);
        self.done(Operation::Write, written)?;
        if self.config.sync_always { self.sync() } else { Ok(()) }
    }

    fn write_control(&mut self, members: &str, kind: LineKind) -> Result<(), Refused> {
        let written = self.log.append_control(members, kind);
        self.done(Operation::Write, written)
    }

    /// Writes everything that the file lacks. If that succeeds, the device is up.
    pub(crate) fn flush(&mut self, now: Time) -> Result<(), Refused> {
        let origin = self.origin();
        let naming = Naming { device: &self.config.name, origin: origin.as_deref() };
        let written = self.log.flush(&naming, now);
        self.done(Operation::Write, written)?;
        self.health.set_up();
        Ok(())
    }

    fn done(&mut self, operation: Operation, result: io::Result<()>) -> Result<(), Refused> {
        result.map_err(|error| {
            self.health.set_down((&self.config.name, &self.config.path), operation, &error);
            Refused
        })
    }

    /// The file, if anything in it is not synced yet.
    pub(crate) fn unsynced(&self) -> Option<Syncable> {
        self.log.file().unsynced().filter(|_| self.is_up())
    }

    /// Takes the result of a sync that was made without the writer lock.
    pub(crate) fn synced(&mut self, done: SyncDone) {
        let synced = self.log.file_mut().synced(done);
        let _down_is_in_health = self.done(Operation::Sync, synced);
    }

    fn sync(&mut self) -> Result<(), Refused> {
        let synced = self.log.file_mut().sync();
        self.done(Operation::Sync, synced)
    }

    /// Gives the device its keys. Begins a new log if the one in the file is not ours, differs from what was signed, or
    /// has lines that the server did not write. Then queues every line that the file lacks for the next flush. Blocks:
    /// reads the end of the file.
    pub(crate) fn attach_keys(&mut self, mac: &MacKey, signer: &Signer, expected: Expected<'_>, now: Time) {
        let keys = DeviceKeys::new(mac, &self.config.name);
        self.log.attach_keys(keys, signer.public().to_base64());
        self.prefix = Some(signer.prefix().to_owned());
        let queued = self.judge_log(signer, now).and_then(|complete| {
            self.found = None;
            let missing = missing_lines(self.log.file(), self.log.kept_drafts(), complete, expected, now)?;
            self.log.keep(&missing);
            Ok(())
        });
        if queued.is_err() {
            // The device gets its keys again, and its file is judged again, once it can be read.
            self.log.forget_keys();
        }
        let _down_is_in_health = self.done(Operation::Read, queued);
    }

    /// Begins a new log if the one in the file cannot be believed. Returns how far the file is complete. What this
    /// process itself wrote is not judged again: its length is compared all the time.
    fn judge_log(&mut self, signer: &Signer, now: Time) -> io::Result<Complete> {
        let complete = |device: &Self| Complete {
            sequence: device.coverage.sequence(),
            line: device.coverage.line(),
            lines_at_open: device.lines_at_open,
            bytes: device.log.file().length(),
        };
        let (Some(origin), Some(found)) = (self.origin(), &self.found) else { return Ok(complete(self)) };
        let distrust = self.checkpoints.compare(&origin, signer.public(), found.sidecar.as_ref(), self.log.lines());
        if let Some(distrust) = distrust {
            // Of a log that was cut, the sidecar tells how many lines it had.
            let kept = found.sidecar.as_ref().filter(|_| distrust == Distrust::Behind);
            let old = kept.map(|kept| (log_id_of(&kept.origin), kept.size + 1));
            self.begin_log(Head { old, ..self.head(distrust.reason()) }, now);
            return Ok(complete(self));
        }
        match self.judge_found(found)? {
            Judgement::Ours => Ok(complete(self)),
            Judgement::Foreign { lines, at } => {
                let (device, Foreign { first, last }) = (&self.config.name, lines);
                tracing::error!(device, first, last, "the server did not write these lines of the audit log");
                let trusted = Complete { bytes: at, ..complete(self) };
                self.begin_log(Head { foreign: Some(lines), ..self.head("lines of others") }, now);
                Ok(trusted)
            }
            Judgement::Unattested => {
                let trusted = Complete { bytes: 0, ..complete(self) };
                self.begin_log(self.head("moved while sealed"), now);
                Ok(trusted)
            }
        }
    }

    fn judge_found(&self, found: &Found) -> io::Result<Judgement> {
        let (Some(keys), Some(chain)) = (self.log.keys(), self.log.chain()) else { return Ok(Judgement::Ours) };
        let Found { file, bytes, .. } = found;
        let (lines, checkpoint) = (self.lines_at_open, self.checkpoints.newest());
        judge(&Inherited { file, bytes: *bytes, log: chain.id(), lines, keys, checkpoint })
    }

    pub(crate) fn forget_keys(&mut self) {
        self.log.forget_keys();
    }

    /// Whether a checkpoint is due now.
    pub(crate) fn is_checkpoint_due(&self, now: Time) -> bool {
        self.checkpoints.is_due(self.log.lines(), now)
    }

    /// Signs a checkpoint over all lines. The lines are synced first, so that a power cut cannot take what was signed.
    pub(crate) fn sign(&mut self, key: &SigningKey, progress: &Progress<'_>, now: Time) -> Result<(), Refused> {
        let (Some(chain), Some(origin)) = (self.log.chain(), self.origin()) else { return Err(Refused) };
        if !self.is_up() {
            return Err(Refused);
        }
        if !self.log.has_unwritten() {
            self.coverage.advance(progress.moment, chain.lines());
        }
        let standing = Standing {
            sequence: progress.moment.sequence,
            covered: self.coverage.sequence(),
            covered_line: self.coverage.line(),
            open: progress.open,
        };
        let edge = control::frontier(now, chain, &standing);
        self.write_control(&edge, LineKind::Control)?;
        self.sync()?;
        let Some(chain) = self.log.chain() else { return Err(Refused) };
        let sign = if progress.is_final { Checkpoint::sign_final } else { Checkpoint::sign };
        let checkpoint = sign(&origin, chain.lines(), &chain.root(), key);
        let written = self.write_control(&control::checkpoint(&checkpoint.text()), LineKind::Checkpoint);
        if written.is_ok() && progress.is_final {
            self.log.set_under_way(progress.open);
        }
        // The checkpoint counts as signed even if its line could not be written: signing again could make a second one
        // that contradicts it.
        self.coverage.set_synced();
        self.checkpoints.signed(checkpoint, self.log.lines(), now);
        self.checkpoints.is_written = written.is_ok();
        written
    }

    /// Opens the file for the first time, or tries again after a failure. If that succeeds, the device is behind until
    /// the next flush; otherwise it is down. Blocks: reads the end of the file.
    pub(crate) fn bring_up(&mut self, now: Time) {
        let opened = if self.log.chain().is_none() { self.open(now) } else { self.reopen(now) };
        if self.done(Operation::Open, opened).is_ok() {
            self.health.set_behind();
        }
    }

    /// Does the same as [`Device::bring_up`], but only if it is time to try again.
    pub(crate) fn retry(&mut self, now: Time) {
        if self.health.take_retry(now) {
            self.bring_up(now);
        }
    }

    fn open(&mut self, now: Time) -> io::Result<()> {
        let sidecar = self.sidecar.read();
        let found = self.log.open(sidecar.as_ref())?;
        self.checkpoints = Checkpoints::found(found.checkpoint);
        self.checkpoints.sidecar_agrees = found.sidecar_agrees;
        if self.log.chain().is_some() {
            if found.torn.lines > 0 {
                let (device, lines) = (&self.config.name, found.torn.lines);
                tracing::warn!(device, lines, "the last lines of the audit file were only partly written");
            }
            self.coverage = Coverage::resumed(found.covered, found.covered_line);
            self.lines_at_open = self.log.lines();
            let (file, bytes) = (self.log.file().open_read()?, self.log.file().length());
            self.found = Some(Found { file, bytes, sidecar });
            return Ok(());
        }
        // If the file has no checkpoint, only the sidecar can tell which log was here before.
        let old = sidecar.filter(|_| self.checkpoints.newest_text().is_none());
        let old = old.map(|checkpoint| (log_id_of(&checkpoint.origin), checkpoint.size + 1));
        let reason = match (self.log.file().length(), &old) {
            (1.., _) => "damaged",
            (0, Some(_)) => "missing",
            (0, None) => "new",
        };
        self.begin_log(Head { old, ..self.head(reason) }, now);
        Ok(())
    }

    /// Opens the file again after a failure, and takes account of what the failed write left in it.
    fn reopen(&mut self, now: Time) -> io::Result<()> {
        let opened = self.log.file().open_path()?;
        let stat = opened.1;
        if self.log.file().is_distrusted() {
            // After a failed sync the kernel may drop data that still seems to be in
            // the file, so its content proves nothing.
            self.log.file_mut().adopt(opened);
            self.log.find_newline()?;
            self.begin_log(self.head("sync failed"), now);
            return Ok(());
        }
        if !self.log.file().is_place_of(stat) {
            if let Some(old) = self.log.file().stat_open()? {
                self.log.settle_failed_write(old)?;
            }
            self.log.file_mut().adopt(opened);
            return self.continue_elsewhere(now);
        }
        self.log.settle_failed_write(stat)?;
        let expected = self.log.file().length();
        if expected == stat.len {
            self.log.file_mut().adopt_again(opened);
            return Ok(());
        }
        self.log.file_mut().adopt(opened);
        self.continue_resized(expected, stat, now)
    }

    /// Checks that the path still leads to the file that was opened, and that the file has the expected length. If not,
    /// the log continues where that is safe, or a new log begins. The operator's log reports it.
    pub(crate) fn check_file(&mut self, now: Time) {
        let changed = match self.log.file().look() {
            Ok(OnDisk::Unchanged) => return,
            Ok(OnDisk::Resized(stat)) => {
                let expected = self.log.file().length();
                self.log.file_mut().resized(stat);
                let continued = self.continue_resized(expected, stat, now);
                self.done(Operation::Read, continued)
            }
            Ok(OnDisk::Elsewhere) => self.leave_file(now),
            Err(error) => self.done(Operation::Stat, Err(error)),
        };
        if changed.is_ok() {
            let _down_is_in_health = self.flush(now);
        }
    }

    /// Whether the file is large enough to be rotated.
    pub(crate) fn is_full(&self, now: Time) -> bool {
        let bytes = self.config.rotation.bytes;
        self.is_up() && bytes > 0 && self.log.file().length() >= bytes && now >= self.rotate_after
    }

    /// Ends the file properly, renames it, and continues the log in a new one. If the file cannot be renamed, the log
    /// goes on in it.
    pub(crate) fn rotate(&mut self, now: Time) -> Result<(), Refused> {
        self.write_control(&control::tail(now, "rotated"), LineKind::Control)?;
        self.sync()?;
        let named = rotated_path(self.log.file().files(), self.log.file().path(), now);
        let moved = named.and_then(|to| self.log.file_mut().move_to(&to).map(|()| to));
        let to = moved.map_err(|error| {
            tracing::warn!(device = self.config.name, %error, "the audit file cannot be rotated");
            self.rotate_after = now.plus(ROTATE_AGAIN);
            Refused
        })?;
        self.log.set_newline(Newline::Present);
        let head = self.head("rotated");
        self.log.continue_with(head);
        tracing::info!(device = self.config.name, to = %to.display(), "the audit file was rotated");
        self.remove_superfluous();
        self.flush(now)
    }

    fn remove_superfluous(&self) {
        let Some(keep) = self.config.rotation.keep else { return };
        let files = self.log.file().files();
        let removed = superfluous(files, self.log.file().path(), keep).and_then(|paths| {
            paths.iter().try_for_each(|path| {
                files.remove(path)?;
                tracing::info!(file = %path.display(), "a rotated audit file was removed, as `keep` says");
                Ok(())
            })
        });
        if let Err(error) = removed {
            tracing::warn!(device = self.config.name, %error, "a rotated audit file cannot be removed");
        }
    }

    /// Ends the file that was ours, which has been renamed or deleted, and continues in a new one.
    fn leave_file(&mut self, now: Time) -> Result<(), Refused> {
        self.write_control(&control::tail(now, "moved"), LineKind::Control)?;
        self.sync()?;
        let opened = self.log.file().open_path();
        let continued = opened.and_then(|opened| {
            self.log.file_mut().adopt(opened);
            self.continue_elsewhere(now)
        });
        self.done(Operation::Open, continued)
    }

    /// Continues after somebody else changed the length of the file: it has `stat.len` bytes instead of `expected`. A
    /// truncated file keeps its log; a file that others wrote to gets a new log.
    fn continue_resized(&mut self, expected: u64, stat: Stat, now: Time) -> io::Result<()> {
        self.log.find_newline()?;
        let device = &self.config.name;
        if stat.len < expected {
            tracing::error!(device, "somebody else truncated the audit file");
            let head = self.head("truncated");
            self.log.continue_with(head);
        } else {
            tracing::error!(device, "somebody else wrote to the audit file");
            self.begin_log(self.head("written by others"), now);
        }
        Ok(())
    }

    /// Continues in the file that the path leads to now, which is not the one that was open before.
    fn continue_elsewhere(&mut self, now: Time) -> io::Result<()> {
        tracing::warn!(
            device = self.config.name,
            "the audit file was moved or deleted: the log continues in a new file"
        );
        if self.log.file().length() > 0 {
            self.log.find_newline()?;
            self.begin_log(self.head("replaced"), now);
        } else {
            self.log.set_newline(Newline::Present);
            let head = self.head("moved");
            self.log.continue_with(head);
        }
        Ok(())
    }

    /// Begins a new log at the end of the file. If its `head` line names no log that it replaces, it replaces the
    /// current one, if there is one.
    fn begin_log(&mut self, head: Head, now: Time) {
        if head.old.is_some() || self.log.chain().is_some() {
            let (device, path, reason) = (&self.config.name, self.config.path.display(), head.reason);
            tracing::error!(
                device,
                "a new audit log begins in {path}, because of the one before it: {reason}; verify that one before you move it"
            );
        }
        self.log.begin(head, now);
        self.checkpoints.begin_log();
        self.coverage.begin_log();
        self.lines_at_open = 0;
        self.found = None;
    }

    fn head(&self, reason: &'static str) -> Head {
        Head { reason, last_checkpoint: self.checkpoints.newest_text(), old: None, foreign: None }
    }
}
