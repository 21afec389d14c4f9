//! A running server: its workers, and how it stops. Each worker is one thread with a runtime of its own, so that a
//! connection never moves between threads.

use std::{io, sync::Arc, thread::JoinHandle};

use tokio::{sync::mpsc, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connection::{Accepted, serve},
    connections::Connections,
    exchange::Front,
    limits::Limits,
    listener::{Acceptor, Listener},
};

/// A listener, and what answers its requests.
pub(crate) struct Served {
    pub(crate) listener: Listener,
    pub(crate) front: Arc<Front>,
}

/// A running server. Dropping it ends the workers without waiting for them.
pub(crate) struct Serving {
    stop: CancellationToken,
    end: CancellationToken,
    /// Tracks the acceptors, and each connection from `accept` to its end.
    open: TaskTracker,
    limits: Limits,
    workers: Vec<JoinHandle<()>>,
}

/// Starts to accept. Must be called in the runtime in which the listeners were bound; that runtime must go on running.
pub(crate) fn start(served: Vec<Served>, limits: Limits, workers: usize) -> io::Result<Serving> {
    let (stop, open) = (CancellationToken::new(), TaskTracker::new());
    let mut serving = Serving { stop, open, end: CancellationToken::new(), limits, workers: Vec::new() };
    let mut to_workers = Vec::new();
    for number in 0..workers.max(1) {
        let (to_worker, accepted) = mpsc::unbounded_channel();
        serving.workers.push(start_worker(number, accepted, serving.end.clone(), limits)?);
        to_workers.push(to_worker);
    }
    let connections = Connections::new(limits.connections.fit_descriptors(), serving.stop.clone());
    for Served { listener, front } in served {
        let acceptor = Acceptor {
            listener,
            front,
            connections: connections.clone(),
            to_workers: to_workers.clone(),
            stop: serving.stop.clone(),
            open: serving.open.clone(),
        };
        serving.open.spawn(acceptor.run());
    }
    Ok(serving)
}

impl Serving {
    /// Stops accepting, and waits until every open request is answered or the time for that is over. Tasks that
    /// requests have started go on until [`Serving::end`].
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.open.close();
        let _late_ones_are_cut = timeout(self.limits.stop, self.open.wait()).await;
    }

    /// Ends the workers and waits for their threads.
    pub(crate) async fn end(mut self) {
        self.end.cancel();
        let threads = std::mem::take(&mut self.workers);
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().filter_map(|it| it.join().err()).count());
        if let Ok(1..) = joined.await {
            tracing::error!("a worker thread ended with a panic: please report it");
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
        self.end.cancel();
    }
}

fn start_worker(
    number: usize,
    accepted: mpsc::UnboundedReceiver<Accepted>,
    end: CancellationToken,
    limits: Limits,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || runtime.block_on(work(accepted, end, limits)))
}

async fn work(mut accepted: mpsc::UnboundedReceiver<Accepted>, end: CancellationToken, limits: Limits) {
    // The channel closes when the last acceptor has stopped.
    while let Some(connection) = accepted.recv().await {
        tokio::spawn(serve(connection, limits));
    }
    end.cancelled().await;
}
