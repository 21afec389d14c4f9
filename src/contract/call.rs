//! What a handler gets: owned values that are cheap to clone. An engine can reach the records of its own mount through
//! [`View`], the caller, and the time of the request. It can reach nothing else.

use std::{collections::BTreeMap, fmt, net::SocketAddr, ops::Deref, sync::Arc};

use crate::{
    barrier::{self, MountId, Name, Record, Table, Unit},
    base::{random::Random, secret::Secret, time::Time, ttl::Ttl},
    blocking,
    contract::{Answer, Error, ListPage, Result},
};

/// One request, as its handler gets it: the engine and the [`Context`].
pub struct Call<E> {
    pub engine: Arc<E>,
    pub context: Context,
}

impl<E> Deref for Call<E> {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

/// The part of a call that comes from the request, not from the engine.
#[derive(Clone)]
pub struct Context {
    /// The records of this mount, read and written in the unit of work of this request.
    pub store: View,
    pub caller: Arc<Caller>,
    /// The time of the request. The clock is read once for each request.
    pub now: Time,
    pub mount: Arc<MountFacts>,
    pub host: Host,
    #[expect(dead_code, reason = "engines are given it; none asks yet")]
    pub request_id: Arc<str>,
    /// The token that the caller sent. Only [`BuiltInCall`](super::BuiltInCall) gives access to it.
    pub(super) own_token: Option<Arc<OwnToken>>,
}

impl Context {
    /// Attaches the caller's own token, for the built-in mounts.
    pub fn with_own_token(self, own_token: Option<Arc<OwnToken>>) -> Self {
        Self { own_token, ..self }
    }

    /// Answers a LIST: a page of the names directly below `folder`, in order. An empty `folder` stands for the root of
    /// the table.
    pub async fn list<T: 'static>(&self, table: &'static Table<T>, folder: &str, page: ListPage) -> Result<Answer> {
        let (view, folder) = (self.store.clone(), folder.to_owned());
        blocking::long_read(&self.caller.turn(), move |awaited| {
            let segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
            let page = barrier::Page { after: page.after.as_deref(), limit: page.limit(), awaited: Some(awaited) };
            let names = view.unit.names(&view.mount, table, &segments, page)?;
            Answer::names(names.into_iter().map(Name::listed).collect())
        })
        .await?
    }

    /// Runs `read` on the blocking pool. For reads whose time grows with the data, such as opening many names or
    /// records. A read of one record takes microseconds and is done where the request runs.
    pub async fn long_read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let view = self.store.clone();
        blocking::long_read(&self.caller.turn(), move |_| read(&view)).await?
    }
}

/// The parts from which a [`Context`] is built.
pub struct ContextParts<'a> {
    pub unit: &'a Arc<Unit>,
    pub caller: &'a Arc<Caller>,
    pub now: Time,
    pub mount: &'a Arc<MountFacts>,
    pub host: &'a Host,
    pub request_id: &'a Arc<str>,
}

impl From<ContextParts<'_>> for Context {
    fn from(parts: ContextParts<'_>) -> Self {
        Self {
            store: View::new(Arc::clone(parts.unit), parts.mount.id),
            caller: Arc::clone(parts.caller),
            now: parts.now,
            mount: Arc::clone(parts.mount),
            host: parts.host.clone(),
            request_id: Arc::clone(parts.request_id),
            own_token: None,
        }
    }
}

/// The identity behind a token. It is the same for all requests with that token.
#[derive(Default)]
pub struct Principal {
    pub entity_id: String,
    pub display_name: String,
    pub policies: Vec<String>,
    pub metadata: BTreeMap<String, String>,
    /// The path of the auth method whose login issued the token, such as `auth/approle/`. If set, the auth method vouches
    /// for the metadata. The metadata of a child token is chosen by its creator.
    pub login_mount: Option<String>,
}

/// Who sent the request. A request without a token has only an address.
pub struct Caller {
    pub principal: Arc<Principal>,
    pub address: Option<SocketAddr>,
    /// The client certificate in DER, if the client sent one.
    #[expect(dead_code, reason = "engines are given it; none asks yet")]
    pub certificate: Option<Arc<[u8]>>,
}

/// The token that a caller sent, and its keyed hash.
pub struct OwnToken {
    pub token: Secret<String>,
    pub hash: [u8; 32],
}

impl fmt::Debug for OwnToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnToken")
    }
}

impl Caller {
    #[cfg(test)]
    pub fn nobody(address: Option<SocketAddr>) -> Self {
        Self { principal: Arc::default(), address, certificate: None }
    }
}

impl Caller {
    /// What tells callers apart who wait for a long read: the entity; else the token, whose requests share a principal.
    pub(crate) fn turn(&self) -> Vec<u8> {
        match self.entity_id.as_str() {
            "" => Arc::as_ptr(&self.principal).addr().to_ne_bytes().to_vec(),
            entity => entity.as_bytes().to_vec(),
        }
    }
}

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

/// The mount that the request is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MountFacts {
    pub id: MountId,
    /// The path of the mount, with a trailing slash, and with `auth/` in front for auth methods: `secret/`,
    /// `auth/approle/`.
    pub path: String,
    pub kind: String,
    pub accessor: String,
    pub default_ttl: Ttl,
    pub max_ttl: Ttl,
}

/// What a mount needs from the server: randomness and the server's own address.
#[derive(Clone)]
pub struct Host {
    pub random: Random,
    /// The address at which clients reach this server, without a trailing slash. It comes from the configuration, never
    /// from a request.
    pub api_address: Arc<str>,
}

/// The records of this mount, in the unit of work of this request.
#[derive(Clone)]
pub struct View {
    pub(super) unit: Arc<Unit>,
    mount: MountId,
}

impl View {
    /// Only a context creates a view. An engine cannot.
    pub(super) fn new(unit: Arc<Unit>, mount: MountId) -> Self {
        Self { unit, mount }
    }

    /// The error for a record that changed after this request read it. Return it: the pipeline then runs the request
    /// again with fresh reads.
    pub fn conflict(&self) -> Error {
        self.unit.conflict().into()
    }

    pub fn get<T: Record>(&self, table: &Table<T>, name: &str) -> Result<Option<T>> {
        Ok(self.unit.get(&self.mount, table, name)?)
    }

    pub fn has<T: Record>(&self, table: &Table<T>, name: &str) -> Result<bool> {
        Ok(self.unit.has(&self.mount, table, name)?)
    }

    pub fn put<T: Record>(&self, table: &Table<T>, name: &str, record: &T) -> Result<()> {
        self.unit.put(&self.mount, table, name, record)?;
        Ok(())
    }

    pub fn delete<T: Record>(&self, table: &Table<T>, name: &str) -> Result<()> {
        Ok(self.unit.delete(&self.mount, table, name)?)
    }

    /// Like [`View::get`], for a table whose names are hashes, times or random ids.
    pub fn get_raw<T: Record>(&self, table: &Table<T>, name: &[u8]) -> Result<Option<T>> {
        Ok(self.unit.get(&self.mount, table, name)?)
    }

    pub fn put_raw<T: Record>(&self, table: &Table<T>, name: &[u8], record: &T) -> Result<()> {
        self.unit.put(&self.mount, table, name, record)?;
        Ok(())
    }

    pub fn delete_raw<T: Record>(&self, table: &Table<T>, name: &[u8]) -> Result<()> {
        Ok(self.unit.delete(&self.mount, table, name)?)
    }

    /// The records of a plain table whose names begin with `prefix`, at most the first `limit`, in order, with their
    /// names.
    pub fn scan_raw<T: Record>(&self, table: &Table<T>, prefix: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, T)>> {
        Ok(self.unit.scan(&self.mount, table, prefix, limit)?)
    }

    /// Lets the commit use the reserved disk space. For requests that revoke, delete or destroy something.
    pub fn urgent(&self) {
        self.unit.urgent();
    }

    /// A keyed hash of `bytes`, bound to this mount and to `label`. Use it as the storage key of a secret that is
    /// looked up.
    pub fn keyed_hash(&self, label: &str, bytes: &[u8]) -> Result<[u8; 32]> {
        Ok(self.unit.keys().engine_hash(&self.mount, label, bytes)?)
    }
}
