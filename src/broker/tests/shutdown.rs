//! After the orderly end nothing of the broker is left: every service is dropped, and with it the seal's key.

use std::sync::Arc;

use super::Rig;

#[tokio::test]
async fn after_shutdown_every_service_is_dropped() {
    let rig = Rig::open().await;
    rig.root("GET", "sys/mounts", serde_json::Value::Null).await;
    let services = Arc::downgrade(&rig.broker.shared.services);
    let lifecycle = Arc::downgrade(&rig.services().lifecycle);
    let barrier = Arc::downgrade(&rig.services().barrier);
    rig.broker.shutdown().await;
    drop(rig);
    // The background tasks hold nothing while they wait; one that is at work lets go when it has looked.
    for _ in 0..10_000 {
        if services.upgrade().is_none() && lifecycle.upgrade().is_none() && barrier.upgrade().is_none() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("left: {} {} {}", services.strong_count(), lifecycle.strong_count(), barrier.strong_count());
}
