//! The keys of the log, as the request path uses them.

use std::collections::HashMap;

use data_encoding::HEXLOWER;

use super::{
    draft::mark_of,
    sign::{device_key, values_key},
};
use crate::crypto::{ed25519::SigningKey, kdf::MacKey};

/// What the log is given at unseal.
pub struct Keys {
    /// From which the keys of values and devices are made.
    pub mac: MacKey,
    /// Signs heads.
    pub signing: SigningKey,
    pub cluster: String,
    /// Names this broker's logs; a restored store comes with another.
    pub log_id: String,
}

/// The keys of values and of devices.
pub(super) struct Ring {
    pub values: MacKey,
    devices: HashMap<String, MacKey>,
}

impl Ring {
    pub fn new<'n>(mac: &MacKey, names: impl Iterator<Item = &'n str>) -> Self {
        let devices = names.map(|name| (name.to_owned(), device_key(mac, name))).collect();
        Self { values: values_key(mac), devices }
    }

    /// What stands in the lines of `device` where `input` was hashed.
    pub fn hash(&self, device: &str, input: &str) -> Option<String> {
        let hash = self.devices.get(device)?.mac(&[&mark_of(&self.values, input)]);
        Some(format!("hmac-sha256:{}", HEXLOWER.encode(&hash)))
    }
}
