//! The built-in mounts (`sys/` and `auth/token/`) may do more than an engine: their handlers get the whole unit of work
//! and the caller's own token. The rows of an engine or an auth method are [`Api`](super::Api) rows, whose handlers get
//! a [`Call`]. The compiler refuses a [`BuiltInCall`] there.

use std::{ops::Deref, sync::Arc};

use crate::{
    barrier::Unit,
    contract::{Call, Context, MountFacts, OwnToken, View, row::ApiOf},
};

/// The API of a built-in mount.
pub type BuiltInApi<E> = ApiOf<BuiltInCall<E>>;

/// One request to a built-in mount.
pub struct BuiltInCall<E>(Call<E>);

impl<E> BuiltInCall<E> {
    /// The whole unit of work. The services write through it.
    pub fn unit(&self) -> &Arc<Unit> {
        &self.0.context.store.unit
    }

    /// The token that the caller sent.
    pub fn own_token(&self) -> Option<&Arc<OwnToken>> {
        self.0.context.own_token.as_ref()
    }

    /// The same request, addressed to another mount. Used to ask an auth method about a token that it issued.
    pub fn context_at(&self, mount: &Arc<MountFacts>) -> Context {
        let store = View::new(Arc::clone(self.unit()), mount.id);
        Context { store, mount: Arc::clone(mount), own_token: None, ..self.0.context.clone() }
    }
}

impl<E> Deref for BuiltInCall<E> {
    type Target = Call<E>;

    fn deref(&self) -> &Call<E> {
        &self.0
    }
}

/// A parameter that a handler can take. Only the contract builds one, from the engine and the request.
pub trait Handled: Send + 'static {
    type Engine: Send + Sync + 'static;
    fn from_call(call: Call<Self::Engine>) -> Self;
}

impl<E: Send + Sync + 'static> Handled for Call<E> {
    type Engine = E;

    /// Takes the caller's token out of the call: an engine must not see it.
    fn from_call(call: Self) -> Self {
        Self { context: Context { own_token: None, ..call.context }, ..call }
    }
}

impl<E: Send + Sync + 'static> Handled for BuiltInCall<E> {
    type Engine = E;

    fn from_call(call: Call<E>) -> Self {
        Self(call)
    }
}
