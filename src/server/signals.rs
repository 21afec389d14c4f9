//! The signals of the process.

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};

pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGINT or SIGTERM. Each SIGHUP meanwhile wakes whoever waits for `reload`.
    pub(crate) async fn wait_for_stop(&mut self, reload: &Notify) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => {
                    tracing::info!("SIGHUP: the certificates are read again; other settings need a restart");
                    reload.notify_one();
                }
            }
        }
    }
}
