//! Unseal and seal of the log: every device is named, fed with what it lacks, and signed; at the end it is signed once
//! more and the keys are forgotten.

use std::sync::{Arc, atomic::Ordering};

use super::{
    AuditError,
    device::{Device, State},
    hub::{Desk, Hub, hold},
    keys::{Keys, Ring},
    sign::{Naming, Progress},
};
use crate::{
    base::{time::Time, ttl::Ttl},
    crypto::{ed25519::SigningKey, kdf::MacKey, note::Checkpoint},
    store::Sequence,
};

/// What the desk keeps while unsealed.
pub(super) struct Unsealed {
    mac: MacKey,
    pub signing: SigningKey,
    naming: Naming,
    kept: Vec<Checkpoint>,
    /// For devices that come later.
    backlog: Vec<(Sequence, Vec<u8>)>,
}

impl Hub {
    pub fn unseal(&self, keys: Keys, backlog: Vec<(Sequence, Vec<u8>)>) -> Result<(), AuditError> {
        let now = self.clock.now();
        let kept = std::mem::take(&mut *hold(&self.kept));
        let ring = self.at_desk(|desk| {
            let names = desk.devices.iter().map(|device| device.config.name.as_str());
            let ring = Ring::new(&keys.mac, names);
            let naming = Naming::new(&keys.cluster, &keys.log_id, keys.signing.public());
            desk.unsealed = Some(Unsealed { mac: keys.mac, signing: keys.signing, naming, kept, backlog });
            for n in 0..desk.devices.len() {
                desk.greet(n, now);
            }
            self.sign_all(desk, now);
            ring
        });
        if !self.is_ready() {
            self.forget();
            return Err(self
                .status()
                .iter()
                .find(|device| device.state != State::Up)
                .map_or(AuditError::NoDevice, AuditError::of));
        }
        self.ring.store(Some(Arc::new(ring)));
        Ok(())
    }

    /// Signs the last heads and forgets all keys.
    pub fn seal(&self) {
        self.ring.store(None);
        let now = self.clock.now();
        self.at_desk(|desk| self.sign_all(desk, now));
        self.keep_beside(now, Ttl::ZERO);
        self.forget();
    }

    fn forget(&self) {
        self.at_desk(|desk| {
            desk.unsealed = None;
            desk.devices.iter_mut().for_each(Device::forget_keys);
        });
    }

    /// Signs the log of every device that is up, and shows the first one's head.
    pub fn sign_all(&self, desk: &mut Desk, now: Time) {
        for n in 0..desk.devices.len() {
            desk.sign(n, now);
        }
        self.show_heads(desk);
    }

    pub fn show_heads(&self, desk: &Desk) {
        let head = desk.devices.iter().find_map(|device| device.checkpoint.as_ref());
        if let Some(head) = head {
            self.newest.store(Some(Arc::new(head.text())));
        }
        let required = desk.devices.iter().filter(|device| device.config.required);
        let fed = required.map(|device| device.fed.synced).min().unwrap_or(desk.sequence);
        self.fed.store(fed, Ordering::Release);
    }
}

impl Desk {
    /// Brings a device to where the broker is: gives it the keys, where it lacks them, and writes what it owes.
    pub fn greet(&mut self, n: usize, now: Time) {
        let Some(device) = self.devices.get_mut(n).filter(|device| device.state != State::Down) else { return };
        if let Some(unsealed) = self.unsealed.as_ref().filter(|_| device.key.is_none()) {
            device.take_keys(&unsealed.mac, &unsealed.naming, &unsealed.kept, now);
            if let Err(error) = device.feed(&unsealed.backlog, &self.open, now) {
                return device.fail("read", &error);
            }
            device.pay(now);
        } else if device.state == State::Behind && device.pay(now) {
            tracing::info!(device = device.config.name, "audit device is up");
        }
    }

    pub fn sign(&mut self, n: usize, now: Time) {
        let (Some(device), Some(unsealed)) = (self.devices.get_mut(n), &self.unsealed) else { return };
        let progress = Progress {
            sequence: self.sequence,
            open: self.open.keys().map(super::id::Id::as_str).collect(),
            oldest_epoch: self.open.values().min().copied(),
            epoch: self.epoch,
        };
        if device.sign(&unsealed.signing, &progress, now) {
            self.epoch += 1;
        }
    }
}
