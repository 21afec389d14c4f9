//! Roles and RoleIDs.

use serde_json::{Value, json};

use super::*;
use crate::contract::{Fault, Operation};

/// What OpenBao 2.7.2 shows for a role that was created without fields.
fn plain_role() -> Value {
    json!({
        "bind_secret_id": true, "local_secret_ids": false, "secret_id_bound_cidrs": null, "secret_id_num_uses": 0,
        "secret_id_ttl": 0, "token_bound_cidrs": [], "token_explicit_max_ttl": 0, "token_max_ttl": 0,
        "token_no_default_policy": false, "token_num_uses": 0, "token_period": 0, "token_policies": [],
        "token_strictly_bind_ip": false, "token_ttl": 0, "token_type": "default"
    })
}

fn changed(with: Value) -> Value {
    let mut role = plain_role();
    for (key, value) in with.as_object().unwrap() {
        role[key] = value.clone();
    }
    role
}

#[tokio::test]
async fn a_role_is_shown_as_it_was_written() {
    let bench = bench(json!({})).await;
    assert_eq!(bench.read("role/svc").await.unwrap(), plain_role());
    let fields = json!({
        "token_policies": "a, B,default", "secret_id_num_uses": "3", "secret_id_ttl": "10m", "token_ttl": "20m",
        "token_max_ttl": 3600, "token_num_uses": 5, "token_period": "0", "token_explicit_max_ttl": "2h",
        "token_no_default_policy": "true", "token_type": "service", "bind_secret_id": true, "token_bound_cidrs": [],
        "secret_id_bound_cidrs": "", "local_secret_ids": false
    });
    assert_eq!(bench.write("role/SVC", fields).await.unwrap(), Value::Null);
    let shown = changed(json!({
        "token_policies": ["a", "b", "default"], "secret_id_num_uses": 3, "secret_id_ttl": 600, "token_ttl": 1200,
        "token_max_ttl": 3600, "token_num_uses": 5, "token_explicit_max_ttl": 7200, "token_no_default_policy": true,
        "token_type": "service"
    }));
    assert_eq!(bench.read("role/Svc").await.unwrap(), shown);
    bench.write("role/svc", json!({ "token_ttl": null })).await.unwrap();
    assert_eq!(bench.read("role/svc").await.unwrap(), shown, "what is not named stays");
}

/// A client that cleared a list with null was answered 204, and the old policies stayed.
#[tokio::test]
async fn a_null_list_number_or_flag_is_the_empty_one() {
    let fields = json!({
        "token_policies": "a", "token_num_uses": 5, "secret_id_num_uses": 3, "token_no_default_policy": true, "token_ttl": 60
    });
    let bench = bench(fields).await;
    let nulls = json!({
        "token_policies": null, "token_num_uses": null, "secret_id_num_uses": null, "token_no_default_policy": null,
        "token_ttl": null
    });
    bench.write("role/svc", nulls).await.unwrap();
    assert_eq!(bench.read("role/svc").await.unwrap(), changed(json!({ "token_ttl": 60 })));
}

#[tokio::test]
async fn an_empty_role_id_is_refused() {
    let bench = bench(json!({ "role_id": "chosen" })).await;
    for fields in [json!({ "role_id": "" }), json!({ "role_id": null })] {
        for path in ["role/svc", "role/new"] {
            let error = bench.write(path, fields.clone()).await.unwrap_err();
            assert!(error.message.starts_with("role_id is empty"), "{path} {fields}: {error:?}");
        }
    }
    assert_eq!(bench.read("role/svc/role-id").await.unwrap()["role_id"], "chosen");
    assert_eq!(bench.exists("role/new"), Some(false));
}

/// As in Vault: under the old name they are sorted, under the new one they stay as they were written.
#[tokio::test]
async fn the_old_name_of_the_policies_sorts_them() {
    let bench = bench(json!({ "policies": ["b", "a", "b"] })).await;
    assert_eq!(bench.read("role/svc").await.unwrap()["token_policies"], json!(["a", "b"]));
    bench.write("role/svc", json!({ "token_policies": ["b", "a", "b"] })).await.unwrap();
    assert_eq!(bench.read("role/svc").await.unwrap()["token_policies"], json!(["b", "a", "b"]));
}

#[tokio::test]
async fn old_names_are_shown_once_they_were_used() {
    let bench = bench(json!({ "policies": "x,y", "period": 60 })).await;
    let shown =
        changed(json!({ "policies": ["x", "y"], "token_policies": ["x", "y"], "period": 60, "token_period": 60 }));
    assert_eq!(bench.read("role/svc").await.unwrap(), shown);
    bench
        .write("role/svc", json!({ "policies": "x", "token_policies": "z", "period": 5, "token_period": "1h" }))
        .await
        .unwrap();
    let shown = changed(json!({ "policies": ["z"], "token_policies": ["z"], "period": 3600, "token_period": 3600 }));
    assert_eq!(bench.read("role/svc").await.unwrap(), shown);
    bench.write("role/svc", json!({ "token_policies": "z", "token_period": 0 })).await.unwrap();
    assert_eq!(bench.read("role/svc").await.unwrap(), changed(json!({ "token_policies": ["z"] })));
}

#[tokio::test]
async fn roles_are_listed_and_deleted() {
    let bench = Bench::auth::<AppRole>().await;
    assert_eq!(said(&bench.list("role").await.unwrap_err()), (Fault::Missing, "", false));
    for name in ["svc2", "svc", "A.b-c_d@e"] {
        assert_eq!(bench.exists(&format!("role/{name}")), Some(false));
        bench.write(&format!("role/{name}"), json!({})).await.unwrap();
        assert_eq!(bench.exists(&format!("role/{name}")), Some(true));
    }
    assert_eq!(bench.list("role").await.unwrap(), json!({ "keys": ["a.b-c_d@e", "svc", "svc2"] }));
    bench.delete("role/svc").await.unwrap();
    bench.delete("role/svc").await.unwrap();
    bench.delete("role/nope").await.unwrap();
    assert_eq!(said(&bench.read("role/svc").await.unwrap_err()), (Fault::Missing, "", false));
    assert_eq!(said(&bench.read("role/svc/role-id").await.unwrap_err()), (Fault::Missing, "", false));
    assert_eq!(bench.list("role").await.unwrap(), json!({ "keys": ["a.b-c_d@e", "svc2"] }));
    assert_eq!(said(&bench.ask(Operation::Read, "role", json!({})).await.err().unwrap()).0, Fault::Unsupported);
}

#[tokio::test]
async fn an_unsupported_role_field_is_refused_by_name() {
    let bench = bench(json!({})).await;
    let before = bench.everything();
    for (fields, message) in [
        (json!({ "secret_id_bound_cidrs": "10.0.0.0/8" }), "`secret_id_bound_cidrs` is not supported: leave it out"),
        (json!({ "bound_cidr_list": ["10.0.0.0/8"] }), "`bound_cidr_list` is not supported: leave it out"),
        (json!({ "token_bound_cidrs": ["10.0.0.0/8"] }), "`token_bound_cidrs` is not supported: leave it out"),
        (json!({ "token_strictly_bind_ip": 1 }), "`token_strictly_bind_ip` is not supported: leave it out"),
        (json!({ "local_secret_ids": true }), "`local_secret_ids` is not supported: leave it out"),
        (json!({ "token_type": "batch" }), "'token_type' cannot be 'batch': batch tokens are not supported"),
        (json!({ "token_type": "default-batch" }), "'token_type' cannot be 'batch': batch tokens are not supported"),
        (json!({ "token_type": "zz" }), "invalid 'token_type' value"),
        (json!({ "token_ttl": "2h", "token_max_ttl": "1h" }), "'token_ttl' cannot be greater than 'token_max_ttl'"),
        (json!({ "token_num_uses": -1 }), "'token_num_uses' cannot be negative"),
        (json!({ "token_num_uses": 1_u64 << 31 }), "'token_num_uses' cannot be greater than 2147483647"),
        (json!({ "secret_id_num_uses": "-1" }), "secret_id_num_uses cannot be negative"),
        (
            json!({ "secret_id_num_uses": "zz" }),
            "error converting input for field \"secret_id_num_uses\": expected a whole number",
        ),
        (
            json!({ "bind_secret_id": "zz" }),
            "error converting input for field \"bind_secret_id\": expected true or false",
        ),
        (json!({ "role_id": "x".repeat(4097) }), "role_id is longer than 4096 bytes"),
    ] {
        let error = bench.write("role/svc", fields.clone()).await.unwrap_err();
        assert_eq!(said(&error), (Fault::Invalid, message, false), "{fields}");
    }
    let error = bench.write("role/svc", json!({ "bind_secret_id": false })).await.unwrap_err();
    assert_eq!(said(&error), (Fault::Invalid, "at least one constraint should be enabled on the role", true));
    assert_eq!(bench.everything(), before);
}

/// TOK-05: no duration overflows or is mistaken for another.
#[tokio::test]
async fn text_that_is_not_a_duration_is_refused() {
    let bench = bench(json!({})).await;
    for field in ["token_ttl", "token_max_ttl", "token_explicit_max_ttl", "token_period", "period", "secret_id_ttl"] {
        for value in [
            json!(-1),
            json!("-2h"),
            json!("zz"),
            json!(1_u64 << 63),
            json!("1e9h"),
            json!(1.5),
            json!([1]),
            json!("9999999999999d"),
        ] {
            let error = bench.write("role/svc", json!({ field: value })).await.unwrap_err();
            assert_eq!(error.fault, Fault::Invalid, "{field} {value}");
            assert!(error.message.contains(field), "{}", error.message);
        }
    }
    assert_eq!(bench.read("role/svc").await.unwrap(), plain_role());
}

/// ACL-08.
#[tokio::test]
async fn a_policy_that_looks_like_root_is_refused() {
    let bench = bench(json!({ "token_policies": "a" })).await;
    for name in [
        "root",
        "ROOT",
        "Root",
        " root",
        "root ",
        "root\t",
        "ro\u{200b}ot",
        "root,",
        "a,root",
        "r\u{43e}ot",
        "root/",
        "\u{a0}root",
        "-root",
        "*",
    ] {
        for fields in
            [json!({ "token_policies": name }), json!({ "token_policies": ["a", name] }), json!({ "policies": [name] })]
        {
            let error = bench.write("role/svc", fields.clone()).await.unwrap_err();
            assert_eq!(error.fault, Fault::Invalid, "{fields}");
            assert!(error.message.starts_with("token_policies: "), "{}", error.message);
        }
    }
    for (fields, misfit) in [
        (json!([["root"]]), "\"token_policies[0]\": expected a text"),
        (json!(["a", ["root"]]), "\"token_policies[1]\": expected a text"),
        (json!({ "root": 1 }), "\"token_policies\": expected a list of texts, or one text with commas"),
    ] {
        let error = bench.write("role/svc", json!({ "token_policies": fields })).await.unwrap_err();
        assert_eq!(error.message, format!("error converting input for field {misfit}"));
    }
    let many: Vec<String> = (0..257).map(|n| format!("p{n}")).collect();
    assert!(bench.write("role/svc", json!({ "token_policies": many })).await.is_err());
    assert_eq!(bench.read("role/svc").await.unwrap()["token_policies"], json!(["a"]));
}

#[tokio::test]
async fn a_role_name_has_a_limited_alphabet() {
    let bench = Bench::auth::<AppRole>().await;
    for name in ["-a", ".a", "a b", "\u{e4}", "a%", &"a".repeat(129)] {
        assert_eq!(bench.write(&format!("role/{name}"), json!({})).await.unwrap_err().fault, Fault::Invalid, "{name}");
    }
}

#[tokio::test]
async fn a_role_id_is_random_or_chosen() {
    let bench = bench(json!({})).await;
    let drawn = role_id(&bench, "svc").await;
    assert_eq!(drawn.len(), 36);
    bench.write("role/svc/role-id", json!({ "role_id": "custom" })).await.unwrap();
    assert_eq!(bench.read("role/svc/role-id").await.unwrap(), json!({ "role_id": "custom" }));
    bench.write("role/svc/role-id", json!({ "role_id": "custom" })).await.unwrap();
    bench.write("role/other", json!({ "role_id": drawn })).await.unwrap();
    assert_eq!(role_id(&bench, "other").await, drawn, "what one role gave up another may take");
    for (path, fields) in
        [("role/third", json!({ "role_id": "custom" })), ("role/other/role-id", json!({ "role_id": "custom" }))]
    {
        let error = bench.write(path, fields).await.unwrap_err();
        assert_eq!(said(&error), (Fault::Invalid, "role_id already in use", true));
    }
    assert_eq!(bench.exists("role/third"), Some(false));
    for fields in [json!({}), json!({ "role_id": "" }), json!({ "role_id": null })] {
        let error = bench.write("role/svc/role-id", fields).await.unwrap_err();
        assert_eq!(said(&error), (Fault::Invalid, "missing role_id", false));
    }
    let error = bench.write("role/nope/role-id", json!({ "role_id": "zz" })).await.unwrap_err();
    assert_eq!(said(&error), (Fault::Missing, "unsupported path", true));
}

#[tokio::test]
async fn warnings_are_those_of_vault() {
    let bench = Bench::auth::<AppRole>().await;
    for (fields, warning) in [
        (
            json!({ "token_max_ttl": "1000h" }),
            "token_max_ttl is greater than the backend mount's maximum TTL value; issued tokens' max TTL value will be truncated",
        ),
        (
            json!({ "token_max_ttl": 0, "token_type": "default-service" }),
            "default-service has no useful meaning; adjusting to service",
        ),
    ] {
        let answer = bench.ask(Operation::Update, "role/svc", fields).await.unwrap();
        assert_eq!(answer.warnings, [warning]);
    }
    assert_eq!(bench.read("role/svc").await.unwrap()["token_type"], "service");
}
