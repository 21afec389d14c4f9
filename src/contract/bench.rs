//! The test bench for engines and auth methods: one mount over a memory store, a clock that the test sets, and seeded
//! randomness. A test uses the public API (`bench.write("keys/a", …)`), so an internal change does not break it.
//! `conformance` is the suite that every kind must pass.

mod logins;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use crate::{
    barrier::{BarrierError, Keyring, Keys, Unit},
    base::{
        random::Random,
        time::{Clock, Time},
        ttl::Ttl,
    },
    contract::{
        Answer, Asked, AuthMethod, Body, Caller, Context, ContextParts, Error, Fault, Fields, Found, Host, IssuedToken,
        Kind, Login, MountFacts, Mounted, ObjectSchema, Operation, Principal, Renewal, Result, RowFacts, SecretsEngine,
    },
    store::Store,
};

pub use logins::{Ending, EndingOf, conformance_of_logins};

/// One mount with its store, clock and caller.
pub struct Bench {
    mounted: Arc<dyn Mounted>,
    store: Store,
    keys: Arc<Keys>,
    mount: Arc<MountFacts>,
    host: Host,
    pub clock: Clock,
    /// Who sends the next request.
    pub caller: Arc<Caller>,
}

impl Bench {
    /// An engine at `test/`.
    pub async fn engine<E: SecretsEngine>() -> Self {
        Self::open(&Kind::engine::<E>(), "test/").await
    }

    /// An auth method at `auth/test/`.
    pub async fn auth<E: AuthMethod>() -> Self {
        Self::open(&Kind::auth::<E>(), "auth/test/").await
    }

    async fn open(kind: &Kind, path: &str) -> Self {
        let random = Random::seeded(7);
        let clock = Clock::manual(Time::from_unix_secs(1_800_000_000));
        let keys = Keys::new([1; 16], &Keyring::generate(&random, clock.now()), random.clone());
        let host = Host { random, api_address: "https://127.0.0.1:8200".into() };
        let mounted = match kind.open(host.clone()).await {
            Ok(mounted) => mounted,
            Err(error) => unreachable!("the kind does not open: {error:?}"),
        };
        let mount = MountFacts {
            id: [9; 16],
            path: path.to_owned(),
            kind: kind.name.to_owned(),
            accessor: format!("{}_test", kind.name),
            default_ttl: Ttl::from_hours(768),
            max_ttl: Ttl::from_hours(768),
        };
        let store = Store::memory(clock.clone());
        let caller = Arc::new(Caller::nobody(None));
        Self { mounted, store, keys: Arc::new(keys), mount: Arc::new(mount), host, clock, caller }
    }

    /// The mount without its type, for tests that check rows.
    pub fn mounted(&self) -> &Arc<dyn Mounted> {
        &self.mounted
    }

    /// Makes the next requests come from a login at `auth/test/`.
    pub fn become_caller(&mut self, display_name: &str, entity_id: &str, metadata: BTreeMap<String, String>) {
        let (display_name, entity_id) = (display_name.to_owned(), entity_id.to_owned());
        let principal = Principal {
            display_name,
            entity_id,
            metadata,
            login_mount: Some(String::from("auth/test/")),
            ..Principal::default()
        };
        self.caller = Arc::new(Caller { principal: Arc::new(principal), ..Caller::nobody(None) });
    }

    fn context(&self) -> (Context, Arc<Unit>) {
        let unit = Arc::new(Unit::new(Arc::clone(&self.keys), self.store.clone(), [0; 16]));
        let context = Context::from(ContextParts {
            unit: &unit,
            caller: &self.caller,
            now: self.clock.now(),
            mount: &self.mount,
            host: &self.host,
            request_id: &Arc::from("00000000-0000-4000-8000-000000000000"),
        });
        (context, unit)
    }

    /// Runs one request and commits it if it succeeds. Retries on a conflict.
    pub async fn ask(&self, operation: Operation, path: &str, fields: Value) -> Result<Answer> {
        self.ask_text(operation, path, &fields.to_string()).await
    }

    /// Like [`Bench::ask`], with the fields as JSON text. For numbers that a [`Value`] would round.
    pub async fn ask_text(&self, operation: Operation, path: &str, fields: &str) -> Result<Answer> {
        let (row, params) = match self.mounted.find(operation, path) {
            Found::Row { row, params, .. } => (row, params),
            Found::NoOperation { .. } => return Err(Error::new(Fault::Unsupported, "unsupported operation").listed()),
            Found::NoPath => return self.mounted.elsewhere(operation),
        };
        loop {
            let (context, unit) = self.context();
            let asked = Asked { params: params.clone(), fields: Fields(fields.into()) };
            let answer = self.mounted.run(row, context, asked).result().await;
            match answer {
                Err(_) if unit.is_stale() => {}
                Err(error) => return Err(error),
                Ok(answer) if !unit.writes_something() => return Ok(answer),
                Ok(answer) => match unit.commit(Vec::new()).await {
                    Ok(_) => return Ok(answer),
                    Err(BarrierError::Conflict) => {}
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }

    /// What the row's `exists` function returns. `None` if the row has none.
    pub fn exists(&self, path: &str) -> Option<bool> {
        let Found::Row { row, params, .. } = self.mounted.find(Operation::Update, path) else { return None };
        let (context, _) = self.context();
        self.mounted.exists(row, context, params)?.ok()
    }

    /// Whether a request leads to the row.
    fn leads_to(&self, operation: Operation, path: &str, row: &Arc<RowFacts>) -> bool {
        let Found::Row { row: found, .. } = self.mounted.find(operation, path) else { return false };
        self.mounted.facts(found).is_some_and(|facts| Arc::ptr_eq(facts, row))
    }

    /// Asks whether the token of a login may be renewed.
    pub async fn renew(&self, login: &Login) -> Result<Renewal> {
        let (context, _) = self.context();
        let token = IssuedToken { metadata: login.metadata.clone(), origin: Some(login.origin) };
        self.mounted.renew(context, token).await
    }

    pub async fn read(&self, path: &str) -> Result<Value> {
        self.ask(Operation::Read, path, json!({})).await.map(|answer| shown(&answer))
    }

    pub async fn read_with(&self, path: &str, fields: Value) -> Result<Value> {
        self.ask(Operation::Read, path, fields).await.map(|answer| shown(&answer))
    }

    pub async fn list(&self, path: &str) -> Result<Value> {
        self.ask(Operation::List, path, json!({})).await.map(|answer| shown(&answer))
    }

    pub async fn write(&self, path: &str, fields: Value) -> Result<Value> {
        self.ask(Operation::Update, path, fields).await.map(|answer| shown(&answer))
    }

    pub async fn patch(&self, path: &str, fields: Value) -> Result<Value> {
        self.ask(Operation::Patch, path, fields).await.map(|answer| shown(&answer))
    }

    pub async fn delete(&self, path: &str) -> Result<Value> {
        self.ask(Operation::Delete, path, json!({})).await.map(|answer| shown(&answer))
    }

    /// A login, as the broker would get it.
    pub async fn login(&self, path: &str, fields: Value) -> Result<Login> {
        match self.ask(Operation::Update, path, fields).await?.body {
            Body::Login(login) => Ok(*login),
            _ => Err(Error::internal("the row answered without a login")),
        }
    }

    /// Every value in the store, to check that nothing changed.
    pub fn everything(&self) -> Vec<Vec<u8>> {
        let all = self.store.scan(&[], &[u8::MAX; 64], usize::MAX).unwrap_or_default();
        all.into_iter().map(|(key, value)| [key.as_slice(), value.as_ref()].concat()).collect()
    }
}

/// The data of an answer as a value, or null if it has none.
fn shown(answer: &Answer) -> Value {
    match &answer.body {
        Body::Data(text) | Body::Missing(text) | Body::Flat(text) | Body::Bare(text) => {
            serde_json::from_str(text).unwrap_or(Value::Null)
        }
        Body::Raw { bytes, .. } => serde_json::from_slice(bytes).unwrap_or(Value::Null),
        Body::Login(_) | Body::Auth(_) | Body::Done => Value::Null,
    }
}

/// Checks what every kind must guarantee. Returns the guarantees that do not hold, one sentence each.
pub async fn conformance(bench: &Bench) -> Vec<String> {
    let mut broken = Vec::new();
    for facts in bench.mounted.rows().into_iter().cloned().collect::<Vec<_>>() {
        let row = format!("{} {}", facts.verb.word(), facts.path);
        if facts.help.len() < 10 || !facts.help.ends_with('.') {
            broken.push(format!("{row}: its help is not a sentence"));
        }
        let path = facts
            .path
            .as_str()
            .replace("{*", "{")
            .split('/')
            .map(|s| if s.starts_with('{') { "zz" } else { s })
            .collect::<Vec<_>>()
            .join("/");
        let operation = facts.verb.operation();
        for body in bodies(&facts.input) {
            let before = bench.everything();
            let answer = bench.ask(operation, &path, body.clone()).await;
            if let Err(error) = &answer {
                if error.fault == Fault::Internal {
                    broken.push(format!("{row}: {} for {body}", error.cause.clone().unwrap_or_default()));
                }
                if error.message.contains("CANARY") {
                    broken.push(format!(
                        "{row}: an error message contains the value that the caller sent: {}",
                        error.message
                    ));
                }
                if bench.everything() != before {
                    broken.push(format!("{row}: a refused request changed the store"));
                }
            }
            if !operation.changes() && bench.everything() != before {
                broken.push(format!("{row}: a read changed the store"));
            }
            if matches!(&answer, Ok(Answer { body: Body::Login(_), .. })) && !facts.is_public() {
                broken.push(format!("{row}: a row that is not a login answered with a login"));
            }
        }
    }
    if !matches!(bench.mounted.find(Operation::Read, "no/such/path/at/all/anywhere"), Found::NoPath)
        && bench.mounted.rows().iter().all(|row| !row.path.as_str().contains("{*"))
    {
        broken.push(String::from("a path that no row has is found"));
    }
    broken
}

/// Bodies with every field missing, with each wrong type in all fields and in each alone, and with each field wrong while
/// all others are right. Texts are canary values.
fn bodies(input: &ObjectSchema) -> Vec<Value> {
    let values = [
        json!("CANARY-text"),
        json!(-7),
        json!(1.5),
        json!(true),
        json!(null),
        json!(["CANARY", ["CANARY"]]),
        json!({"CANARY": {"a": "CANARY"}}),
        json!(u64::MAX),
    ];
    let right: Map<String, Value> =
        input.fields().map(|field| (field.name.to_owned(), fitting(field.schema))).collect();
    let mut bodies = vec![json!({}), json!({"CANARY": "CANARY"}), Value::Object(right.clone())];
    for value in &values {
        bodies.push(Value::Object(input.names().iter().map(|field| (field.clone(), value.clone())).collect()));
        for field in input.names() {
            bodies.push(json!({ field.clone(): value }));
            let mut body = right.clone();
            body.insert(field.clone(), value.clone());
            bodies.push(Value::Object(body));
        }
    }
    bodies
}

/// A value of the type that a schema asks for.
fn fitting(schema: &Map<String, Value>) -> Value {
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => json!(60),
        Some("boolean") => json!(true),
        Some("array") => {
            schema.get("items").and_then(Value::as_object).map(|items| json!([fitting(items)])).unwrap_or_default()
        }
        Some("object") => json!({ "CANARY": "CANARY" }),
        _ => json!("CANARY"),
    }
}
