//! Tests of AppRole through its public API.

mod login;
mod roles;
mod secret_ids;

use serde_json::{Value, json};

use crate::{
    auth_methods::approle::AppRole,
    contract::{
        Error,
        bench::{Bench, conformance},
    },
};

/// A mount with the role `svc`.
async fn bench(role: Value) -> Bench {
    let bench = Bench::auth::<AppRole>().await;
    bench.write("role/svc", role).await.unwrap();
    bench
}

async fn role_id(bench: &Bench, role: &str) -> String {
    text(&bench.read(&format!("role/{role}/role-id")).await.unwrap(), "role_id")
}

/// A new SecretID and its accessor.
async fn secret_id(bench: &Bench, role: &str, fields: Value) -> (String, String) {
    let made = bench.write(&format!("role/{role}/secret-id"), fields).await.unwrap();
    (text(&made, "secret_id"), text(&made, "secret_id_accessor"))
}

/// The answer to a login with this RoleID and SecretID.
async fn log_in(bench: &Bench, role_id: &str, secret_id: &str) -> Result<crate::contract::Login, Error> {
    bench.login("login", json!({ "role_id": role_id, "secret_id": secret_id })).await
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap().to_owned()
}

/// The kind of the error, its message, and whether it is worded as a list.
fn said(error: &Error) -> (crate::contract::Fault, &str, bool) {
    (error.fault, error.message.as_str(), error.is_listed)
}

#[tokio::test]
async fn it_passes_the_conformance_suite() {
    assert_eq!(conformance(&Bench::auth::<AppRole>().await).await, Vec::<String>::new());
    let bench = bench(json!({})).await;
    bench.write("role/zz", json!({ "role_id": "CANARY-text" })).await.unwrap();
    bench.write("role/zz/custom-secret-id", json!({ "secret_id": "CANARY-text" })).await.unwrap();
    assert_eq!(conformance(&bench).await, Vec::<String>::new());
}
