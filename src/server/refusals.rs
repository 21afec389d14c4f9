//! How many refused requests strangers of an address have made lately. The pipeline says what was refused and asks for
//! callers alone whom nobody knows, so that a busy honest client is never slowed; a guesser of tokens is. One moment per address is kept (the "theoretical arrival time" of the generic cell
//! rate algorithm, ITU-T I.371), and it is forgotten once it has passed.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::limits::Refusals;
use crate::{base::limits::REFUSAL_ADDRESSES_MAX, broker::RefusalLimit};

/// The buckets of all addresses.
pub struct Buckets {
    /// The time that one refusal costs, and how much of it an address may owe; `None` counts nothing.
    price: Option<(Duration, Duration)>,
    debts: Mutex<Debts>,
    /// How many addresses owe something: where it is none, nobody takes the lock.
    owing: AtomicUsize,
}

struct Debts {
    /// When an address will owe nothing.
    until: HashMap<Address, Instant>,
    swept: Option<Instant>,
}

/// IPv6 is counted by /64, which is what one customer holds.
#[derive(PartialEq, Eq, Hash)]
enum Address {
    V4([u8; 4]),
    V6([u16; 4]),
}

impl Buckets {
    pub fn new(refusals: Refusals) -> Self {
        let price = match refusals {
            Refusals::Limited { per_sec, burst } => {
                let each = Duration::from_secs(1) / per_sec.max(1);
                Some((each, each * burst))
            }
            Refusals::Unlimited => None,
        };
        Self { price, debts: Mutex::new(Debts { until: HashMap::new(), swept: None }), owing: AtomicUsize::new(0) }
    }

    /// How long `address` has to wait before its next request; `None` if it need not.
    pub fn wait_at(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let (_, most) = self.price?;
        if self.owing.load(Ordering::Acquire) == 0 {
            return None;
        }
        let debts = self.debts.lock().unwrap_or_else(PoisonError::into_inner);
        let debt = debts.until.get(&Address::of(address))?.saturating_duration_since(now);
        debt.checked_sub(most).filter(|over| !over.is_zero())
    }

    /// Counts one refused request. Above the limit of addresses, new ones go uncounted until old debts are gone.
    pub fn count_at(&self, address: IpAddr, now: Instant) {
        let Some((each, _)) = self.price else { return };
        let mut debts = self.debts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stale = debts.swept.is_none_or(|at| now.saturating_duration_since(at) >= SWEEP);
        if is_stale {
            debts.swept = Some(now);
            debts.until.retain(|_, until| *until > now);
        }
        let key = Address::of(address);
        if debts.until.len() < REFUSAL_ADDRESSES_MAX || debts.until.contains_key(&key) {
            let until = debts.until.entry(key).or_insert(now);
            *until = (*until).max(now) + each;
        }
        self.owing.store(debts.until.len(), Ordering::Release);
    }
}

impl RefusalLimit for Buckets {
    fn wait(&self, address: IpAddr) -> Option<Duration> {
        self.wait_at(address, Instant::now())
    }

    fn count(&self, address: IpAddr) {
        self.count_at(address, Instant::now());
    }
}

/// How often debts that are paid are looked for.
const SWEEP: Duration = Duration::from_secs(1);

impl Address {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const OTHER: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn an_address_waits_once_its_burst_is_spent_and_pays_it_back_with_time() {
        let buckets = Buckets::new(Refusals::Limited { per_sec: 10, burst: 3 });
        let start = Instant::now();
        for _ in 0..3 {
            buckets.count_at(ONE, start);
            assert_eq!(buckets.wait_at(ONE, start), None);
        }
        buckets.count_at(ONE, start);
        assert_eq!(buckets.wait_at(ONE, start), Some(Duration::from_millis(100)));
        assert_eq!(buckets.wait_at(OTHER, start), None);
        assert_eq!(buckets.wait_at(ONE, start + Duration::from_millis(100)), None);
    }

    #[test]
    fn addresses_are_forgotten_when_their_debt_is_paid() {
        let buckets = Buckets::new(Refusals::Limited { per_sec: 10, burst: 3 });
        let start = Instant::now();
        for n in 0..100 {
            buckets.count_at(IpAddr::from([10, 0, 0, n]), start);
        }
        assert_eq!(buckets.owing.load(Ordering::Acquire), 100);
        buckets.count_at(ONE, start + SWEEP * 2);
        assert_eq!(buckets.owing.load(Ordering::Acquire), 1);
    }

    #[test]
    fn there_is_room_for_so_many_addresses_and_no_more() {
        let buckets = Buckets::new(Refusals::Limited { per_sec: 1, burst: 1 });
        let start = Instant::now();
        for n in 0..u32::try_from(REFUSAL_ADDRESSES_MAX + 10).unwrap() {
            buckets.count_at(IpAddr::V4(n.into()), start);
        }
        assert_eq!(buckets.owing.load(Ordering::Acquire), REFUSAL_ADDRESSES_MAX);
    }

    #[test]
    fn one_network_of_ipv6_is_one_address_and_mapped_ipv4_is_ipv4() {
        let of = |text: &str| Address::of(text.parse().unwrap());
        assert!(of("2001:db8::1") == of("2001:db8::ffff:1") && of("2001:db8::1") != of("2001:db8:0:1::1"));
        assert!(of("::ffff:10.0.0.1") == of("10.0.0.1"));
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let buckets = Buckets::new(Refusals::Unlimited);
        let now = Instant::now();
        (0..1_000).for_each(|_| buckets.count_at(ONE, now));
        assert_eq!(buckets.wait_at(ONE, now), None);
    }
}
