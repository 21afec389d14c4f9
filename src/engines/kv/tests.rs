//! Tests of the engine through its public API. Answers and texts are those of OpenBao 2.7.2, which was asked each
//! request, unless a test says otherwise.

mod data;
mod metadata;
mod versions;

use std::sync::Arc;

use serde_json::{Value, json};

use super::Kv;
use crate::contract::{
    Answer, Body, Fault, Operation,
    bench::{Bench, conformance},
};

const NOW: &str = "2027-01-15T08:00:00Z";

async fn bench() -> Bench {
    Bench::engine::<Kv>().await
}

/// A bench on which `a` has the versions 1 to `count`, each `{"v": number}`.
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

/// The exact text of an answer, for numbers that a JSON library would change.
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
async fn it_passes_the_conformance_suite() {
    assert_eq!(conformance(&bench().await).await, Vec::<String>::new());
    let bench = bench().await;
    bench.write("data/zz", json!({"data": {"a": {"b": 1}}})).await.unwrap();
    bench.write("data/zz", json!({"data": {"a": {"b": 2}}})).await.unwrap();
    assert_eq!(conformance(&bench).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_write_is_a_create_until_the_key_exists() {
    let bench = bench().await;
    for path in ["data/a", "metadata/a"] {
        assert_eq!(bench.exists(path), Some(false));
    }
    bench.write("metadata/a", json!({"max_versions": 1})).await.unwrap();
    for path in ["data/a", "metadata/a"] {
        assert_eq!(bench.exists(path), Some(true));
    }
    for path in ["config", "delete/a", "destroy/a", "undelete/a"] {
        assert_eq!(bench.exists(path), None);
    }
}

#[tokio::test]
async fn an_operation_that_a_path_lacks_is_unsupported() {
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

/// A path without `data/` was answered like a path of no engine, so clients of Vault did not say what was wrong with it.
#[tokio::test]
async fn a_path_of_version_1_is_told_what_is_wrong_with_it() {
    let bench = bench().await;
    for (operation, command) in [
        (Operation::Read, "kv get"),
        (Operation::List, "kv list"),
        (Operation::Update, "kv put"),
        (Operation::Patch, "kv patch"),
        (Operation::Delete, "kv delete"),
        (Operation::Scan, ""),
    ] {
        for path in ["app", "app/db", "datas/app"] {
            let answer = bench.ask(operation, path, json!({"a": 1})).await.unwrap();
            assert_eq!(answer.status(), 404, "{path}");
            assert!(matches!(&answer.body, Body::Missing(data) if data == "null"));
            let warning = answer.warnings.first().unwrap();
            assert!(
                warning.starts_with("Invalid path for a versioned K/V secrets engine.") && warning.contains(command)
            );
        }
    }
}

/// INVARIANT 24, STO-12.
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
