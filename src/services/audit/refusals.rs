//! Refusals of callers whom the broker does not know. Anybody can cause them, so they must not fill the log: each second
//! the first ones have a line of their own, and the others are counted for each reason.

use std::{net::IpAddr, sync::Mutex};

use super::locks::hold;
use crate::base::time::Time;

/// How many refusals a second have a line of their own.
const FULL_LINES_PER_SECOND: u32 = 100;

/// A refusal of a caller whom the broker does not know.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// `read`, `update`, … in Vault's words; empty if the request did not get so far.
    pub operation: &'a str,
    /// The path as it was judged; empty if it is not a path.
    pub path: &'a str,
    pub address: IpAddr,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Why it was refused, in a few words of ours. Refusals are counted for each reason.
    pub reason: &'static str,
}

/// Decides which refusals have a line of their own, and counts the others. The lines and the counts together are always
/// as many as the refusals.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<Second>);

/// The current second.
#[derive(Default)]
struct Second {
    unix_secs: i64,
    full_lines: u32,
    counted: Vec<Count>,
}

/// Refusals for one reason that have no line of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub reason: &'static str,
    pub refusals: u64,
}

/// How a refusal is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    InFull,
    Counted,
}

impl Refusals {
    /// Takes a refusal. The counts are those of a second that is over; the caller must write them.
    pub(crate) fn add(&self, reason: &'static str, now: Time) -> (Recorded, Vec<Count>) {
        let mut second = hold(&self.0);
        let finished = second.turn(now);
        if second.full_lines < FULL_LINES_PER_SECOND {
            second.full_lines += 1;
            return (Recorded::InFull, finished);
        }
        match second.counted.iter_mut().find(|count| count.reason == reason) {
            Some(count) => count.refusals += 1,
            None => second.counted.push(Count { reason, refusals: 1 }),
        }
        (Recorded::Counted, finished)
    }

    /// The counts of a second that is over at `now`. The caller must write them.
    pub(crate) fn take_finished(&self, now: Time) -> Vec<Count> {
        hold(&self.0).turn(now)
    }

    /// All counts, also those of the current second. The caller must write them.
    pub(crate) fn take_all(&self) -> Vec<Count> {
        std::mem::take(&mut hold(&self.0).counted)
    }
}

impl Second {
    /// Begins another second if `now` lies in one. Threads that read the clock just before others may come with the
    /// second before: their refusals belong to the current one.
    fn turn(&mut self, now: Time) -> Vec<Count> {
        if now.unix_secs() <= self.unix_secs {
            return Vec::new();
        }
        (self.unix_secs, self.full_lines) = (now.unix_secs(), 0);
        std::mem::take(&mut self.counted)
    }
}
