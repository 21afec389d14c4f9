//! What a device does with keys: its part of unseal, and signed heads. A head is signed only over lines that are synced,
//! so that a power cut cannot take what was signed.

use super::{
    device::{Device, State},
    line::DeviceKey,
    own::{self, Standing},
};
use crate::{
    base::time::Time,
    crypto::{
        ed25519::{PublicKey, SigningKey},
        kdf::MacKey,
        note::Checkpoint,
    },
};

/// What every device is told at unseal.
pub(super) struct Naming {
    /// `<cluster>/<log id>`
    pub prefix: String,
    pub public: PublicKey,
}

impl Naming {
    pub fn new(cluster: &str, log_id: &str, public: PublicKey) -> Self {
        Self { prefix: format!("{}/{}", word(cluster), word(log_id)), public }
    }
}

/// An origin is split at slashes, and a key name holds neither space nor plus (C2SP signed-note).
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    text.chars().map(plain).collect()
}

/// Where all requests stand, for the line before a signed head.
pub(super) struct Progress<'a> {
    pub sequence: u64,
    pub open: Vec<&'a str>,
    /// The epoch of the oldest open request; `None` where none is open.
    pub oldest_epoch: Option<u64>,
    pub epoch: u64,
}

impl Device {
    /// Takes the device's keys, and judges the file by the heads that were kept: one that is not ours, or that is behind
    /// what was signed, is not gone on with.
    pub fn take_keys(&mut self, mac: &MacKey, naming: &Naming, kept: &[Checkpoint], now: Time) {
        self.key = Some(DeviceKey::new(device_key(mac, &self.config.name)));
        self.owed.key = Some(naming.public.to_base64());
        self.prefix = Some(naming.prefix.clone());
        let Some(origin) = self.origin() else { return };
        let is_ours = |head: &Checkpoint| head.origin == origin && head.verify(&naming.public).is_ok();
        let beside = self.kept_beside();
        let is_behind = kept.iter().chain(&beside).any(|head| is_ours(head) && head.size > self.lines());
        let differs = self.kept_agrees == Some(false) && beside.as_ref().is_some_and(is_ours);
        if self.checkpoint.as_ref().is_some_and(|head| !is_ours(head)) {
            self.restart("not signed by this key under this name", None, now);
        } else if is_behind {
            self.restart("behind its own checkpoint", None, now);
        } else if differs {
            self.restart("differs from its own checkpoint", None, now);
        }
    }

    pub fn forget_keys(&mut self) {
        (self.key, self.owed.key) = (None, None);
    }

    /// Signs the head of all lines. Everything is synced first, while nobody writes.
    pub fn sign(&mut self, key: &SigningKey, progress: &Progress<'_>, now: Time) -> bool {
        let (Some(chain), Some(origin)) = (&self.chain, self.origin()) else { return false };
        if self.state != State::Up {
            return false;
        }
        let lines = chain.lines();
        self.advance_fed(progress, lines);
        let Some(chain) = &self.chain else { return false };
        let standing = Standing {
            sequence: progress.sequence,
            fed: self.fed.sequence,
            fed_line: self.fed.line,
            open: progress.open.clone(),
        };
        let edge = own::frontier(now, chain, &standing);
        if !self.write_own(&[&edge]) || !self.sync() {
            return false;
        }
        let Some(chain) = &self.chain else { return false };
        let head = Checkpoint::sign(&origin, chain.lines(), &chain.frontier.root(), key);
        let is_written = self.write_own(&[&own::checkpoint(&head.text())]);
        self.fed.synced = self.fed.sequence;
        self.checkpoint = Some(head);
        self.checkpoint_at = now;
        self.checkpoint_lines = self.lines();
        is_written
    }

    fn advance_fed(&mut self, progress: &Progress<'_>, lines: u64) {
        if !self.missed.is_empty() {
            return;
        }
        let now = (progress.sequence, lines, progress.epoch);
        let (sequence, line, epoch) = *self.fed.next.get_or_insert(now);
        let is_closed = progress.oldest_epoch.is_none_or(|oldest| oldest > epoch);
        if is_closed {
            let (sequence, line) = if progress.oldest_epoch.is_none() { (now.0, now.1) } else { (sequence, line) };
            (self.fed.sequence, self.fed.line) = (self.fed.sequence.max(sequence), line);
            self.fed.next = Some(now).filter(|_| progress.oldest_epoch.is_some());
        }
    }

    /// Syncs the file while nobody writes.
    pub fn sync(&mut self) -> bool {
        let Some(file) = self.file.clone() else { return false };
        let length = self.length;
        let synced = file.sync_data();
        self.synced(synced, length)
    }

    /// Takes account of a sync of the first `length` bytes, and makes a new file's name durable too.
    pub fn synced(&mut self, done: std::io::Result<()>, length: u64) -> bool {
        let done = done.and_then(|()| {
            match self.config.path.parent().filter(|dir| !dir.as_os_str().is_empty() && !self.is_entry_synced) {
                Some(dir) => self.files.sync_dir(dir),
                None => Ok(()),
            }
        });
        match done {
            Ok(()) => {
                (self.synced_length, self.is_entry_synced) = (self.synced_length.max(length), true);
                true
            }
            Err(error) => {
                self.is_distrusted = true;
                self.fail("sync", &error);
                false
            }
        }
    }
}

/// The key of one device; of two devices neither can tell the other's hashes.
pub(super) fn device_key(mac: &MacKey, name: &str) -> MacKey {
    MacKey::new(&mac.mac(&[b"strongroom audit device\0", name.as_bytes()]))
}

/// The key under which values are hashed when a note is made.
pub(super) fn values_key(mac: &MacKey) -> MacKey {
    MacKey::new(&mac.mac(&[b"strongroom audit values\0"]))
}
