//! The engine through its front door. Answers and texts are those of OpenBao 2.7.2, asked request by request, unless a
//! test says otherwise.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Kv;
use crate::{
    base::ttl::Ttl,
    contract::{
        Answer, Body, Fault, Operation,
        bench::{Bench, conformance},
    },
};

const NOW: &str = "2027-01-15T08:00:00Z";

async fn bench() -> Bench {
    Bench::engine::<Kv>().await
}

/// A bench with versions 1 to `count` of `a`, each `{"v": number}`.
async fn with_versions(count: u64) -> Bench {
    let bench = bench().await;
    for version in 1..=count {
        bench.write("data/a", json!({"data": {"v": version}})).await.unwrap();
    }
    bench
}

async fn ask(bench: &Bench, operation: Operation, path: &str, fields: Value) -> (u16, Value) {
    match bench.ask(operation, path, fields).await {
        Ok(Answer { body: Body::Done, .. }) => (204, Value::Null),
        Ok(Answer { body: Body::Data(text), .. }) => (200, serde_json::from_str(&text).unwrap()),
        Ok(Answer { body: Body::Missing(text), .. }) => (404, serde_json::from_str(&text).unwrap()),
        Ok(_) => unreachable!("a body that this engine never gives"),
        Err(error) => {
            let code = match error.fault {
                Fault::Invalid => 400,
                Fault::Missing => 404,
                Fault::Unsupported => 405,
                Fault::TooLarge => 413,
                _ => 500,
            };
            (code, error.text().map_or(Value::Null, Value::String))
        }
    }
}

/// The text of an answer as it stands, for numbers that a JSON library would change.
async fn text(bench: &Bench, path: &str) -> String {
    match bench.ask(Operation::Read, path, json!({})).await.unwrap().body {
        Body::Data(text) => text,
        _ => unreachable!("no data"),
    }
}

fn version(number: u64) -> Value {
    json!({"created_time": NOW, "custom_metadata": null, "deletion_time": "", "destroyed": false, "version": number})
}

#[tokio::test]
async fn every_promise_of_an_engine_holds() {
    assert_eq!(conformance(&bench().await).await, Vec::<String>::new());
    let bench = bench().await;
    bench.write("data/zz", json!({"data": {"a": {"b": 1}}})).await.unwrap();
    bench.write("data/zz", json!({"data": {"a": {"b": 2}}})).await.unwrap();
    assert_eq!(conformance(&bench).await, Vec::<String>::new());
}

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

/// vault-api.md §1: OpenBao takes numbers of version 2 through a float; here they are the caller's digits.
#[tokio::test]
async fn numbers_stay_letter_for_letter() {
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
    // OpenBao answers 500 here; RFC 7396 makes an object of whatever is none.
    bench.patch("data/a", json!({"data": {"a": 1}})).await.unwrap();
    assert_eq!(bench.read("data/a").await.unwrap()["data"], json!({"a": 1}));
}

#[tokio::test]
async fn what_is_wrong_with_a_write_is_said_and_changes_nothing() {
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
async fn a_deleted_version_is_missing_until_it_is_undeleted() {
    let bench = with_versions(2).await;
    bench.delete("data/a").await.unwrap();
    let mut deleted = version(2);
    deleted["deletion_time"] = json!(NOW);
    assert_eq!(
        ask(&bench, Operation::Read, "data/a", json!({})).await,
        (404, json!({"data": null, "metadata": deleted}))
    );
    let subkeys = ask(&bench, Operation::Read, "subkeys/a", json!({})).await;
    assert_eq!(subkeys, (404, json!({"metadata": deleted, "subkeys": null})));
    assert_eq!(bench.read_with("data/a", json!({"version": 1})).await.unwrap()["data"], json!({"v": 1}));
    // A second deletion does not move the time of the first.
    bench.clock.advance(Ttl::from_secs(60));
    let before = bench.everything();
    bench.delete("data/a").await.unwrap();
    bench.write("delete/a", json!({"versions": [2]})).await.unwrap();
    assert_eq!(bench.everything(), before);
    bench.write("undelete/a", json!({"versions": [2, 77]})).await.unwrap();
    assert_eq!(bench.read("data/a").await.unwrap(), json!({"data": {"v": 2}, "metadata": version(2)}));
}

#[tokio::test]
async fn versions_are_named_by_list_number_or_text() {
    let bench = with_versions(4).await;
    for versions in [json!([1, "2"]), json!("1,2"), json!("1 , 2"), json!([2, 1, 0, -1])] {
        bench.write("delete/a", json!({"versions": versions})).await.unwrap();
        for (number, code) in [(1, 404), (2, 404), (3, 200), (4, 200)] {
            assert_eq!(ask(&bench, Operation::Read, "data/a", json!({"version": number})).await.0, code, "{versions}");
        }
        bench.write("undelete/a", json!({"versions": [1, 2]})).await.unwrap();
    }
    bench.write("delete/a", json!({"versions": 3})).await.unwrap();
    assert_eq!(ask(&bench, Operation::Read, "data/a", json!({"version": 3})).await.0, 404);
}

#[tokio::test]
async fn a_request_about_versions_must_name_some() {
    let bench = with_versions(1).await;
    let before = bench.everything();
    for (path, message) in [
        ("delete/a", "No version number provided"),
        ("undelete/a", "No version number provided"),
        ("destroy/a", "no version number provided"),
        ("delete/none", "No version number provided"),
    ] {
        for fields in [json!({}), json!({"versions": []}), json!({"versions": null}), json!({"versions": ""})] {
            assert_eq!(ask(&bench, Operation::Update, path, fields).await, (400, json!(message)));
        }
        for versions in [json!("CANARY"), json!(["CANARY"]), json!([1.5]), json!([[1]]), json!(true), json!({"a": 1})] {
            let message = "error converting input for field \"versions\": expected a list of whole numbers";
            assert_eq!(
                ask(&bench, Operation::Update, path, json!({"versions": versions})).await,
                (400, json!(message))
            );
        }
    }
    assert_eq!(bench.everything(), before);
}

#[tokio::test]
async fn what_is_not_there_can_be_deleted() {
    let bench = bench().await;
    for path in ["delete/none", "undelete/none", "destroy/none"] {
        assert_eq!(ask(&bench, Operation::Update, path, json!({"versions": [3]})).await, (204, Value::Null));
    }
    for path in ["data/none", "metadata/none"] {
        assert_eq!(ask(&bench, Operation::Delete, path, json!({})).await, (204, Value::Null));
    }
    assert!(bench.everything().is_empty());
}

/// KV-01.
#[tokio::test]
async fn a_destroyed_version_is_gone_for_good() {
    let bench = with_versions(3).await;
    let records = bench.everything().len();
    bench.write("destroy/a", json!({"versions": [1, 3]})).await.unwrap();
    assert_eq!(bench.everything().len(), records - 1);
    bench.write("undelete/a", json!({"versions": [1, 3]})).await.unwrap();
    for number in [1, 3] {
        let mut destroyed = version(number);
        destroyed["destroyed"] = json!(true);
        let read = ask(&bench, Operation::Read, "data/a", json!({"version": number})).await;
        assert_eq!(read, (404, json!({"data": null, "metadata": destroyed})));
    }
    assert_eq!(ask(&bench, Operation::Patch, "data/a", json!({"data": {}})).await.0, 404);
    assert_eq!(ask(&bench, Operation::Delete, "data/a", json!({})).await.0, 204);
    assert_eq!(bench.read("metadata/a").await.unwrap()["versions"]["3"]["deletion_time"], "");
    // What was destroyed leaves no data behind when the next version comes.
    bench.write("data/a", json!({"data": {"v": 4}, "options": {"cas": 3}})).await.unwrap();
    assert_eq!(bench.everything().len(), records - 1);
    assert_eq!(bench.read("data/a").await.unwrap()["data"], json!({"v": 4}));
}

#[tokio::test]
async fn the_oldest_versions_go_when_there_are_too_many() {
    let bench = bench().await;
    bench.write("metadata/a", json!({"max_versions": 3})).await.unwrap();
    for (written, oldest) in [(1, 0), (2, 0), (3, 1), (4, 2), (5, 3)] {
        bench.write("data/a", json!({"data": {"v": written}})).await.unwrap();
        assert_eq!(bench.read("metadata/a").await.unwrap()["oldest_version"], oldest);
    }
    let metadata = bench.read("metadata/a").await.unwrap();
    assert_eq!(metadata["versions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["3", "4", "5"]);
    for (number, code) in [(1, 404), (2, 404), (3, 200), (4, 200), (5, 200)] {
        assert_eq!(ask(&bench, Operation::Read, "data/a", json!({"version": number})).await.0, code);
    }
    assert_eq!(bench.everything().len(), 3);
    // Fewer are kept from the next write on.
    bench.write("metadata/a", json!({"max_versions": 1})).await.unwrap();
    assert_eq!(bench.read_with("data/a", json!({"version": 3})).await.unwrap()["data"], json!({"v": 3}));
    bench.write("data/a", json!({"data": {"v": 6}})).await.unwrap();
    assert_eq!(bench.everything().len(), 1);
}

#[tokio::test]
async fn ten_versions_are_kept_unless_mount_or_key_say_more() {
    let bench = with_versions(12).await;
    assert_eq!(bench.read("metadata/a").await.unwrap()["oldest_version"], 3);
    bench.write("config", json!({"max_versions": 4})).await.unwrap();
    bench.write("metadata/a", json!({"max_versions": 2})).await.unwrap();
    bench.write("data/a", json!({"data": {}})).await.unwrap();
    assert_eq!(bench.read("metadata/a").await.unwrap()["oldest_version"], 10);
}

#[tokio::test]
async fn versions_delete_themselves_after_the_shorter_time() {
    let bench = bench().await;
    for (mount, key, deletion) in [
        ("0s", "0s", ""),
        ("0s", "1h", "2027-01-15T09:00:00Z"),
        ("10m", "1h", "2027-01-15T08:10:00Z"),
        ("3h", "1h", "2027-01-15T09:00:00Z"),
        ("3h", "", "2027-01-15T11:00:00Z"),
        ("-1s", "1h", ""),
    ] {
        bench.write("config", json!({"delete_version_after": mount})).await.unwrap();
        bench.write("metadata/a", json!({"delete_version_after": key})).await.unwrap();
        let written = bench.write("data/a", json!({"data": {}})).await.unwrap();
        assert_eq!(written["deletion_time"], deletion, "{mount} {key}");
    }
    bench.clock.advance(Ttl::from_secs(600));
    for (number, code) in [(1, 200), (2, 200), (3, 404), (4, 200), (5, 200), (6, 200)] {
        assert_eq!(ask(&bench, Operation::Read, "data/a", json!({"version": number})).await.0, code);
    }
    // What is undeleted stays, also where its time was still to come.
    bench.write("undelete/a", json!({"versions": [2, 3]})).await.unwrap();
    bench.clock.advance(Ttl::from_hours(2));
    for (number, code) in [(2, 200), (3, 200), (4, 404), (5, 200)] {
        assert_eq!(ask(&bench, Operation::Read, "data/a", json!({"version": number})).await.0, code);
    }
}

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
        // A key may hold anything by mistake: only its beginning is named, and nothing of one that cannot be shown.
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
    // 64 more beside the old one are too many together.
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

#[tokio::test]
async fn a_write_is_a_create_until_the_key_exists() {
    let bench = bench().await;
    for path in ["data/a", "metadata/a"] {
        assert_eq!(bench.exists(path).await, Some(false));
    }
    bench.write("metadata/a", json!({"max_versions": 1})).await.unwrap();
    for path in ["data/a", "metadata/a"] {
        assert_eq!(bench.exists(path).await, Some(true));
    }
    for path in ["config", "delete/a", "destroy/a", "undelete/a"] {
        assert_eq!(bench.exists(path).await, None);
    }
}

#[tokio::test]
async fn what_is_no_operation_of_a_path_is_unsupported() {
    let bench = bench().await;
    for (operation, path) in [
        (Operation::List, "data"),
        (Operation::List, "data/a"),
        (Operation::Delete, "config"),
        (Operation::Patch, "config"),
        (Operation::Update, "subkeys/a"),
        (Operation::Read, "delete/a"),
        (Operation::Read, "destroy/a"),
        (Operation::Delete, "undelete/a"),
    ] {
        let refusal = (405, json!("1 error occurred:\n\t* unsupported operation\n\n"));
        assert_eq!(ask(&bench, operation, path, json!({})).await, refusal, "{path}");
    }
    for path in ["data", "metadata"] {
        let answer = bench.ask(Operation::Read, path, json!({})).await.unwrap();
        assert!(matches!(&answer.body, Body::Missing(data) if data == "null"));
        assert_eq!(answer.warnings, ["Non-listing operations on the root of a K/V v2 mount are not supported."]);
    }
}

/// Invariant 24, STO-12.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_writers_make_a_hundred_versions() {
    let bench = Arc::new(bench().await);
    bench.write("config", json!({"max_versions": 100})).await.unwrap();
    let writers: Vec<_> = (0..100)
        .map(|writer| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move { bench.write("data/a", json!({"data": {"writer": writer}})).await.unwrap() })
        })
        .collect();
    let mut numbers = Vec::new();
    for writer in writers {
        numbers.push(writer.await.unwrap()["version"].as_u64().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    let mut seen = Vec::new();
    for number in 1..=100 {
        let read = bench.read_with("data/a", json!({"version": number})).await.unwrap();
        seen.push(read["data"]["writer"].as_u64().unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
}

/// STO-12.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_writers_with_one_check_and_set_one_wins() {
    let bench = Arc::new(bench().await);
    let writers: Vec<_> = (0..100)
        .map(|writer| {
            let bench = Arc::clone(&bench);
            let fields = json!({"data": {"writer": writer}, "options": {"cas": 0}});
            tokio::spawn(async move { bench.write("data/a", fields).await.is_ok() })
        })
        .collect();
    let mut winners = 0;
    for writer in writers {
        winners += u32::from(writer.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(bench.read("metadata/a").await.unwrap()["current_version"], 1);
}
