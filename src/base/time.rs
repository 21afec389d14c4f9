//! Moments and the clock. Only this file calls `SystemTime::now`; everything else is handed a [`Clock`] or a [`Time`],
//! so that a test can choose the time. Calendar arithmetic is jiff's.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use super::ttl::Ttl;

/// A moment: nanoseconds since 1970-01-01T00:00:00Z, from 1677 to 2262.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    pub(crate) const EPOCH: Self = Self(0);

    pub(crate) const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The moment `secs` seconds after 1970. Beyond the years 1677 to 2262 it is the nearest moment of that range.
    pub(crate) const fn from_unix_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    pub(crate) const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub(crate) const fn unix_secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// The moment `ttl` later, at most the last moment that a `Time` can hold.
    pub(crate) fn plus(self, ttl: Ttl) -> Self {
        let nanos = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        Self(self.0.saturating_add(nanos))
    }

    /// The time from `earlier` to this moment, rounded to the nearest second as Vault's `ttl` is. Zero if `earlier` is
    /// the later one.
    pub(crate) fn since(self, earlier: Self) -> Ttl {
        let nanos = self.0.saturating_sub(earlier.0);
        if nanos <= 0 {
            return Ttl::ZERO;
        }
        Ttl::from_secs(nanos.saturating_add(500_000_000).unsigned_abs() / 1_000_000_000)
    }

    /// RFC 3339 in UTC with as many fractional digits as are needed, as Go's `RFC3339Nano` prints it.
    pub(crate) fn rfc3339(self) -> String {
        jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .map_or_else(|_| String::from("0001-01-01T00:00:00Z"), |at| at.to_string())
    }

    /// Reads a time of RFC 3339 with any UTC offset. `None` if `text` is not such a time, or out of the range of
    /// `Time`.
    pub(crate) fn parse_rfc3339(text: &str) -> Option<Self> {
        let at: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(at.as_nanosecond()).ok().map(Self)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// Where the time comes from: the machine's clock, or one that a test sets.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System(Arc<SystemClock>),
    Manual(Arc<AtomicI64>),
}

struct SystemClock {
    /// The latest time that was returned. The wall clock may step back; the times that we return never do.
    last: AtomicI64,
}

impl Clock {
    /// The machine's wall clock, never earlier than `floor` and never running backwards.
    pub(crate) fn system(floor: Time) -> Self {
        Self(Source::System(Arc::new(SystemClock { last: AtomicI64::new(floor.0) })))
    }

    /// A clock that stands still until [`Clock::set`] or [`Clock::advance`] moves it.
    pub fn manual(at: Time) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(at.0))))
    }

    pub(crate) fn now(&self) -> Time {
        match &self.0 {
            Source::Manual(at) => Time(at.load(Ordering::Acquire)),
            Source::System(clock) => {
                let wall = wall_nanos();
                let last = clock.last.fetch_max(wall, Ordering::AcqRel);
                Time(wall.max(last))
            }
        }
    }

    /// What the machine's wall clock says, which may step back. Only for what others judge by clocks of their own, such
    /// as the validity of a certificate.
    pub(crate) fn wall(&self) -> Time {
        match &self.0 {
            Source::Manual(at) => Time(at.load(Ordering::Acquire)),
            Source::System(_) => Time(wall_nanos()),
        }
    }

    /// Starts a stopwatch on this clock.
    pub(crate) fn stopwatch(&self) -> Stopwatch {
        Stopwatch(match &self.0 {
            Source::System(_) => Began::System(Instant::now()),
            Source::Manual(at) => Began::Manual { at: Arc::clone(at), nanos: at.load(Ordering::Acquire) },
        })
    }

    /// Makes sure that no later reading lies before `floor`.
    pub(crate) fn not_before(&self, floor: Time) {
        match &self.0 {
            Source::System(clock) => clock.last.fetch_max(floor.0, Ordering::AcqRel),
            Source::Manual(at) => at.fetch_max(floor.0, Ordering::AcqRel),
        };
    }

    /// Moves a manual clock forward. Does nothing to a system clock.
    pub fn advance(&self, by: Ttl) {
        if let Source::Manual(at) = &self.0 {
            at.store(self.now().plus(by).0, Ordering::Release);
        }
    }

    /// Sets a manual clock. Does nothing to a system clock.
    pub fn set(&self, to: Time) {
        if let Source::Manual(at) = &self.0 {
            at.store(to.0, Ordering::Release);
        }
    }
}

/// Measures the time since it was started. On the machine's clock, steps of the wall clock do not change the result.
pub(crate) struct Stopwatch(Began);

enum Began {
    System(Instant),
    Manual { at: Arc<AtomicI64>, nanos: i64 },
}

impl Stopwatch {
    pub(crate) fn elapsed_nanos(&self) -> u64 {
        match &self.0 {
            Began::System(began) => u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX),
            Began::Manual { at, nanos } => {
                u64::try_from(at.load(Ordering::Acquire).saturating_sub(*nanos)).unwrap_or_default()
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the home of the clock")]
fn wall_nanos() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_back_what_it_prints() {
        for nanos in [0, 1, 1_795_543_409_123_456_789, 1_795_543_409_120_000_000] {
            let time = Time::from_unix_nanos(nanos);
            assert_eq!(Time::parse_rfc3339(&time.rfc3339()), Some(time));
        }
        assert_eq!(Time::from_unix_nanos(1_500_000_000).rfc3339(), "1970-01-01T00:00:01.5Z");
    }

    #[test]
    fn adding_stops_at_the_end_of_the_calendar() {
        assert_eq!(Time::from_unix_secs(1).plus(Ttl::from_secs(u64::MAX)).unix_nanos(), i64::MAX);
    }

    #[test]
    fn a_stopwatch_measures_by_the_clock_that_began_it() {
        let clock = Clock::manual(Time::from_unix_secs(5));
        let stopwatch = clock.stopwatch();
        assert_eq!(stopwatch.elapsed_nanos(), 0);
        clock.advance(Ttl::from_secs(2));
        assert_eq!(stopwatch.elapsed_nanos(), 2_000_000_000);
        clock.set(Time::EPOCH);
        assert_eq!(stopwatch.elapsed_nanos(), 0);
    }

    #[test]
    fn a_system_clock_never_runs_backwards() {
        let future = Time::from_unix_secs(9_000_000_000);
        let clock = Clock::system(future);
        assert!(clock.now() >= future && clock.now() >= clock.now().min(future));
    }
}
