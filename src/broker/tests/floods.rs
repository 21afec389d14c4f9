//! S15: strangers cannot fill the disk. What they send to public rows has its two lines up to a rate; beyond it, what
//! changes nothing is counted, and what changes something has its lines all the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Reply, Rig, request};
use crate::{base::ttl::Ttl, broker::chain::Chain};

/// Pairs of lines that strangers get in one second.
const PAIRS: usize = 100;

/// The lines about a path: of requests, and of outcomes.
fn pairs(lines: &[Value], path: &str) -> (usize, usize) {
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind && line["request"]["path"] == path).count();
    (of("request"), of("response"))
}

/// What was counted, by what was said of it.
fn counted(lines: &[Value]) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for line in lines.iter().filter(|line| line["plain"]["count"].is_u64()) {
        let name = format!(
            "{}: {}",
            line["request"]["operation"].as_str().unwrap(),
            line["plain"]["outcome"].as_str().unwrap()
        );
        *counted.entry(name).or_default() += line["plain"]["count"].as_u64().unwrap();
    }
    counted
}

/// All lines, with the counts of the second.
fn lines(rig: &Rig) -> Vec<Value> {
    rig.services().audit.flush_strangers(rig.clock.now());
    rig.audit_lines()
}

async fn fail_to_log_in(rig: &Rig, times: usize) {
    for _ in 0..times {
        let guess = json!({"role_id": "a", "secret_id": "b"});
        assert_eq!(rig.send("", "POST", "auth/approle/login", guess).await.status, 400);
    }
}

#[tokio::test]
async fn s15_failed_logins_beyond_the_rate_are_counted() {
    let rig = Rig::open().await;
    rig.approle().await;
    rig.clock.advance(Ttl::from_secs(1));
    fail_to_log_in(&rig, 350).await;
    let found = lines(&rig);
    assert_eq!(pairs(&found, "auth/approle/login"), (PAIRS, PAIRS));
    assert_eq!(counted(&found), BTreeMap::from([(String::from("refused: login refused"), 250)]));
    // The next second has lines again.
    rig.clock.advance(Ttl::from_secs(1));
    fail_to_log_in(&rig, 1).await;
    assert_eq!(pairs(&lines(&rig), "auth/approle/login"), (PAIRS + 1, PAIRS + 1));
}

#[tokio::test]
async fn s15_public_rows_that_answer_are_counted_beyond_the_rate() {
    let rig = Rig::open().await;
    rig.clock.advance(Ttl::from_secs(1));
    let asked = [
        ("GET", "sys/internal/ui/mounts", 200),
        ("GET", "sys/internal/ui/mounts/secret", 403),
        ("GET", "sys/internal/specs/openapi", 200),
        ("POST", "sys/unseal", 200),
        ("POST", "sys/init", 400),
    ];
    for n in 0..500 {
        let (method, path, status) = asked[n % asked.len()];
        let body = if path == "sys/unseal" { json!({"key": "00".repeat(33)}) } else { json!({}) };
        assert_eq!(rig.send("", method, path, body).await.status, status, "{method} {path}");
    }
    let found = lines(&rig);
    let all: Vec<_> = asked.iter().map(|(_, path, _)| pairs(&found, path)).collect();
    assert_eq!(all, [(PAIRS / asked.len(), PAIRS / asked.len()); 5]);
    let expected = [("answered: public request", 240), ("refused: public request refused", 160)];
    assert_eq!(counted(&found), expected.map(|(name, count)| (name.to_owned(), count)).into());
}

/// A login that succeeds is never only counted, also as the first half of a chain, and callers with a token have all of
/// their lines.
#[tokio::test]
async fn s15_whoever_is_known_has_both_lines_in_a_flood() {
    let rig = Rig::open().await;
    let (role_id, secret_id) = rig.approle().await;
    let policy = json!({"policy": "path \"secret/*\" { capabilities = [\"read\"] }"});
    for (path, body) in [
        ("sys/policies/acl/reader", policy),
        ("auth/approle/role/r", json!({"token_policies": "reader"})),
        ("secret/data/a", json!({"data": {}})),
    ] {
        assert!(rig.root("POST", path, body).await.status < 300, "{path}");
    }
    rig.clock.advance(Ttl::from_secs(1));
    fail_to_log_in(&rig, PAIRS).await;
    let before = pairs(&rig.audit_lines(), "auth/approle/login");
    let login = json!({"role_id": role_id, "secret_id": secret_id});
    for _ in 0..3 {
        assert_eq!(rig.send("", "POST", "auth/approle/login", login.clone()).await.status, 200);
        fail_to_log_in(&rig, 5).await;
    }
    let chain = Chain {
        login: request("", "POST", "auth/approle/login", login),
        then: request("", "GET", "secret/data/a", json!(null)),
    };
    let chained = Reply::from(rig.broker.handle_chain(chain).await);
    for _ in 0..150 {
        assert_eq!(rig.root("GET", "sys/internal/ui/mounts", json!(null)).await.status, 200);
    }
    let found = lines(&rig);
    let after = pairs(&found, "auth/approle/login");
    assert_eq!(chained.status, 200, "{chained:?}");
    assert_eq!((after.0 - before.0, after.1 - before.1), (3 + 1, 3 + 1));
    assert_eq!(pairs(&found, "sys/internal/ui/mounts"), (150, 150));
    let mut open = BTreeSet::new();
    for line in found.iter().filter(|line| line["request"]["path"] == "auth/approle/login") {
        let id = line["request"]["id"].as_str().unwrap();
        let is_first = open.insert(id);
        assert_eq!(line["type"] == "request", is_first, "the request's line comes first: {line}");
    }
}

#[tokio::test]
async fn s15_a_share_that_counts_has_both_lines_in_a_flood() {
    let rig = Rig::open().await;
    let sealed = rig.root("POST", "sys/seal", json!({})).await;
    assert_eq!(sealed.status, 204, "{sealed:?}");
    rig.clock.advance(Ttl::from_secs(1));
    let before = pairs(&lines(&rig), "sys/unseal");
    for _ in 0..300 {
        assert_eq!(rig.send("", "POST", "sys/unseal", json!({"key": "00ff"})).await.status, 400);
    }
    let found = lines(&rig);
    let after = pairs(&found, "sys/unseal");
    assert_eq!((after.0 - before.0, after.1 - before.1), (PAIRS, PAIRS));
    assert_eq!(counted(&found)["refused: public request refused"], 200);
}

/// A request whose lines are not written is still not performed while no device can write.
#[tokio::test]
async fn s15_a_flood_gets_no_answers_while_the_log_cannot_be_written() {
    let rig = Rig::open().await;
    rig.clock.advance(Ttl::from_secs(1));
    for _ in 0..PAIRS + 20 {
        assert_eq!(rig.send("", "GET", "sys/internal/ui/mounts", json!(null)).await.status, 200);
    }
    rig.lose_the_audit_file();
    rig.services().audit.round();
    assert_eq!(rig.send("", "GET", "sys/internal/ui/mounts", json!(null)).await.status, 503);
}
