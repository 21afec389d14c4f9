//! The whole server without its listeners: requests go in as the wire hands them over and come out as bytes.

pub(super) mod endings;
mod golden;
mod marks;
mod sealing;
mod storage;
mod tokens;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    base::{
        random::Random,
        secret::Secret,
        time::{Clock, Time},
        ttl::Ttl,
    },
    broker::{Broker, Setup},
    services::audit::DeviceConfig,
    store::{Boot, Files, Store},
    wire::{Body, Peer, Request},
};

/// A broker over a memory store, with one audit file in a directory that goes away.
pub(super) struct Rig {
    pub broker: Arc<Broker>,
    pub clock: Clock,
    pub root: String,
    directory: tempfile::TempDir,
}

/// An answer taken apart.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    /// The first error text.
    pub fn error(&self) -> &str {
        self.body["errors"][0].as_str().unwrap_or("")
    }
}

impl Rig {
    /// Sealed and empty.
    pub fn empty() -> Self {
        Self::with(Boot::memory(), None)
    }

    /// Sealed and empty, with a key in its configuration.
    pub fn sealed_by(key: [u8; 32]) -> Self {
        Self::with(Boot::memory(), Some((String::from("2026-11"), Secret::new(key))))
    }

    /// Over a boot file of one's own, and an empty store.
    pub fn over(boot: Boot) -> Self {
        Self::with(boot, None)
    }

    fn with(boot: Boot, fixed_seal: Option<(String, Secret<[u8; 32]>)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Time::from_unix_secs(1_800_000_000));
        let device = DeviceConfig {
            name: "file".into(),
            path: directory.path().join("audit.log"),
            required: true,
            sync_always: false,
        };
        let broker = Broker::start(Setup {
            store: Store::memory(clock.clone()),
            boot,
            audit_devices: vec![device],
            files: Files::real(),
            clock: clock.clone(),
            random: Random::system(),
            api_address: "https://127.0.0.1:8200".into(),
            default_lease_ttl: Ttl::from_hours(768),
            max_lease_ttl: Ttl::from_hours(768),
            fixed_seal,
        })
        .unwrap();
        Self { broker, clock, root: String::new(), directory }
    }

    /// Unsealed, with `secret/`.
    pub async fn open() -> Self {
        let mut rig = Self::empty();
        let made = rig.broker.dev_init(None).await.unwrap();
        rig.root = made.root_token.expose().clone();
        rig
    }

    pub async fn send(&self, token: &str, method: &str, path: &str, body: Value) -> Reply {
        let mut headers = http::HeaderMap::new();
        if !token.is_empty() {
            headers.insert("x-vault-token", token.parse().unwrap());
        }
        if method == "PATCH" {
            headers.insert("content-type", "application/merge-patch+json".parse().unwrap());
        }
        let bytes = if body.is_null() { String::new() } else { body.to_string() };
        let peer = Peer { address: "127.0.0.1:50000".parse().unwrap(), certificate: None };
        let request =
            Request { method: method.into(), target: format!("/v1/{path}"), headers, peer, body: Body::full(bytes) };
        let response = self.broker.handle(request).await;
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        Reply { status: response.status, body }
    }

    /// As root.
    pub async fn root(&self, method: &str, path: &str, body: Value) -> Reply {
        self.send(&self.root, method, path, body).await
    }

    /// A token with a policy of this text.
    pub async fn token_with(&self, name: &str, policy: &str) -> String {
        let saved = self.root("POST", &format!("sys/policies/acl/{name}"), json!({ "policy": policy })).await;
        assert_eq!(saved.status, 204, "{saved:?}");
        let made = self.root("POST", "auth/token/create", json!({ "policies": [name] })).await;
        made.body["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    pub fn audit_lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.directory.path().join("audit.log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
