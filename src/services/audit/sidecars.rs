//! Writes the newest checkpoint of every device to its sidecar.

use std::{path::PathBuf, sync::Mutex};

use super::{devices::Sidecar, locks::hold};
use crate::base::{time::Time, ttl::Ttl};

/// While the server runs, the sidecars are written at most once in this time.
const WRITE_EVERY: Ttl = Ttl::from_secs(10);

#[derive(Default)]
pub(crate) struct Sidecars(Mutex<Written>);

#[derive(Default)]
struct Written {
    at: Time,
    checkpoints: Vec<(PathBuf, String)>,
}

impl Sidecars {
    /// Whether it is time to write the sidecars again.
    pub(crate) fn are_due(&self, now: Time) -> bool {
        now >= hold(&self.0).at.plus(WRITE_EVERY)
    }

    /// Writes the checkpoints that are new to their sidecars. If one cannot be written,
    /// that is logged and tried again next time.
    pub(crate) fn write(&self, checkpoints: Vec<(Sidecar, String)>, now: Time) {
        let mut written = hold(&self.0);
        written.at = now;
        for (sidecar, checkpoint) in checkpoints {
            let path = sidecar.path();
            let known = written.checkpoints.iter().position(|(at, _)| at == path);
            if known.and_then(|n| written.checkpoints.get(n)).is_some_and(|(_, text)| *text == checkpoint) {
                continue;
            }
            if let Err(error) = sidecar.write(&checkpoint) {
                tracing::warn!(path = %path.display(), "the newest audit checkpoint could not be kept: {error}");
                continue;
            }
            if let Some(n) = known {
                written.checkpoints.swap_remove(n);
            }
            written.checkpoints.push((path.to_owned(), checkpoint));
        }
    }
}
