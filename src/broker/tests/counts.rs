//! What the broker counts: each request once, by what came of it, under labels that no caller can add to.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Rig, request};
use crate::{
    broker::{Measurements, Reader},
    contract::{Error, Operation},
    services::counts::CountedOutcome,
};

impl Rig {
    fn measure(&self) -> Measurements {
        self.broker.measure()
    }

    /// How many requests ended since `before`, as `kind operation outcome` and a number.
    fn ended_since(&self, before: &Measurements) -> Vec<(String, u64)> {
        let after = self.measure();
        let pairs = before.requests.ended.iter().zip(&after.requests.ended);
        let changed = pairs.filter(|(before, after)| before.count != after.count).map(|(before, after)| {
            let name = format!("{} {} {}", after.mount_kind, after.operation.word(), after.outcome.word());
            (name, after.count - before.count)
        });
        changed.collect()
    }
}

#[tokio::test]
async fn each_request_is_counted_once_by_what_came_of_it() {
    let rig = Rig::open().await;
    let reader = rig.token_with("reader", "path \"secret/data/a\" { capabilities = [\"read\"] }").await;
    let denied = ("kv update denied", json!({"data": {"k": "v"}}));
    for (token, method, path, body, counted) in [
        (rig.root.as_str(), "POST", "secret/data/a", json!({"data": {"k": "v"}}), "kv update ok"),
        (&reader, "GET", "secret/data/a", json!(null), "kv read ok"),
        (&reader, "POST", "secret/data/a", denied.1, denied.0),
        (&rig.root, "GET", "secret/data/none", json!(null), "kv read missing"),
        (&rig.root, "POST", "secret/data/a", json!({"data": 7}), "kv update invalid"),
        (&rig.root, "LIST", "secret/metadata", json!(null), "kv list ok"),
        (&rig.root, "DELETE", "secret/data/a", json!(null), "kv delete ok"),
        (&rig.root, "HELP", "secret/data/a", json!(null), "kv help ok"),
        (&rig.root, "GET", "no/such/mount", json!(null), "none read missing"),
        ("", "GET", "sys/health", json!(null), "system read ok"),
        ("", "GET", "secret/data/a", json!(null), "kv read denied"),
        ("s.unknown", "GET", "auth/token/lookup-self", json!(null), "token read denied"),
        (&rig.root, "PATCH", "sys/health", json!({}), "system patch missing"),
    ] {
        let before = rig.measure();
        rig.send(token, method, path, body).await;
        assert_eq!(rig.ended_since(&before), [(counted.to_owned(), 1)], "{method} {path}");
    }
}

/// A stranger whom its address makes wait is told 429, and counted as limited.
#[tokio::test]
async fn a_limited_refusal_is_counted_as_such() {
    struct Always;
    impl crate::broker::RefusalLimit for Always {
        fn wait(&self, _: std::net::IpAddr) -> Option<std::time::Duration> {
            Some(std::time::Duration::from_secs(1))
        }
        fn count(&self, _: std::net::IpAddr) {}
    }
    let rig = Rig::limited(std::sync::Arc::new(Always)).await;
    let before = rig.measure();
    rig.send("", "GET", "secret/data/a", json!(null)).await;
    assert_eq!(rig.ended_since(&before), [(String::from("kv read limited"), 1)]);
}

#[tokio::test]
async fn a_handler_that_panics_is_one_internal_failure() {
    let rig = Rig::open().await;
    rig.root("POST", "sys/mounts/bad", json!({"type": "panicking"})).await;
    let before = rig.measure();
    assert_eq!(rig.root("GET", "bad/now", json!(null)).await.status, 500);
    assert_eq!(rig.ended_since(&before), [(String::from("panicking read internal"), 1)]);
}

/// What happened to a request that nobody waits for is in the audit log; here it counts as unanswered.
#[tokio::test]
async fn a_read_whose_client_is_gone_is_unanswered() {
    let rig = Rig::open().await;
    let before = rig.measure();
    let mut handling = Box::pin(rig.broker.handle(request(&rig.root, "GET", "secret/data/a", json!(null))));
    let polled = futures_util::poll!(&mut handling);
    assert!(polled.is_pending(), "the answer waits for its line");
    assert_eq!(rig.measure().requests_under_way, 1);
    drop(handling);
    assert_eq!(rig.ended_since(&before), [(String::from("kv read unanswered"), 1)]);
    assert_eq!(rig.measure().requests_under_way, 0);
}

#[tokio::test]
async fn what_the_broker_never_got_is_counted_by_who_refused_it() {
    let rig = Rig::open().await;
    let peer = request("", "GET", "a", json!(null)).peer;
    rig.broker.refuse_unread(&peer, Error::invalid("no path"));
    rig.broker.refused_by_listener(peer.address.ip());
    rig.broker.refused_by_listener(peer.address.ip());
    assert_eq!(rig.measure().requests.unread, [(Reader::Listener, 2), (Reader::Dialect, 1)]);
}

#[tokio::test]
async fn a_sealed_server_measures_too() {
    let rig = Rig::empty();
    rig.send("", "GET", "secret/data/a", json!(null)).await;
    let sealed = rig.measure();
    let refused = sealed.requests.ended.iter().find(|ended| ended.count > 0).unwrap();
    assert_eq!(
        (refused.mount_kind, refused.operation, refused.outcome),
        ("none", Operation::Read, CountedOutcome::Unavailable)
    );
    assert!(sealed.readiness.is_sealed && sealed.mounts.iter().all(|(_, count)| *count == 0));
}

/// HTTP-16: a thousand paths, mounts and callers make no new series, and their sum is exact.
#[tokio::test]
async fn nothing_that_callers_send_adds_a_count() {
    let rig = Rig::open().await;
    let series = |measured: &Measurements| -> BTreeSet<String> {
        let ended = measured.requests.ended.iter();
        ended.map(|it| format!("{} {:?} {:?}", it.mount_kind, it.operation, it.outcome)).collect()
    };
    let before = rig.measure();
    for n in 0..10 {
        rig.root("POST", &format!("sys/mounts/mount-{n}"), json!({"type": "kv", "options": {"version": "2"}})).await;
        rig.token_with(&format!("policy-{n}"), "path \"secret/*\" { capabilities = [\"read\"] }").await;
    }
    let methods = ["GET", "LIST", "PATCH", "DELETE", "HELP", "POST"];
    for n in 0..1_000 {
        let path = format!("{}/data/name-{n}", if n % 2 == 0 { "mount-3".to_owned() } else { format!("none-{n}") });
        let token = if n % 3 == 0 { format!("s.user-{n}") } else { rig.root.clone() };
        rig.send(&token, methods[n % methods.len()], &path, json!({"data": {"k": "v"}})).await;
    }
    let after = rig.measure();
    assert_eq!(series(&before), series(&after));
    let total: u64 = rig.ended_since(&before).iter().map(|(_, count)| count).sum();
    assert_eq!(total, 10 + 20 + 1_000);
    let timed = |it: &Measurements| -> u64 {
        it.requests.durations.iter().flat_map(|(_, durations)| &durations.buckets).map(|(_, count)| count).sum()
    };
    assert_eq!(timed(&after) - timed(&before), total);
    assert_eq!(after.mounts.iter().find(|(kind, _)| *kind == "kv"), Some(&("kv", 11)));
}
