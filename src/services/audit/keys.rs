//! The keys of the audit log. A value is hashed twice: under the value key when its line is drafted, and again under
//! the key of each device when that device writes the line. Another key of the device makes the MAC of the line.

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use subtle::ConstantTimeEq;

use super::format::hex;
use crate::crypto::{
    ed25519::SigningKey,
    kdf::MacKey,
    merkle::{Hash, leaf_hash},
};

/// The hash of a value under the value key.
pub(crate) type Digest = [u8; 32];

/// The keys and the name that the audit log gets at unseal.
pub(crate) struct LogKeys {
    /// The value key and the device keys are derived from this.
    pub mac: MacKey,
    /// The key that signs checkpoints.
    pub signing: SigningKey,
    pub cluster: String,
    /// The name of this broker's logs, part of their full names. A restored store comes with another name.
    pub log_id: String,
}

/// The keys that hash values. They are in memory only while the broker is unsealed.
pub(crate) struct HashKeys {
    values: ValueKey,
    devices: HashMap<String, MacKey>,
}

impl HashKeys {
    pub(crate) fn new(mac: &MacKey, devices: &[&str]) -> Self {
        let devices = devices.iter().map(|name| ((*name).to_owned(), device_key(mac, name))).collect();
        Self { values: ValueKey(MacKey::new(&mac.mac(&[b"strongroom audit values\0"]))), devices }
    }

    pub(crate) const fn values(&self) -> &ValueKey {
        &self.values
    }

    /// What the lines of `device` hold as the hash of `text`. `None` if there is no such device.
    pub(crate) fn hash(&self, device: &str, text: &str) -> Option<String> {
        let hash = self.devices.get(device)?.mac(&[&self.values.text(text)]);
        Some(format!("hmac-sha256:{}", HEXLOWER.encode(&hash)))
    }
}

/// The MAC key with which sensitive values are hashed when an audit log line is drafted.
pub(crate) struct ValueKey(MacKey);

impl ValueKey {
    /// The digest of a text that nobody could guess. Equal texts have equal digests,
    /// so that a known text can be searched for.
    pub(crate) fn text(&self, text: &str) -> Digest {
        self.0.mac(&[b"S", text.as_bytes()])
    }

    /// The digest of a value that others could guess. The request id is mixed in, so that nobody can make a table of
    /// such digests. `kind` keeps the text `7` apart from the number `7`.
    pub(crate) fn guessable(&self, kind: ValueKind, request_id: &str, literal: &str) -> Digest {
        self.0.mac(&[&[kind as u8], request_id.as_bytes(), &[0], literal.as_bytes()])
    }

    /// The digest of data that is too long to be hashed value by value.
    pub(crate) fn whole_data(&self, data: &str) -> Digest {
        self.0.mac(&[b"D", data.as_bytes()])
    }
}

/// The kind of a value that others could guess.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum ValueKind {
    ShortText = b's',
    Number = b'n',
    Boolean = b'b',
}

/// The keys of one device. With one of them it hashes digests again, and remembers recent results, because a caller's
/// token is in every line of that caller. With the other it makes the MACs of its lines.
pub(crate) struct DeviceKeys {
    key: MacKey,
    lines: MacKey,
    /// Recent results, indexed by the first byte of the digest. Digests are evenly distributed.
    recent: Vec<(Digest, [u8; 64])>,
}

/// The MAC of a line, in hex.
pub(crate) type LineMac = [u8; 32];

impl DeviceKeys {
    pub(crate) fn new(mac: &MacKey, device: &str) -> Self {
        let lines = MacKey::new(&mac.mac(&[b"strongroom audit lines\0", device.as_bytes()]));
        Self { key: device_key(mac, device), lines, recent: vec![([0; 32], [0; 64]); 256] }
    }

    /// The MAC of a line: the first 16 bytes of HMAC-SHA256 over the hash that the line would have as a leaf if it ended
    /// before its MAC. The hash covers `prev`, so the MAC is right in this place of this log alone.
    pub(crate) fn line_mac(&self, leaf: &Hash) -> LineMac {
        let text = hex(&self.lines.mac(&[leaf]));
        *text.first_chunk().unwrap_or(&[b'0'; 32])
    }

    /// Whether this device made `mac` for a line that begins with `covered`.
    pub(crate) fn has_made(&self, mac: &LineMac, covered: &[u8]) -> bool {
        let made = self.line_mac(&leaf_hash(covered));
        bool::from(made.ct_eq(mac))
    }

    pub(crate) fn hex(&mut self, digest: &Digest) -> &[u8; 64] {
        const NONE: &[u8; 64] = &[b'0'; 64];
        let [at, ..] = *digest;
        let Some((known, text)) = self.recent.get_mut(usize::from(at)) else { return NONE };
        if known != digest || *text == [0; 64] {
            *known = *digest;
            *text = hex(&self.key.mac(&[digest]));
        }
        text
    }
}

/// The key of the device `name`. Each device has its own, so that hashes cannot be matched between two devices.
fn device_key(mac: &MacKey, name: &str) -> MacKey {
    MacKey::new(&mac.mac(&[b"strongroom audit device\0", name.as_bytes()]))
}
