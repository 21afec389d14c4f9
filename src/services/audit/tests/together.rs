//! Many at once, with the maintenance thread at work.

use super::{bench::*, *};
use crate::base::time::Time;

const TASKS: usize = 48;
const REQUESTS: usize = 40;

/// When answers are given.
#[derive(PartialEq)]
enum Answers {
    AfterWrite,
    AfterSync,
}

/// Every request of every task is answered, and the log is whole.
fn all_are_answered(answers: &Answers) {
    let dir = tempfile::tempdir().unwrap();
    let config = |name: &str| DeviceConfig {
        name: name.into(),
        path: dir.path().join(format!("{name}.log")),
        required: true,
        sync_always: *answers == Answers::AfterSync,
        rotation: Rotation::default(),
    };
    let clock = Clock::system(Time::EPOCH);
    let audit = Audit::start(vec![config("one"), config("two")], Files::real(), clock);
    audit.unseal_blocking(keys(), Vec::new()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let task = |task: usize| {
            let audit = audit.clone();
            async move {
                for n in 0..REQUESTS {
                    let id = format!("r-{task}-{n}");
                    let urgency = if n % 3 == 0 { Urgency::Now } else { Urgency::WithOutcome };
                    let receipt = audit.record(&audit.draft(&request(&id)), urgency).unwrap();
                    let txn = (urgency == Urgency::Now).then_some(Sequence((task * REQUESTS + n) as u64));
                    audit.record_outcome(receipt, audit.draft(&response(&id)), txn).await.unwrap();
                }
            }
        };
        let tasks: Vec<_> = (0..TASKS).map(|n| tokio::spawn(task(n))).collect();
        for task in tasks {
            task.await.unwrap();
        }
        audit.seal().await;
    });
    for name in ["one.log", "two.log"] {
        let path = dir.path().join(name);
        assert_eq!(paired(&[std::fs::read_to_string(&path).unwrap()]), TASKS * REQUESTS);
        let report = verify::verify(&[path], &public(), &[]).unwrap();
        assert_eq!((report.first_problem, report.proved_to), (None, report.lines));
    }
}

/// The writer lock is held until a task has run that shares its only worker with a seal: the seal must not keep the
/// worker.
#[test]
fn a_seal_leaves_the_worker_to_others() {
    let bench = Bench::unsealed();
    let (go, gone) = std::sync::mpsc::channel();
    let (held, is_held) = std::sync::mpsc::channel();
    let audit = bench.audit.clone();
    let holder = std::thread::spawn(move || {
        let mut has_run = false;
        audit.with_writer_lock(|| {
            held.send(()).unwrap();
            has_run = gone.recv_timeout(std::time::Duration::from_secs(20)).is_ok();
        });
        has_run
    });
    is_held.recv().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { tokio::join!(bench.audit.seal(), async { go.send(()).unwrap() }) });
    assert!(holder.join().unwrap(), "the seal kept the worker");
    assert_eq!(bench.ask("late").err(), Some(AuditError::Sealed));
}

#[test]
fn many_at_once_are_all_answered() {
    all_are_answered(&Answers::AfterWrite);
}

#[test]
fn many_at_once_are_all_answered_after_their_sync() {
    all_are_answered(&Answers::AfterSync);
}
