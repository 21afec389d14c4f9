//! Binds sockets and accepts connections. Each listener has one task that accepts and
//! gives connections to the workers in turn.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{certificates::CurrentTls, connection::Accepted, connections::Connections, exchange::Front};

/// A bound socket that does not accept connections yet.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<CurrentTls>,
}

impl Listener {
    /// Binds `address`. Must be called in the runtime in which the listener will accept.
    pub(crate) fn bind(address: SocketAddr, tls: Option<CurrentTls>) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?;
        Ok(Self { address: socket.local_addr()?, socket, tls })
    }

    /// The address on which it listens. If port 0 was asked for, it has the port that the machine chose.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// At most this many connections wait in the kernel to be accepted.
const BACKLOG: u32 = 1_024;
/// How long accepting pauses if the machine has no descriptor or memory left.
const BACK_OFF: Duration = Duration::from_millis(100);

pub(crate) struct Acceptor {
    pub(crate) listener: Listener,
    pub(crate) front: Arc<Front>,
    pub(crate) connections: Connections,
    pub(crate) to_workers: Vec<mpsc::UnboundedSender<Accepted>>,
    pub(crate) stop: CancellationToken,
    pub(crate) open: TaskTracker,
}

impl Acceptor {
    /// Accepts connections until the server stops.
    pub(crate) async fn run(self) {
        let mut turn = self.to_workers.iter().cycle();
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                accepted = self.listener.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    if let (Some(worker), Some(accepted)) = (turn.next(), self.admit(stream, address)) {
                        let _worker_is_gone = worker.send(accepted);
                    }
                }
                // The client closed the connection before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "connections cannot be accepted: trying again shortly");
                    sleep(BACK_OFF).await;
                }
            }
        }
    }

    /// Finds room for a connection. `None` if there is none: the connection is then closed at once.
    fn admit(&self, stream: TcpStream, address: SocketAddr) -> Option<Accepted> {
        let Some(slot) = self.connections.open(address.ip()) else {
            self.front.connections().refuse();
            return None;
        };
        stream.set_nodelay(true).ok()?;
        Some(Accepted {
            // The worker registers the socket with its own runtime.
            stream: stream.into_std().ok()?,
            address,
            tls: self.listener.tls.as_ref().map(CurrentTls::get),
            front: self.front.clone(),
            slot,
            counted: self.front.connections().accept(),
            stop: self.stop.clone(),
            open: self.open.token(),
        })
    }
}
