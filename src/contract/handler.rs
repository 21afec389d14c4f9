//! The function behind an API row. Most handlers read and write records of their unit of work and return at once. A
//! handler that has to wait, for a thread of the blocking pool or for another service, is an `async fn` that the row
//! marks with [`waits`].

use std::{future::Future, pin::Pin};

use crate::contract::{Answer, Result};

/// A handler: a `fn(call, path, input) -> Result<Answer>`, or an `async` one inside [`waits`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle a row",
    note = "a handler is a `fn(call, path, input) -> Result<Answer>`; one that is `async` stands inside `waits(…)`"
)]
pub trait Handler<C, P, I>: Send + Sync + 'static {
    /// Whether the handler may wait before it answers.
    const WAITS: bool;
    fn handle(&self, call: C, path: P, input: I) -> Handling;
}

/// What a handler returns: a result, or a future of one if the handler waits.
pub enum Handling {
    Done(Result<Answer>),
    Waits(Later<Answer>),
}

/// A future of a result.
pub type Later<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

impl Handling {
    pub async fn result(self) -> Result<Answer> {
        match self {
            Self::Done(result) => result,
            Self::Waits(later) => later.await,
        }
    }
}

/// Marks a handler that has to wait.
pub const fn waits<F>(handler: F) -> Waits<F> {
    Waits(handler)
}

/// An `async` handler, as [`waits`] marks it.
pub struct Waits<F>(F);

impl<C, P, I, F> Handler<C, P, I> for F
where
    F: Fn(C, P, I) -> Result<Answer> + Send + Sync + 'static,
{
    const WAITS: bool = false;

    fn handle(&self, call: C, path: P, input: I) -> Handling {
        Handling::Done(self(call, path, input))
    }
}

impl<C, P, I, F, Fut> Handler<C, P, I> for Waits<F>
where
    F: Fn(C, P, I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer>> + Send + 'static,
{
    const WAITS: bool = true;

    fn handle(&self, call: C, path: P, input: I) -> Handling {
        Handling::Waits(Box::pin((self.0)(call, path, input)))
    }
}
