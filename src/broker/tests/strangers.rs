//! Strangers pay for their refusals, callers with a live token never do.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use super::{Reply, Rig, request};
use crate::broker::RefusalLimit;

/// Lets `burst` refusals pass and then asks for a wait of a second.
#[derive(Default)]
struct Burst {
    counted: AtomicUsize,
    burst: usize,
}

impl RefusalLimit for Burst {
    fn wait(&self, _: IpAddr) -> Option<Duration> {
        (self.counted.load(Ordering::SeqCst) >= self.burst).then_some(Duration::from_secs(1))
    }

    fn count(&self, _: IpAddr) {
        self.counted.fetch_add(1, Ordering::SeqCst);
    }
}

async fn rig(burst: usize) -> (Rig, Arc<Burst>) {
    let limit = Arc::new(Burst { burst, ..Burst::default() });
    let rig = Rig::limited(limit.clone()).await;
    (rig, limit)
}

/// S13: two hundred bad requests from an address take nothing from a live token behind the same address.
#[tokio::test]
async fn a_live_token_is_never_refused_for_its_neighbours() {
    let (rig, _) = rig(5).await;
    for _ in 0..200 {
        rig.send("s.unknown", "GET", "secret/data/a", json!(null)).await;
    }
    let stranger = rig.broker.handle(request("", "GET", "secret/data/a", json!(null))).await;
    assert_eq!(stranger.outcome.as_ref().err().and_then(|error| error.retry_after_secs), Some(2));
    assert_eq!(Reply::from(stranger).status, 429);
    for _ in 0..20 {
        assert_eq!(rig.root("GET", "sys/mounts", json!(null)).await.status, 200);
    }
    // A sibling: its own mistakes are no strangers' either.
    assert_eq!(rig.root("GET", "no/such/mount", json!(null)).await.status, 404);
}

/// S12: a token beside a login lifts no limit on guesses, be it live or not.
#[tokio::test]
async fn a_token_beside_a_login_lifts_no_limit() {
    for token in ["", "anything", "root"] {
        let (rig, limit) = rig(10).await;
        rig.approle().await;
        let token = if token == "root" { rig.root.clone() } else { token.to_owned() };
        let guess = json!({"role_id": "a", "secret_id": "b"});
        let mut statuses = Vec::new();
        for _ in 0..15 {
            statuses.push(rig.send(&token, "POST", "auth/approle/login", guess.clone()).await.status);
        }
        assert_eq!((statuses[9], statuses[10], limit.counted.load(Ordering::SeqCst)), (400, 429, 10), "{statuses:?}");
    }
}

/// Siblings of S12: every kind of refusal counts, whatever its status; success and health do not.
#[tokio::test]
async fn every_refusal_of_a_stranger_counts() {
    let (rig, limit) = rig(usize::MAX).await;
    rig.approle().await;
    let before = limit.counted.load(Ordering::SeqCst);
    for (method, path, body) in [
        ("GET", "secret/data/a", json!(null)),
        ("POST", "auth/approle/login", json!({"role_id": "a", "secret_id": "b"})),
        ("POST", "auth/approle/login", json!({"role_id": [1]})),
        ("POST", "auth/approle/login", json!({"role_id": "a".repeat(20_000)})),
        ("GET", "no/such/mount", json!(null)),
        ("PATCH", "sys/health", json!({})),
        ("HELP", "sys/health", json!(null)),
        ("POST", "sys/init", json!({"secret_shares": 0, "secret_threshold": 0})),
    ] {
        let refused = rig.send("", method, path, body).await;
        assert!((400..500).contains(&refused.status), "{method} {path}: {refused:?}");
    }
    assert_eq!(limit.counted.load(Ordering::SeqCst) - before, 8);
    assert_eq!(rig.send("", "GET", "sys/health", json!(null)).await.status, 200);
    rig.root("GET", "no/such/mount", json!(null)).await;
    assert_eq!(limit.counted.load(Ordering::SeqCst) - before, 8);
}
