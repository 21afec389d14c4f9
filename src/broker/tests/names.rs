//! Names: an identifier has one spelling, wherever it stands. What is judged, what is recorded and what is done is the
//! same thing.

use serde_json::{Value, json};

use super::{Rig, golden::rows};
use crate::contract::{RowFacts, Verb};

/// A row's path with `name` for every parameter, as a method and a path that a client would send.
fn spelled(mount: &str, row: &RowFacts, name: &str) -> (&'static str, String) {
    let method = match row.verb {
        Verb::Read => "GET",
        Verb::List => "LIST",
        Verb::Patch => "PATCH",
        Verb::Delete => "DELETE",
        Verb::Write | Verb::Login => "POST",
    };
    let segments = row.path.as_str().split('/').map(|segment| if segment.starts_with('{') { name } else { segment });
    (method, format!("{mount}/{}", segments.collect::<Vec<_>>().join("/")))
}

/// S1: with rights on the lower-case path alone, the upper-case spelling is the same path: one decision, one audit line.
#[tokio::test]
async fn every_identifier_has_one_spelling_on_every_row() {
    let rig = Rig::open().await;
    rig.root("POST", "sys/auth/approle", json!({"type": "approle"})).await;
    let with_idents: Vec<_> = rows().into_iter().filter(|(_, row)| row.path.has_idents()).collect();
    assert!(with_idents.len() >= 20, "{}", with_idents.len());
    for (mount, row) in with_idents {
        let (method, lower) = spelled(&mount, &row, "mixed");
        let (_, upper) = spelled(&mount, &row, "MiXed");
        // Everything below the mount is allowed but this one thing, by its lower-case name.
        let policy = format!(
            r#"path "{mount}/*" {{ capabilities = ["create", "read", "update", "delete", "list", "patch", "sudo"] }}
               path "{lower}" {{ capabilities = ["deny"] }}
               path "{lower}/" {{ capabilities = ["deny"] }}"#
        );
        let token = rig.token_with("spelling", &policy).await;
        for path in [&lower, &upper] {
            let refused = rig.send(&token, method, path, json!({})).await;
            assert_eq!(refused.status, 403, "{method} {path}: {refused:?}");
        }
        let lines = rig.audit_lines();
        let recorded: Vec<&str> =
            lines.iter().rev().take(4).filter_map(|line| line["request"]["path"].as_str()).collect();
        assert!(recorded.iter().all(|path| *path == recorded[0]), "{method} {upper}: {recorded:?}");
        assert!(!recorded[0].contains("MiXed"), "{recorded:?}");
    }
}

/// S1, its story: `…/role/admin/*` is readable only, and `Admin` is `admin`.
#[tokio::test]
async fn another_spelling_of_a_role_gives_no_other_rights() {
    let rig = Rig::open().await;
    rig.approle().await;
    rig.root("POST", "auth/approle/role/admin", json!({"token_policies": "default"})).await;
    let policy = r#"path "auth/approle/role/*" { capabilities = ["create", "read", "update"] }
                    path "auth/approle/role/admin/*" { capabilities = ["read"] }"#;
    let token = rig.token_with("clerk", policy).await;
    for name in ["admin", "Admin", "ADMIN"] {
        let made = rig.send(&token, "POST", &format!("auth/approle/role/{name}/secret-id"), json!({})).await;
        assert_eq!(made.status, 403, "{name}: {made:?}");
    }
    let asked = json!({"paths": ["auth/approle/role/Admin/secret-id"]});
    let told = rig.send(&token, "POST", "sys/capabilities-self", asked).await;
    assert_eq!(told.body["data"]["capabilities"], json!(["read"]), "{told:?}");
}

/// A sibling: names whose case counts keep it, so that a rule for one of them says nothing about the other.
#[tokio::test]
async fn names_whose_case_counts_keep_it() {
    let rig = Rig::open().await;
    rig.root("POST", "secret/data/Upper", json!({"data": {"a": 1}})).await;
    assert_eq!(rig.root("GET", "secret/data/upper", json!(null)).await.status, 404);
    assert_eq!(rig.root("GET", "secret/data/Upper", Value::Null).await.status, 200);
    let lines = rig.audit_lines();
    assert!(lines.iter().any(|line| line["request"]["path"] == "secret/data/Upper"));
}

/// A secret that is sent in the place of a field's name, as a form without `=` does, stands nowhere in the log: neither
/// on a row, nor where there is none, nor in a request for help.
#[tokio::test]
async fn a_name_that_no_row_has_is_in_no_line() {
    let rig = Rig::open().await;
    let sent = json!({"hunter": "", "hunter_text": 1, "policies": []});
    for (method, path) in [
        ("POST", "auth/token/create"),
        ("POST", "secret/data/app"),
        ("POST", "secret/nowhere/at_all"),
        ("POST", "nowhere/at_all"),
        ("DELETE", "sys/internal"),
        ("HELP", "sys/mounts"),
    ] {
        rig.root(method, path, sent.clone()).await;
    }
    let lines = rig.audit_lines();
    let of = |path: &str| lines.iter().find(|line| line["request"]["path"] == path).unwrap();
    assert!(of("auth/token/create")["request"]["data"].get("policies").is_some());
    assert!(of("secret/data/app")["request"]["data"].get("policies").is_none());
    assert!(lines.iter().all(|line| !line.to_string().contains("hunter")));
}

/// C1: a decoded name is never parsed as a raw one again.
#[tokio::test]
async fn a_name_with_any_character_is_found_by_the_preflight() {
    let rig = Rig::open().await;
    for name in ["my%20app/db", "a%23b", "100%25", "%C3%A4rger", "a%3Fb", "Upper/Case"] {
        let seen = rig.root("GET", &format!("sys/internal/ui/mounts/secret/{name}"), json!(null)).await;
        assert_eq!((seen.status, &seen.body["data"]["path"]), (200, &json!("secret/")), "{name}: {seen:?}");
    }
}

/// A sibling of C1: the old spelling of a mount finds it as well.
#[tokio::test]
async fn the_preflight_finds_a_mount_in_any_case() {
    let rig = Rig::open().await;
    let seen = rig.root("GET", "sys/internal/ui/mounts/Secret/my%20app", json!(null)).await;
    assert_eq!((seen.status, &seen.body["data"]["path"]), (200, &json!("secret/")));
}
