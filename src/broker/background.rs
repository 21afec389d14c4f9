//! What the broker does on its own: it sweeps what has expired or was revoked, and lets the store forget notes that every
//! audit device has. The tasks end with the broker.

use std::{sync::Weak, time::Duration};

use crate::services::{Services, sweeper::Sweeper};

/// How often the sweeper looks without being woken.
const ROUND: Duration = Duration::from_secs(5);

/// How often the store is told which notes the audit devices have; they are synced every 100 ms.
const RELEASE: Duration = Duration::from_millis(200);

const SECOND: Duration = Duration::from_secs(1);

/// Lets the store forget notes, until the services are gone.
pub(super) async fn release_notes(services: Weak<Services>) {
    loop {
        tokio::time::sleep(RELEASE).await;
        let Some(strong) = services.upgrade() else { return };
        strong.barrier.store().release_notes(strong.audit.covered());
    }
}

/// Writes each second how many refusals of strangers had no line of their own, until the services are gone.
pub(super) async fn count_refusals(services: Weak<Services>) {
    loop {
        tokio::time::sleep(SECOND).await;
        let Some(strong) = services.upgrade() else { return };
        strong.audit.tick_refusals(strong.clock.now());
    }
}

/// Sweeps until the services are gone.
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
        // While it waits the task holds nothing but the bell.
        drop(strong);
        let _woken_or_not = tokio::time::timeout(ROUND, revocations.wait_for_work()).await;
    }
}
