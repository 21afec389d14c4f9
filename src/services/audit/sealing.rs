//! Unseal and seal of the log. Both block: they read the ends of files, write, and sync.

use super::{
    error::AuditError,
    hub::Hub,
    keys::{HashKeys, LogKeys},
    sidecars::Sidecars,
    writer::{Due, Writer},
};
use crate::store::Sequence;

/// Gives the keys to every device, with the lines that its file lacks, and signs a checkpoint each. `Err` if requests
/// cannot be recorded; then the keys are forgotten again.
pub(crate) fn unseal(hub: &Hub, keys: LogKeys, notes: Vec<(Sequence, Vec<u8>)>) -> Result<(), AuditError> {
    let now = hub.now();
    let hash_keys = hub.with_writer(|writer| {
        let hash_keys = HashKeys::new(&keys.mac, &writer.names());
        writer.unseal(keys, notes, now);
        hub.publish_covered(writer.covered());
        hash_keys
    });
    if let Err(error) = hub.check_ready() {
        hub.with_writer(Writer::forget_keys);
        return Err(error);
    }
    hub.set_keys(Some(hash_keys));
    Ok(())
}

/// Signs the last checkpoints, keeps them in the sidecars, and forgets all keys.
pub(crate) fn seal(hub: &Hub, sidecars: &Sidecars) {
    hub.set_keys(None);
    let now = hub.now();
    let checkpoints = hub.with_writer(|writer| {
        writer.sign(Due::Always, now);
        hub.publish_covered(writer.covered());
        writer.forget_keys();
        writer.newest_checkpoints()
    });
    sidecars.write(checkpoints, now);
}
