//! Runs work on the runtime's blocking threads that would keep a worker thread from its other requests: file work, and
//! reads whose time grows with their data. A read of one record takes microseconds and stays on the worker thread.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Semaphore;

/// The runtime is stopping, and the work has not begun.
#[derive(Debug, thiserror::Error)]
#[error("the server is stopping")]
pub(crate) struct Stopping;

/// How many long reads run at once. The others wait, so that lists cannot take every core.
const LONG_READS_MAX: usize = 2;
/// Callers are told apart by this many queues. Two callers who share one wait for each other.
const CALLERS_MAX: usize = 256;

static LONG_READS: LazyLock<Queues> = LazyLock::new(|| Queues {
    seats: Semaphore::new(LONG_READS_MAX),
    callers: (0..CALLERS_MAX).map(|_| Semaphore::new(1)).collect(),
    hasher: RandomState::new(),
});

/// Who may read next. A caller has one turn at a time: whoever asks for a hundred lists waits behind its own, and others
/// wait for one of them at most.
struct Queues {
    seats: Semaphore,
    callers: Vec<Semaphore>,
    hasher: RandomState,
}

impl Queues {
    fn of_caller(&self, caller: &impl Hash) -> Option<&Semaphore> {
        self.callers.get(self.hasher.hash_one(caller) as usize % CALLERS_MAX)
    }
}

/// Whether anybody still waits for a long read. A read of many records asks now and then, and ends early if not.
#[derive(Clone, Default)]
pub(crate) struct Awaited(Arc<AtomicBool>);

impl Awaited {
    pub(crate) fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Says so when the caller goes away.
struct Waiting(Awaited);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on a blocking thread. The work runs to its end even if the caller goes away. A panic in `work` continues
/// in the caller.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopping> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Stopping),
    }
}

/// Like [`run`], for a read whose time grows with its data. [`LONG_READS_MAX`] of them run at once, and one of them for
/// each caller.
pub(crate) async fn long_read<T: Send + 'static>(
    caller: &impl Hash,
    read: impl FnOnce(&Awaited) -> T + Send + 'static,
) -> Result<T, Stopping> {
    let queues = &*LONG_READS;
    let turn = queues.of_caller(caller).ok_or(Stopping)?.acquire().await.map_err(|_| Stopping)?;
    let seat = queues.seats.acquire().await.map_err(|_| Stopping)?;
    let awaited = Awaited::default();
    let _waiting = Waiting(awaited.clone());
    // Turn and seat are held until the read is over, even if its caller has gone away.
    run(move || {
        let _held = (turn, seat);
        read(&awaited)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, time::Duration};

    use super::*;

    #[tokio::test]
    async fn few_long_reads_run_at_once_and_one_of_each_caller() {
        static RUNNING: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let one = |caller: usize| {
            let running = &RUNNING[caller];
            async move {
                let read = long_read(&caller, move |_| {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    std::thread::sleep(Duration::from_millis(5));
                    running.fetch_sub(1, Ordering::SeqCst);
                    now
                });
                read.await.unwrap()
            }
        };
        let reads: Vec<_> = (0..16).map(|number| tokio::spawn(one(number % 2))).collect();
        for read in reads {
            assert_eq!(read.await.unwrap(), 1);
        }
    }

    /// A caller with many reads does not keep another from its one.
    #[tokio::test]
    async fn whoever_asks_for_much_waits_behind_itself() {
        let many: Vec<_> = (0..50)
            .map(|_| tokio::spawn(async { long_read(&1, |_| std::thread::sleep(Duration::from_millis(5))).await }))
            .collect();
        tokio::task::yield_now().await;
        long_read(&2, |_| ()).await.unwrap();
        assert!(many.iter().filter(|read| !read.is_finished()).count() > 30, "the other one's reads went first");
        many.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn a_read_that_nobody_waits_for_hears_of_it() {
        let (told, hears) = tokio::sync::oneshot::channel();
        let reading = tokio::spawn(async move {
            let read = long_read(&3, move |awaited| {
                while !awaited.is_given_up() {
                    std::thread::yield_now();
                }
                told.send(()).unwrap();
            });
            read.await
        });
        tokio::task::yield_now().await;
        reading.abort();
        hears.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_continues_in_the_caller() {
        let caller = tokio::spawn(async { run(|| std::panic::resume_unwind(Box::new("as told"))).await.map(|()| 0) });
        assert!(caller.await.unwrap_err().is_panic());
    }
}
