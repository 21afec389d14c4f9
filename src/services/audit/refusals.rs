//! Refused requests of callers whom the broker does not know. Anybody can cause them, so they must not fill the log:
//! each second the first ones get a line of their own, and the others are counted for each reason.

use std::{net::IpAddr, sync::Mutex};

use super::locks::hold;
use crate::base::time::Time;

/// At most this many refused requests a second get a line of their own. The others are only counted.
const FULL_LINES_PER_SECOND: u32 = 100;

/// A refused request of a caller whom the broker does not know.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// `read`, `update`, … in Vault's words; empty if the request did not get so far.
    pub operation: &'a str,
    /// The canonical path, by which policies judge. Empty if the request target is not a valid path.
    pub path: &'a str,
    pub address: IpAddr,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Why the request was refused, as one of our own texts. Refused requests are counted for each reason.
    pub reason: &'static str,
}

/// Decides which refused requests get a line of their own, and counts the others. Each refused
/// request is in exactly one line or count.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<Second>);

/// What was recorded in the current second.
#[derive(Default)]
struct Second {
    unix_secs: i64,
    full_lines: u32,
    counted: Vec<Count>,
}

/// Counts the refused requests for one reason that got no line of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub reason: &'static str,
    pub refusals: u64,
}

/// How a refused request is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    InFull,
    Counted,
}

impl Refusals {
    /// Counts a refused request and says how to record it. If the clock has passed the second that was counted so far,
    /// also returns that second's counts, which the caller must write.
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

    /// Takes the counts of a second that is over at `now`. The caller must write them.
    pub(crate) fn take_finished(&self, now: Time) -> Vec<Count> {
        hold(&self.0).turn(now)
    }

    /// Takes all counts, including those of the current second. The caller must write them.
    pub(crate) fn take_all(&self) -> Vec<Count> {
        std::mem::take(&mut hold(&self.0).counted)
    }
}

impl Second {
    /// Begins a new second if `now` is past the current one, and returns the counts of the old one. A thread that read
    /// the clock just before may come with the second before: its refused request counts for the current second.
    fn turn(&mut self, now: Time) -> Vec<Count> {
        if now.unix_secs() <= self.unix_secs {
            return Vec::new();
        }
        (self.unix_secs, self.full_lines) = (now.unix_secs(), 0);
        std::mem::take(&mut self.counted)
    }
}
