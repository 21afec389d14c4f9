//! What the broker does on its own: it sweeps what has expired or is under a mark, and lets the store forget notes
//! that every audit device has.

use std::{sync::Weak, time::Duration};

use crate::services::{Services, sweeper};

/// How often the sweeper looks without being woken.
const ROUND: Duration = Duration::from_secs(5);

/// How often the store is told which notes the audit devices have; they are synced every 100 ms.
const RELEASE: Duration = Duration::from_millis(200);

/// Lets the store forget notes, until the services are gone.
pub(super) async fn release_notes(services: Weak<Services>) {
    loop {
        tokio::time::sleep(RELEASE).await;
        let Some(strong) = services.upgrade() else { return };
        strong.barrier.store().release_notes(strong.audit.fed());
    }
}

/// Sweeps until the services are gone.
pub(super) async fn run(services: Weak<Services>) {
    loop {
        let Some(strong) = services.upgrade() else { return };
        if strong.barrier.keys().is_ok() {
            match sweeper::sweep(&strong).await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "swept"),
                Err(error) if strong.barrier.keys().is_ok() => {
                    tracing::error!(
                        cause = error.cause.unwrap_or(error.message),
                        "the sweeper failed and will try again"
                    );
                }
                Err(_) => {}
            }
        }
        let woken = async { strong.sweep.notified().await };
        let _ = tokio::time::timeout(ROUND, woken).await;
    }
}
