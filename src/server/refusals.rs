//! Limits how many requests of strangers from one address may be refused. Only refused requests of callers
//! whom nobody knows count. So a busy honest client is never slowed down, but somebody who guesses tokens is.
//! The limiter is our own because its memory is bounded and it takes the time as an argument. It keeps one
//! time for each address (the "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371) and
//! forgets the address when that time has passed.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{client_address::ClientAddress, limits::Refusals};
use crate::{base::limits::REFUSAL_ADDRESSES_MAX, broker::RefusalLimit};

/// The limit of refused requests, for all addresses. Clones share their counts.
#[derive(Clone)]
pub(crate) struct AddressLimit(Arc<Shared>);

struct Shared {
    rate: Option<Rate>,
    debts: Mutex<Debts>,
    /// The number of addresses in `debts`. While it is zero, nobody takes the lock.
    addresses: AtomicUsize,
}

struct Rate {
    /// The time that one refused request costs.
    cost: Duration,
    /// The time that an address may owe. If it owes more, it has to wait.
    owed_max: Duration,
}

struct Debts {
    /// The time at which each address will owe nothing.
    until: HashMap<ClientAddress, Instant>,
    swept: Option<Instant>,
}

impl AddressLimit {
    pub(crate) fn new(refusals: Refusals) -> Self {
        let rate = match refusals {
            Refusals::Limited { per_sec, burst } => {
                let cost = Duration::from_secs(1) / per_sec.max(1);
                Some(Rate { cost, owed_max: cost * burst })
            }
            Refusals::Unlimited => None,
        };
        let debts = Mutex::new(Debts { until: HashMap::new(), swept: None });
        Self(Arc::new(Shared { rate, debts, addresses: AtomicUsize::new(0) }))
    }
}

impl RefusalLimit for AddressLimit {
    fn wait(&self, address: IpAddr) -> Option<Duration> {
        self.0.wait(address, Instant::now())
    }

    fn count(&self, address: IpAddr) {
        self.0.count(address, Instant::now());
    }
}

impl Shared {
    fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let rate = self.rate.as_ref()?;
        if self.addresses.load(Ordering::Acquire) == 0 {
            return None;
        }
        let debts = self.debts.lock().unwrap_or_else(PoisonError::into_inner);
        let owed = debts.until.get(&address.into())?.saturating_duration_since(now);
        owed.checked_sub(rate.owed_max).filter(|over| !over.is_zero())
    }

    /// Counts a refused request. If too many addresses are known, a new one is not counted until old debts are gone.
    fn count(&self, address: IpAddr, now: Instant) {
        let Some(rate) = &self.rate else { return };
        let mut debts = self.debts.lock().unwrap_or_else(PoisonError::into_inner);
        if debts.swept.is_none_or(|at| now.saturating_duration_since(at) >= SWEEP_EVERY) {
            debts.swept = Some(now);
            debts.until.retain(|_, until| *until > now);
        }
        let key = address.into();
        if debts.until.len() < REFUSAL_ADDRESSES_MAX || debts.until.contains_key(&key) {
            let until = debts.until.entry(key).or_insert(now);
            *until = (*until).max(now) + rate.cost;
        }
        self.addresses.store(debts.until.len(), Ordering::Release);
    }
}

/// How often addresses that owe nothing any more are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const OTHER: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn an_address_waits_once_its_burst_is_spent_and_pays_it_back_with_time() {
        let limit = AddressLimit::new(Refusals::Limited { per_sec: 10, burst: 3 });
        let start = Instant::now();
        for _ in 0..3 {
            limit.0.count(ONE, start);
            assert_eq!(limit.0.wait(ONE, start), None);
        }
        limit.0.count(ONE, start);
        assert_eq!(limit.0.wait(ONE, start), Some(Duration::from_millis(100)));
        assert_eq!(limit.0.wait(OTHER, start), None);
        assert_eq!(limit.0.wait(ONE, start + Duration::from_millis(100)), None);
    }

    #[test]
    fn addresses_are_forgotten_when_their_debt_is_paid() {
        let limit = AddressLimit::new(Refusals::Limited { per_sec: 10, burst: 3 });
        let start = Instant::now();
        for n in 0..100 {
            limit.0.count(IpAddr::from([10, 0, 0, n]), start);
        }
        assert_eq!(limit.0.addresses.load(Ordering::Acquire), 100);
        limit.0.count(ONE, start + SWEEP_EVERY * 2);
        assert_eq!(limit.0.addresses.load(Ordering::Acquire), 1);
    }

    #[test]
    fn there_is_room_for_so_many_addresses_and_no_more() {
        let limit = AddressLimit::new(Refusals::Limited { per_sec: 1, burst: 1 });
        let start = Instant::now();
        for n in 0..u32::try_from(REFUSAL_ADDRESSES_MAX + 10).unwrap() {
            limit.0.count(IpAddr::V4(n.into()), start);
        }
        assert_eq!(limit.0.addresses.load(Ordering::Acquire), REFUSAL_ADDRESSES_MAX);
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let limit = AddressLimit::new(Refusals::Unlimited);
        let now = Instant::now();
        (0..1_000).for_each(|_| limit.0.count(ONE, now));
        assert_eq!(limit.0.wait(ONE, now), None);
    }
}
