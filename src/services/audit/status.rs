//! An audit device as the configuration declares it, and as operators see it.

use std::path::PathBuf;

use crate::base::limits::AUDIT_FILE_BYTES;

/// A file device as the configuration declares it.
#[derive(Clone, Debug)]
pub struct DeviceConfig {
    pub name: String,
    pub path: PathBuf,
    /// Whether requests are refused while this device cannot write.
    pub required: bool,
    /// Whether a line is synced to disk before its request is answered.
    pub sync_always: bool,
    pub rotation: Rotation,
}

/// When a file is rotated, and what becomes of rotated files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The file is rotated once it has this many bytes. Zero means never.
    pub bytes: u64,
    /// How many rotated files are kept. `None` means all of them.
    pub keep: Option<u32>,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { bytes: AUDIT_FILE_BYTES, keep: None }
    }
}

/// Whether a device can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceState {
    /// The file has every line.
    Up,
    /// The file can be written again, but still lacks lines.
    Behind,
    /// The file could not be opened, written or synced.
    Down,
}

/// The measurements of an audit log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditMeasurements {
    /// How many devices are up, behind and down.
    pub up: usize,
    pub behind: usize,
    pub down: usize,
    /// Lines that were handed to the devices.
    pub lines: u64,
    /// How often lines could not be written to a required device, or to any device.
    pub write_failures: u64,
}

/// A device as `sys/audit` and the health check show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceStatus {
    pub name: String,
    pub path: PathBuf,
    pub required: bool,
    pub state: DeviceState,
    /// What went wrong: the operation and its cause, for operators. `None` if nothing did.
    pub error: Option<String>,
}
