//! Reading, writing and merging data, and showing its keys without values.

use serde_json::{Value, json};

use super::{NOW, ask, bench, text, version, with_versions};
use crate::contract::Operation;

#[tokio::test]
async fn a_written_secret_is_read_back() {
    let bench = bench().await;
    assert_eq!(
        bench.write("data/a/b", json!({"data": {"k": "v", "n": {"a": 1, "b": null}}})).await.unwrap(),
        version(1)
    );
    let read = bench.read("data/a/b").await.unwrap();
    assert_eq!(read, json!({"data": {"k": "v", "n": {"a": 1, "b": null}}, "metadata": version(1)}));
    assert_eq!(
        bench.read("metadata/a/b").await.unwrap(),
        json!({
            "cas_required": false, "created_time": NOW, "current_metadata_version": 0, "current_version": 1,
            "custom_metadata": null, "delete_version_after": "0s", "max_versions": 0, "metadata_cas_required": false,
            "oldest_version": 0, "updated_time": NOW,
            "versions": {"1": {"created_time": NOW, "deletion_time": "", "destroyed": false}},
        })
    );
}

/// vault-api.md §1: OpenBao reads the numbers of KV version 2 as floats. This engine keeps the caller's digits.
#[tokio::test]
async fn numbers_keep_their_exact_digits() {
    let bench = bench().await;
    let fields = r#"{"data":{"a":12345678901234567890123,"b":1.10,"c":1E40}}"#;
    bench.ask_text(Operation::Update, "data/a", fields).await.unwrap();
    let stored = text(&bench, "data/a").await;
    assert!(stored.starts_with(r#"{"data":{"a":12345678901234567890123,"b":1.10,"c":1E40},"metadata":{"#), "{stored}");
    bench.patch("data/a", json!({"data": {"c": null, "d": "x"}})).await.unwrap();
    let patched = text(&bench, "data/a").await;
    assert!(patched.starts_with(r#"{"data":{"a":12345678901234567890123,"b":1.10,"d":"x"},"#), "{patched}");
}

#[tokio::test]
async fn a_version_is_read_by_its_number() {
    let bench = with_versions(3).await;
    for (asked, found) in
        [(json!(1), 1), (json!("2"), 2), (json!(3), 3), (json!(0), 3), (json!(-1), 3), (json!(null), 3)]
    {
        let read = bench.read_with("data/a", json!({"version": asked})).await.unwrap();
        assert_eq!(read, json!({"data": {"v": found}, "metadata": version(found)}));
    }
    for (path, asked) in [("data/a", json!(4)), ("data/none", json!(1)), ("data/none", json!(0))] {
        assert_eq!(ask(&bench, Operation::Read, path, json!({"version": asked})).await, (404, Value::Null));
    }
}

#[tokio::test]
async fn null_is_data_too() {
    let bench = bench().await;
    assert_eq!(bench.write("data/a", json!({"data": null})).await.unwrap(), version(1));
    assert_eq!(
        ask(&bench, Operation::Read, "data/a", json!({})).await,
        (200, json!({"data": null, "metadata": version(1)}))
    );
    let subkeys = ask(&bench, Operation::Read, "subkeys/a", json!({})).await;
    assert_eq!(subkeys, (200, json!({"metadata": version(1), "subkeys": null})));
    // OpenBao answers 500 here. RFC 7396 treats a target that is not an object as an empty object.
    bench.patch("data/a", json!({"data": {"a": 1}})).await.unwrap();
    assert_eq!(bench.read("data/a").await.unwrap()["data"], json!({"a": 1}));
}

/// PHP writes an empty map as `[]`. OpenBao reads that as an empty map.
#[tokio::test]
async fn an_empty_list_is_an_empty_map() {
    let bench = bench().await;
    for fields in [r#"{"data": [ ], "options": []}"#, r#"{"data":[]}"#] {
        bench.ask_text(Operation::Update, "data/a", fields).await.unwrap();
        assert_eq!(bench.read("data/a").await.unwrap()["data"], json!({}), "{fields}");
    }
}

#[tokio::test]
async fn an_invalid_write_is_explained_and_changes_nothing() {
    let bench = with_versions(2).await;
    let before = bench.everything();
    let mismatch = "check-and-set parameter did not match the current version";
    for (operation, fields, message) in [
        (Operation::Update, json!({}), "no data provided"),
        (Operation::Patch, json!({}), "no data provided"),
        (Operation::Update, json!({"data": "CANARY"}), "error converting input for field \"data\": expected an object"),
        (
            Operation::Update,
            json!({"data": ["CANARY"]}),
            "error converting input for field \"data\": expected an object",
        ),
        (Operation::Patch, json!({"data": 5}), "error converting input for field \"data\": expected an object"),
        (
            Operation::Update,
            json!({"data": {}, "options": "x"}),
            "error converting input for field \"options\": expected an object",
        ),
        (Operation::Update, json!({"data": {}, "options": {"cas": 0}}), mismatch),
        (Operation::Update, json!({"data": {}, "options": {"cas": null}}), mismatch),
        (Operation::Update, json!({"data": {}, "options": {"cas": ""}}), mismatch),
        (Operation::Update, json!({"data": {}, "options": {"cas": "1"}}), mismatch),
        (Operation::Update, json!({"data": {}, "options": {"cas": 3}}), mismatch),
        (Operation::Update, json!({"data": {}, "options": {"cas": -1}}), mismatch),
        (Operation::Update, json!({"data": {}, "options": {"cas": "x"}}), "error parsing check-and-set parameter"),
        (Operation::Update, json!({"data": {}, "options": {"cas": " 2"}}), "error parsing check-and-set parameter"),
        (Operation::Update, json!({"data": {}, "options": {"cas": 2.0}}), "error parsing check-and-set parameter"),
        (Operation::Update, json!({"data": {}, "options": {"cas": []}}), "error parsing check-and-set parameter"),
        (Operation::Patch, json!({"data": {"a": 1}, "options": {"cas": 99}}), mismatch),
    ] {
        assert_eq!(ask(&bench, operation, "data/a", fields.clone()).await, (400, json!(message)), "{fields}");
    }
    let version = ask(&bench, Operation::Read, "data/a", json!({"version": "CANARY"})).await;
    assert_eq!(version, (400, json!("error converting input for field \"version\": expected a whole number")));
    assert_eq!(bench.everything(), before);
}

#[tokio::test]
async fn check_and_set_writes_only_over_the_version_that_is_current() {
    let bench = bench().await;
    for (cas, written) in [(json!(0), 1), (json!(1), 2), (json!("2"), 3)] {
        let answer = bench.write("data/a", json!({"data": {}, "options": {"cas": cas}})).await.unwrap();
        assert_eq!(answer["version"], written);
    }
    bench.patch("data/a", json!({"data": {"a": 1}, "options": {"cas": 3}})).await.unwrap();
    // A deleted version is still the current one.
    bench.delete("data/a").await.unwrap();
    assert!(bench.write("data/a", json!({"data": {}, "options": {"cas": 0}})).await.is_err());
    assert_eq!(bench.write("data/a", json!({"data": {}, "options": {"cas": 4}})).await.unwrap()["version"], 5);
}

#[tokio::test]
async fn check_and_set_can_be_required_by_mount_or_key() {
    let bench = bench().await;
    let required = (400, json!("check-and-set parameter required for this call"));
    bench.write("config", json!({"cas_required": true})).await.unwrap();
    assert_eq!(ask(&bench, Operation::Update, "data/a", json!({"data": {}})).await, required);
    bench.write("data/a", json!({"data": {}, "options": {"cas": 0}})).await.unwrap();
    assert_eq!(ask(&bench, Operation::Patch, "data/a", json!({"data": {}})).await, required);
    bench.write("config", json!({"cas_required": null})).await.unwrap();
    bench.write("data/a", json!({"data": {}})).await.unwrap();
    bench.write("metadata/a", json!({"cas_required": true})).await.unwrap();
    assert_eq!(ask(&bench, Operation::Update, "data/a", json!({"data": {}})).await, required);
}

#[tokio::test]
async fn a_patch_merges_into_the_latest_version() {
    let bench = bench().await;
    bench.write("data/a", json!({"data": {"a": {"b": 1}, "e": "f", "g": {}, "n": null}})).await.unwrap();
    let changes = json!({"a": null, "e": {"z": 1}, "new": {"x": null, "y": 2}});
    assert_eq!(bench.patch("data/a", json!({"data": changes})).await.unwrap(), version(2));
    assert_eq!(
        bench.read("data/a").await.unwrap()["data"],
        json!({"e": {"z": 1}, "g": {}, "n": null, "new": {"y": 2}})
    );
    assert_eq!(bench.patch("data/a", json!({"data": null})).await.unwrap(), version(3));
    assert_eq!(bench.read("data/a").await.unwrap()["data"], Value::Null);
}

#[tokio::test]
async fn a_patch_needs_something_to_merge_into() {
    let bench = bench().await;
    bench.write("metadata/only", json!({"max_versions": 3})).await.unwrap();
    for path in ["data/none", "data/only"] {
        assert_eq!(ask(&bench, Operation::Patch, path, json!({"data": {"a": 1}})).await, (404, Value::Null));
    }
    bench.write("data/a", json!({"data": {}})).await.unwrap();
    bench.delete("data/a").await.unwrap();
    let mut deleted = version(1);
    deleted["deletion_time"] = json!(NOW);
    assert_eq!(ask(&bench, Operation::Patch, "data/a", json!({"data": {"a": 1}})).await, (404, deleted));
    assert_eq!(ask(&bench, Operation::Patch, "data/a", json!({"data": {}, "options": {"cas": 7}})).await.0, 400);
}

#[tokio::test]
async fn patches_cannot_make_a_secret_larger_than_a_request() {
    let bench = bench().await;
    bench.write("data/a", json!({"data": {"a": "x".repeat(600_000)}})).await.unwrap();
    assert_eq!(ask(&bench, Operation::Patch, "data/a", json!({"data": {"b": "x".repeat(600_000)}})).await.0, 413);
    assert_eq!(bench.read("metadata/a").await.unwrap()["current_version"], 1);
}

#[tokio::test]
async fn case_and_odd_characters_of_a_path_count() {
    let bench = bench().await;
    for (number, path) in ["data/S", "data/s", "data/a b", "data/…", "data/a..b"].iter().enumerate() {
        bench.write(path, json!({"data": {"n": number}})).await.unwrap();
    }
    for (number, path) in ["data/S", "data/s", "data/a b", "data/…", "data/a..b"].iter().enumerate() {
        assert_eq!(bench.read(path).await.unwrap()["data"], json!({"n": number}));
    }
}

#[tokio::test]
async fn subkeys_show_names_and_no_values() {
    let bench = bench().await;
    let data =
        json!({"a": {"b": {"c": "CANARY"}, "d": [1, {"x": "CANARY"}]}, "e": "CANARY", "g": {}, "n": null, "q\"": 1});
    bench.write("data/a", json!({"data": data})).await.unwrap();
    let all = json!({"a": {"b": {"c": null}, "d": null}, "e": null, "g": null, "n": null, "q\"": null});
    let two = json!({"a": {"b": null, "d": null}, "e": null, "g": null, "n": null, "q\"": null});
    let one = json!({"a": null, "e": null, "g": null, "n": null, "q\"": null});
    for (fields, subkeys) in [
        (json!({}), &all),
        (json!({"depth": 0}), &all),
        (json!({"depth": 9, "version": 1}), &all),
        (json!({"depth": "2"}), &two),
        (json!({"depth": 1}), &one),
    ] {
        let read = ask(&bench, Operation::Read, "subkeys/a", fields).await;
        assert_eq!(read, (200, json!({"metadata": version(1), "subkeys": subkeys})));
    }
    for (fields, code) in [(json!({"depth": -1}), 400), (json!({"depth": "x"}), 400), (json!({"version": 9}), 404)] {
        assert_eq!(ask(&bench, Operation::Read, "subkeys/a", fields).await.0, code);
    }
    bench.write("data/a", json!({"data": {}})).await.unwrap();
    assert_eq!(bench.read("subkeys/a").await.unwrap()["subkeys"], json!({}));
}
