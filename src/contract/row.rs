//! An API as a table of rows: each row has a verb, a path, a handler, one line of help and the schema of what it reads.
//! Routing, help, the OpenAPI document, the list of public paths and the tests of refusals are all derived from the
//! rows.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::contract::{
    Answer, Call, ObjectSchema, Result, Template,
    handler::{Handler, Handling},
    input,
};

/// What the caller does to a path, derived from the method and the query as Vault does it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operation {
    Read,
    List,
    Scan,
    Update,
    Patch,
    Delete,
    /// Asks for the documentation of the path. No row handles it: the broker answers from the rows.
    Help,
}

impl Operation {
    pub const ALL: [Self; 7] =
        [Self::Read, Self::List, Self::Scan, Self::Update, Self::Patch, Self::Delete, Self::Help];

    /// The word for the operation in audit log lines and capabilities.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Help => "help",
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

/// What an API row does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    List,
    Read,
    Write,
    Patch,
    Delete,
    /// A write that may answer with a login. Public by definition.
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

/// Who may use an API row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Callers with a live token whose policies grant the capability of the operation.
    Ordinary,
    /// Callers with a live token whose policies grant the capability of the operation, and `sudo`.
    Sudo,
    /// Anybody. Every public row is listed in `data/public_routes.txt`.
    Public,
}

/// Which audit log lines the requests to a row have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recording {
    /// One audit log line for the request before it runs, and one for the outcome before the answer is sent.
    Paired,
    /// No audit log line: for health, seal status and public documents.
    Unrecorded,
}

/// What a row does while the store is sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenSealed {
    Refuses,
    Answers,
}

/// What happens to a request if no audit device can record it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenUnrecordable {
    /// The request is refused and nothing is done.
    Refuses,
    /// The request runs. The operator's log records it, and its audit log lines follow once a device can record them.
    /// Only a seal uses this.
    Proceeds,
}

/// Whether a path may end in a slash, as the path of a list may.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrailingSlash {
    Refused,
    Accepted,
}

/// What a row declares about itself, independent of its engine.
#[derive(Clone, Debug)]
pub struct RowFacts {
    pub verb: Verb,
    pub path: Template,
    pub help: &'static str,
    pub access: Access,
    pub recording: Recording,
    pub when_sealed: WhenSealed,
    pub when_unrecordable: WhenUnrecordable,
    pub trailing_slash: TrailingSlash,
    /// The schema of the path's parameters.
    pub params: ObjectSchema,
    /// The schema of the fields that the row reads.
    pub input: ObjectSchema,
    /// Whether the handler may wait before it answers, so that rights may change meanwhile.
    pub waits: bool,
    /// Whether a write to something that does not exist counts as a create instead of an update.
    pub may_create: bool,
    /// Whether the handler's input can be read from the text of a JSON object.
    #[cfg(test)]
    pub reads: fn(&str) -> Result<()>,
    /// The answer fields that appear in audit log lines unhashed.
    pub shown: &'static [&'static str],
}

impl RowFacts {
    pub fn is_public(&self) -> bool {
        self.access == Access::Public
    }
}

/// One row of an API. `C` is the type that its handler gets: [`Call`], or
/// [`BuiltInCall`](super::BuiltInCall) in built-in mounts.
pub struct Row<C> {
    pub facts: Arc<RowFacts>,
    pub(super) run: Run<C>,
    pub(super) exists: Option<Exists<C>>,
}

type Run<C> = Box<dyn Fn(C, Params, Fields) -> Handling + Send + Sync>;
type Exists<C> = Box<dyn Fn(C, Params) -> Result<bool> + Send + Sync>;

/// The parameters of a path, with identifiers lower-cased. Clones share the data.
#[derive(Clone, Default, Debug)]
pub struct Params(pub Arc<[(String, String)]>);

impl Params {
    fn read<P: DeserializeOwned>(&self) -> Result<P> {
        input::read_params(&self.0)
    }
}

/// The fields of a request: one JSON object, from the query, a form or the body. Clones share the data.
#[derive(Clone, Debug)]
pub struct Fields(pub Arc<str>);

impl Fields {
    /// Whether the field with this name is set, read as leniently as the input of a row.
    pub fn says(&self, name: &str) -> bool {
        input::says(&self.0, name)
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self("{}".into())
    }
}

/// The API of a kind whose handlers get a `C`.
pub struct ApiOf<C> {
    pub summary: &'static str,
    pub rows: Vec<Row<C>>,
    /// The answer at a path that no row has. `None`: 404 and `unsupported path`.
    pub elsewhere: Option<fn(Operation) -> Answer>,
}

/// The API of an engine or an auth method.
pub type Api<E> = ApiOf<Call<E>>;

impl<C> ApiOf<C> {
    pub fn new<const N: usize>(summary: &'static str, rows: [Row<C>; N]) -> Self {
        Self { summary, rows: rows.into_iter().collect(), elsewhere: None }
    }

    /// Sets the answer at a path that no row has.
    pub fn elsewhere(mut self, answer: fn(Operation) -> Answer) -> Self {
        self.elsewhere = Some(answer);
        self
    }

    /// Adds more rows. For kinds whose rows are defined in several files.
    pub fn with<const N: usize>(mut self, rows: [Row<C>; N]) -> Self {
        self.rows.extend(rows);
        self
    }

    /// What the rows declare, without their handlers.
    pub fn into_facts(self) -> Vec<Arc<RowFacts>> {
        self.rows.into_iter().map(|row| row.facts).collect()
    }
}

impl<C: Send + 'static> Row<C> {
    fn new<P, I, H>(verb: Verb, path: &'static str, handler: H, help: &'static str) -> Self
    where
        P: DeserializeOwned + JsonSchema,
        I: DeserializeOwned + JsonSchema,
        H: Handler<C, P, I>,
    {
        let run = move |call: C, params: Params, fields: Fields| match (params.read(), input::read(&fields.0)) {
            (Ok(path), Ok(input)) => handler.handle(call, path, input),
            (Err(error), _) | (_, Err(error)) => Handling::Done(Err(error)),
        };
        let facts = RowFacts {
            verb,
            path: Template::new(path),
            help,
            access: if verb == Verb::Login { Access::Public } else { Access::Ordinary },
            recording: Recording::Paired,
            when_sealed: WhenSealed::Refuses,
            when_unrecordable: WhenUnrecordable::Refuses,
            trailing_slash: if verb == Verb::List { TrailingSlash::Accepted } else { TrailingSlash::Refused },
            params: ObjectSchema::of::<P>(),
            input: ObjectSchema::of::<I>(),
            waits: H::WAITS,
            may_create: false,
            #[cfg(test)]
            reads: |json| input::read::<I>(json).map(drop),
            shown: &[],
        };
        Self { facts: Arc::new(facts), run: Box::new(run), exists: None }
    }

    fn with(mut self, change: impl FnOnce(&mut RowFacts)) -> Self {
        change(Arc::make_mut(&mut self.facts));
        self
    }

    pub fn access(self, access: Access) -> Self {
        self.with(|facts| facts.access = access)
    }

    pub fn recording(self, recording: Recording) -> Self {
        self.with(|facts| facts.recording = recording)
    }

    pub fn when_sealed(self, when_sealed: WhenSealed) -> Self {
        self.with(|facts| facts.when_sealed = when_sealed)
    }

    pub fn when_unrecordable(self, when_unrecordable: WhenUnrecordable) -> Self {
        self.with(|facts| facts.when_unrecordable = when_unrecordable)
    }

    pub fn trailing_slash(self, trailing_slash: TrailingSlash) -> Self {
        self.with(|facts| facts.trailing_slash = trailing_slash)
    }

    /// Declares answer fields that contain no data of a caller: audit log lines show them unhashed. A dotted path
    /// (`metadata.version`) names a nested field. A path that ends in a dot shows the name of the field alone.
    pub fn shows(self, fields: &'static [&'static str]) -> Self {
        self.with(|facts| facts.shown = fields)
    }

    /// Declares how to find out whether the record exists. If it does not, a write counts as a create. Without this
    /// function a write always counts as an update. The function reads through the unit of work of the write, so if two
    /// requests create the same record, one of them gets a conflict.
    pub fn exists<P, F>(mut self, question: F) -> Self
    where
        P: DeserializeOwned,
        F: Fn(C, P) -> Result<bool> + Send + Sync + 'static,
    {
        self.exists = Some(Box::new(move |call, params| question(call, params.read()?)));
        self.with(|facts| facts.may_create = true)
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $word:ident $verb:ident),*) => {$(
        $(#[$doc])*
        pub fn $word<C, P, I, H>(path: &'static str, handler: H, help: &'static str) -> Row<C>
        where
            C: Send + 'static,
            P: DeserializeOwned + JsonSchema,
            I: DeserializeOwned + JsonSchema,
            H: Handler<C, P, I>,
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
    /// A row that merges into an existing record.
    patch Patch,
    /// A row that deletes.
    delete Delete,
    /// A row with which a caller logs in.
    login Login
}

/// The type of the path parameters or the input of a row that has none.
#[derive(serde::Deserialize, JsonSchema)]
pub struct Nothing {}
