//! The two traits that engines and auth methods implement, and the one place where their types are erased. A kind is a
//! type that implements a trait; a mount is a kind opened at a path. The broker holds each mount as a [`Mounted`] and
//! does not know its type.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::contract::{
    Answer, Api, BuiltInApi, Call, Context, Error, Fault, Handled, Handling, Host, IssuedToken, Later, Login,
    Operation, Recognises, Renewal, Result, Row, RowFacts, ShownCredential,
    row::{ApiOf, Fields, Params},
};

/// An engine: stores or creates secrets.
pub trait SecretsEngine: Sized + Send + Sync + 'static {
    /// The name under which the engine is enabled.
    const KIND: &'static str;
    fn api() -> Api<Self>;
    fn open(host: Host) -> impl Future<Output = Result<Self>> + Send;
}

/// An auth method: a way to log in.
pub trait AuthMethod: Sized + Send + Sync + 'static {
    const KIND: &'static str;
    /// The forms of credentials that callers may send to this method with any request, without a login first.
    const RECOGNISES: &'static [Recognises] = &[];

    fn api() -> Api<Self>;
    fn open(host: Host) -> impl Future<Output = Result<Self>> + Send;

    /// Decides whether a token that this mount issued may be renewed. Fails if the principal of its login no longer
    /// exists; another principal that has the same name now is not the one that logged in.
    fn renew(call: Call<Self>, token: IssuedToken) -> impl Future<Output = Result<Renewal>> + Send;

    /// Finds the identity behind a credential. `None` if the credential does not belong to this mount. A credential
    /// that belongs to this mount but does not verify is an error, so that no other mount is asked about it.
    fn recognise(_call: Call<Self>, _shown: ShownCredential<'_>) -> impl Future<Output = Result<Option<Login>>> + Send {
        async { Ok(None) }
    }
}

/// The class of a kind: whether its mounts are engines, auth methods or part of the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Engine,
    Auth,
    /// Created by the broker, which passes in the services. Only such a mount may reach more than its own records.
    BuiltIn,
}

/// A kind in the registry.
pub struct Kind {
    pub name: &'static str,
    pub class: Class,
    open: fn(Host) -> Pin<Box<dyn Future<Output = Result<Arc<dyn Mounted>>> + Send>>,
    facts: fn() -> Vec<Arc<RowFacts>>,
    summary: fn() -> &'static str,
}

impl Kind {
    pub const fn engine<E: SecretsEngine>() -> Self {
        Self {
            name: E::KIND,
            class: Class::Engine,
            open: open_engine::<E>,
            facts: || E::api().into_facts(),
            summary: || E::api().summary,
        }
    }

    pub const fn auth<E: AuthMethod>() -> Self {
        Self {
            name: E::KIND,
            class: Class::Auth,
            open: open_auth::<E>,
            facts: || E::api().into_facts(),
            summary: || E::api().summary,
        }
    }

    pub async fn open(&self, host: Host) -> Result<Arc<dyn Mounted>> {
        (self.open)(host).await
    }

    /// What the kind's API rows declare, for the help and for tests that check every row.
    pub fn facts(&self) -> Vec<Arc<RowFacts>> {
        (self.facts)()
    }

    /// The summary of the kind, in one line.
    pub fn summary(&self) -> &'static str {
        (self.summary)()
    }
}

fn open_engine<E: SecretsEngine>(host: Host) -> Pin<Box<dyn Future<Output = Result<Arc<dyn Mounted>>> + Send>> {
    Box::pin(async move { mounted(E::open(host).await?, E::api(), Class::Engine, None) })
}

fn open_auth<E: AuthMethod>(host: Host) -> Pin<Box<dyn Future<Output = Result<Arc<dyn Mounted>>> + Send>> {
    let login = LoginRules::<E> {
        renew: |call, token| Box::pin(E::renew(call, token)),
        recognises: E::RECOGNISES,
        recognise: |call, shown| Box::pin(E::recognise(call, shown)),
    };
    Box::pin(async move { mounted(E::open(host).await?, E::api(), Class::Auth, Some(login)) })
}

/// Opens a built-in kind. The broker has already created the engine.
pub fn built_in<E: Send + Sync + 'static>(engine: E, api: BuiltInApi<E>) -> Result<Arc<dyn Mounted>> {
    mounted(engine, api, Class::BuiltIn, None)
}

/// The position of a row in the table of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowRef(usize);

/// The result of routing a path and an operation. `path` is the canonical spelling of the path within the mount. It is
/// `None` if the request used that spelling.
pub enum Found {
    Row {
        row: RowRef,
        params: Params,
        path: Option<String>,
    },
    /// The path exists but does not support the operation.
    NoOperation {
        path: Option<String>,
    },
    NoPath,
}

/// What the caller sent to a row: the parameters of the path, and the fields.
#[derive(Clone, Debug)]
pub struct Asked {
    pub params: Params,
    pub fields: Fields,
}

/// An open mount, without its type.
pub trait Mounted: Send + Sync {
    fn class(&self) -> Class;
    fn find(&self, operation: Operation, path: &str) -> Found;
    fn facts(&self, row: RowRef) -> Option<&Arc<RowFacts>>;
    fn rows(&self) -> Vec<&Arc<RowFacts>>;
    fn summary(&self) -> &'static str;
    fn run(&self, row: RowRef, context: Context, asked: Asked) -> Handling;
    /// The answer to an operation at a path that no row has.
    fn elsewhere(&self, operation: Operation) -> Result<Answer>;
    /// Whether the record at the path exists. `None` if the row has no `exists` function.
    fn exists(&self, row: RowRef, context: Context, params: Params) -> Option<Result<bool>>;
    fn renew(&self, context: Context, token: IssuedToken) -> Later<Renewal>;
    /// The forms of credentials that this mount recognises with any request.
    fn recognises(&self) -> &'static [Recognises];
    fn recognise<'s>(&self, context: Context, shown: ShownCredential<'s>) -> Recognising<'s>;
}

type Recognising<'s> = Pin<Box<dyn Future<Output = Result<Option<Login>>> + Send + 's>>;

/// The functions that an auth method has besides its rows.
struct LoginRules<E> {
    renew: fn(Call<E>, IssuedToken) -> Later<Renewal>,
    recognises: &'static [Recognises],
    recognise: for<'s> fn(Call<E>, ShownCredential<'s>) -> Recognising<'s>,
}

struct Erased<C: Handled> {
    engine: Arc<C::Engine>,
    class: Class,
    summary: &'static str,
    rows: Vec<Row<C>>,
    /// For each path, which row handles which operation.
    table: matchit::Router<ByOperation>,
    elsewhere: Option<fn(Operation) -> Answer>,
    login: Option<LoginRules<C::Engine>>,
}

/// For each operation, the index of the row that handles it; `None` if no row does. `Help` has no slot, because no row
/// handles it.
type ByOperation = [Option<usize>; Operation::Help as usize];

fn mounted<C: Handled>(
    engine: C::Engine,
    api: ApiOf<C>,
    class: Class,
    login: Option<LoginRules<C::Engine>>,
) -> Result<Arc<dyn Mounted>> {
    let mut paths: Vec<(&str, ByOperation)> = Vec::new();
    for (index, row) in api.rows.iter().enumerate() {
        let (verb, path) = (row.facts.verb, row.facts.path.as_str());
        let place = paths.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
            paths.push((path, ByOperation::default()));
            paths.len() - 1
        });
        if let Some(slot) = paths.get_mut(place).and_then(|(_, slots)| slots.get_mut(verb.operation() as usize)) {
            if slot.is_some() {
                return Err(Error::internal(format!("two rows for {} {path}", verb.word())));
            }
            *slot = Some(index);
        }
    }
    let mut table = matchit::Router::new();
    for (path, slots) in paths {
        table.insert(path, slots).map_err(|error| Error::internal(format!("row {path}: {error}")))?;
    }
    let ApiOf { summary, rows, elsewhere } = api;
    Ok(Arc::new(Erased { engine: Arc::new(engine), class, summary, rows, table, elsewhere, login }))
}

impl<C: Handled> Erased<C> {
    fn plain_call(&self, context: Context) -> Call<C::Engine> {
        Call { engine: Arc::clone(&self.engine), context }
    }

    fn call(&self, context: Context) -> C {
        C::from_call(self.plain_call(context))
    }

    /// The template of the path that has these slots. All rows of one path have the same template.
    fn template(&self, slots: &ByOperation) -> Option<&crate::contract::Template> {
        let index = slots.iter().flatten().next()?;
        self.rows.get(*index).map(|row| &row.facts.path)
    }
}

impl<C: Handled> Mounted for Erased<C> {
    fn class(&self) -> Class {
        self.class
    }

    fn find(&self, operation: Operation, path: &str) -> Found {
        let Ok(found) = self.table.at(path) else { return Found::NoPath };
        if let Some(template) = self.template(found.value)
            && let std::borrow::Cow::Owned(canonical) = template.canonical(path)
        {
            return match self.find(operation, &canonical) {
                Found::Row { row, params, .. } => Found::Row { row, params, path: Some(canonical) },
                Found::NoOperation { .. } => Found::NoOperation { path: Some(canonical) },
                Found::NoPath => Found::NoPath,
            };
        }
        match found.value.get(operation as usize).copied().flatten() {
            None => Found::NoOperation { path: None },
            Some(index) => {
                let params = found.params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                Found::Row { row: RowRef(index), params: Params(params), path: None }
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

    fn run(&self, row: RowRef, context: Context, asked: Asked) -> Handling {
        match self.rows.get(row.0) {
            Some(row) => (row.run)(self.call(context), asked.params, asked.fields),
            None => Handling::Done(Err(Error::internal("no such row"))),
        }
    }

    fn elsewhere(&self, operation: Operation) -> Result<Answer> {
        let answer = self.elsewhere.map(|answer| answer(operation));
        answer.ok_or_else(|| Error::new(Fault::Missing, "unsupported path").listed())
    }

    fn exists(&self, row: RowRef, context: Context, params: Params) -> Option<Result<bool>> {
        let question = self.rows.get(row.0)?.exists.as_ref()?;
        Some(question(self.call(context), params))
    }

    fn renew(&self, context: Context, token: IssuedToken) -> Later<Renewal> {
        match &self.login {
            Some(login) => (login.renew)(self.plain_call(context), token),
            None => Box::pin(async { Err(Error::invalid("this mount cannot renew tokens")) }),
        }
    }

    fn recognises(&self) -> &'static [Recognises] {
        self.login.as_ref().map_or(&[], |login| login.recognises)
    }

    fn recognise<'s>(&self, context: Context, shown: ShownCredential<'s>) -> Recognising<'s> {
        match &self.login {
            Some(login) => (login.recognise)(self.plain_call(context), shown),
            None => Box::pin(async { Ok(None) }),
        }
    }
}
