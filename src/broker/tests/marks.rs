//! Bulk revocation and its races: what is marked is dead at once, nothing judged before commits after, and the sweep
//! ends what it began.

use serde_json::json;

use super::Rig;
use crate::{
    broker::routed::Snapshot,
    services::{
        revocations::{Revocations, Revoked},
        sweeper::Sweeper,
        tokens,
    },
};

/// INVARIANT 27: swept in steps, from any step on; at the end nothing is left under the mark and all beside it is there.
#[tokio::test]
async fn a_disabled_mount_takes_its_tokens_and_records_with_it() {
    let rig = Rig::open().await;
    let (role_id, secret_id) = rig.approle().await;
    let login = json!({"role_id": role_id, "secret_id": secret_id});
    let mut dead = Vec::new();
    for _ in 0..5 {
        let made = rig.send("", "POST", "auth/approle/login", login.clone()).await;
        dead.push(made.body["auth"]["client_token"].as_str().unwrap().to_owned());
    }
    let beside = rig.token_with("beside", r#"path "sys/mounts" { capabilities = ["read"] }"#).await;
    rig.root("POST", "secret/data/kept", json!({"data": {"a": 1}})).await;
    assert_eq!(rig.root("DELETE", "sys/auth/approle", json!(null)).await.status, 204);
    for token in &dead {
        assert_eq!(rig.send(token, "GET", "auth/token/lookup-self", json!(null)).await.status, 403);
    }
    assert_eq!(rig.send("", "POST", "auth/approle/login", login.clone()).await.status, 403);
    let services = rig.services();
    Sweeper::of(services).sweep().await.unwrap();
    assert!(Revocations::oldest(&services.barrier.unit([0; 16]).unwrap()).unwrap().is_none());
    let report = tokens::walk(&services.barrier.unit([0; 16]).unwrap()).unwrap();
    assert_eq!((report.tokens, report.problems), (2, vec![]));
    assert_eq!(rig.send(&beside, "GET", "sys/mounts", json!(null)).await.status, 200);
    assert_eq!(rig.root("GET", "secret/data/kept", json!(null)).await.status, 200);
    // A mount at the same path sees nothing of the old one.
    rig.root("POST", "sys/auth/approle", json!({"type": "approle"})).await;
    assert_eq!(rig.root("LIST", "auth/approle/role", json!(null)).await.status, 404);
    assert_eq!(rig.send("", "POST", "auth/approle/login", login).await.status, 400);
}

/// A token's text may be chosen. When it was made anew between the deletion of the old records and that of their
/// marker, the sweeper deleted the new token, and its children, with the old ones.
#[tokio::test]
async fn a_token_made_anew_is_not_swept_with_the_old_one() {
    let rig = Rig::open().await;
    let services = rig.services();
    // The marker of the old token and the new token, in one commit, so that the running sweeper finds both.
    let unit = services.barrier.unit([1; 16]).unwrap();
    let hash = unit.keys().token_hash("chosen").unwrap();
    services.revocations.add(&unit, Revoked::Tree(hash)).unwrap();
    let plan = tokens::Plan {
        id: Some("chosen".into()),
        policies: vec!["root".into()],
        stamp: services.revocations.snapshot().version.generation + 1,
        ..tokens::Plan::default()
    };
    services.tokens.mint(&unit, plan, services.clock.now()).unwrap();
    unit.commit(Vec::new()).await.unwrap();
    let made = rig.send("chosen", "POST", "auth/token/create", json!({"policies": ["default"]})).await;
    let child = made.body["auth"]["client_token"].as_str().unwrap_or_default().to_owned();
    Sweeper::of(services).sweep().await.unwrap();
    assert!(Revocations::oldest(&services.barrier.unit([0; 16]).unwrap()).unwrap().is_none());
    for text in ["chosen", &child] {
        assert_eq!(rig.send(text, "GET", "auth/token/lookup-self", json!(null)).await.status, 200);
    }
    let report = tokens::walk(&services.barrier.unit([0; 16]).unwrap()).unwrap();
    assert_eq!((report.tokens, report.problems), (3, vec![]));
}

/// INVARIANT 26: a unit that was judged before a mark does not commit after it.
#[tokio::test]
async fn what_was_judged_before_a_mark_meets_a_conflict() {
    let rig = Rig::open().await;
    let services = rig.services();
    let late = services.barrier.unit([1; 16]).unwrap();
    Snapshot::take(&rig.broker.shared).expect(&late).unwrap();
    let plan = tokens::Plan { policies: vec!["default".into()], ..tokens::Plan::default() };
    services.tokens.mint(&late, plan, services.clock.now()).unwrap();
    let marker = services.barrier.unit([2; 16]).unwrap();
    services.revocations.add(&marker, Revoked::Tree([7; 32])).unwrap();
    marker.commit(Vec::new()).await.unwrap();
    assert!(late.commit(Vec::new()).await.is_err());
}

/// INVARIANT 28: a write judged under a policy that has changed is judged again, and refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_changes_under_a_write_counts() {
    let rig = std::sync::Arc::new(Rig::open().await);
    let allow = r#"path "secret/data/*" { capabilities = ["create", "update"] }"#;
    let token = rig.token_with("writer", allow).await;
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let (rig, token) = (rig.clone(), token.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                for k in 0..60 {
                    seen.push(
                        rig.send(&token, "POST", &format!("secret/data/{n}-{k}"), json!({"data": {"a": 1}}))
                            .await
                            .status,
                    );
                }
                seen
            })
        })
        .collect();
    let deny = json!({"policy": "path \"secret/data/*\" { capabilities = [\"deny\"] }"});
    assert_eq!(rig.root("POST", "sys/policies/acl/writer", deny).await.status, 204);
    assert_eq!(rig.send(&token, "POST", "secret/data/after", json!({"data": {"a": 1}})).await.status, 403);
    for writer in writers {
        let seen = writer.await.unwrap();
        // Once refused, refused for good; nothing but success and refusal.
        let refused = seen.iter().position(|status| *status == 403).unwrap_or(seen.len());
        assert!(seen[..refused].iter().all(|s| *s == 200) && seen[refused..].iter().all(|s| *s == 403), "{seen:?}");
    }
}
