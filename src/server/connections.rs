//! The connections of all listeners, by address. One address may hold a share of them. When no connection is free, the
//! address that holds the most loses the one that has been idle the longest, so that nobody can hold them all by
//! opening many and sending little. Some connections are kept for this machine, so that an operator can always log in.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{client_address::ClientAddress, limits::ConnectionLimits};

/// The open connections of all listeners.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Shared>);

struct Shared {
    limits: ConnectionLimits,
    stop: CancellationToken,
    /// The moment from which [`Activity`] counts.
    start: Instant,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    holders: HashMap<ClientAddress, HashMap<u64, Member>>,
    open: usize,
    /// The number of connections that were told to close to make room and have not closed yet.
    closing: usize,
    next_id: u64,
}

struct Member {
    activity: Activity,
    close: CancellationToken,
}

/// One open connection. Dropping this value makes room for another.
pub(crate) struct Slot {
    connections: Connections,
    address: ClientAddress,
    id: u64,
    pub(crate) activity: Activity,
    /// Cancelled when the connection must close: to make room, or because the server stops.
    pub(crate) close: CancellationToken,
}

/// Whether a connection waits for its client, and since when. The table and the connection share it.
#[derive(Clone)]
pub(crate) struct Activity {
    start: Instant,
    /// The time at which the connection became idle, in microseconds after `start`; [`ANSWERING`] if it is not idle.
    idle_since: Arc<AtomicU64>,
}

/// The value of `idle_since` while a request is being answered. Such a connection is never closed to make room.
const ANSWERING: u64 = u64::MAX;
/// At most this many connections may be closing to make room. Each keeps its descriptor until it has closed. Beyond
/// that, a new connection is refused.
const CLOSING_MAX: usize = 32;

impl Connections {
    /// `stop` is cancelled when the server stops. That closes every connection.
    pub(crate) fn new(limits: ConnectionLimits, stop: CancellationToken) -> Self {
        Self(Arc::new(Shared { limits, stop, start: Instant::now(), table: Mutex::default() }))
    }

    /// Takes a connection for `address`. `None` if there is no room and no idle connection may be closed to make some.
    pub(crate) fn open(&self, address: IpAddr) -> Option<Slot> {
        let limits = self.0.limits;
        let reserved = if address.is_loopback() { 0 } else { limits.loopback_reserved };
        let key = ClientAddress::from(address);
        let mut table = self.lock();
        let held = table.holders.get(&key).map_or(0, HashMap::len);
        if held >= limits.address_max {
            table.close_idle_of(key)?;
        } else if table.open + reserved >= limits.all_max {
            table.close_idle_of_biggest(key, held)?;
        }
        table.next_id += 1;
        table.open += 1;
        let (id, activity, close) = (table.next_id, Activity::new(self.0.start), self.0.stop.child_token());
        let member = Member { activity: activity.clone(), close: close.clone() };
        table.holders.entry(key).or_default().insert(id, member);
        Some(Slot { connections: self.clone(), address: key, id, activity, close })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Closes the longest idle connection of the address that holds the most. An address that holds no more than the
    /// newcomer loses nothing, because two clients could otherwise keep closing each other's connections.
    fn close_idle_of_biggest(&mut self, newcomer: ClientAddress, held: usize) -> Option<()> {
        let has_idle = |members: &HashMap<u64, Member>| members.values().any(|it| it.activity.idle_since().is_some());
        let bigger = self.holders.iter().filter(|(key, members)| **key == newcomer || members.len() > held);
        let (key, _) = bigger.filter(|(_, members)| has_idle(members)).max_by_key(|(_, members)| members.len())?;
        self.close_idle_of(*key)
    }

    fn close_idle_of(&mut self, key: ClientAddress) -> Option<()> {
        if self.closing >= CLOSING_MAX {
            return None;
        }
        let members = self.holders.get_mut(&key)?;
        let idle = members.iter().filter_map(|(id, member)| Some((member.activity.idle_since()?, *id)));
        let (_, id) = idle.min()?;
        let member = members.remove(&id)?;
        if members.is_empty() {
            self.holders.remove(&key);
        }
        self.open -= 1;
        self.closing += 1;
        member.close.cancel();
        Some(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        let members = table.holders.get_mut(&self.address);
        let (was_open, is_last) =
            members.map_or((false, false), |members| (members.remove(&self.id).is_some(), members.is_empty()));
        if is_last {
            table.holders.remove(&self.address);
        }
        if was_open {
            table.open -= 1;
        } else {
            table.closing -= 1;
        }
    }
}

impl Activity {
    fn new(start: Instant) -> Self {
        let activity = Self { start, idle_since: Arc::default() };
        activity.end_answer();
        activity
    }

    pub(crate) fn begin_answer(&self) {
        self.idle_since.store(ANSWERING, Ordering::Release);
    }

    pub(crate) fn end_answer(&self) {
        let micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(ANSWERING - 1);
        self.idle_since.store(micros, Ordering::Release);
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.idle_since().is_none()
    }

    fn idle_since(&self) -> Option<u64> {
        Some(self.idle_since.load(Ordering::Acquire)).filter(|since| *since != ANSWERING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(limits: ConnectionLimits) -> Connections {
        Connections::new(limits, CancellationToken::new())
    }

    /// Only here: a client that is not on this machine cannot be made in a test.
    #[test]
    fn some_connections_are_kept_for_this_machine() {
        let connections = connections(ConnectionLimits { all_max: 6, address_max: 6, loopback_reserved: 2 });
        let open = |address: [u8; 4]| connections.open(address.into());
        let answering = |slot: Slot| {
            slot.activity.begin_answer();
            slot
        };
        let held: Vec<_> = (1..5).map(|last| answering(open([192, 0, 2, last]).unwrap())).collect();
        assert!(open([192, 0, 2, 5]).is_none());
        let own = [open([127, 0, 0, 1]).unwrap(), open([127, 0, 0, 1]).unwrap()];
        assert!(open([192, 0, 2, 5]).is_some_and(|_| own[0].close.is_cancelled()), "an idle one makes room");
        drop(held);
        assert!(open([192, 0, 2, 5]).is_some());
    }

    /// A closing connection still has its descriptor, so there is a limit.
    #[test]
    fn so_many_may_be_closing_at_once_and_no_more() {
        let connections = connections(ConnectionLimits { all_max: 1, address_max: 1, loopback_reserved: 0 });
        let mut closing = Vec::new();
        for _ in 0..=CLOSING_MAX {
            closing.push(connections.open([192, 0, 2, 1].into()).unwrap());
        }
        assert!(connections.open([192, 0, 2, 1].into()).is_none());
        closing.remove(0);
        assert!(connections.open([192, 0, 2, 1].into()).is_some());
    }
}
