//! A list that is long: it takes no worker from the others, and a page of it costs the page.

use std::{ops::Range, sync::Arc};

use serde_json::json;

use super::{Reply, Rig, request};
use crate::{base::limits::LIST_NAMES_MAX, blocking, contract::Table};

/// The table of kv in which a secret's current version stands. Its records are not opened by a list.
const KEYS: Table<u8> = Table::sealed(1);

/// `secret/` with so many names in one folder.
async fn rig_with(names: usize) -> Rig {
    let rig = Rig::open().await;
    add(&rig, 0..names).await;
    rig
}

async fn add(rig: &Rig, numbers: Range<usize>) {
    let services = rig.services();
    let mount = services.mounts.snapshot().locate("secret/data/a").unwrap().mount;
    for from in numbers.clone().step_by(1_000) {
        let unit = services.barrier.unit([1; 16]).unwrap();
        for number in from..numbers.end.min(from + 1_000) {
            unit.put(&mount.record.id, &KEYS, &*format!("long/{number:06}"), &0).unwrap();
        }
        unit.commit(Vec::new()).await.unwrap();
    }
}

/// The runtime of this test has one worker, as each of the server's has.
#[tokio::test]
async fn a_read_is_answered_while_a_list_of_100_000_names_runs() {
    let rig = rig_with(LIST_NAMES_MAX).await;
    rig.root("POST", "secret/data/beside", json!({"data": {"a": 1}})).await;
    let broker = Arc::clone(&rig.broker);
    let asked = request(&rig.root, "LIST", "secret/metadata/long/", json!(null));
    let list = tokio::spawn(async move { broker.handle(asked).await });
    let mut reads = 0;
    while !list.is_finished() {
        assert_eq!(rig.root("GET", "secret/data/beside", json!(null)).await.status, 200);
        reads += 1;
        tokio::task::yield_now().await;
    }
    let listed = Reply::from(list.await.unwrap());
    assert_eq!(listed.body["data"]["keys"].as_array().map(Vec::len), Some(LIST_NAMES_MAX));
    // A list on the worker would let one read through before it and none beside it.
    assert!(reads > 10, "{reads} reads were answered while the list ran");

    // One name more than an answer holds: the list is refused, its pages are not.
    add(&rig, LIST_NAMES_MAX..LIST_NAMES_MAX + 1).await;
    let refused = rig.root("LIST", "secret/metadata/long/", json!(null)).await;
    assert_eq!(refused.status, 413);
    assert!(refused.error().contains("in pages"), "{refused:?}");
    let page = rig.root("LIST", "secret/metadata/long/", json!({"after": "099998", "limit": 10})).await;
    assert_eq!(page.body["data"]["keys"], json!(["099999", "100000"]));
}

#[tokio::test]
async fn a_page_follows_its_name_and_has_its_length() {
    let rig = rig_with(2_500).await;
    let page = |after: &str, limit: i64| {
        let fields = json!({ "after": after, "limit": limit });
        let rig = &rig;
        async move { rig.root("LIST", "secret/metadata/long/", fields).await.body["data"]["keys"].clone() }
    };
    assert_eq!(page("", 2).await, json!(["000000", "000001"]));
    assert_eq!(page("001233", 3).await, json!(["001234", "001235", "001236"]));
    assert_eq!(page("002497", 100).await, json!(["002498", "002499"]));
    for all in [0, -1] {
        assert_eq!(page("", all).await.as_array().map(Vec::len), Some(2_500), "{all}");
    }
}

/// Rights are asked again once a list has waited for its turn: the token may have been revoked meanwhile.
#[tokio::test]
async fn a_list_that_waited_is_judged_again() {
    let rig = rig_with(3).await;
    let policy = r#"path "secret/metadata/*" { capabilities = ["list"] }"#;
    let (revoked, kept) = (rig.token_with("lister", policy).await, rig.token_with("other", policy).await);
    // Two others have the two seats until `release` is dropped.
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let mut release = Vec::new();
    for other in blocking::two_callers() {
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let started = started.clone();
        release.push(hold);
        tokio::spawn(async move {
            let read = blocking::long_read(other.as_bytes(), move |_| {
                started.send(()).unwrap();
                let _until_released = held.recv();
            });
            read.await
        });
        starts.recv().await.unwrap();
    }
    let list = |token: &str| {
        let (broker, asked) = (Arc::clone(&rig.broker), request(token, "LIST", "secret/metadata/long/", json!(null)));
        tokio::spawn(async move { Reply::from(broker.handle(asked).await) })
    };
    let (of_revoked, of_kept) = (list(&revoked), list(&kept));
    tokio::task::yield_now().await;
    assert_eq!(rig.root("POST", "auth/token/revoke", json!({ "token": revoked })).await.status, 204);
    assert!(!of_revoked.is_finished() && !of_kept.is_finished(), "both wait for a seat");
    drop(release);
    assert_eq!(of_revoked.await.unwrap().status, 403);
    assert_eq!(of_kept.await.unwrap().body["data"]["keys"], json!(["000000", "000001", "000002"]));
}
