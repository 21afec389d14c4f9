//! Tokens through the whole pipeline: what they may, how they are spent, and how they end.

use serde_json::json;

use super::Rig;
use crate::base::ttl::Ttl;

#[tokio::test]
async fn a_child_has_no_more_than_its_parent_and_dies_with_it() {
    let rig = Rig::open().await;
    let parent = rig
        .token_with(
            "maker",
            r#"path "auth/token/create" { capabilities = ["update"] } path "sys/mounts" { capabilities = ["read"] }"#,
        )
        .await;
    let refused = rig.send(&parent, "POST", "auth/token/create", json!({"policies": ["other"]})).await;
    assert_eq!(refused.error(), "child policies must be subset of parent");
    let child = rig.send(&parent, "POST", "auth/token/create", json!({})).await;
    assert_eq!(child.status, 200, "{child:?}");
    let child = child.body["auth"]["client_token"].as_str().unwrap().to_owned();
    let grandchild = rig.send(&child, "POST", "auth/token/create", json!({})).await.body["auth"]["client_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(rig.send(&grandchild, "GET", "sys/mounts", json!(null)).await.status, 200);
    assert_eq!(rig.root("POST", "auth/token/revoke", json!({ "token": parent })).await.status, 204);
    for token in [&parent, &child, &grandchild] {
        assert_eq!(rig.send(token, "GET", "sys/mounts", json!(null)).await.status, 403);
    }
}

#[tokio::test]
async fn a_token_with_uses_works_that_often() {
    let rig = Rig::open().await;
    let made = rig.root("POST", "auth/token/create", json!({"policies": ["default"], "num_uses": 3})).await;
    let token = made.body["auth"]["client_token"].as_str().unwrap();
    // A refused request costs a use as well.
    let mut seen = Vec::new();
    for path in ["auth/token/lookup-self", "sys/mounts", "auth/token/lookup-self", "auth/token/lookup-self"] {
        seen.push(rig.send(token, "GET", path, json!(null)).await.status);
    }
    assert_eq!(seen, [200, 403, 200, 403]);
}

/// INVARIANT 45, on one node. AUTH-08: as many as its uses, however many come at once.
#[tokio::test(flavor = "multi_thread")]
async fn parallel_uses_are_counted_one_by_one() {
    let rig = std::sync::Arc::new(Rig::open().await);
    let made = rig.root("POST", "auth/token/create", json!({"policies": ["default"], "num_uses": 7})).await;
    let token = made.body["auth"]["client_token"].as_str().unwrap().to_owned();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (rig, token) = (rig.clone(), token.clone());
        tasks.spawn(async move { rig.send(&token, "GET", "auth/token/lookup-self", json!(null)).await.status });
    }
    let statuses = tasks.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 7, "{statuses:?}");
}

/// A request that has taken the last use of its token and then meets another is performed again; it was refused once,
/// because the token that it found on its second look had no use left.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_survives_a_conflict() {
    let rig = std::sync::Arc::new(Rig::open().await);
    rig.token_with("writer", r#"path "secret/data/*" { capabilities = ["create", "update"] }"#).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..24 {
        let made = rig.root("POST", "auth/token/create", json!({"policies": ["writer"], "num_uses": 1})).await;
        let token = made.body["auth"]["client_token"].as_str().unwrap().to_owned();
        let rig = rig.clone();
        tasks
            .spawn(async move { rig.send(&token, "POST", "secret/data/one", json!({"data": {"by": n}})).await.status });
    }
    let statuses = tasks.join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let read = rig.root("GET", "secret/data/one", json!(null)).await;
    assert_eq!(read.body["data"]["metadata"]["version"], 24);
}

#[tokio::test]
async fn a_token_expires_and_a_renewal_moves_its_end() {
    let rig = Rig::open().await;
    let made = rig
        .root("POST", "auth/token/create", json!({"policies": ["default"], "ttl": "60s", "explicit_max_ttl": "100s"}))
        .await;
    let token = made.body["auth"]["client_token"].as_str().unwrap();
    rig.clock.advance(Ttl::from_secs(50));
    assert_eq!(rig.send(token, "POST", "auth/token/renew-self", json!({})).await.body["auth"]["lease_duration"], 50);
    rig.clock.advance(Ttl::from_secs(49));
    assert_eq!(rig.send(token, "GET", "auth/token/lookup-self", json!(null)).await.body["data"]["ttl"], 1);
    rig.clock.advance(Ttl::from_secs(1));
    assert_eq!(rig.send(token, "GET", "auth/token/lookup-self", json!(null)).await.status, 403);
}

#[tokio::test]
async fn every_answer_has_its_two_lines() {
    let rig = Rig::open().await;
    let token = rig.token_with("reader", r#"path "sys/mounts" { capabilities = ["read"] }"#).await;
    rig.send(&token, "GET", "sys/mounts", json!(null)).await;
    rig.send(&token, "GET", "sys/policy", json!(null)).await;
    let lines = rig.audit_lines();
    let of = |path: &str| lines.iter().filter(|line| line["request"]["path"] == path).collect::<Vec<_>>();
    let allowed = of("sys/mounts");
    assert_eq!(allowed.len(), 2, "{lines:#?}");
    assert_eq!((&allowed[0]["type"], &allowed[1]["type"]), (&json!("request"), &json!("response")));
    assert_eq!(allowed[0]["request"]["id"], allowed[1]["request"]["id"]);
    assert_eq!(allowed[1]["decision"]["policy"], "reader");
    let refused = of("sys/policy");
    assert_eq!(refused.len(), 2);
    assert_eq!(refused[1]["error"], "1 error occurred:\n\t* permission denied\n\n");
    assert!(!serde_json::to_string(&lines).unwrap().contains(&token));
}

#[tokio::test]
async fn a_policy_that_changes_counts_at_once() {
    let rig = Rig::open().await;
    let token = rig.token_with("p", r#"path "sys/mounts" { capabilities = ["read"] }"#).await;
    assert_eq!(rig.send(&token, "GET", "sys/mounts", json!(null)).await.status, 200);
    rig.root("POST", "sys/policies/acl/p", json!({"policy": "path \"sys/mounts\" { capabilities = [\"deny\"] }"}))
        .await;
    assert_eq!(rig.send(&token, "GET", "sys/mounts", json!(null)).await.status, 403);
}

/// S11: a parent without `default` made children that had it. OpenBao's answers stand in the scenario `token_tree`.
#[tokio::test]
async fn s11_a_child_has_no_policy_that_its_parent_lacks() {
    let rig = Rig::open().await;
    rig.token_with("maker", r#"path "auth/token/*" { capabilities = ["create", "update"] }"#).await;
    let plan = json!({"policies": ["maker"], "no_default_policy": true});
    let parent = rig.root("POST", "auth/token/create", plan).await;
    let parent = parent.body["auth"]["client_token"].as_str().unwrap();
    for (asked, given) in [
        (json!({}), Some(json!(["maker"]))),
        (json!({"policies": ["maker"]}), Some(json!(["maker"]))),
        (json!({"policies": "maker"}), Some(json!(["maker"]))),
        (json!({"policies": [""]}), Some(json!([]))),
        (json!({"policies": ["default"]}), None),
        (json!({"policies": ["maker", "Default"]}), None),
        (json!({"policies": ["maker", "default"], "no_default_policy": true}), None),
    ] {
        for path in ["auth/token/create", "auth/token/create-orphan"] {
            let made = rig.send(parent, "POST", path, asked.clone()).await;
            match &given {
                Some(policies) => assert_eq!(&made.body["auth"]["policies"], policies, "{path} {asked}"),
                None => assert_eq!(made.error(), "child policies must be subset of parent", "{path} {asked}"),
            }
        }
    }
}

/// A token that declined `default` got it all the same if the request also named it.
#[tokio::test]
async fn a_token_that_declines_default_does_not_get_it_by_name() {
    let rig = Rig::open().await;
    for (asked, given) in [(json!(["default"]), json!([])), (json!(["default", "a"]), json!(["a"]))] {
        let fields = json!({"policies": asked, "no_default_policy": true});
        let made = rig.root("POST", "auth/token/create", fields).await;
        assert_eq!(made.body["auth"]["policies"], given, "{asked}");
    }
}

#[tokio::test]
async fn a_display_name_is_vaults() {
    let rig = Rig::open().await;
    for (asked, shown) in [
        ("a", "token-a"),
        ("a  b", "token-a--b"),
        ("a--", "token-a-"),
        ("-1", "token--1"),
        ("ä", "token-"),
        ("", "token"),
    ] {
        let made = rig.root("POST", "auth/token/create", json!({"display_name": asked, "policies": ["a"]})).await;
        let token = made.body["auth"]["client_token"].as_str().unwrap();
        let seen = rig.root("POST", "auth/token/lookup", json!({"token": token})).await;
        assert_eq!(seen.body["data"]["display_name"], shown, "{asked}");
    }
}

/// S17: until the sweeper came, a child of an expired token lived on for five seconds, renewed itself and made children.
#[tokio::test]
async fn s17_whoever_descends_from_an_expired_token_is_dead_at_once() {
    let rig = Rig::open().await;
    let text = r#"path "auth/token/*" { capabilities = ["create", "read", "update", "sudo"] }"#;
    rig.token_with("maker", text).await;
    let made = rig.root("POST", "auth/token/create", json!({"policies": ["maker"], "ttl": "60s"})).await;
    let parent = made.body["auth"]["client_token"].as_str().unwrap().to_owned();
    let child_of = async |token: &str, path: &str| {
        let made = rig.send(token, "POST", path, json!({"ttl": "1h"})).await;
        assert_eq!(made.status, 200, "{made:?}");
        let text = |name: &str| made.body["auth"][name].as_str().unwrap().to_owned();
        (text("client_token"), text("accessor"))
    };
    let child = child_of(&parent, "auth/token/create").await;
    let grandchild = child_of(&child.0, "auth/token/create").await;
    let orphan = child_of(&parent, "auth/token/create-orphan").await;
    assert_eq!(rig.send(&grandchild.0, "GET", "auth/token/lookup-self", json!(null)).await.status, 200);

    rig.clock.advance(Ttl::from_secs(60));
    for (token, accessor) in [&child, &grandchild] {
        for path in ["auth/token/renew-self", "auth/token/create", "auth/token/create-orphan", "auth/token/lookup-self"]
        {
            assert_eq!(rig.send(token, "POST", path, json!({})).await.status, 403, "{path}");
        }
        let by_accessor = json!({ "accessor": accessor });
        for path in ["auth/token/lookup-accessor", "auth/token/renew-accessor", "sys/capabilities-accessor"] {
            let mut body = by_accessor.clone();
            body["paths"] = json!(["sys/mounts"]);
            assert_eq!(rig.root("POST", path, body).await.status, 400, "{path}");
        }
        assert_eq!(rig.root("POST", "auth/token/lookup", json!({ "token": token })).await.status, 403);
        assert_eq!(rig.root("POST", "auth/token/renew", json!({ "token": token })).await.status, 400);
    }
    assert_eq!(rig.send(&orphan.0, "POST", "auth/token/renew-self", json!({})).await.status, 200, "orphans live on");
}

/// S18: forty tokens with a megabyte of `meta` each held 117 MB of memory.
#[tokio::test]
async fn s18_what_a_caller_puts_into_a_token_is_bounded() {
    let rig = Rig::open().await;
    let pairs = |count: usize, key: usize, value: usize| -> serde_json::Value {
        (0..count).map(|n| (format!("{n:0>key$}"), json!("v".repeat(value)))).collect::<serde_json::Map<_, _>>().into()
    };
    let names = |count: usize| -> Vec<String> { (0..count).map(|n| format!("p{n}")).collect() };
    for path in ["auth/token/create", "auth/token/create-orphan"] {
        for (field, most, beyond) in [
            ("meta", pairs(64, 128, 512), vec![pairs(65, 2, 1), pairs(1, 129, 1), pairs(1, 1, 513)]),
            ("policies", json!(names(255)), vec![json!(names(257))]),
            ("display_name", json!("n".repeat(256)), vec![json!("n".repeat(257))]),
        ] {
            assert_eq!(rig.root("POST", path, json!({ field: most })).await.status, 200, "{field}");
            for value in beyond {
                let refused = rig.root("POST", path, json!({ field: value })).await;
                assert_eq!((refused.status, refused.error().starts_with(field)), (400, true), "{refused:?}");
            }
        }
    }
}

/// The siblings: what an AppRole keeps becomes part of each of its tokens.
#[tokio::test]
async fn s18_what_an_approle_puts_into_its_tokens_is_bounded() {
    let rig = Rig::open().await;
    rig.root("POST", "sys/auth/approle", json!({"type": "approle"})).await;
    let names: Vec<String> = (0..257).map(|n| format!("p{n}")).collect();
    assert_eq!(rig.root("POST", "auth/approle/role/r", json!({ "token_policies": names })).await.status, 400);
    assert_eq!(rig.root("POST", "auth/approle/role/r", json!({"token_policies": ["p"]})).await.status, 204);
    assert_eq!(rig.root("POST", "auth/approle/role/r/role-id", json!({"role_id": "r".repeat(4097)})).await.status, 400);
    let big = json!({"metadata": json!({"k": "v".repeat(513)}).to_string(), "secret_id": "chosen"});
    for path in ["secret-id", "custom-secret-id"] {
        let refused = rig.root("POST", &format!("auth/approle/role/r/{path}"), big.clone()).await;
        assert_eq!((refused.status, refused.error().starts_with("metadata")), (400, true), "{refused:?}");
    }
}
