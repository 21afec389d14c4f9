//! Work that would keep a worker from its other requests: file work, and reads that are as long as their data. It runs on
//! the runtime's blocking threads. Point reads take microseconds and stay where they are.

use tokio::sync::Semaphore;

/// The runtime stops, and the work has not begun.
#[derive(Debug, thiserror::Error)]
#[error("the server is stopping")]
pub(crate) struct Stopping;

/// How many long reads run at once. The others wait for their turn, so that lists cannot take every core.
const LONG_READS_MAX: usize = 2;

static LONG_READ_SEATS: Semaphore = Semaphore::const_new(LONG_READS_MAX);

/// Runs `work` on a blocking thread. It runs to its end even if the caller goes away. A panic in it continues in the
/// caller.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopping> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Stopping),
    }
}

/// As [`run`], for a read that is as long as its data: [`LONG_READS_MAX`] of them run at once.
pub(crate) async fn long_read<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopping> {
    let seat = LONG_READ_SEATS.acquire().await.map_err(|_| Stopping)?;
    // The seat is taken until the read is over, also if its caller has gone away.
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
