//! Accepting connections. One task per listener accepts and deals to the workers in turn; each worker is one thread
//! with a runtime of its own, so that a connection never moves between cores. Out of descriptors, accepting waits
//! instead of spinning.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    time::{sleep, timeout},
};

use super::{
    connection::{Dealt, serve},
    exchange::{Front, Handler},
    limits::Limits,
};
use crate::base::limits::DESCRIPTORS_RESERVED;

/// A bound socket, not yet accepting.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
}

impl Listener {
    /// Binds `address`. Needs a runtime, the one whose task will accept.
    pub fn bind(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?;
        Ok(Self { address: socket.local_addr()?, socket, tls })
    }

    /// Where it listens: with port 0 asked, the port that was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Connections that wait for `accept`.
const BACKLOG: u32 = 1_024;
/// How long accepting waits when the machine has nothing left to accept with.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Serving,
    /// Nothing is accepted; what is open may finish.
    Stopping,
    /// The workers may end.
    Ended,
}

/// Waits until `phase` is over, or nobody is left who could end it.
pub async fn is_over(watched: &mut watch::Receiver<Phase>, phase: Phase) {
    let _sender_is_gone = watched.wait_for(|now| *now != phase).await;
}

/// A running server.
pub struct Serving {
    phase: watch::Sender<Phase>,
    workers: Vec<Worker>,
}

struct Worker {
    thread: std::thread::JoinHandle<()>,
    /// Answers when no connection of the worker is open any more.
    idle: oneshot::Receiver<()>,
}

type Deal = (Dealt, OwnedSemaphorePermit);

/// Starts to accept. Must be called in the runtime that the listeners were bound in; that runtime must go on running.
pub fn start(listeners: Vec<Listener>, handler: Handler, limits: Limits, workers: usize) -> io::Result<Serving> {
    let front = Arc::new(Front::new(handler, limits));
    let (phase, watched) = watch::channel(Phase::Serving);
    let mut lines = Vec::new();
    let mut running = Vec::new();
    for number in 0..workers.max(1) {
        let (line, dealt) = mpsc::unbounded_channel();
        running.push(Worker::start(number, front.clone(), dealt, watched.clone())?);
        lines.push(line);
    }
    let room = Arc::new(Semaphore::new(connections_max(limits.connections_max)));
    for listener in listeners {
        let acceptor = Acceptor { listener, room: room.clone(), lines: lines.clone() };
        tokio::spawn(acceptor.run(watched.clone()));
    }
    Ok(Serving { phase, workers: running })
}

impl Serving {
    /// Stops accepting and waits until what is open has been answered, or its time is up. Tasks that requests have
    /// started go on until [`Serving::end`].
    pub async fn stop(&mut self) {
        self.phase.send_replace(Phase::Stopping);
        for worker in &mut self.workers {
            let _gone_is_idle = (&mut worker.idle).await;
        }
    }

    /// Ends the workers and waits for their threads.
    pub async fn end(self) {
        self.phase.send_replace(Phase::Ended);
        let threads: Vec<_> = self.workers.into_iter().map(|worker| worker.thread).collect();
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().filter_map(|it| it.join().err()).count());
        if let Ok(1..) = joined.await {
            tracing::error!("a worker ended by a panic");
        }
    }
}

impl Worker {
    fn start(
        number: usize,
        front: Arc<Front>,
        dealt: mpsc::UnboundedReceiver<Deal>,
        phase: watch::Receiver<Phase>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (idle, is_idle) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || runtime.block_on(work(front, dealt, phase, idle)))?;
        Ok(Self { thread, idle: is_idle })
    }
}

async fn work(
    front: Arc<Front>,
    mut dealt: mpsc::UnboundedReceiver<Deal>,
    mut phase: watch::Receiver<Phase>,
    idle: oneshot::Sender<()>,
) {
    // Every connection holds a clone: the channel closes with the last of them.
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    while let Some((next, permit)) = dealt.recv().await {
        let (front, phase, open) = (front.clone(), phase.clone(), open.clone());
        tokio::spawn(async move {
            serve(next, front, phase).await;
            drop((permit, open));
        });
    }
    drop(open);
    let _late_ones_are_cut = timeout(front.limits.stop, all_closed.recv()).await;
    let _nobody_may_wait = idle.send(());
    is_over(&mut phase, Phase::Serving).await;
    is_over(&mut phase, Phase::Stopping).await;
}

struct Acceptor {
    listener: Listener,
    room: Arc<Semaphore>,
    lines: Vec<mpsc::UnboundedSender<Deal>>,
}

impl Acceptor {
    async fn run(self, mut phase: watch::Receiver<Phase>) {
        let mut turn = self.lines.iter().cycle();
        loop {
            let accepted = tokio::select! {
                biased;
                () = is_over(&mut phase, Phase::Serving) => return,
                accepted = self.listener.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    if let (Some(line), Some(deal)) = (turn.next(), self.deal(stream, address)) {
                        let _stopped_meanwhile = line.send(deal);
                    }
                }
                // The client was gone before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted for now");
                    sleep(BACK_OFF).await;
                }
            }
        }
    }

    /// Above the limit of connections, the newest is closed at once.
    fn deal(&self, stream: TcpStream, address: SocketAddr) -> Option<Deal> {
        let permit = self.room.clone().try_acquire_owned().ok()?;
        stream.set_nodelay(true).ok()?;
        let stream = stream.into_std().ok()?;
        Some((Dealt { stream, address, tls: self.listener.tls.clone() }, permit))
    }
}

/// As many connections as the process has descriptors for, less those that storage and audit need.
fn connections_max(asked: usize) -> usize {
    use rustix::process::{Resource, getrlimit};
    let Some(descriptors) = getrlimit(Resource::Nofile).current else { return asked };
    let room = usize::try_from(descriptors).unwrap_or(usize::MAX).saturating_sub(DESCRIPTORS_RESERVED);
    asked.min(room).max(1)
}
