//! Runs work on the runtime's blocking threads that would keep a worker thread from its other requests: file work, and
//! reads whose time grows with their data. A read of one record takes microseconds and stays on the worker thread.

use tokio::sync::Semaphore;

/// Why work was not done: the runtime is stopping, and the work had not begun.
#[derive(Debug, thiserror::Error)]
#[error("the server is stopping")]
pub(crate) struct Stopping;

/// Most long reads that run at once. Further ones wait for their turn, so that lists cannot take every core.
const LONG_READS_MAX: usize = 2;

static LONG_READ_SEATS: Semaphore = Semaphore::const_new(LONG_READS_MAX);

/// Runs `work` on a blocking thread. The work runs to its end even if the caller goes away. If the work panics, the
/// panic continues in the caller.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopping> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Stopping),
    }
}

/// As [`run`], for a read whose time grows with its data. At most [`LONG_READS_MAX`] run at once; further ones wait.
pub(crate) async fn long_read<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopping> {
    let seat = LONG_READ_SEATS.acquire().await.map_err(|_| Stopping)?;
    // The seat (permit) is held until the read is over, even if the caller has gone away.
    run(move || {
        let _seat = seat;
        read()
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    #[tokio::test]
    async fn few_long_reads_run_at_once() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let one = || {
            long_read(|| {
                let now = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
                std::thread::sleep(Duration::from_millis(5));
                RUNNING.fetch_sub(1, Ordering::SeqCst);
                now
            })
        };
        let reads: Vec<_> = (0..16).map(|_| tokio::spawn(one())).collect();
        for read in reads {
            assert!(read.await.unwrap().unwrap() <= LONG_READS_MAX);
        }
    }

    #[tokio::test]
    async fn a_panic_continues_in_the_caller() {
        let caller = tokio::spawn(async { run(|| std::panic::resume_unwind(Box::new("as told"))).await.map(|()| 0) });
        assert!(caller.await.unwrap_err().is_panic());
    }
}
