//! Service tokens through the front door.

mod forged;
mod keys;
mod revocations;
mod roles;
mod tokens;

use std::collections::BTreeMap;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};

use crate::{
    contract::{
        Error, Fault,
        bench::{Bench, conformance},
    },
    crypto::ed25519::PublicKey,
    engines::service_tokens::ServiceTokens,
};

const ENTITY: &str = "6b8f3a52-0c1d-4e7f-9a3b-1c2d3e4f5a6b";
const ISSUER: &str = "https://127.0.0.1:8200/v1/test";

/// A mount with the role `web` for two audiences, and a caller that logged in with the role `svc`.
async fn bench() -> Bench {
    let mut bench = Bench::engine::<ServiceTokens>().await;
    bench.become_caller("approle", ENTITY, BTreeMap::from([("role_name".to_owned(), "svc".to_owned())]));
    bench.write("roles/web", json!({ "audiences": "billing, https://b.example" })).await.unwrap();
    bench
}

async fn issue(bench: &Bench) -> Value {
    bench.write("token/web", json!({ "audience": "billing" })).await.unwrap()
}

async fn verify(bench: &Bench, token: &str) -> Value {
    bench.write("verify", json!({ "token": token })).await.unwrap()
}

async fn revoke(bench: &Bench, fields: Value) -> Result<Value, Error> {
    bench.write("revoke", fields).await
}

fn inactive() -> Value {
    json!({ "active": false })
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// A part of a token, decoded.
fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn it_passes_the_conformance_suite() {
    assert_eq!(conformance(&Bench::engine::<ServiceTokens>().await).await, Vec::<String>::new());
    let bench = bench().await;
    bench.write("roles/zz", json!({ "audiences": "CANARY-text" })).await.unwrap();
    assert_eq!(conformance(&bench).await, Vec::<String>::new());
}
