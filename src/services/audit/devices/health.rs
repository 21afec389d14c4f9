//! Whether a device is up, and if not, what is wrong.

use std::{io, path::Path};

use crate::{
    base::{time::Time, ttl::Ttl},
    services::audit::status::DeviceState,
};

/// A device that is down is tried again after this time.
const RETRY_AFTER: Ttl = Ttl::from_secs(1);

pub(crate) struct Health {
    state: DeviceState,
    error: Option<String>,
    retry_at: Time,
}

/// The file operation that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Open,
    Read,
    Write,
    Sync,
    Stat,
}

/// The error of a device that could not write: it lacks the lines, and its status says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

impl Operation {
    const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Stat => "stat",
        }
    }
}

impl Default for Health {
    fn default() -> Self {
        Self { state: DeviceState::Down, error: None, retry_at: Time::EPOCH }
    }
}

impl Health {
    pub(crate) const fn state(&self) -> DeviceState {
        self.state
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state == DeviceState::Up
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Notes that the device can be written again, but still lacks lines.
    pub(crate) fn set_behind(&mut self) {
        self.state = DeviceState::Behind;
    }

    /// Notes that the device has every line.
    pub(crate) fn set_up(&mut self) {
        (self.state, self.error) = (DeviceState::Up, None);
    }

    /// Notes that the device is down until it has been opened and written again. A
    /// new cause is logged, a repeated one is not.
    pub(crate) fn set_down(&mut self, device: (&str, &Path), operation: Operation, error: &io::Error) {
        let text = format!("{} failed: {error}", operation.word());
        if self.error.as_ref() != Some(&text) {
            let (device, path) = device;
            tracing::error!(device, path = %path.display(), "audit device down: {text}");
        }
        (self.state, self.error) = (DeviceState::Down, Some(text));
    }

    /// Whether it is time to try a device that is not up again. If so, also sets the time of the next try.
    pub(crate) fn take_retry(&mut self, now: Time) -> bool {
        let is_due = self.retry_at <= now;
        if is_due {
            self.retry_at = now.plus(RETRY_AFTER);
        }
        is_due
    }
}
