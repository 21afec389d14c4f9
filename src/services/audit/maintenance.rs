//! The maintenance thread: every 100 ms it syncs what was written, checks that nobody moved or changed the files, tries
//! devices that are down, and signs checkpoints that are due.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use super::{
    hub::Hub,
    sidecars::Sidecars,
    strangers::{Room, StrangersLines},
    writer::Sign,
};

/// Every line is synced at the latest this long after it was written.
const SYNC_EVERY: Duration = Duration::from_millis(100);

/// What all clones of the audit service share with the maintenance thread.
pub(crate) struct AuditLog {
    pub hub: Hub,
    pub sidecars: Sidecars,
    pub strangers: StrangersLines,
}

impl AuditLog {
    /// Starts the maintenance thread. It ends when nothing else refers to this log.
    pub(crate) fn start_thread(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        let started = thread::Builder::new().name(String::from("audit")).spawn(move || run(&weak));
        if let Err(error) = started {
            tracing::error!("the audit log has no thread, so nothing will be synced or signed: {error}");
        }
    }

    /// Does one round of the thread's work. Blocks.
    pub(crate) fn round(&self) {
        let now = self.hub.now();
        let (unsynced, nearly_full) = self.hub.with_writer(|writer| {
            writer.maintain(now);
            writer.rotate(now);
            (writer.unsynced(), writer.lacks_room_for_strangers())
        });
        self.set_room(nearly_full);
        // The files are synced without the writer lock, so that requests can be written meanwhile.
        let synced: Vec<_> = unsynced.into_iter().map(|(n, file)| (n, file.sync())).collect();
        let checkpoints = self.hub.with_writer(|writer| {
            for (n, done) in synced {
                writer.synced(n, done);
            }
            writer.sign(Sign::IfDue, now);
            self.hub.publish_covered(writer.covered());
            self.sidecars.are_due(now).then(|| writer.newest_checkpoints())
        });
        if let Some(checkpoints) = checkpoints {
            self.sidecars.write(checkpoints, now);
        }
    }

    /// Strangers leave lines only while no disk of an audit file is `nearly_full`.
    fn set_room(&self, nearly_full: Option<PathBuf>) {
        let room = if nearly_full.is_some() { Room::Short } else { Room::Enough };
        match (self.strangers.set_room(room), nearly_full) {
            (Room::Enough, Some(path)) => tracing::warn!(
                path = %path.display(),
                "the disk of the audit log is nearly full: requests of callers without a token are only counted, so that \
                 what is left serves those who have one; make room"
            ),
            (Room::Short, None) => tracing::info!("the disk of the audit log has room again"),
            _ => {}
        }
    }
}

fn run(log: &Weak<AuditLog>) {
    // The thread holds no reference to the log while it waits, so that the log can end.
    while let Some(wake_up) = log.upgrade().map(|log| {
        log.round();
        log.hub.wake_up()
    }) {
        wake_up.wait(SYNC_EVERY);
    }
}
