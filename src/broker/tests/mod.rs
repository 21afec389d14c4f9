//! The whole server without its listeners and dialects: typed requests go in and typed replies come out.

pub(super) mod endings;
mod counts;
mod damage;
mod floods;
mod golden;
mod judging;
mod lists;
mod marks;
mod names;
mod origins;
mod sealing;
mod shutdown;
pub(super) mod signed;
mod specs;
mod storage;
mod strangers;
mod tokens;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    base::path::CanonicalPath,
    base::{
        secret::Secret,
        time::{Clock, Time},
    },
    broker::{Body, Broker, Peer, RefusalLimit, Reply as Answered, Request, Setup, StaticKey, Unlimited},
    contract::{AfterAnswer, Body as AnswerBody, Credential, Operation},
    services::{
        Services,
        audit::{DeviceConfig, Rotation},
    },
    store::Boot,
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

impl From<Answered> for Reply {
    /// The members of a Vault envelope that tests look at. Whoever looks at an answer was sent it.
    fn from(mut reply: Answered) -> Self {
        if let Ok(answer) = &mut reply.outcome
            && let AfterAnswer::Tell(delivery) = std::mem::replace(&mut answer.after, AfterAnswer::Nothing)
        {
            delivery.sent();
        }
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        match reply.outcome {
            Err(error) => Self {
                status: error.fault.status(),
                body: json!({ "errors": error.text().into_iter().collect::<Vec<_>>() }),
            },
            Ok(answer) => {
                let status = answer.status();
                let body = match &answer.body {
                    AnswerBody::Data(text) | AnswerBody::Missing(text) | AnswerBody::Flat(text) => {
                        json!({ "data": parse(text), "warnings": answer.warnings })
                    }
                    AnswerBody::Bare(text) => parse(text),
                    AnswerBody::Auth(granted) => {
                        json!({ "auth": parse(&granted.to_json()), "warnings": answer.warnings })
                    }
                    AnswerBody::Raw { bytes, .. } => serde_json::from_slice(bytes).unwrap_or_default(),
                    AnswerBody::Login(_) | AnswerBody::Done => Value::Null,
                };
                Self { status, body }
            }
        }
    }
}

/// A request as a dialect would make it.
pub(super) fn request(token: &str, method: &str, path: &str, body: Value) -> Request {
    let operation = match method {
        "GET" => Operation::Read,
        "LIST" => Operation::List,
        "PATCH" => Operation::Patch,
        "DELETE" => Operation::Delete,
        "HELP" => Operation::Help,
        _ => Operation::Update,
    };
    Request {
        operation,
        path: CanonicalPath::parse(&format!("/{path}")).unwrap(),
        query: Vec::new(),
        credential: (!token.is_empty()).then(|| Credential::Token(Secret::text(token))),
        peer: Peer { address: "127.0.0.1:50000".parse().unwrap(), certificate: None },
        body: if body.is_null() { Body::none() } else { Body::fields(body.to_string()) },
    }
}

impl Rig {
    /// Sealed and empty.
    pub fn empty() -> Self {
        Self::with(Boot::memory(), None)
    }

    /// Sealed and empty, with a key in its configuration.
    pub fn sealed_by(key: [u8; 32]) -> Self {
        Self::with(Boot::memory(), Some(StaticKey { id: String::from("2026-11"), key: Secret::new(key) }))
    }

    /// Over a boot file of one's own, and an empty store.
    pub fn over(boot: Boot) -> Self {
        Self::with(boot, None)
    }

    fn with(boot: Boot, static_key: Option<StaticKey>) -> Self {
        Self::of(boot, static_key, Arc::new(Unlimited))
    }

    fn of(boot: Boot, static_key: Option<StaticKey>, refusal_limit: Arc<dyn RefusalLimit>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Time::from_unix_secs(1_800_000_000));
        let device = DeviceConfig {
            name: "file".into(),
            path: directory.path().join("audit.log"),
            required: true,
            sync_always: false,
            rotation: Rotation::default(),
        };
        let in_memory = Setup::in_memory(clock.clone(), vec![device]);
        let broker = Broker::start(Setup { boot, static_key, refusal_limit, ..in_memory }).unwrap();
        Self { broker, clock, root: String::new(), directory }
    }

    /// Unsealed, with `secret/`.
    pub async fn open() -> Self {
        Self::empty().opened().await
    }

    /// Unsealed, with a limit on refusals.
    pub async fn limited(limit: Arc<dyn RefusalLimit>) -> Self {
        Self::of(Boot::memory(), None, limit).opened().await
    }

    async fn opened(mut self) -> Self {
        let made = self.broker.dev_init(None).await.unwrap();
        self.root = made.root_token.expose().clone();
        self
    }

    pub fn services(&self) -> &Services {
        &self.broker.shared.services
    }

    pub async fn send(&self, token: &str, method: &str, path: &str, body: Value) -> Reply {
        Reply::from(self.broker.handle(request(token, method, path, body)).await)
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

    /// Takes the folder of the audit file away, so that no device can write.
    pub fn lose_the_audit_file(&self) {
        std::fs::remove_dir_all(self.directory.path()).unwrap();
    }

    /// All lines of the audit log. Those for which no answer waits, such as the refusals of strangers, are written first.
    pub fn audit_lines(&self) -> Vec<Value> {
        self.services().audit.with_writer_lock(|| {});
        let text = std::fs::read_to_string(self.directory.path().join("audit.log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
