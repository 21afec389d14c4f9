//! SecretIDs, except what a login does to them.

use super::*;
use crate::{
    base::ttl::Ttl,
    contract::{Fault, Operation},
};

#[tokio::test]
async fn a_secret_id_is_shown_once_and_looked_up_later() {
    let bench = bench(json!({ "secret_id_num_uses": 3, "secret_id_ttl": "10m" })).await;
    let made = bench.write("role/svc/secret-id", json!({ "metadata": r#"{"a":"1"}"# })).await.unwrap();
    let (secret, accessor) = (text(&made, "secret_id"), text(&made, "secret_id_accessor"));
    let shape =
        json!({ "secret_id": secret, "secret_id_accessor": accessor, "secret_id_num_uses": 3, "secret_id_ttl": 600 });
    assert_eq!((made, secret.len(), accessor.len()), (shape, 36, 36));
    let known = json!({
        "cidr_list": [], "creation_time": "2027-01-15T08:00:00Z", "expiration_time": "2027-01-15T08:10:00Z",
        "last_updated_time": "2027-01-15T08:00:00Z", "metadata": { "a": "1" }, "secret_id_accessor": accessor,
        "secret_id_num_uses": 3, "secret_id_ttl": 600, "token_bound_cidrs": []
    });
    assert_eq!(bench.write("role/svc/secret-id/lookup", json!({ "secret_id": secret })).await.unwrap(), known);
    let by_accessor = bench.write("role/svc/secret-id-accessor/lookup", json!({ "secret_id_accessor": accessor }));
    assert_eq!(by_accessor.await.unwrap(), known);
    assert_eq!(bench.list("role/svc/secret-id").await.unwrap(), json!({ "keys": [accessor] }));
}

#[tokio::test]
async fn a_secret_id_without_bounds_never_expires() {
    let bench = bench(json!({})).await;
    let made = bench.write("role/svc/secret-id", json!({})).await.unwrap();
    assert_eq!((&made["secret_id_num_uses"], &made["secret_id_ttl"]), (&json!(0), &json!(0)));
    let known = bench.write("role/svc/secret-id/lookup", json!({ "secret_id": made["secret_id"] })).await.unwrap();
    assert_eq!((&known["expiration_time"], &known["metadata"]), (&json!("0001-01-01T00:00:00Z"), &json!({})));
}

#[tokio::test]
async fn what_is_asked_for_stays_within_the_roles_bounds() {
    let bench = bench(json!({ "secret_id_num_uses": 3, "secret_id_ttl": "10m" })).await;
    bench.write("role/free", json!({})).await.unwrap();
    for (fields, message) in [
        (json!({ "num_uses": 4 }), "num_uses cannot be higher than the role's secret_id_num_uses"),
        (json!({ "num_uses": 0 }), "num_uses cannot be higher than the role's secret_id_num_uses"),
        (json!({ "num_uses": -1 }), "num_uses cannot be negative"),
        (json!({ "ttl": "1h" }), "ttl cannot be longer than the role's secret_id_ttl"),
        (json!({ "ttl": 0 }), "ttl cannot be longer than the role's secret_id_ttl"),
        (json!({ "cidr_list": "1.2.3.4/32" }), "`cidr_list` is not supported: leave it out"),
        (json!({ "token_bound_cidrs": ["1.2.3.4/32"] }), "`token_bound_cidrs` is not supported: leave it out"),
        (
            json!({ "metadata": "zz" }),
            "failed to parse metadata: failed to parse the input: invalid <key,value> format",
        ),
        (json!({ "metadata": { "a": "b" } }), "error converting input for field \"metadata\": expected a text"),
        (json!({ "num_uses": "zz" }), "error converting input for field \"num_uses\": expected a whole number"),
    ] {
        for (path, chosen) in [("role/svc/secret-id", None), ("role/svc/custom-secret-id", Some("mine"))] {
            let mut fields = fields.clone();
            if let Some(chosen) = chosen {
                fields["secret_id"] = json!(chosen);
            }
            let error = bench.write(path, fields.clone()).await.unwrap_err();
            assert_eq!(said(&error), (Fault::Invalid, message, false), "{path} {fields}");
        }
    }
    let made = bench.write("role/svc/secret-id", json!({ "num_uses": 2, "ttl": 60, "cidr_list": [] })).await.unwrap();
    assert_eq!((&made["secret_id_num_uses"], &made["secret_id_ttl"]), (&json!(2), &json!(60)));
    let made = bench.write("role/free/secret-id", json!({ "num_uses": 5, "ttl": "1000h" })).await.unwrap();
    assert_eq!(
        (&made["secret_id_num_uses"], &made["secret_id_ttl"]),
        (&json!(5), &json!(2_764_800)),
        "the mount's bound"
    );
}

#[tokio::test]
async fn a_chosen_secret_id_is_registered_once_per_role() {
    let bench = bench(json!({ "secret_id_num_uses": 3 })).await;
    bench.write("role/two", json!({})).await.unwrap();
    let made = bench
        .write("role/svc/custom-secret-id", json!({ "secret_id": "mine", "num_uses": 1, "ttl": 60, "metadata": "a=b" }))
        .await
        .unwrap();
    assert_eq!(
        (&made["secret_id"], &made["secret_id_num_uses"], &made["secret_id_ttl"]),
        (&json!("mine"), &json!(1), &json!(60))
    );
    let error = bench.write("role/svc/custom-secret-id", json!({ "secret_id": "mine" })).await.unwrap_err();
    assert_eq!(said(&error), (Fault::Invalid, "failed to store secret_id: SecretID is already registered", true));
    bench.write("role/two/custom-secret-id", json!({ "secret_id": "mine" })).await.unwrap();
    for fields in [json!({}), json!({ "secret_id": "" })] {
        let error = bench.write("role/svc/custom-secret-id", fields).await.unwrap_err();
        assert_eq!(said(&error), (Fault::Invalid, "missing secret_id", false));
    }
    assert!(bench.write("role/svc/custom-secret-id", json!({ "secret_id": "x".repeat(4097) })).await.is_err());
}

#[tokio::test]
async fn a_role_that_is_not_there_has_no_secret_ids() {
    let bench = bench(json!({})).await;
    let message = "role \"nope\" does not exist";
    for (path, fields, is_listed) in [
        ("secret-id", json!({}), false),
        ("custom-secret-id", json!({ "secret_id": "x" }), false),
        ("secret-id/lookup", json!({ "secret_id": "x" }), true),
        ("secret-id/destroy", json!({ "secret_id": "x" }), true),
        ("secret-id-accessor/lookup", json!({ "secret_id_accessor": "x" }), true),
        ("secret-id-accessor/destroy", json!({ "secret_id_accessor": "x" }), true),
    ] {
        let error = bench.write(&format!("role/nope/{path}"), fields).await.unwrap_err();
        assert_eq!(said(&error), (Fault::Missing, message, is_listed), "{path}");
    }
    assert_eq!(said(&bench.list("role/nope/secret-id").await.unwrap_err()), (Fault::Invalid, message, false));
    assert_eq!(said(&bench.list("role/svc/secret-id").await.unwrap_err()), (Fault::Missing, "", false));
}

/// AUTH-09: whoever manages role A cannot destroy a SecretID of role B, and learns nothing about it.
#[tokio::test]
async fn a_secret_id_of_another_role_counts_as_missing() {
    let bench = bench(json!({})).await;
    bench.write("role/other", json!({})).await.unwrap();
    let (secret, accessor) = secret_id(&bench, "svc", json!({})).await;
    for (secret, accessor) in [(secret.as_str(), accessor.as_str()), ("nope", "nope")] {
        let (secret, accessor) = (json!({ "secret_id": secret }), json!({ "secret_id_accessor": accessor }));
        assert_eq!(bench.write("role/other/secret-id/lookup", secret.clone()).await.unwrap(), Value::Null);
        assert_eq!(bench.write("role/other/secret-id/destroy", secret).await.unwrap(), Value::Null);
        let found =
            bench.ask(Operation::Update, "role/other/secret-id-accessor/lookup", accessor.clone()).await.unwrap();
        let crate::contract::Body::Missing(body) = found.body else { panic!("404 with data") };
        assert_eq!(body, r#"{"error":"failed to find accessor entry for secret_id_accessor"}"#);
        let error = bench.write("role/other/secret-id-accessor/destroy", accessor).await.unwrap_err();
        assert_eq!(said(&error), (Fault::Missing, "failed to find accessor entry for secret_id_accessor", true));
    }
    assert!(log_in(&bench, &role_id(&bench, "svc").await, &secret).await.is_ok(), "it still works");
}

#[tokio::test]
async fn a_destroyed_secret_id_is_gone_in_every_way() {
    let bench = bench(json!({ "secret_id_ttl": "1h" })).await;
    let id = role_id(&bench, "svc").await;
    let empty = bench.everything().len();
    for (operation, path) in [
        (Operation::Update, "secret-id/destroy"),
        (Operation::Delete, "secret-id/destroy"),
        (Operation::Update, "secret-id-accessor/destroy"),
        (Operation::Delete, "secret-id-accessor/destroy"),
    ] {
        let (secret, accessor) = secret_id(&bench, "svc", json!({})).await;
        let key = if path.contains("accessor") { ("secret_id_accessor", &accessor) } else { ("secret_id", &secret) };
        bench.ask(operation, &format!("role/svc/{path}"), json!({ key.0: key.1 })).await.unwrap();
        assert!(log_in(&bench, &id, &secret).await.is_err(), "{path}");
        assert_eq!(
            bench.write("role/svc/secret-id/lookup", json!({ "secret_id": secret })).await.unwrap(),
            Value::Null
        );
        assert_eq!(bench.everything().len(), empty, "no record is left: {path}");
    }
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let bench = bench(json!({})).await;
    for path in ["secret-id/lookup", "secret-id/destroy", "secret-id-accessor/lookup", "secret-id-accessor/destroy"] {
        let field = if path.contains("accessor") { "secret_id_accessor" } else { "secret_id" };
        for fields in [json!({}), json!({ field: "" }), json!({ field: null })] {
            let error = bench.write(&format!("role/svc/{path}"), fields).await.unwrap_err();
            assert_eq!(said(&error), (Fault::Invalid, format!("missing {field}").as_str(), false), "{path}");
        }
    }
}

#[tokio::test]
async fn expired_secret_ids_are_hidden_and_deleted_with_the_next_one() {
    let bench = bench(json!({ "secret_id_ttl": 60 })).await;
    let (secret, accessor) = secret_id(&bench, "svc", json!({})).await;
    let with_one = bench.everything().len();
    bench.clock.advance(Ttl::from_secs(60));
    assert_eq!(bench.write("role/svc/secret-id/lookup", json!({ "secret_id": secret })).await.unwrap(), Value::Null);
    let found =
        bench.ask(Operation::Update, "role/svc/secret-id-accessor/lookup", json!({ "secret_id_accessor": accessor }));
    assert!(matches!(found.await.unwrap().body, crate::contract::Body::Missing(_)));
    assert_eq!(bench.list("role/svc/secret-id").await.unwrap_err().fault, Fault::Missing);
    secret_id(&bench, "svc", json!({})).await;
    assert_eq!(bench.everything().len(), with_one, "the old one was deleted with the new one's commit");
}

/// The store contains no role name and no SecretID in plain text.
#[tokio::test]
async fn nothing_is_stored_in_the_clear() {
    let bench = bench(json!({ "role_id": "planted-role-id" })).await;
    let sent = json!({ "secret_id": "planted-secret-id", "metadata": "planted-key=planted-value" });
    bench.write("role/svc/custom-secret-id", sent).await.unwrap();
    let all = bench.everything().concat();
    for planted in ["planted-role-id", "planted-secret-id", "planted-key", "planted-value", "svc"] {
        assert!(!all.windows(planted.len()).any(|window| window == planted.as_bytes()), "{planted}");
    }
}
