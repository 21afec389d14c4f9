//! What the server says of its own API, and to whom.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Rig, golden};
use crate::{broker::Request, contract::Verb};

const OPENAPI: &str = "sys/internal/specs/openapi";

/// The mounts that a document names: the first segment of each path, two for auth methods.
fn mounts_of(document: &Value) -> BTreeSet<String> {
    let mount = |path: &String| {
        let segments = if path.starts_with("/auth/") { 3 } else { 2 };
        path.split('/').take(segments).collect::<Vec<_>>().join("/")
    };
    document["paths"].as_object().unwrap().keys().map(mount).collect()
}

/// S23: a document names no mount to somebody who may not know of it.
#[tokio::test]
async fn a_document_shows_the_mounts_that_a_caller_may_use() {
    let rig = Rig::open().await;
    rig.approle().await;
    let narrow = rig.token_with("narrow", r#"path "secret/data/a" { capabilities = ["read"] }"#).await;
    let nobody =
        rig.root("POST", "auth/token/create", json!({ "policies": ["none"], "no_default_policy": true })).await;
    let nobody = nobody.body["auth"]["client_token"].as_str().unwrap().to_owned();
    for (token, expected) in [
        ("", vec![]),
        ("srs.nosuchtoken", vec![]),
        (nobody.as_str(), vec![]),
        (narrow.as_str(), vec!["/auth/token", "/secret", "/sys"]),
        (rig.root.as_str(), vec!["/auth/approle", "/auth/token", "/secret", "/sys"]),
    ] {
        let answer = rig.send(token, "GET", OPENAPI, json!(null)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(mounts_of(&answer.body), expected.iter().map(ToString::to_string).collect());
    }
}

#[tokio::test]
async fn a_document_for_generators_names_kinds_in_place_of_mounts() {
    let rig = Rig::open().await;
    let query = vec![(String::from("generic_mount_paths"), String::from("true"))];
    let asked = Request { query, ..super::request(&rig.root, "GET", OPENAPI, json!(null)) };
    let answer = super::Reply::from(rig.broker.handle(asked).await);
    let mounts: Vec<String> = mounts_of(&answer.body).into_iter().collect();
    assert_eq!(mounts, ["/auth/token", "/sys", "/{kv_mount_path}"]);
}

/// The audit log says that the document was asked for, and does not repeat it.
#[tokio::test]
async fn the_audit_log_does_not_repeat_a_document() {
    let rig = Rig::open().await;
    assert_eq!(rig.root("GET", OPENAPI, json!(null)).await.status, 200);
    let lines = rig.audit_lines();
    let of: Vec<&Value> = lines.iter().filter(|line| line["request"]["path"] == OPENAPI).collect();
    assert_eq!(of.len(), 2);
    assert!(of.iter().all(|line| line.to_string().len() < 4_000), "{of:?}");
}

/// A field that the document calls required is one without which a request is refused.
#[tokio::test]
async fn a_request_without_a_required_field_is_refused() {
    let rig = Rig::open().await;
    rig.approle().await;
    assert_eq!(rig.root("POST", "sys/mounts/service_tokens", json!({ "type": "service_tokens" })).await.status, 204);
    let mut asked = 0;
    for (mount, row) in golden::rows() {
        for field in row.input.fields().filter(|field| field.is_required) {
            let others = row.input.fields().filter(|other| other.is_required && other.name != field.name);
            let body: Value = others.map(|other| (other.name.to_owned(), json!("x"))).collect();
            let mount = if mount == "kv" { "secret" } else { &mount };
            let path = format!("{mount}/{}", row.path.as_str().replace("{*", "{"));
            let path = row.path.params().fold(path, |path, name| path.replace(&format!("{{{name}}}"), "x"));
            let method = match row.verb {
                Verb::Delete => "DELETE",
                Verb::Patch => "PATCH",
                _ => "POST",
            };
            let answer = rig.root(method, &path, body).await;
            assert!((400..500).contains(&answer.status), "{method} {path} without {}: {answer:?}", field.name);
            asked += 1;
        }
    }
    assert!(asked > 10, "{asked}");
}

/// What a reader finds in the help of a path: each field with its type, whether it is required, and what it is.
#[tokio::test]
async fn the_help_of_a_path_says_its_fields() {
    let rig = Rig::open().await;
    let answer = rig.root("HELP", "secret/data/a", json!(null)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["see_also"], Value::Null);
    let text = answer.body["help"].as_str().unwrap();
    for part in [
        "Request:        data/a\nMatching Route: data/{*path}\n",
        "    patch   Merge into the latest version (RFC 7396) and write the outcome.\n",
        "\n    data (object; for write, patch; required)\n\n        The secret: a JSON object.\n",
        "\n    path (text; in the path)\n\n        The path of the secret",
        "\n    version (whole number; for read)\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    let paths: Vec<&String> = answer.body["openapi"]["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/data/{path}"]);
}

#[tokio::test]
async fn the_help_of_a_mount_names_its_rows() {
    let rig = Rig::open().await;
    for path in ["secret", "secret/no/such/path"] {
        let answer = rig.root("HELP", path, json!(null)).await;
        let text = answer.body["help"].as_str().unwrap();
        assert!(
            text.contains("## PATHS") && text.contains("    write   data/{*path}\n        Write a new version"),
            "{text}"
        );
        assert!(answer.body["openapi"]["paths"].as_object().unwrap().len() > 5);
    }
}
