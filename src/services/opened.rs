//! An engine or auth method that was opened, as the broker holds it. It runs an API row only for a
//! request that was permitted and recorded, and only the API row to which that request was routed.
//! Anything else may be asked of it freely.

use std::sync::Arc;

use crate::{
    contract::{
        Answer, Asked, Class, Context, Error, Found, Host, IssuedToken, Kind, Login, Mounted, Operation, Params,
        Recognises, Renewal, Result, RowFacts, RowRef, ShownCredential,
    },
    services::{
        access::Permitted,
        recorded::{Recordable, Recorded},
    },
};

/// A request that was routed to an API row.
pub(crate) trait Performable {
    /// The API row and what its handler gets. `None` if the request leads to no API row.
    fn work(&self) -> Option<(RowRef, Context, Asked)>;
}

/// An opened engine or auth method. Clones share it.
#[derive(Clone)]
pub(crate) struct OpenEngine(Arc<dyn Mounted>);

impl OpenEngine {
    pub async fn open(kind: &Kind, host: Host) -> Result<Self> {
        kind.open(host).await.map(Self)
    }

    /// Wraps the engine of a built-in mount.
    pub fn built_in(mounted: Arc<dyn Mounted>) -> Self {
        Self(mounted)
    }

    /// Runs the API row to which the request was routed.
    pub async fn run<R: Performable + Recordable>(&self, request: &Recorded<Permitted<R>>) -> Result<Answer> {
        let work = request.inner().inner().work();
        let (row, context, asked) = work.ok_or_else(|| Error::internal("a request that leads to no row was run"))?;
        self.0.run(row, context, asked).result().await
    }

    /// The answer to an operation at a path that the API does not have.
    pub fn elsewhere(&self, operation: Operation) -> Result<Answer> {
        self.0.elsewhere(operation)
    }

    /// Whether the thing at the path exists already. `None` if the API row declares no such check. It only reads.
    pub fn exists(&self, row: RowRef, context: Context, params: Params) -> Option<Result<bool>> {
        self.0.exists(row, context, params)
    }

    pub async fn renew(&self, context: Context, token: IssuedToken) -> Result<Renewal> {
        self.0.renew(context, token).await
    }

    pub fn recognises(&self) -> &'static [Recognises] {
        self.0.recognises()
    }

    pub async fn recognise(&self, context: Context, shown: ShownCredential<'_>) -> Result<Option<Login>> {
        self.0.recognise(context, shown).await
    }

    pub fn class(&self) -> Class {
        self.0.class()
    }

    pub fn find(&self, operation: Operation, path: &str) -> Found {
        self.0.find(operation, path)
    }

    pub fn facts(&self, row: RowRef) -> Option<&Arc<RowFacts>> {
        self.0.facts(row)
    }

    pub fn rows(&self) -> Vec<&Arc<RowFacts>> {
        self.0.rows()
    }

    pub fn summary(&self) -> &'static str {
        self.0.summary()
    }
}
