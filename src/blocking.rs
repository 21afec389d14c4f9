//! Runs work on the runtime's blocking threads that would keep a worker thread from its other requests: file work, and
//! reads whose time grows with their data. A read of one record takes microseconds and stays on the worker thread.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Semaphore;

use crate::stripes::Stripes;

/// The runtime is stopping, and the work has not begun.
#[derive(Debug, thiserror::Error)]
#[error("the server is stopping")]
pub(crate) struct Stopping;

/// How many long reads run at once. The others wait, so that lists cannot take every core.
const LONG_READS_MAX: usize = 2;

static LONG_READS: LazyLock<LongReads> = LazyLock::new(LongReads::default);

/// Who may read next. A caller has one turn at a time: whoever asks for a hundred lists waits behind its own, and others
/// wait for one of them at most.
struct LongReads {
    seats: Arc<Semaphore>,
    turns: Stripes,
}

impl Default for LongReads {
    fn default() -> Self {
        Self { seats: Arc::new(Semaphore::new(LONG_READS_MAX)), turns: Stripes::default() }
    }
}

impl LongReads {
    async fn read<T: Send + 'static>(
        &self,
        caller: &[u8],
        read: impl FnOnce(&Awaited) -> T + Send + 'static,
    ) -> Result<T, Stopping> {
        let turn = self.turns.hold(caller).await;
        let seat = Arc::clone(&self.seats).acquire_owned().await.map_err(|_| Stopping)?;
        let awaited = Awaited::default();
        let _waiting = Waiting(awaited.clone());
        // Turn and seat are held until the read is over, even if its caller has gone away.
        run(move || {
            let _held = (turn, seat);
            read(&awaited)
        })
        .await
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

/// Like [`run`], for work that nobody waits for.
pub(crate) fn begin(work: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(work);
}

/// Like [`run`], for a read whose time grows with its data. [`LONG_READS_MAX`] of them run at once, and one of them for
/// each caller.
pub(crate) async fn long_read<T: Send + 'static>(
    caller: &[u8],
    read: impl FnOnce(&Awaited) -> T + Send + 'static,
) -> Result<T, Stopping> {
    LONG_READS.read(caller, read).await
}

/// Two callers who do not wait for each other's turn.
#[cfg(test)]
pub(crate) fn two_callers() -> [String; 2] {
    LONG_READS.turns.two_apart()
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, time::Duration};

    use futures_util::future::join_all;
    use tokio::sync::oneshot;

    use super::*;

    /// Each read tells how many ran when it began, itself included.
    async fn at_once(reads: usize, caller_of: fn(usize) -> usize) -> usize {
        let (all, running) = (Arc::new(LongReads::default()), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..reads)
            .map(|number| {
                let (all, running) = (Arc::clone(&all), Arc::clone(&running));
                tokio::spawn(async move {
                    let read = move |_: &Awaited| {
                        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                        std::thread::sleep(Duration::from_millis(5));
                        running.fetch_sub(1, Ordering::SeqCst);
                        now
                    };
                    all.read(&caller_of(number).to_ne_bytes(), read).await.unwrap()
                })
            })
            .collect();
        join_all(tasks).await.into_iter().map(Result::unwrap).max().unwrap()
    }

    #[tokio::test]
    async fn few_long_reads_run_at_once_and_one_of_each_caller() {
        assert_eq!(at_once(16, |_| 7).await, 1);
        assert!(at_once(64, |number| number).await <= LONG_READS_MAX);
    }

    /// A caller with many reads does not keep another from its one.
    #[tokio::test]
    async fn whoever_asks_for_much_waits_behind_itself() {
        let all = Arc::new(LongReads::default());
        let [busy, other] = all.turns.two_apart();
        let many: Vec<_> = (0..50)
            .map(|_| {
                let (all, busy) = (Arc::clone(&all), busy.clone());
                let slow = |_: &Awaited| std::thread::sleep(Duration::from_millis(5));
                tokio::spawn(async move { all.read(busy.as_bytes(), slow).await })
            })
            .collect();
        tokio::task::yield_now().await;
        all.read(other.as_bytes(), |_| ()).await.unwrap();
        assert!(many.iter().filter(|read| !read.is_finished()).count() > 30, "the other one's reads went first");
        many.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn a_read_that_nobody_waits_for_hears_of_it() {
        let (begun, begins) = oneshot::channel();
        let (told, hears) = oneshot::channel();
        let reading = tokio::spawn(async move {
            let read = move |awaited: &Awaited| {
                begun.send(()).unwrap();
                while !awaited.is_given_up() {
                    std::thread::yield_now();
                }
                told.send(()).unwrap();
            };
            LongReads::default().read(b"a", read).await
        });
        begins.await.unwrap();
        reading.abort();
        hears.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_continues_in_the_caller() {
        let caller = tokio::spawn(async { run(|| std::panic::resume_unwind(Box::new("as told"))).await.map(|()| 0) });
        assert!(caller.await.unwrap_err().is_panic());
    }
}
