//! S20: a token is bound to the principal and to the credential of its login. Whoever deletes the role or destroys the
//! SecretID ends the tokens, their children included, in the same commit.

use serde_json::{Value, json};

use super::Rig;
use crate::{
    base::ttl::Ttl,
    services::{revocations::Revocations, sweeper::Sweeper, tokens},
};

/// A mount with the role `svc`, whose tokens may make children.
async fn rig() -> Rig {
    let rig = Rig::open().await;
    let maker = r#"path "auth/token/*" { capabilities = ["create", "read", "update", "sudo"] }"#;
    rig.token_with("maker", maker).await;
    rig.root("POST", "sys/auth/approle", json!({"type": "approle"})).await;
    make_role(&rig, "svc").await;
    rig
}

async fn make_role(rig: &Rig, name: &str) {
    let role = json!({"role_id": name, "token_policies": "maker", "token_ttl": "1h"});
    assert_eq!(rig.root("POST", &format!("auth/approle/role/{name}"), role).await.status, 204);
}

/// A new SecretID of a role with its accessor, as the fields of the requests that name it.
async fn secret_id(rig: &Rig, role: &str) -> Value {
    let made = rig.root("POST", &format!("auth/approle/role/{role}/secret-id"), json!({})).await;
    let data = &made.body["data"];
    json!({"secret_id": data["secret_id"], "secret_id_accessor": data["secret_id_accessor"]})
}

/// The tokens of a login: itself, a child and a grandchild, and its child that is an orphan.
struct Family {
    tree: [String; 3],
    orphan: String,
}

impl Family {
    async fn of(rig: &Rig, role: &str, secret_id: &Value) -> Self {
        let fields = json!({"role_id": role, "secret_id": secret_id["secret_id"]});
        let token = |made: &super::Reply| {
            made.body["auth"]["client_token"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned()
        };
        let login = token(&rig.send("", "POST", "auth/approle/login", fields).await);
        let child = token(&rig.send(&login, "POST", "auth/token/create", json!({})).await);
        let grandchild = token(&rig.send(&child, "POST", "auth/token/create", json!({})).await);
        let orphan = token(&rig.send(&login, "POST", "auth/token/create-orphan", json!({})).await);
        Self { tree: [login, child, grandchild], orphan }
    }

    async fn assert_tree(&self, rig: &Rig, status: u16, when: &str) {
        for (token, member) in self.tree.iter().zip(["login", "child", "grandchild"]) {
            let asked = rig.send(token, "GET", "auth/token/lookup-self", json!(null)).await;
            assert_eq!(asked.status, status, "{member}: {when}");
        }
    }

    async fn assert_dead(&self, rig: &Rig, when: &str) {
        self.assert_tree(rig, 403, when).await;
        for (token, member) in self.tree.iter().zip(["login", "child", "grandchild"]) {
            for path in ["auth/token/renew-self", "auth/token/create", "auth/token/create-orphan"] {
                assert_eq!(rig.send(token, "POST", path, json!({})).await.status, 403, "{member} {path}: {when}");
            }
            let renewed = rig.root("POST", "auth/token/renew", json!({ "token": token })).await;
            assert_eq!(renewed.status, 400, "{member}: {when}");
        }
        let orphan = rig.send(&self.orphan, "GET", "auth/token/lookup-self", json!(null)).await;
        assert_eq!(orphan.status, 200, "an orphan lives on: {when}");
    }
}

/// Sweeps, and checks that nothing half is left.
async fn swept(rig: &Rig) -> usize {
    let services = rig.services();
    Sweeper::of(services).sweep().await.unwrap();
    assert!(Revocations::oldest(&services.barrier.unit([0; 16]).unwrap()).unwrap().is_none());
    let report = tokens::walk(&services.barrier.unit([0; 16]).unwrap()).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    report.tokens
}

#[tokio::test]
async fn s20_a_deleted_role_ends_its_tokens_at_once() {
    let rig = rig().await;
    make_role(&rig, "beside").await;
    let beside = Family::of(&rig, "beside", &secret_id(&rig, "beside").await).await;
    let kept = swept(&rig).await;
    for path in ["auth/approle/role/svc", "auth/approle/role/SVC"] {
        let dead = Family::of(&rig, "svc", &secret_id(&rig, "svc").await).await;
        assert_eq!(rig.root("DELETE", path, json!(null)).await.status, 204);
        dead.assert_dead(&rig, path).await;
        // A role of the same name and RoleID is another role.
        make_role(&rig, "svc").await;
        dead.assert_dead(&rig, "with a new role of the name").await;
        let next = Family::of(&rig, "svc", &secret_id(&rig, "svc").await).await;
        next.assert_tree(&rig, 200, "a login of the new role").await;
        swept(&rig).await;
        dead.assert_dead(&rig, "after the sweep").await;
        next.assert_tree(&rig, 200, "after the sweep").await;
        rig.root("DELETE", "auth/approle/role/svc", json!(null)).await;
        make_role(&rig, "svc").await;
    }
    beside.assert_tree(&rig, 200, "the role beside it").await;
    assert_eq!(swept(&rig).await, kept + 4, "the orphans are left");
}

#[tokio::test]
async fn s20_a_secret_id_that_is_destroyed_ends_its_tokens_at_once() {
    let rig = rig().await;
    let beside = Family::of(&rig, "svc", &secret_id(&rig, "svc").await).await;
    for method in ["POST", "DELETE"] {
        for path in ["auth/approle/role/svc/secret-id/destroy", "auth/approle/role/Svc/secret-id-accessor/destroy"] {
            let named = secret_id(&rig, "svc").await;
            let dead = Family::of(&rig, "svc", &named).await;
            let destroyed = rig.root(method, path, named).await;
            assert_eq!(destroyed.status, 204, "{method} {path}: {destroyed:?}");
            dead.assert_dead(&rig, path).await;
            swept(&rig).await;
            dead.assert_dead(&rig, "after the sweep").await;
        }
    }
    beside.assert_tree(&rig, 200, "another SecretID of the role").await;
}

/// Otherwise each login with a SecretID for one use would end itself.
#[tokio::test]
async fn s20_a_secret_id_that_is_used_up_or_expired_ends_no_token() {
    let rig = rig().await;
    let bounds = json!({"secret_id_num_uses": 1, "secret_id_ttl": "1m"});
    assert_eq!(rig.root("POST", "auth/approle/role/svc", bounds).await.status, 204);
    let used_up = Family::of(&rig, "svc", &secret_id(&rig, "svc").await).await;
    assert_eq!(rig.root("POST", "auth/approle/role/svc", json!({"secret_id_num_uses": 2})).await.status, 204);
    let expired = Family::of(&rig, "svc", &secret_id(&rig, "svc").await).await;
    rig.clock.advance(Ttl::from_secs(60));
    // A new SecretID tidies the expired one away.
    secret_id(&rig, "svc").await;
    swept(&rig).await;
    used_up.assert_tree(&rig, 200, "used up").await;
    expired.assert_tree(&rig, 200, "expired").await;
}

/// A sibling: only the tokens of the logins themselves died at once, and their children at the next sweep.
#[tokio::test]
async fn s20_a_disabled_mount_ends_the_children_of_its_tokens_at_once() {
    let rig = rig().await;
    let dead = Family::of(&rig, "svc", &secret_id(&rig, "svc").await).await;
    assert_eq!(rig.root("DELETE", "sys/auth/approle", json!(null)).await.status, 204);
    dead.assert_dead(&rig, "disabled").await;
}

/// The marker is in the commit of the deletion, and stays until the sweep is over: a restart revives nobody.
#[tokio::test]
async fn s20_what_was_ended_stays_ended_after_a_seal() {
    let rig = rig().await;
    let dead = Family::of(&rig, "svc", &secret_id(&rig, "svc").await).await;
    assert_eq!(rig.root("DELETE", "auth/approle/role/svc", json!(null)).await.status, 204);
    let services = rig.services();
    services.revocations.forget();
    services.tokens.forget();
    services.revocations.load(&services.barrier.unit([0; 16]).unwrap()).unwrap();
    dead.assert_dead(&rig, "after the markers were read again").await;
}

/// A login that was judged before the role was deleted does not commit after it.
#[tokio::test(flavor = "multi_thread")]
async fn s20_a_login_that_meets_the_deletion_of_its_role_is_dead_too() {
    let rig = std::sync::Arc::new(rig().await);
    let fields = json!({"role_id": "svc", "secret_id": secret_id(&rig, "svc").await["secret_id"]});
    let mut logins = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (rig, fields) = (rig.clone(), fields.clone());
        logins.spawn(async move { rig.send("", "POST", "auth/approle/login", fields).await });
    }
    assert_eq!(rig.root("DELETE", "auth/approle/role/svc", json!(null)).await.status, 204);
    for login in logins.join_all().await {
        let Some(token) = login.body["auth"]["client_token"].as_str() else { continue };
        assert_eq!(rig.send(token, "GET", "auth/token/lookup-self", json!(null)).await.status, 403);
    }
}

/// S21: two auth methods issued service tokens for one `client_id`, and `sub` followed a RoleID that another role could
/// register later.
#[tokio::test]
async fn s21_a_service_token_names_one_role_of_one_auth_method() {
    let rig = Rig::open().await;
    rig.root("POST", "sys/mounts/st", json!({"type": "service_tokens"})).await;
    rig.root("POST", "st/roles/any", json!({"audiences": "all"})).await;
    let issuer =
        r#"path "st/token/any" { capabilities = ["update"] } path "auth/token/create" { capabilities = ["update"] }"#;
    rig.token_with("issuer", issuer).await;
    for mount in ["approle", "team/approle"] {
        assert_eq!(rig.root("POST", &format!("sys/auth/{mount}"), json!({"type": "approle"})).await.status, 204);
    }
    let claims = async |mount: &str, role_id: &str| {
        let role = format!("auth/{mount}/role/svc");
        let made = rig.root("POST", &role, json!({"role_id": role_id, "token_policies": "issuer"})).await;
        assert_eq!(made.status, 204, "{made:?}");
        let secret = rig.root("POST", &format!("{role}/secret-id"), json!({})).await.body["data"]["secret_id"].clone();
        let login = json!({"role_id": role_id, "secret_id": secret});
        let login = rig.send("", "POST", &format!("auth/{mount}/login"), login).await.body["auth"].clone();
        let token = login["client_token"].as_str().unwrap();
        let issued = rig.send(token, "POST", "st/token/any", json!({"aud": "all"})).await;
        let asked = json!({"token": issued.body["data"]["token"]});
        let claims = rig.root("POST", "st/verify", asked).await.body["data"].clone();
        assert_eq!(claims["sub"], login["entity_id"], "{claims}");
        let child = rig.send(token, "POST", "auth/token/create", json!({"meta": {"role_name": "other"}})).await;
        let child = child.body["auth"]["client_token"].as_str().unwrap().to_owned();
        let issued = rig.send(&child, "POST", "st/token/any", json!({"aud": "all"})).await;
        let asked = json!({"token": issued.body["data"]["token"]});
        assert_eq!(rig.root("POST", "st/verify", asked).await.body["data"]["client_id"], claims["sub"], "a child");
        (claims["client_id"].as_str().unwrap().to_owned(), claims["sub"].clone())
    };
    let first = claims("approle", "one").await;
    assert_eq!(first.0, "auth/approle/svc");
    assert_eq!(claims("approle", "two").await, first, "a role with a new RoleID is the same role");
    let beside = claims("team/approle", "one").await;
    assert_eq!(beside.0, "auth/team/approle/svc");
    assert_ne!(beside.1, first.1);
    // The RoleID and then the name go over to another role.
    rig.root("POST", "auth/approle/role/heir", json!({"role_id": "one"})).await;
    rig.root("DELETE", "auth/approle/role/heir", json!(null)).await;
    rig.root("DELETE", "auth/approle/role/svc", json!(null)).await;
    let heir = claims("approle", "two").await;
    assert_eq!(heir.0, first.0);
    assert_ne!(heir.1, first.1, "another role is another subject");
}
