//! What becomes of a store that somebody has changed underneath, and of login records of which one is missing.

use serde_json::json;

use super::Rig;
use crate::{
    services::{table_ids, table_ids::CORE, tokens},
    store::{Batch, Old, Write, tag_of},
};

impl Rig {
    /// Every record as it lies in the store.
    pub fn raw(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let all = self.services().barrier.store().scan(&[], &[u8::MAX; 64], usize::MAX).unwrap();
        all.into_iter().map(|(key, value)| (key, value.as_ref().to_vec())).collect()
    }

    pub async fn overwrite(&self, key: &[u8], old: &[u8], new: Option<Vec<u8>>) {
        self.commit_raw(Write { key: key.to_vec(), old: Old::Tag(tag_of(old)), new }).await;
    }

    /// Writes to the store without its keys.
    pub async fn commit_raw(&self, write: Write) {
        let batch = Batch { writes: vec![write], urgent: true, ..Batch::default() };
        self.services().barrier.store().commit(batch).await.unwrap();
    }

    /// Ready to log in: AppRole with one role. Gives role id and secret id.
    pub async fn approle(&self) -> (String, String) {
        self.root("POST", "sys/auth/approle", json!({"type": "approle"})).await;
        self.root("POST", "auth/approle/role/r", json!({"token_policies": "default"})).await;
        let role_id = self.root("GET", "auth/approle/role/r/role-id", json!(null)).await.body["data"]["role_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let made = self.root("POST", "auth/approle/role/r/secret-id", json!({})).await;
        (role_id, made.body["data"]["secret_id"].as_str().unwrap().to_owned())
    }
}

/// STO-01: a record that was moved to another's place opens nowhere.
#[tokio::test]
async fn records_that_change_places_do_not_open() {
    let rig = Rig::open().await;
    for name in ["a", "b"] {
        let written = rig.root("POST", &format!("secret/data/{name}"), json!({"data": {"value": name}})).await;
        assert_eq!(written.status, 200);
    }
    let before = rig.raw();
    let mut swapped = 0;
    for (index, (key, value)) in before.iter().enumerate() {
        for (other_key, other_value) in before.iter().skip(index + 1).take(4) {
            rig.overwrite(key, value, Some(other_value.clone())).await;
            rig.overwrite(other_key, other_value, Some(value.clone())).await;
            swapped += 1;
            for name in ["a", "b"] {
                let read = rig.root("GET", &format!("secret/data/{name}"), json!(null)).await;
                let is_sound = read.status == 200 && read.body["data"]["data"]["value"] == name;
                assert!(is_sound || matches!(read.status, 403 | 500), "{read:?}");
            }
            rig.overwrite(key, other_value, Some(value.clone())).await;
            rig.overwrite(other_key, value, Some(other_value.clone())).await;
            rig.services().tokens.forget();
        }
    }
    assert!(swapped > 20);
    assert_eq!(rig.root("GET", "secret/data/a", json!(null)).await.body["data"]["data"]["value"], "a");
}

/// STO-02: one bad record is its reader's error and nobody else's.
#[tokio::test]
async fn a_spoiled_record_is_one_readers_error() {
    let rig = Rig::open().await;
    rig.root("POST", "secret/data/good", json!({"data": {"value": "good"}})).await;
    let known: Vec<Vec<u8>> = rig.raw().into_iter().map(|(key, _)| key).collect();
    rig.root("POST", "secret/data/bad", json!({"data": {"value": "bad"}})).await;
    let (key, value) = rig.raw().into_iter().find(|(key, _)| !known.contains(key)).unwrap();
    let mut last = value.clone();
    for length in [0, 1, 23, 24, 30, 31, value.len() - 1] {
        let cut = value[..length].to_vec();
        rig.overwrite(&key, &last, Some(cut.clone())).await;
        last = cut;
        assert_eq!(rig.root("GET", "secret/data/bad", json!(null)).await.status, 500, "cut to {length}");
        assert_eq!(rig.root("GET", "secret/data/good", json!(null)).await.status, 200);
    }
}

/// No half-done login: the walk finds nothing after logins, and finds each entry that is taken away.
#[tokio::test]
async fn the_walk_finds_a_token_without_one_of_its_entries() {
    let rig = Rig::open().await;
    let (role_id, secret_id) = rig.approle().await;
    let login = json!({"role_id": role_id, "secret_id": secret_id});
    for _ in 0..3 {
        assert_eq!(rig.send("", "POST", "auth/approle/login", login.clone()).await.status, 200);
    }
    let services = rig.services();
    let walk = || tokens::walk(&services.barrier.unit([0; 16]).unwrap()).unwrap();
    assert_eq!((walk().tokens, walk().problems), (4, vec![]));
    for table in [table_ids::TOKENS, table_ids::ACCESSORS, table_ids::EXPIRIES, table_ids::LOGINS] {
        let (key, value) = rig.raw().into_iter().find(|(key, _)| key[1..17] == CORE && key[17] == table).unwrap();
        rig.overwrite(&key, &value, None).await;
        assert!(!walk().problems.is_empty(), "table {table}");
        let write = Write { key, old: Old::Absent, new: Some(value) };
        services.barrier.store().commit(Batch { writes: vec![write], urgent: true, ..Batch::default() }).await.unwrap();
        assert_eq!(walk().problems, Vec::<String>::new());
    }
}

/// INVARIANT 23, for the memory store: neither values nor names lie in it, and the search finds what does.
#[tokio::test]
async fn the_store_holds_neither_values_nor_names_in_plain() {
    let rig = Rig::open().await;
    rig.root(
        "POST",
        "secret/data/planted-name-0123456789",
        json!({"data": {"planted-key-0123": "planted-value-0123456789"}}),
    )
    .await;
    let token =
        rig.token_with("planted-policy-012", r#"path "planted-path-01234/*" { capabilities = ["read"] }"#).await;
    let bytes: Vec<u8> = rig
        .raw()
        .into_iter()
        .flat_map(|(key, value)| [key, value].concat())
        .chain(b"planted-control-012".iter().copied())
        .collect();
    let holds = |text: &str| {
        let plain = text.as_bytes().to_vec();
        let hex = data_encoding::HEXLOWER.encode(&plain).into_bytes();
        [plain, hex].iter().any(|wanted| bytes.windows(wanted.len()).any(|window| window == wanted.as_slice()))
    };
    assert!(holds("planted-control-012"));
    for text in [
        "planted-name-0123456789",
        "planted-key-0123",
        "planted-value-0123456789",
        "planted-policy-012",
        "planted-path-01234",
        &token,
    ] {
        assert!(!holds(text), "{text}");
    }
}
