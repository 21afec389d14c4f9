//! Deleting, undeleting, destroying and pruning of versions.

use serde_json::{Value, json};

use super::{NOW, ask, bench, version, with_versions};
use crate::{base::ttl::Ttl, contract::Operation};

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
    // A second deletion does not change the time of the first.
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
async fn deleting_what_does_not_exist_succeeds() {
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
    // A destroyed version leaves no data behind when the next version is written.
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
    // A lower limit takes effect with the next write.
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
    assert_eq!(bench.read("metadata/a").await.unwrap()["oldest_version"], 12);
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
    // An undeleted version stays readable, even if its deletion was due in the future.
    bench.write("undelete/a", json!({"versions": [2, 3]})).await.unwrap();
    bench.clock.advance(Ttl::from_hours(2));
    for (number, code) in [(2, 200), (3, 200), (4, 404), (5, 200)] {
        assert_eq!(ask(&bench, Operation::Read, "data/a", json!({"version": number})).await.0, code);
    }
}
