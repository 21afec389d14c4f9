//! All that a handler is given: owned and cheap to pass on. An engine sees its own mount's records through [`View`],
//! who is calling, and one reading of the clock; nothing else.

use std::{collections::BTreeMap, fmt, net::SocketAddr, ops::Deref, sync::Arc};

use crate::{
    barrier::{MountId, Name, Record, Table, Unit},
    base::{random::Random, secret::Secret, time::Time, ttl::Ttl},
    contract::{Error, Result},
};

/// One request as its handler sees it: the engine, and everything in [`Context`].
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

/// What belongs to the request rather than to the engine.
#[derive(Clone)]
pub struct Context {
    /// The records of this mount, within this request's unit of work.
    pub store: View,
    pub caller: Arc<Caller>,
    /// The one reading of the clock for this request.
    pub now: Time,
    pub mount: Arc<MountFacts>,
    pub host: Host,
    pub request_id: Arc<str>,
    /// The token that the caller showed. Only [`BuiltInCall`](super::BuiltInCall) gives it out.
    pub(super) own_token: Option<Arc<OwnToken>>,
}

impl Context {
    /// Attaches the caller's own token, for the mounts that every broker has.
    pub fn with_own_token(self, own_token: Option<Arc<OwnToken>>) -> Self {
        Self { own_token, ..self }
    }
}

/// What a [`Context`] is made of.
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

/// Who a token speaks for: the same for all of its requests.
#[derive(Default)]
pub struct Principal {
    pub entity_id: String,
    pub display_name: String,
    pub policies: Vec<String>,
    pub metadata: BTreeMap<String, String>,
    /// Whether the token came from a login, so that an auth method vouches for the metadata. Whoever makes a child
    /// token chooses its metadata.
    pub is_login: bool,
}

/// Who is calling. Without a token: nobody, from an address.
pub struct Caller {
    pub principal: Arc<Principal>,
    pub address: Option<SocketAddr>,
    /// The client certificate's DER, if the connection showed one.
    pub certificate: Option<Arc<[u8]>>,
}

/// The token that a caller showed, and its keyed hash.
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
    pub fn nobody(address: Option<SocketAddr>) -> Self {
        Self { principal: Arc::default(), address, certificate: None }
    }
}

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

/// What is known of the mount that was called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MountFacts {
    pub id: MountId,
    /// With a trailing slash, `auth/` before it for auth methods: `secret/`, `auth/approle/`.
    pub path: String,
    pub kind: String,
    pub accessor: String,
    pub default_ttl: Ttl,
    pub max_ttl: Ttl,
}

/// The world outside of the mount: randomness and keyed hashes bound to the mount.
#[derive(Clone)]
pub struct Host {
    pub random: Random,
    /// Where clients reach this server, without a trailing slash; from the configuration, never from a request.
    pub api_address: Arc<str>,
}

/// This mount's records in this request's unit of work.
#[derive(Clone)]
pub struct View {
    pub(super) unit: Arc<Unit>,
    mount: MountId,
}

impl View {
    /// An engine is only ever handed a view; a context makes it.
    pub(super) fn new(unit: Arc<Unit>, mount: MountId) -> Self {
        Self { unit, mount }
    }

    /// Something that this request relies on has changed since it was read. Return this error: the pipeline then
    /// performs the request again on fresh reads.
    pub fn conflict(&self) -> Error {
        self.unit.conflict().into()
    }

    pub async fn get<T: Record>(&self, table: &Table<T>, name: &str) -> Result<Option<T>> {
        Ok(self.unit.get(&self.mount, table, name)?)
    }

    pub async fn has<T: Record>(&self, table: &Table<T>, name: &str) -> Result<bool> {
        Ok(self.unit.has(&self.mount, table, name)?)
    }

    pub async fn put<T: Record>(&self, table: &Table<T>, name: &str, record: &T) -> Result<()> {
        self.unit.put(&self.mount, table, name, record)?;
        Ok(())
    }

    pub async fn delete<T: Record>(&self, table: &Table<T>, name: &str) -> Result<()> {
        Ok(self.unit.delete(&self.mount, table, name)?)
    }

    /// The names directly below a folder (empty: the root), in order.
    pub async fn names<T: Record>(&self, table: &Table<T>, folder: &str) -> Result<Vec<Name>> {
        let segments: Vec<&str> = folder.split('/').filter(|segment| !segment.is_empty()).collect();
        Ok(self.unit.names(&self.mount, table, &segments)?)
    }

    /// Like [`View::get`] for a table whose names are hashes, times or random ids.
    pub async fn get_raw<T: Record>(&self, table: &Table<T>, name: &[u8]) -> Result<Option<T>> {
        Ok(self.unit.get(&self.mount, table, name)?)
    }

    pub async fn put_raw<T: Record>(&self, table: &Table<T>, name: &[u8], record: &T) -> Result<()> {
        self.unit.put(&self.mount, table, name, record)?;
        Ok(())
    }

    pub async fn delete_raw<T: Record>(&self, table: &Table<T>, name: &[u8]) -> Result<()> {
        Ok(self.unit.delete(&self.mount, table, name)?)
    }

    /// Records of a plain table whose names begin with `prefix`, at most `limit`, in order.
    pub async fn scan_raw<T: Record>(
        &self,
        table: &Table<T>,
        prefix: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, T)>> {
        Ok(self.unit.scan(&self.mount, table, prefix, limit)?)
    }

    /// Lets the commit use the disk's reserve: for what revokes, deletes or destroys.
    pub fn urgent(&self) {
        self.unit.urgent();
    }

    /// A keyed hash under a label, bound to this mount: what a looked-up secret is stored under.
    pub fn keyed_hash(&self, label: &str, bytes: &[u8]) -> Result<[u8; 32]> {
        Ok(self.unit.keys().engine_hash(&self.mount, label, bytes)?)
    }
}
