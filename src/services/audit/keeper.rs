//! The keeper: one thread that syncs every 100 ms what was written, signs heads, watches for files that others moved,
//! and tries devices that are down again each second.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use super::{
    device::{Device, State},
    hub::{Hub, hold},
};
use crate::base::{time::Time, ttl::Ttl};

/// What was written is synced within this time.
const SYNC_EVERY: Duration = Duration::from_millis(100);
/// A head is signed after so many lines …
const SIGN_LINES: u64 = 1_000;
/// … or after this time, where there is something new.
const SIGN_AFTER: Ttl = Ttl::from_secs(10);
const RETRY_AFTER: Ttl = Ttl::from_secs(1);

/// Starts the thread. It ends when the hub is gone.
pub(super) fn start(hub: &Arc<Hub>) {
    let weak = Arc::downgrade(hub);
    let started = thread::Builder::new().name(String::from("audit")).spawn(move || run(&weak));
    if let Err(error) = started {
        tracing::error!("no thread for the audit log, nothing will be synced or signed: {error}");
    }
}

fn run(hub: &Weak<Hub>) {
    // The hub is let go while waiting, so that it can end.
    while let Some(bell) = hub.upgrade().map(|hub| {
        hub.tick();
        Arc::clone(&hub.bell)
    }) {
        bell.wait(SYNC_EVERY);
    }
}

/// The heads that were last written beside the files.
#[derive(Default)]
pub(super) struct Beside {
    at: Time,
    heads: Vec<(PathBuf, String)>,
}

impl Hub {
    /// One round of the keeper's work.
    pub fn tick(&self) {
        let now = self.clock.now();
        let dirty = self.at_desk(|desk| {
            let mut dirty = Vec::new();
            for n in 0..desk.devices.len() {
                let Some(device) = desk.devices.get_mut(n) else { continue };
                if device.state == State::Up {
                    device.watch(now);
                } else if device.retry_at <= now {
                    device.retry_at = now.plus(RETRY_AFTER);
                    device.bring_up(now);
                }
                desk.greet(n, now);
                if let Some(device) = desk.devices.get(n).filter(|device| device.is_dirty()) {
                    dirty.extend(device.file.clone().map(|file| (n, file, device.length)));
                }
            }
            dirty
        });
        // Synced without the desk: requests go on meanwhile.
        let synced: Vec<_> = dirty.into_iter().map(|(n, file, length)| (n, file.sync_data(), length)).collect();
        self.at_desk(|desk| {
            for (n, done, length) in synced {
                if let Some(device) = desk.devices.get_mut(n) {
                    device.synced(done, length);
                }
            }
            for n in 0..desk.devices.len() {
                if desk.devices.get(n).is_some_and(|device| device.is_due(now)) {
                    desk.sign(n, now);
                }
            }
            self.show_heads(desk);
        });
        self.keep_beside(now, SIGN_AFTER);
    }

    /// Writes the newest heads beside the files, where the last were written `age` ago.
    pub fn keep_beside(&self, now: Time, age: Ttl) {
        let mut beside = hold(&self.beside);
        if now < beside.at.plus(age) {
            return;
        }
        let heads: Vec<(PathBuf, String)> = self.at_desk(|desk| {
            let head = |device: &Device| Some((device.beside(), device.checkpoint.as_ref()?.text()));
            desk.devices.iter().filter_map(head).collect()
        });
        for (path, head) in heads.iter().filter(|head| !beside.heads.contains(head)) {
            let new = path.with_extension("checkpoint.new");
            let kept = self.files.write_new(&new, head.as_bytes()).and_then(|()| self.files.rename(&new, path));
            if let Err(error) = kept {
                tracing::warn!(path = %path.display(), "the newest audit checkpoint could not be kept: {error}");
            }
        }
        *beside = Beside { at: now, heads };
    }
}

impl Device {
    fn is_dirty(&self) -> bool {
        self.state == State::Up && self.synced_length < self.length
    }

    fn is_due(&self, now: Time) -> bool {
        let new = self.lines().saturating_sub(self.checkpoint_lines);
        new >= SIGN_LINES || (new > 0 && now >= self.checkpoint_at.plus(SIGN_AFTER))
    }
}
