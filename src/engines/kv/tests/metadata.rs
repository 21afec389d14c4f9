//! Settings of mounts and keys, custom metadata, and listings.

use serde_json::{Value, json};

use super::{NOW, ask, bench, with_versions};
use crate::{base::ttl::Ttl, contract::Operation};

#[tokio::test]
async fn settings_of_a_mount_stay_where_they_are_not_given() {
    let bench = bench().await;
    let shown = |cas, after, most, metadata| json!({"cas_required": cas, "delete_version_after": after, "max_versions": most, "metadata_cas_required": metadata});
    assert_eq!(bench.read("config").await.unwrap(), shown(false, "0s", 0, false));
    for (fields, after) in [
        (
            json!({"cas_required": "true", "delete_version_after": "5m", "max_versions": "2"}),
            shown(true, "5m0s", 2, false),
        ),
        (json!({}), shown(true, "5m0s", 2, false)),
        (json!({"max_versions": 3}), shown(true, "5m0s", 3, false)),
        (json!({"delete_version_after": null}), shown(true, "5m0s", 3, false)),
        (json!({"delete_version_after": -1}), shown(true, "-1s", 3, false)),
        (json!({"delete_version_after": ""}), shown(true, "0s", 3, false)),
        (
            json!({"cas_required": null, "max_versions": null, "metadata_cas_required": true}),
            shown(false, "0s", 0, true),
        ),
    ] {
        assert_eq!(bench.write("config", fields).await.unwrap(), Value::Null);
        assert_eq!(bench.read("config").await.unwrap(), after);
    }
}

/// KV-01: 2^63 versions.
#[tokio::test]
async fn settings_that_make_no_sense_are_refused_with_the_fields_name() {
    let bench = with_versions(1).await;
    let before = bench.everything();
    let count = "expected a whole number from 0 to 4294967295";
    let duration = "expected a duration such as 300, \"5m\" or \"1h30m\"";
    for (fields, field, expected) in [
        (json!({"max_versions": 9_223_372_036_854_775_808_u64}), "max_versions", count),
        (json!({"max_versions": 4_294_967_296_u64}), "max_versions", count),
        (json!({"max_versions": -1}), "max_versions", count),
        (json!({"max_versions": "CANARY"}), "max_versions", count),
        (json!({"max_versions": 1.5}), "max_versions", count),
        (json!({"cas_required": "CANARY"}), "cas_required", "expected true or false"),
        (json!({"delete_version_after": "CANARY"}), "delete_version_after", duration),
        (json!({"delete_version_after": true}), "delete_version_after", duration),
        (json!({"delete_version_after": 3.7}), "delete_version_after", duration),
    ] {
        let message = json!(format!("error converting input for field \"{field}\": {expected}"));
        for (operation, path) in
            [(Operation::Update, "config"), (Operation::Update, "metadata/a"), (Operation::Patch, "metadata/a")]
        {
            assert_eq!(ask(&bench, operation, path, fields.clone()).await, (400, message.clone()), "{path} {fields}");
        }
    }
    let below = ask(&bench, Operation::Update, "metadata/a", json!({"delete_version_after": "-1s"})).await;
    assert_eq!(below.0, 400);
    assert_eq!(bench.everything(), before);
}

#[tokio::test]
async fn metadata_can_come_before_data() {
    let bench = bench().await;
    let settings = json!({"max_versions": 5, "cas_required": true, "delete_version_after": "1h", "custom_metadata": {"owner": "ops"}});
    assert_eq!(bench.write("metadata/m", settings).await.unwrap(), Value::Null);
    let mut shown = json!({
        "cas_required": true, "created_time": NOW, "current_metadata_version": 1, "current_version": 0,
        "custom_metadata": {"owner": "ops"}, "delete_version_after": "1h0m0s", "max_versions": 5,
        "metadata_cas_required": false, "oldest_version": 0, "updated_time": NOW, "versions": {},
    });
    assert_eq!(bench.read("metadata/m").await.unwrap(), shown);
    for (operation, path) in [(Operation::Read, "data/m"), (Operation::Read, "subkeys/m")] {
        assert_eq!(ask(&bench, operation, path, json!({})).await, (404, Value::Null));
    }
    assert_eq!(ask(&bench, Operation::Delete, "data/m", json!({})).await.0, 204);
    bench.clock.advance(Ttl::from_secs(1));
    let written = bench.write("data/m", json!({"data": {}, "options": {"cas": 0}})).await.unwrap();
    assert_eq!(
        written,
        json!({
            "created_time": "2027-01-15T08:00:01Z", "custom_metadata": {"owner": "ops"},
            "deletion_time": "2027-01-15T09:00:01Z", "destroyed": false, "version": 1,
        })
    );
    let mut first = written;
    for field in ["custom_metadata", "version"] {
        first.as_object_mut().unwrap().remove(field);
    }
    shown["versions"] = json!({"1": first});
    shown["current_version"] = json!(1);
    shown["updated_time"] = json!("2027-01-15T08:00:01Z");
    assert_eq!(bench.read("metadata/m").await.unwrap(), shown);
}

#[tokio::test]
async fn a_write_of_metadata_without_settings_does_nothing() {
    let bench = bench().await;
    for fields in [json!({}), json!({"metadata_cas": 9}), json!({"delete_version_after": null}), json!({"foo": 1})] {
        for operation in [Operation::Update, Operation::Patch] {
            assert_eq!(ask(&bench, operation, "metadata/a", fields.clone()).await, (204, Value::Null));
        }
    }
    assert!(bench.everything().is_empty());
    assert_eq!(ask(&bench, Operation::Patch, "metadata/a", json!({"max_versions": 3})).await, (404, Value::Null));
}

#[tokio::test]
async fn custom_metadata_is_replaced_by_a_write_and_merged_by_a_patch() {
    let bench = bench().await;
    for (operation, custom, after) in [
        (Operation::Update, json!({"a": "b", "c": "d"}), json!({"a": "b", "c": "d"})),
        (Operation::Update, json!({"a": "b"}), json!({"a": "b"})),
        (Operation::Patch, json!({"a": null, "x": "y"}), json!({"x": "y"})),
        (Operation::Patch, json!({}), json!({"x": "y"})),
        (Operation::Patch, json!({"x": null}), json!(null)),
        (Operation::Update, json!({"a": 1, "b": true, "c": false}), json!({"a": "1", "b": "1", "c": "0"})),
        (Operation::Patch, json!(null), json!(null)),
        (Operation::Update, json!({"a": "é"}), json!({"a": "é"})),
        (Operation::Update, json!(null), json!(null)),
        (Operation::Update, json!({}), json!(null)),
    ] {
        assert_eq!(ask(&bench, operation, "metadata/a", json!({"custom_metadata": custom})).await, (204, Value::Null));
        assert_eq!(bench.read("metadata/a").await.unwrap()["custom_metadata"], after, "{custom}");
    }
    assert_eq!(bench.read("metadata/a").await.unwrap()["current_metadata_version"], 10);
}

#[tokio::test]
async fn custom_metadata_has_limits() {
    let bench = bench().await;
    bench.write("metadata/a", json!({"custom_metadata": {"old": "value"}})).await.unwrap();
    let before = bench.everything();
    let many: serde_json::Map<String, Value> = (0..65).map(|i| (format!("k{i}"), json!("v"))).collect();
    let one = |line: &str| json!(format!("1 error occurred:\n\t* custom_metadata validation failed: {line}\n\n"));
    let shape = || json!("error converting input for field \"custom_metadata\": expected an object of texts");
    for (custom, message) in [
        (Value::Object(many), one("payload must contain at most 64 keys, provided 65")),
        (json!({"a": ""}), one("length of value for key \"a\" is 0 but must be 0 < len(value) <= 512")),
        (json!({"a": "x".repeat(513)}), one("length of value for key \"a\" is 513 but must be 0 < len(value) <= 512")),
        (json!({"": "x"}), one("length of key \"\" is 0 but must be 0 < len(key) <= 128")),
        // A caller may send a secret as a key by mistake. The error shows only the beginning of a key, and nothing of a
        // key with control characters.
        (
            json!({"k".repeat(129): "x"}),
            one("length of key \"kkkkkkkkkkkkkkkk\" is 129 but must be 0 < len(key) <= 128"),
        ),
        (json!({"a\n": "x"}), one("a key contains unprintable characters")),
        (json!({"a": "x\ny"}), one("value for key \"a\" contains unprintable characters")),
        (
            json!({"a": "x".repeat(513), "b": ""}),
            json!(
                "2 errors occurred:\n\t* custom_metadata validation failed: length of value for key \"a\" is 513 but must be 0 < len(value) <= 512\n\t* custom_metadata validation failed: length of value for key \"b\" is 0 but must be 0 < len(value) <= 512\n\n"
            ),
        ),
        (json!({"a": {"b": "CANARY"}}), shape()),
        (json!({"a": ["CANARY"]}), shape()),
        (json!("CANARY"), json!("error converting input for field \"custom_metadata\": expected an object")),
        (json!(["CANARY"]), json!("error converting input for field \"custom_metadata\": expected an object")),
    ] {
        for operation in [Operation::Update, Operation::Patch] {
            let fields = json!({"custom_metadata": custom});
            assert_eq!(ask(&bench, operation, "metadata/a", fields).await, (400, message.clone()), "{custom}");
        }
    }
    assert_eq!(ask(&bench, Operation::Update, "metadata/a", json!({"custom_metadata": {"a": null}})).await.0, 400);
    // 64 new keys and the old one together are too many.
    let more: serde_json::Map<String, Value> = (0..64).map(|i| (format!("k{i}"), json!("v"))).collect();
    assert_eq!(ask(&bench, Operation::Patch, "metadata/a", json!({"custom_metadata": more})).await.0, 400);
    assert_eq!(bench.everything(), before);
    bench.write("metadata/a", json!({"custom_metadata": {"k".repeat(128): "x".repeat(512)}})).await.unwrap();
}

#[tokio::test]
async fn metadata_has_a_check_and_set_of_its_own() {
    let bench = bench().await;
    let required = (400, json!("metadata check-and-set parameter required for this call"));
    let mismatch = (400, json!("metadata check-and-set parameter does not match the current version"));
    bench.write("config", json!({"metadata_cas_required": true})).await.unwrap();
    assert_eq!(ask(&bench, Operation::Update, "metadata/a", json!({"max_versions": 3})).await, required);
    for (operation, cas, expected) in [
        (Operation::Update, 1, &mismatch),
        (Operation::Update, 0, &(204, Value::Null)),
        (Operation::Update, 0, &mismatch),
        (Operation::Patch, 7, &mismatch),
        (Operation::Patch, -1, &mismatch),
        (Operation::Patch, 1, &(204, Value::Null)),
    ] {
        assert_eq!(
            &ask(&bench, operation, "metadata/a", json!({"max_versions": 3, "metadata_cas": cas})).await,
            expected
        );
    }
    assert_eq!(ask(&bench, Operation::Patch, "metadata/a", json!({"max_versions": 3})).await, required);
    bench.write("config", json!({"metadata_cas_required": false})).await.unwrap();
    bench.write("metadata/a", json!({"metadata_cas_required": true})).await.unwrap();
    assert_eq!(ask(&bench, Operation::Update, "metadata/a", json!({"max_versions": 4})).await, required);
    assert_eq!(bench.read("metadata/a").await.unwrap()["current_metadata_version"], 3);
}

#[tokio::test]
async fn deleting_metadata_removes_every_version() {
    let bench = with_versions(3).await;
    bench.write("data/a/1", json!({"data": {"other": true}})).await.unwrap();
    bench.write("data/a/1", json!({"data": {"other": false}})).await.unwrap();
    bench.delete("metadata/a").await.unwrap();
    for path in ["data/a", "metadata/a", "subkeys/a"] {
        assert_eq!(ask(&bench, Operation::Read, path, json!({})).await, (404, Value::Null));
    }
    assert_eq!(bench.everything().len(), 2);
    assert_eq!(bench.read_with("data/a/1", json!({"version": 1})).await.unwrap()["data"], json!({"other": true}));
    bench.write("data/a", json!({"data": {}, "options": {"cas": 0}})).await.unwrap();
    assert_eq!(bench.read("metadata/a").await.unwrap()["current_version"], 1);
}

#[tokio::test]
async fn names_are_listed_with_folders() {
    let bench = bench().await;
    assert_eq!(ask(&bench, Operation::List, "metadata", json!({})).await, (404, Value::Null));
    for path in ["a", "a/b", "a/c/d", "a-b", "é"] {
        bench.write(&format!("data/{path}"), json!({"data": {}})).await.unwrap();
        bench.write(&format!("data/{path}"), json!({"data": {}})).await.unwrap();
    }
    bench.write("metadata/only", json!({"max_versions": 1})).await.unwrap();
    bench.delete("data/a-b").await.unwrap();
    assert_eq!(bench.list("metadata").await.unwrap(), json!({"keys": ["a", "a-b", "a/", "only", "é"]}));
    assert_eq!(bench.list("metadata/a").await.unwrap(), json!({"keys": ["b", "c/"]}));
    assert_eq!(ask(&bench, Operation::List, "metadata/a/b", json!({})).await, (404, Value::Null));
    for (fields, keys) in [
        (json!({"limit": 2}), json!(["a", "a-b"])),
        (json!({"limit": "1", "after": "a-b"}), json!(["a/"])),
        (json!({"limit": -1, "after": "a/"}), json!(["only", "é"])),
    ] {
        assert_eq!(ask(&bench, Operation::List, "metadata", fields).await, (200, json!({"keys": keys})));
    }
    bench.delete("metadata/a").await.unwrap();
    assert_eq!(bench.list("metadata").await.unwrap(), json!({"keys": ["a-b", "a/", "only", "é"]}));
}

/// C10: a key whose number of versions was below the mount's kept as many as the mount says.
#[tokio::test]
async fn c10_a_keys_number_of_versions_counts_where_it_has_one() {
    for (mount, key, kept) in [(4, 2, 2), (4, 6, 6), (4, 0, 4), (0, 3, 3), (0, 0, 10), (12, 0, 12), (12, 1, 1)] {
        let bench = bench().await;
        bench.write("config", json!({"max_versions": mount})).await.unwrap();
        bench.write("metadata/a", json!({"max_versions": key})).await.unwrap();
        for number in 1..=14 {
            bench.write("data/a", json!({"data": {"n": number}})).await.unwrap();
        }
        let versions = bench.read("metadata/a").await.unwrap()["versions"].as_object().unwrap().len();
        assert_eq!(versions, kept, "mount {mount}, key {key}");
    }
}
