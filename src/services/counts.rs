//! Counts of the requests that the broker handled: how each request ended, by the kind of its mount and its operation,
//! and how long it took. All counts exist from the start, so a request only adds to a number: it takes no lock and no
//! memory, and nothing that a caller sends can add another count.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    base::time::Stopwatch,
    contract::{Answer, Error, Fault, Operation},
};

/// How a request ended, as the counts tell outcomes apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CountedOutcome {
    Ok,
    Denied,
    /// There is no such path or thing, or the path does not support the operation.
    Missing,
    Invalid,
    /// A precondition of the caller does not hold.
    Conflict,
    /// The request was refused because its address had been refused too often.
    Limited,
    Unavailable,
    Internal,
    /// The request ended without an outcome: the client was gone before it got an answer.
    Unanswered,
}

impl CountedOutcome {
    pub const ALL: [Self; 9] = [
        Self::Ok,
        Self::Denied,
        Self::Missing,
        Self::Invalid,
        Self::Conflict,
        Self::Limited,
        Self::Unavailable,
        Self::Internal,
        Self::Unanswered,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::Unanswered => "unanswered",
        }
    }

    /// The outcome of an answer or an error. A health check that answers 503 counts as `Ok`: it has done its work.
    pub(crate) fn of(result: Result<&Answer, &Error>) -> Self {
        match result {
            Ok(answer) if answer.status() == Fault::Missing.status() => Self::Missing,
            Ok(_) => Self::Ok,
            Err(error) => match error.fault {
                Fault::Denied => Self::Denied,
                Fault::Missing | Fault::Unsupported => Self::Missing,
                Fault::Invalid | Fault::TooLarge | Fault::WrongType => Self::Invalid,
                Fault::Conflict => Self::Conflict,
                Fault::TooMany => Self::Limited,
                Fault::Unavailable => Self::Unavailable,
                Fault::Internal => Self::Internal,
            },
        }
    }
}

/// Who refused a request before it reached the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// The listener: what came was not HTTP, or was for another host.
    Listener,
    /// The dialects: it was HTTP that no dialect can read.
    Dialect,
}

impl Reader {
    pub const ALL: [Self; 2] = [Self::Listener, Self::Dialect];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Dialect => "dialect",
        }
    }
}

/// All counts. Clones share them.
#[derive(Clone)]
pub(crate) struct Counts(Arc<Table>);

struct Table {
    /// The counts of each kind of mount. The first are those of requests that lead to no mount.
    kinds: Box<[KindCounts]>,
    durations: [DurationCounts; OPERATIONS],
    unread: [AtomicU64; Reader::ALL.len()],
}

struct KindCounts {
    name: &'static str,
    ended: [[AtomicU64; OUTCOMES]; OPERATIONS],
}

#[derive(Default)]
struct DurationCounts {
    /// The number of requests for each bound of [`DURATION_BOUNDS_NANOS`]: a request counts at the first bound that it
    /// did not exceed. The last number counts the requests beyond all bounds.
    buckets: [AtomicU64; DURATION_BOUNDS_NANOS.len() + 1],
    sum_nanos: AtomicU64,
}

const OPERATIONS: usize = Operation::ALL.len();
const OUTCOMES: usize = CountedOutcome::ALL.len();

/// The kind of mount under which the counts show a request that leads to no mount.
const NO_MOUNT: &str = "none";

/// The bounds of the counted durations, from what a cached read takes to the longest that a client waits.
pub(crate) const DURATION_BOUNDS_NANOS: [u64; 17] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// A request that is being handled. It is counted once, when it is dropped.
pub(crate) struct CountedRequest {
    counts: Counts,
    operation: Operation,
    /// The index of the mount's kind in [`Table::kinds`].
    kind: usize,
    outcome: OnceLock<CountedOutcome>,
    began: Stopwatch,
}

impl Counts {
    /// Makes all counts, at zero. `kinds` are all kinds of mounts that there can be.
    pub fn new(kinds: impl IntoIterator<Item = &'static str>) -> Self {
        let all = std::iter::once(NO_MOUNT).chain(kinds);
        let kinds = all.map(|name| KindCounts { name, ended: Default::default() }).collect();
        Self(Arc::new(Table { kinds, durations: Default::default(), unread: Default::default() }))
    }

    pub fn begin(&self, operation: Operation, began: Stopwatch) -> CountedRequest {
        CountedRequest { counts: self.clone(), operation, kind: 0, outcome: OnceLock::new(), began }
    }

    /// Counts a request that was refused before it reached the broker.
    pub fn refuse_unread(&self, reader: Reader) {
        add(self.0.unread.get(reader as usize), 1);
    }

    /// Reads all counts.
    pub fn read(&self) -> RequestCounts {
        let ended = self.0.kinds.iter().flat_map(|kind| {
            Operation::ALL.iter().zip(&kind.ended).flat_map(|(operation, ended)| {
                CountedOutcome::ALL.iter().zip(ended).map(|(outcome, count)| EndedCount {
                    mount_kind: kind.name,
                    operation: *operation,
                    outcome: *outcome,
                    count: count.load(Ordering::Relaxed),
                })
            })
        });
        let durations = Operation::ALL.into_iter().zip(&self.0.durations);
        let unread = Reader::ALL.into_iter().zip(&self.0.unread);
        RequestCounts {
            ended: ended.collect(),
            durations: durations.map(|(operation, counts)| (operation, counts.read())).collect(),
            unread: unread.map(|(reader, count)| (reader, count.load(Ordering::Relaxed))).collect(),
        }
    }
}

impl CountedRequest {
    /// Sets the kind of mount to which the request leads. There are few kinds:
    /// looking through them is cheaper than hashing.
    pub fn leads_to(&mut self, kind: &str) {
        self.kind = self.counts.0.kinds.iter().position(|counts| counts.name == kind).unwrap_or_default();
    }

    /// Sets how the request ended. Only the first call counts.
    pub fn ended(&self, outcome: CountedOutcome) {
        let _first_stays = self.outcome.set(outcome);
    }
}

impl Drop for CountedRequest {
    fn drop(&mut self) {
        let (table, operation) = (&self.counts.0, self.operation as usize);
        let outcome = self.outcome.get().copied().unwrap_or(CountedOutcome::Unanswered);
        let ended = table.kinds.get(self.kind).and_then(|kind| kind.ended.get(operation));
        add(ended.and_then(|ended| ended.get(outcome as usize)), 1);
        if let Some(durations) = table.durations.get(operation) {
            durations.add(self.began.elapsed_nanos());
        }
    }
}

impl DurationCounts {
    fn add(&self, nanos: u64) {
        let bucket = DURATION_BOUNDS_NANOS.partition_point(|bound| *bound < nanos);
        add(self.buckets.get(bucket), 1);
        add(Some(&self.sum_nanos), nanos);
    }

    fn read(&self) -> Durations {
        let bounds = DURATION_BOUNDS_NANOS.into_iter().map(Some).chain([None]);
        let counts = self.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        Durations { buckets: bounds.zip(counts).collect(), sum_nanos: self.sum_nanos.load(Ordering::Relaxed) }
    }
}

fn add(count: Option<&AtomicU64>, by: u64) {
    if let Some(count) = count {
        count.fetch_add(by, Ordering::Relaxed);
    }
}

/// A copy of all counts.
pub struct RequestCounts {
    /// One count for each kind of mount, operation and outcome, including those that are zero.
    pub ended: Vec<EndedCount>,
    pub durations: Vec<(Operation, Durations)>,
    pub unread: Vec<(Reader, u64)>,
}

pub struct EndedCount {
    pub mount_kind: &'static str,
    pub operation: Operation,
    pub outcome: CountedOutcome,
    pub count: u64,
}

/// How long the requests of one operation took.
#[derive(Clone)]
pub struct Durations {
    /// For each bound, the number of requests that took longer than the bound before and no longer than this one.
    /// Bounds are in nanoseconds; `None` stands for the requests beyond all bounds.
    pub buckets: Vec<(Option<u64>, u64)>,
    pub sum_nanos: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{
        time::{Clock, Time},
        ttl::Ttl,
    };

    fn total(counts: &Counts) -> u64 {
        counts.read().ended.iter().map(|ended| ended.count).sum()
    }

    #[test]
    fn a_request_is_counted_once_when_it_is_dropped() {
        let (clock, counts) = (Clock::manual(Time::EPOCH), Counts::new(["kv", "token"]));
        let mut request = counts.begin(Operation::List, clock.stopwatch());
        request.leads_to("kv");
        request.ended(CountedOutcome::Conflict);
        request.ended(CountedOutcome::Ok);
        assert_eq!(total(&counts), 0);
        drop(request);
        let counted: Vec<_> = counts.read().ended.into_iter().filter(|ended| ended.count > 0).collect();
        let [one] = counted.as_slice() else { panic!("{} counts", counted.len()) };
        assert_eq!(
            (one.mount_kind, one.operation, one.outcome, one.count),
            ("kv", Operation::List, CountedOutcome::Conflict, 1)
        );
    }

    #[test]
    fn what_never_ended_is_unanswered_and_an_unknown_kind_is_none() {
        let (clock, counts) = (Clock::manual(Time::EPOCH), Counts::new(["kv"]));
        counts.begin(Operation::Read, clock.stopwatch()).leads_to("a kind of another version");
        let read = counts.read();
        let one = read.ended.iter().find(|ended| ended.count > 0).unwrap();
        assert_eq!((one.mount_kind, one.outcome), ("none", CountedOutcome::Unanswered));
    }

    #[test]
    fn a_duration_lies_in_the_first_bucket_that_it_does_not_exceed() {
        let clock = Clock::manual(Time::EPOCH);
        for (secs, bucket) in [(0, 0), (1, 13), (2, 14), (10, 16), (11, 17)] {
            let counts = Counts::new([]);
            let request = counts.begin(Operation::Read, clock.stopwatch());
            clock.advance(Ttl::from_secs(secs));
            drop(request);
            let read = counts.read();
            let (operation, durations) = &read.durations[0];
            assert_eq!((*operation, durations.sum_nanos), (Operation::Read, secs * 1_000_000_000));
            let held: Vec<_> = durations.buckets.iter().map(|(_, count)| *count).collect();
            assert_eq!((held[bucket], held.iter().sum::<u64>()), (1, 1), "{secs} s: {held:?}");
        }
    }

    /// The places in the tables are those of the lists.
    #[test]
    fn lists_are_in_the_order_of_their_variants() {
        assert!(Operation::ALL.iter().enumerate().all(|(at, operation)| *operation as usize == at));
        assert!(CountedOutcome::ALL.iter().enumerate().all(|(at, outcome)| *outcome as usize == at));
        assert!(Reader::ALL.iter().enumerate().all(|(at, reader)| *reader as usize == at));
    }
}
