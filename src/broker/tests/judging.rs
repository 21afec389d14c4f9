//! Who is judged when, and what is told to whom.

use std::sync::Arc;

use serde_json::json;

use super::Rig;

/// S10: where one may only create, one of many creators of a path succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_creators_of_one_path_one_succeeds() {
    let rig = Arc::new(Rig::open().await);
    let token = rig.token_with("creator", r#"path "secret/data/*" { capabilities = ["create"] }"#).await;
    for round in 0..40 {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (rig, token) = (rig.clone(), token.clone());
            tasks.spawn(async move {
                let path = format!("secret/data/new-{round}");
                rig.send(&token, "POST", &path, json!({"data": {"by": n}})).await.status
            });
        }
        let statuses = tasks.join_all().await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 403)), "{statuses:?}");
    }
}

/// A sibling of S10: AppRole roles, whose record is found by another name.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_creators_of_one_role_one_succeeds() {
    let rig = Arc::new(Rig::open().await);
    rig.approle().await;
    let token = rig.token_with("creator", r#"path "auth/approle/role/*" { capabilities = ["create"] }"#).await;
    for round in 0..20 {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (rig, token) = (rig.clone(), token.clone());
            tasks.spawn(async move {
                let body = json!({"token_ttl": n + 1});
                rig.send(&token, "POST", &format!("auth/approle/role/new-{round}"), body).await.status
            });
        }
        let statuses = tasks.join_all().await;
        assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    }
}

/// S23: whoever has no rights is told 403, whatever is wrong with the body and whatever is mounted there.
#[tokio::test]
async fn without_rights_nobody_learns_what_is_mounted() {
    let rig = Rig::open().await;
    rig.approle().await;
    let token = rig.token_with("nobody", r#"path "nothing" { capabilities = ["read"] }"#).await;
    for path in ["secret/data/a", "auth/approle/role/r", "sys/policies/acl/p", "no/such/mount", "secret/no/such/path"] {
        for body in [json!({"data": 5}), json!({"cas": "x", "token_ttl": "x", "policy": []}), json!({}), json!(null)] {
            let refused = rig.send(&token, "POST", path, body.clone()).await;
            assert_eq!(
                (refused.status, refused.error()),
                (403, "1 error occurred:\n\t* permission denied\n\n"),
                "{path} {body}"
            );
        }
    }
    // The control: with rights the same body is named.
    let wrong = rig.root("POST", "auth/approle/role/r", json!({"token_ttl": "x"})).await;
    assert!(wrong.status == 400 && wrong.error().contains("token_ttl"), "{wrong:?}");
}

/// S7: help is an operation of its own. It needs a token, changes nothing, and its line says `help`.
#[tokio::test]
async fn help_is_recorded_as_help_and_needs_a_token() {
    let rig = Rig::open().await;
    rig.root("POST", "secret/data/payroll", json!({"data": {"a": 1}})).await;
    rig.root("POST", "sys/mounts/hidden", json!({"type": "kv", "options": {"version": "2"}})).await;
    let token = rig.token_with("somebody", r#"path "secret/data/other" { capabilities = ["read"] }"#).await;
    for path in ["secret/metadata/payroll", "sys/seal", "sys/policies/acl/default"] {
        let help = rig.send(&token, "HELP", path, json!(null)).await;
        assert_eq!(help.status, 200, "{path}: {help:?}");
        assert_eq!(rig.send("", "HELP", path, json!(null)).await.status, 403, "{path}");
    }
    // S23: help does not tell what is mounted to those who may do nothing there.
    for path in ["hidden/data/a", "HIDDEN/data/a", "nowhere/data/a", "auth/approle/login"] {
        let refused = rig.send(&token, "HELP", path, json!(null)).await;
        assert_eq!((refused.status, refused.error()), (403, "1 error occurred:\n\t* permission denied\n\n"), "{path}");
    }
    assert_eq!(rig.root("HELP", "hidden/data/a", json!(null)).await.status, 200);
    assert_eq!(rig.root("HELP", "nowhere/data/a", json!(null)).await.status, 404);
    // A sibling: public rows tell a stranger no more than others do.
    for path in ["sys/health", "sys/unseal", "sys/init"] {
        assert_eq!(rig.send("", "HELP", path, json!(null)).await.status, 403, "{path}");
    }
    assert_eq!(rig.root("GET", "secret/data/payroll", json!(null)).await.status, 200);
    let lines = rig.audit_lines();
    let of: Vec<_> = lines.iter().filter(|line| line["request"]["path"] == "secret/metadata/payroll").collect();
    assert!(
        !of.is_empty() && of.iter().all(|line| line["request"]["operation"] == "help" || line["outcome"].is_string()),
        "{of:?}"
    );
}

/// C6: what is declared as a text takes numbers and booleans, as clients of Vault send them.
#[tokio::test]
async fn options_may_be_numbers() {
    let rig = Rig::open().await;
    for (path, version) in [("n", json!(2)), ("t", json!("2"))] {
        let made = rig
            .root("POST", &format!("sys/mounts/{path}"), json!({"type": "kv", "options": {"version": version}}))
            .await;
        assert_eq!(made.status, 204, "{made:?}");
        let shown = rig.root("GET", &format!("sys/mounts/{path}"), json!(null)).await;
        assert_eq!(shown.body["data"]["options"], json!({"version": "2"}));
    }
    // Siblings: metadata of a SecretID, a count as text, a list as a number.
    rig.approle().await;
    let made = rig.root("POST", "auth/approle/role/r", json!({"secret_id_num_uses": "5", "token_policies": 7})).await;
    assert_eq!(made.status, 204, "{made:?}");
    let role = rig.root("GET", "auth/approle/role/r", json!(null)).await;
    assert_eq!(
        (&role.body["data"]["secret_id_num_uses"], &role.body["data"]["token_policies"]),
        (&json!(5), &json!(["7"]))
    );
}
