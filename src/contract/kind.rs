//! The two traits, and their erasure in one place. A kind is a type that was written once; a mount is a kind opened at
//! a path. The broker holds mounts as [`Mounted`] and knows nothing of their types.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::contract::{
    Answer, Api, Call, Context, Error, Fields, Host, Operation, Params, Renewal, Result, Row, RowFacts, row::Reply,
};

/// Keeps or makes secrets.
pub trait SecretsEngine: Sized + Send + Sync + 'static {
    /// The name under which it is enabled.
    const KIND: &'static str;
    fn api() -> Api<Self>;
    fn open(host: Host) -> impl Future<Output = Result<Self>> + Send;
}

/// A way to log in.
pub trait AuthMethod: Sized + Send + Sync + 'static {
    const KIND: &'static str;
    fn api() -> Api<Self>;
    fn open(host: Host) -> impl Future<Output = Result<Self>> + Send;
    /// Whether a token that this mount gave out may live on, judged by the metadata of its login. Refuses when the
    /// principal is gone.
    fn renew(
        call: Call<Self>,
        metadata: std::collections::BTreeMap<String, String>,
    ) -> impl Future<Output = Result<Renewal>> + Send;
}

/// What a mount may do beyond its own records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Engine,
    Auth,
    /// Made by the broker and handed the services.
    BuiltIn,
}

/// A kind in the registry.
pub struct Kind {
    pub name: &'static str,
    pub class: Class,
    open: fn(Host) -> Pin<Box<dyn Future<Output = Result<Arc<dyn Mounted>>> + Send>>,
    facts: fn() -> Vec<Arc<RowFacts>>,
}

impl Kind {
    pub const fn engine<E: SecretsEngine>() -> Self {
        Self { name: E::KIND, class: Class::Engine, open: open_engine::<E>, facts: || facts(E::api()) }
    }

    pub const fn auth<E: AuthMethod>() -> Self {
        Self { name: E::KIND, class: Class::Auth, open: open_auth::<E>, facts: || facts(E::api()) }
    }

    pub async fn open(&self, host: Host) -> Result<Arc<dyn Mounted>> {
        (self.open)(host).await
    }

    /// The rows, for help and for tests over all of them.
    pub fn facts(&self) -> Vec<Arc<RowFacts>> {
        (self.facts)()
    }
}

fn facts<E>(api: Api<E>) -> Vec<Arc<RowFacts>> {
    api.rows.into_iter().map(|row| row.facts).collect()
}

fn open_engine<E: SecretsEngine>(host: Host) -> Pin<Box<dyn Future<Output = Result<Arc<dyn Mounted>>> + Send>> {
    Box::pin(async move { mounted(E::open(host).await?, E::api(), Class::Engine, None) })
}

fn open_auth<E: AuthMethod>(host: Host) -> Pin<Box<dyn Future<Output = Result<Arc<dyn Mounted>>> + Send>> {
    let renew: Renew<E> = |call, metadata| Box::pin(E::renew(call, metadata));
    Box::pin(async move { mounted(E::open(host).await?, E::api(), Class::Auth, Some(renew)) })
}

/// Opens a built-in kind, which the broker has made itself.
pub fn built_in<E: Send + Sync + 'static>(engine: E, api: Api<E>) -> Result<Arc<dyn Mounted>> {
    mounted(engine, api, Class::BuiltIn, None)
}

/// Where a row stands in its kind's table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowRef(usize);

/// What a path and an operation lead to.
pub enum Found {
    Row(RowRef, Params),
    /// The path exists, the operation on it does not.
    NoOperation,
    NoPath,
}

/// An opened mount without its type.
pub trait Mounted: Send + Sync {
    fn class(&self) -> Class;
    fn find(&self, operation: Operation, path: &str) -> Found;
    fn facts(&self, row: RowRef) -> Option<&Arc<RowFacts>>;
    fn rows(&self) -> Vec<&Arc<RowFacts>>;
    fn summary(&self) -> &'static str;
    fn run(&self, row: RowRef, context: Context, params: Params, fields: Fields) -> Reply<Answer>;
    /// Whether the thing at the path exists; `None` where the row does not ask.
    fn exists(&self, row: RowRef, context: Context, params: Params) -> Option<Reply<bool>>;
    fn renew(&self, context: Context, metadata: std::collections::BTreeMap<String, String>) -> Reply<Renewal>;
}

type Renew<E> = fn(Call<E>, std::collections::BTreeMap<String, String>) -> Reply<Renewal>;

struct Erased<E> {
    engine: Arc<E>,
    class: Class,
    summary: &'static str,
    rows: Vec<Row<E>>,
    table: matchit::Router<[Option<usize>; 6]>,
    renew: Option<Renew<E>>,
}

fn mounted<E: Send + Sync + 'static>(
    engine: E,
    api: Api<E>,
    class: Class,
    renew: Option<Renew<E>>,
) -> Result<Arc<dyn Mounted>> {
    let mut paths: Vec<(&'static str, [Option<usize>; 6])> = Vec::new();
    for (index, row) in api.rows.iter().enumerate() {
        let known = paths.iter().position(|(path, _)| *path == row.facts.path);
        let place = known.unwrap_or_else(|| {
            paths.push((row.facts.path, [None; 6]));
            paths.len() - 1
        });
        if let Some(slot) =
            paths.get_mut(place).and_then(|(_, slots)| slots.get_mut(row.facts.verb.operation() as usize))
        {
            if slot.is_some() {
                return Err(Error::internal(format!("two rows for {} {}", row.facts.verb.word(), row.facts.path)));
            }
            *slot = Some(index);
        }
    }
    let mut table = matchit::Router::new();
    for (path, slots) in paths {
        table.insert(path, slots).map_err(|error| Error::internal(format!("row {path}: {error}")))?;
    }
    Ok(Arc::new(Erased { engine: Arc::new(engine), class, summary: api.summary, rows: api.rows, table, renew }))
}

impl<E: Send + Sync + 'static> Erased<E> {
    fn call(&self, context: Context) -> Call<E> {
        Call { engine: Arc::clone(&self.engine), context }
    }
}

impl<E: Send + Sync + 'static> Mounted for Erased<E> {
    fn class(&self) -> Class {
        self.class
    }

    fn find(&self, operation: Operation, path: &str) -> Found {
        let Ok(found) = self.table.at(path) else { return Found::NoPath };
        match found.value.get(operation as usize).copied().flatten() {
            None => Found::NoOperation,
            Some(index) => {
                let params = found.params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                Found::Row(RowRef(index), Params(params))
            }
        }
    }

    fn facts(&self, row: RowRef) -> Option<&Arc<RowFacts>> {
        self.rows.get(row.0).map(|row| &row.facts)
    }

    fn rows(&self) -> Vec<&Arc<RowFacts>> {
        self.rows.iter().map(|row| &row.facts).collect()
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn run(&self, row: RowRef, context: Context, params: Params, fields: Fields) -> Reply<Answer> {
        match self.rows.get(row.0) {
            Some(row) => (row.run)(self.call(context), params, fields),
            None => Box::pin(async { Err(Error::internal("no such row")) }),
        }
    }

    fn exists(&self, row: RowRef, context: Context, params: Params) -> Option<Reply<bool>> {
        let question = self.rows.get(row.0)?.exists.as_ref()?;
        Some(question(self.call(context), params))
    }

    fn renew(&self, context: Context, metadata: std::collections::BTreeMap<String, String>) -> Reply<Renewal> {
        match self.renew {
            Some(renew) => renew(self.call(context), metadata),
            None => Box::pin(async { Err(Error::invalid("this mount renews nothing")) }),
        }
    }
}
