//! The API as a table of data: one row is a verb, a path, a handler and one line of help. Routing, help, the list of
//! public paths and the tests of refusals are folds over the rows.

use std::{future::Future, pin::Pin, sync::Arc};

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::de::{DeserializeOwned, value::MapDeserializer};

use crate::contract::{Answer, Call, Result, input};

/// What the caller does to a path, after Vault's reading of method and query.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operation {
    Read,
    List,
    Scan,
    Update,
    Patch,
    Delete,
}

impl Operation {
    pub const ALL: [Self; 6] = [Self::Read, Self::List, Self::Scan, Self::Update, Self::Patch, Self::Delete];

    /// As audit lines and capabilities call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Scan => "scan",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    /// Whether the operation is meant to change something.
    pub const fn changes(self) -> bool {
        matches!(self, Self::Update | Self::Patch | Self::Delete)
    }
}

/// The words of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    List,
    Read,
    Write,
    Patch,
    Delete,
    /// A write that may answer with a login; public by nature.
    Login,
}

impl Verb {
    pub const fn operation(self) -> Operation {
        match self {
            Self::List => Operation::List,
            Self::Read => Operation::Read,
            Self::Write | Self::Login => Operation::Update,
            Self::Patch => Operation::Patch,
            Self::Delete => Operation::Delete,
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Login => "login",
        }
    }
}

/// What a row says about itself, whatever its engine.
#[derive(Clone, Debug)]
pub struct RowFacts {
    pub verb: Verb,
    /// Segments; `{name}` is one parameter, `{*path}` the rest.
    pub path: &'static str,
    pub help: &'static str,
    /// No token is asked for.
    pub is_public: bool,
    /// Answers while the store is sealed.
    pub is_sealed_ok: bool,
    /// Needs the `sudo` capability beside its own.
    pub is_sudo: bool,
    /// Accepts one trailing slash, as a list does.
    pub is_slashed_ok: bool,
    /// Answered without a line in the audit log: health and the like.
    pub is_unrecorded: bool,
    /// Performed even where no audit device can take its lines: the operator's log has it then, and the lines follow when
    /// a device can. A seal alone.
    pub is_unstoppable: bool,
    /// Names of the fields that the row reads.
    pub fields: Vec<String>,
    /// Fields whose numbers and booleans stand in audit lines as they are.
    pub plain: Vec<String>,
    /// Fields of the answer that stand in audit lines as they are.
    pub shown: &'static [&'static str],
}

/// One line of an engine's API.
pub struct Row<E> {
    pub facts: Arc<RowFacts>,
    pub(super) run: Run<E>,
    pub(super) exists: Option<Exists<E>>,
}

pub(super) type Reply<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;
type Run<E> = Box<dyn Fn(Call<E>, Params, Fields) -> Reply<Answer> + Send + Sync>;
type Exists<E> = Box<dyn Fn(Call<E>, Params) -> Reply<bool> + Send + Sync>;

/// The parameters that a path gave. Clones share them.
#[derive(Clone, Default, Debug)]
pub struct Params(pub Arc<[(String, String)]>);

impl Params {
    fn read<P: DeserializeOwned>(&self) -> Result<P> {
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let reader: MapDeserializer<'_, _, serde::de::value::Error> = MapDeserializer::new(pairs);
        P::deserialize(reader).map_err(|error| {
            let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
            input::worded(&names.join("/"), &error.to_string())
        })
    }
}

/// The fields of a request: one JSON object, from query, form or body. Clones share them.
#[derive(Clone, Debug)]
pub struct Fields(pub Arc<str>);

impl Default for Fields {
    fn default() -> Self {
        Self("{}".into())
    }
}

/// The API of a kind.
pub struct Api<E> {
    pub summary: &'static str,
    pub rows: Vec<Row<E>>,
}

impl<E> Api<E> {
    pub fn new<const N: usize>(summary: &'static str, rows: [Row<E>; N]) -> Self {
        Self { summary, rows: rows.into_iter().collect() }
    }

    /// The same API with more rows, for kinds whose rows stand in several files.
    pub fn with<const N: usize>(mut self, rows: [Row<E>; N]) -> Self {
        self.rows.extend(rows);
        self
    }
}

impl<E> Row<E> {
    fn new<P, I, F, Fut>(verb: Verb, path: &'static str, handler: F, help: &'static str) -> Self
    where
        E: Send + Sync + 'static,
        P: DeserializeOwned + Send + 'static,
        I: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(Call<E>, P, I) -> Fut + Send + Sync + Copy + 'static,
        Fut: Future<Output = Result<Answer>> + Send + 'static,
    {
        let run = move |call: Call<E>, params: Params, fields: Fields| -> Reply<Answer> {
            Box::pin(async move {
                let path = params.read()?;
                let input = input::read(&fields.0)?;
                handler(call, path, input).await
            })
        };
        let (fields, plain) = field_names::<I>();
        let facts = RowFacts {
            verb,
            path,
            help,
            is_public: verb == Verb::Login,
            is_sealed_ok: false,
            is_sudo: false,
            is_slashed_ok: verb == Verb::List,
            is_unrecorded: false,
            is_unstoppable: false,
            fields,
            plain,
            shown: &[],
        };
        Self { facts: Arc::new(facts), run: Box::new(run), exists: None }
    }

    fn with(mut self, change: impl FnOnce(&mut RowFacts)) -> Self {
        change(Arc::make_mut(&mut self.facts));
        self
    }

    /// Asks for no token. Every public row is listed in `data/public_routes.txt`.
    pub fn public(self) -> Self {
        self.with(|facts| facts.is_public = true)
    }

    /// Answers while the store is sealed.
    pub fn sealed_ok(self) -> Self {
        self.with(|facts| facts.is_sealed_ok = true)
    }

    /// Needs the `sudo` capability too.
    pub fn sudo(self) -> Self {
        self.with(|facts| facts.is_sudo = true)
    }

    /// Accepts one trailing slash.
    pub fn slashed_ok(self) -> Self {
        self.with(|facts| facts.is_slashed_ok = true)
    }

    /// Leaves no line in the audit log.
    pub fn unrecorded(self) -> Self {
        self.with(|facts| facts.is_unrecorded = true)
    }

    /// Performed even where no audit device can take its lines now.
    pub fn unstoppable(self) -> Self {
        self.with(|facts| facts.is_unstoppable = true)
    }

    /// Fields of the answer that hold nothing of a caller's: audit lines show them, where they would hash them. A path
    /// (`metadata.version`) leads to a field; one that ends in a dot shows the field's name alone.
    pub fn shows(self, fields: &'static [&'static str]) -> Self {
        self.with(|facts| facts.shown = fields)
    }

    /// How to tell whether the thing exists already: a write is a create where it does not. Without this a write is
    /// always an update.
    pub fn exists<P, F, Fut>(mut self, question: F) -> Self
    where
        E: Send + Sync + 'static,
        P: DeserializeOwned + Send + 'static,
        F: Fn(Call<E>, P) -> Fut + Send + Sync + Copy + 'static,
        Fut: Future<Output = Result<bool>> + Send + 'static,
    {
        self.exists = Some(Box::new(move |call, params| {
            Box::pin(async move {
                let path = params.read()?;
                question(call, path).await
            })
        }));
        self
    }
}

/// The names of an input's fields, and of those marked `#[schemars(extend("plain" = true))]`.
fn field_names<I: JsonSchema>() -> (Vec<String>, Vec<String>) {
    let schema = SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<I>();
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    let names = |only_plain: bool| {
        let fields = properties.into_iter().flatten();
        let chosen = fields.filter(|(_, field)| !only_plain || field.get("plain").is_some());
        chosen.map(|(name, _)| name.clone()).collect()
    };
    (names(false), names(true))
}

macro_rules! words {
    ($($(#[$doc:meta])* $word:ident $verb:ident),*) => {$(
        $(#[$doc])*
        pub fn $word<E, P, I, F, Fut>(path: &'static str, handler: F, help: &'static str) -> Row<E>
        where
            E: Send + Sync + 'static,
            P: DeserializeOwned + Send + 'static,
            I: DeserializeOwned + JsonSchema + Send + 'static,
            F: Fn(Call<E>, P, I) -> Fut + Send + Sync + Copy + 'static,
            Fut: Future<Output = Result<Answer>> + Send + 'static,
        {
            Row::new(Verb::$verb, path, handler, help)
        }
    )*};
}

words! {
    /// A row that lists names.
    list List,
    /// A row that reads.
    read Read,
    /// A row that creates or updates.
    write Write,
    /// A row that merges into what is there.
    patch Patch,
    /// A row that deletes.
    delete Delete,
    /// A row through which a caller proves who it is.
    login Login
}

/// For rows without path parameters or without input.
#[derive(serde::Deserialize, JsonSchema)]
pub struct Nothing {}
