//! The tasks that the broker runs by itself: the sweeper, the release of notes that every audit device has, and the
//! counts of refused requests. The tasks end with the broker.

use std::{sync::Weak, time::Duration};

use crate::services::{Services, sweeper::Sweeper};

/// The sweeper looks for work at least this often, even if nothing wakes it.
const ROUND: Duration = Duration::from_secs(5);

/// How often the store is told which notes it may release. The audit devices sync their lines every 100 ms.
const RELEASE: Duration = Duration::from_millis(200);

const SECOND: Duration = Duration::from_secs(1);

/// Lets the store release the notes that every audit device has, until the services are gone.
pub(super) async fn release_notes(services: Weak<Services>) {
    loop {
        tokio::time::sleep(RELEASE).await;
        let Some(strong) = services.upgrade() else { return };
        strong.barrier.store().release_notes(strong.audit.covered());
    }
}

/// Each second, writes the counts of strangers' refused requests that got no audit log line of
/// their own. Ends when the services are gone.
pub(super) async fn count_strangers(services: Weak<Services>) {
    loop {
        tokio::time::sleep(SECOND).await;
        let Some(strong) = services.upgrade() else { return };
        strong.audit.tick_strangers(strong.clock.now());
    }
}

/// Runs the sweeper until the services are gone.
pub(super) async fn sweep(services: Weak<Services>) {
    loop {
        let Some(strong) = services.upgrade() else { return };
        if strong.barrier.keys().is_ok() {
            match Sweeper::of(&strong).sweep().await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "swept"),
                Err(error) if strong.barrier.keys().is_ok() => {
                    tracing::error!(%error, "the sweeper failed and will try again");
                }
                Err(_) => {}
            }
        }
        let revocations = strong.revocations.clone();
        // While the task waits, it does not keep the services alive: it holds only what wakes it.
        drop(strong);
        let _woken_or_not = tokio::time::timeout(ROUND, revocations.wait_for_work()).await;
    }
}
