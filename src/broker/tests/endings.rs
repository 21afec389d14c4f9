//! Requests that end badly: a handler that panics, a client that goes away. Both leave both lines, and harm nobody else.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
};

use serde_json::json;

use super::Rig;
use crate::contract::{Answer, Api, Call, Host, Result, SecretsEngine, read, row::Nothing, waits, write};

/// An engine for tests: it panics when it is asked to.
pub(in crate::broker) struct Panicking;

impl SecretsEngine for Panicking {
    const KIND: &'static str = "panicking";

    fn api() -> Api<Self> {
        Api::new(
            "Panics, for tests.",
            [read("now", panic_now, "Panic while reading."), write("now", waits(panic_later), "Panic while writing.")],
        )
    }

    async fn open(_: Host) -> Result<Self> {
        Ok(Self)
    }
}

fn panic_now(call: Call<Panicking>, _: Nothing, _: Nothing) -> Result<Answer> {
    call.store.put(&NOTES, "note", &1)?;
    panic!("CANARY: a message that nobody must see");
}

async fn panic_later(call: Call<Panicking>, at: Nothing, input: Nothing) -> Result<Answer> {
    tokio::task::yield_now().await;
    panic_now(call, at, input)
}

const NOTES: crate::contract::Table<u8> = crate::contract::Table::sealed(1);

/// INVARIANT 43, HTTP-12.
#[tokio::test]
async fn a_panic_is_one_callers_500_and_is_recorded() {
    let rig = Rig::open().await;
    assert_eq!(rig.root("POST", "sys/mounts/p", json!({"type": "panicking"})).await.status, 204);
    for method in ["GET", "POST"] {
        let answer = rig.root(method, "p/now", json!(null)).await;
        assert_eq!((answer.status, answer.error()), (500, "internal error"));
    }
    assert_eq!(rig.root("GET", "sys/mounts", json!(null)).await.status, 200);
    let lines = rig.audit_lines();
    let of: Vec<_> = lines.iter().filter(|line| line["request"]["path"] == "p/now").collect();
    assert_eq!(of.len(), 4);
    assert!(!serde_json::to_string(&lines).unwrap().contains("CANARY"));
}

/// INVARIANT 44: a client that goes away at any point changes nothing about a change that was recorded.
#[tokio::test]
async fn a_client_that_hangs_up_changes_nothing() {
    let rig = Rig::open().await;
    for polls in 1..6 {
        {
            let path = format!("secret/data/hang-{polls}");
            let mut request = pin!(rig.root("POST", &path, json!({"data": {"a": polls}})));
            for _ in 0..polls {
                if request.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // Whatever was begun ends by itself; a request behind it in the committer's queue waits for it.
        let path = format!("secret/data/hang-{polls}");
        let mut seen = rig.root("GET", &path, json!(null)).await;
        for _ in 0..10_000 {
            if seen.status == 200 {
                break;
            }
            tokio::task::yield_now().await;
            seen = rig.root("GET", &path, json!(null)).await;
        }
        assert_eq!(seen.body["data"]["data"]["a"], polls, "{seen:?}");
    }
    let lines = rig.audit_lines();
    for kind in ["request", "response"] {
        let of = lines.iter().filter(|line| {
            line["type"] == kind
                && line["request"]["path"].as_str().unwrap_or("").starts_with("secret/data/hang")
                && line["request"]["operation"] == "update"
        });
        assert_eq!(of.count(), 5, "{kind}");
    }
}
