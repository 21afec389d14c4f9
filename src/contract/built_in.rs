//! What the mounts that every broker has may do beyond an engine: they see the whole unit of work and the caller's own
//! token. The rows of an engine or an auth method are [`Api`](super::Api) rows, whose handlers are given a [`Call`]; the
//! compiler refuses a [`BuiltInCall`] there.

use std::{ops::Deref, sync::Arc};

use crate::{
    barrier::Unit,
    contract::{Call, Context, MountFacts, OwnToken, View, row::ApiOf},
};

/// The API of a mount that every broker has.
pub type BuiltInApi<E> = ApiOf<BuiltInCall<E>>;

/// One request as a built-in mount sees it.
pub struct BuiltInCall<E>(Call<E>);

impl<E> BuiltInCall<E> {
    /// The whole unit of work, through which the services write.
    pub fn unit(&self) -> &Arc<Unit> {
        &self.0.context.store.unit
    }

    /// The token that the caller showed.
    pub fn own_token(&self) -> Option<&Arc<OwnToken>> {
        self.0.context.own_token.as_ref()
    }

    /// This request as another mount sees it: for asking an auth method about a token that it gave out.
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

/// What a handler may be given: made from the engine and the request, by the contract alone.
pub trait Handled: Send + 'static {
    type Engine: Send + Sync + 'static;
    fn from_call(call: Call<Self::Engine>) -> Self;
}

impl<E: Send + Sync + 'static> Handled for Call<E> {
    type Engine = E;

    /// An engine's call carries no token.
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
