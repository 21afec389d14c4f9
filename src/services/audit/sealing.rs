//! Unseals and seals the audit log. Both functions block: they read the ends of files, write, and sync.

use super::{
    error::AuditError,
    hub::Hub,
    keys::{HashKeys, LogKeys},
    sidecars::Sidecars,
    writer::{Sign, Writer},
};
use crate::store::Sequence;

/// Gives every device its keys, writes the lines that its file lacks, and signs a checkpoint for it. If requests cannot
/// be recorded then, fails and forgets the keys again.
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

/// Signs the last checkpoints, writes them to the sidecars, and forgets all keys.
pub(crate) fn seal(hub: &Hub, sidecars: &Sidecars) {
    hub.set_keys(None);
    let now = hub.now();
    let checkpoints = hub.with_writer(|writer| {
        writer.sign(Sign::Last, now);
        hub.publish_covered(writer.covered());
        let checkpoints = writer.newest_checkpoints();
        writer.forget_keys();
        checkpoints
    });
    sidecars.write(checkpoints, now);
}
