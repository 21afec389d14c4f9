//! One record that cannot be read. It disables what it says, and nothing beside it: the store opens all the same.

use serde_json::{Value, json};

use super::Rig;
use crate::{
    services::{
        revocations::Revoked,
        sweeper::Sweeper,
        table_ids::{self, CORE},
    },
    store::{Old, Write},
};

/// A store that can be sealed and opened again.
struct Reopened {
    rig: Rig,
    key: Value,
}

impl Reopened {
    async fn new() -> Self {
        let mut rig = Rig::empty();
        let made = rig.send("", "PUT", "sys/init", json!({"secret_shares": 1, "secret_threshold": 1})).await;
        rig.root = made.body["root_token"].as_str().unwrap().into();
        let key = made.body["keys"][0].clone();
        rig.send("", "PUT", "sys/unseal", json!({ "key": key })).await;
        for path in ["one", "two"] {
            let mount = json!({"type": "kv", "options": {"version": "2"}});
            assert_eq!(rig.root("POST", &format!("sys/mounts/{path}"), mount).await.status, 204);
            let secret = json!({"data": {"a": 1}});
            assert_eq!(rig.root("POST", &format!("{path}/data/s"), secret).await.status, 200);
        }
        Self { rig, key }
    }

    /// Flips a bit of the record that this table has gained since `before`, then seals the store and opens it.
    async fn damage(&self, table: u8, before: &[(Vec<u8>, Vec<u8>)]) {
        // A key begins with a byte of its own, the mount and the table.
        let is_of_table = |key: &[u8]| key.get(1..17) == Some(&CORE[..]) && key.get(17) == Some(&table);
        let is_new = |record: &(Vec<u8>, Vec<u8>)| is_of_table(&record.0) && !before.contains(record);
        let (key, value) = self.rig.raw().into_iter().find(is_new).unwrap();
        let mut damaged = value.clone();
        *damaged.last_mut().unwrap() ^= 1;
        self.rig.overwrite(&key, &value, Some(damaged)).await;
        self.reopen().await;
    }

    async fn reopen(&self) {
        assert_eq!(self.rig.root("PUT", "sys/seal", json!({})).await.status, 204);
        let opened = self.rig.send("", "PUT", "sys/unseal", json!({ "key": self.key })).await;
        assert_eq!(opened.body["sealed"], false, "{opened:?}");
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_allows_nothing_until_it_is_written_again() {
    let store = Reopened::new().await;
    let rig = &store.rig;
    let rule = |path: &str| format!(r#"path "{path}/data/s" {{ capabilities = ["read"] }}"#);
    let sound = rig.token_with("sound", &rule("one")).await;
    let lame = rig.root("POST", "auth/token/create", json!({"policies": ["lame"]})).await;
    let lame = lame.body["auth"]["client_token"].as_str().unwrap().to_owned();
    let before = rig.raw();
    let policy = json!({ "policy": rule("two") });
    assert_eq!(rig.root("POST", "sys/policies/acl/lame", policy.clone()).await.status, 204);
    assert_eq!(rig.send(&lame, "GET", "two/data/s", json!(null)).await.status, 200);
    store.damage(table_ids::POLICIES, &before).await;
    assert_eq!(rig.send(&sound, "GET", "one/data/s", json!(null)).await.status, 200);
    assert_eq!(rig.send(&lame, "GET", "two/data/s", json!(null)).await.status, 403);
    assert_eq!(rig.root("POST", "sys/policies/acl/lame", policy).await.status, 204);
    assert_eq!(rig.send(&lame, "GET", "two/data/s", json!(null)).await.status, 200);
}

#[tokio::test]
async fn a_mount_whose_record_cannot_be_read_is_left_out() {
    let store = Reopened::new().await;
    let rig = &store.rig;
    let before = rig.raw();
    let mount = json!({"type": "kv", "options": {"version": "2"}});
    assert_eq!(rig.root("POST", "sys/mounts/lame", mount).await.status, 204);
    store.damage(table_ids::MOUNTS, &before).await;
    assert_eq!(rig.root("GET", "one/data/s", json!(null)).await.status, 200);
    assert_eq!(rig.root("GET", "lame/data/s", json!(null)).await.status, 404);
    let listed = rig.root("GET", "sys/mounts", json!(null)).await;
    assert!(listed.body["data"]["one/"].is_object() && listed.body["data"]["lame/"].is_null(), "{listed:?}");
}

/// Nobody knows what the record revoked: every token that it could mean is refused, and no younger one.
#[tokio::test]
async fn a_revocation_that_cannot_be_read_refuses_every_older_token() {
    let store = Reopened::new().await;
    let rig = &store.rig;
    let older = rig.token_with("reader", r#"path "one/data/s" { capabilities = ["read"] }"#).await;
    let services = rig.services();
    let unit = services.barrier.unit([1; 16]).unwrap();
    services.revocations.add(&unit, Revoked::Tree([7; 32])).unwrap();
    unit.commit(Vec::new()).await.unwrap();
    Sweeper::of(services).sweep().await.unwrap();
    // The record of this generation, had it not been swept: what is older than it may be what it revoked.
    let generation = services.revocations.snapshot().version.generation;
    let key = [&[rig.raw()[0].0[0]], &CORE[..], &[table_ids::MARKERS], &generation.to_be_bytes()].concat();
    let younger = rig.root("POST", "auth/token/create", json!({"policies": ["reader"]})).await;
    let younger = younger.body["auth"]["client_token"].as_str().unwrap().to_owned();
    rig.commit_raw(Write { key, old: Old::Absent, new: Some(vec![7; 80]) }).await;
    store.reopen().await;
    assert_eq!(rig.send(&older, "GET", "one/data/s", json!(null)).await.status, 403);
    assert_eq!(rig.send(&younger, "GET", "one/data/s", json!(null)).await.status, 200);
}
