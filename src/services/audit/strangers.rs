//! Requests of strangers: callers whom the broker does not know. Anybody can send them, so they must not fill the log:
//! each second the first ones get lines of their own, and the others are counted by kind. While the disk is nearly full,
//! all of them are only counted, so that what is left is for callers whom the broker knows.

use std::{net::IpAddr, sync::Mutex};

use super::locks::hold;
use crate::base::{limits::STRANGERS_LINES_PER_SEC, time::Time};

/// For how long requests are counted before the counts are written, while the disk is nearly full.
const COUNTING_SECS_SHORT_OF_ROOM: i64 = 60;

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

/// The kind under which a stranger's request is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountedAs {
    /// It was refused, for this reason.
    Refused(&'static str),
    /// It was answered and changed nothing; the text says what was asked.
    Answered(&'static str),
}

/// Decides which requests of strangers get lines of their own, and counts the others. Each request is in exactly one
/// count, or has lines.
#[derive(Default)]
pub(crate) struct StrangersLines(Mutex<Second>);

/// What was recorded in the current second.
#[derive(Default)]
struct Second {
    unix_secs: i64,
    full_lines: u32,
    pairs: u32,
    room: Room,
    counted: Vec<Count>,
}

/// The requests of one kind that got no lines of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub kind: CountedAs,
    pub requests: u64,
}

/// How a stranger's request is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HowRecorded {
    InFull,
    Counted,
}

/// Whether the disk has room for the lines of strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Room {
    #[default]
    Enough,
    /// What is left is for callers whom the broker knows.
    Short,
}

impl StrangersLines {
    /// Counts a refused request and says how to record it. If the clock has passed the second that was counted so far,
    /// also returns that second's counts, which the caller must write.
    pub(crate) fn add(&self, reason: &'static str, now: Time) -> (HowRecorded, Vec<Count>) {
        let mut second = hold(&self.0);
        let finished = second.turn(now);
        if second.room == Room::Enough && second.full_lines < STRANGERS_LINES_PER_SEC {
            second.full_lines += 1;
            return (HowRecorded::InFull, finished);
        }
        second.count(CountedAs::Refused(reason));
        (HowRecorded::Counted, finished)
    }

    /// Says whether a request to a public row gets its lines whatever comes of it. Also returns the counts of a second
    /// that is over, which the caller must write.
    pub(crate) fn admit_pair(&self, now: Time) -> (HowRecorded, Vec<Count>) {
        let mut second = hold(&self.0);
        let finished = second.turn(now);
        if second.room == Room::Short || second.pairs >= STRANGERS_LINES_PER_SEC {
            return (HowRecorded::Counted, finished);
        }
        second.pairs += 1;
        (HowRecorded::InFull, finished)
    }

    /// Counts a request that [`StrangersLines::admit_pair`] gave no lines. Returns the counts of a second that is over,
    /// which the caller must write.
    pub(crate) fn count(&self, kind: CountedAs, now: Time) -> Vec<Count> {
        let mut second = hold(&self.0);
        let finished = second.turn(now);
        second.count(kind);
        finished
    }

    /// Says whether the disk has room for the lines of strangers. Returns what was said before.
    pub(crate) fn set_room(&self, room: Room) -> Room {
        std::mem::replace(&mut hold(&self.0).room, room)
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
        let secs = match self.room {
            Room::Enough => 1,
            Room::Short => COUNTING_SECS_SHORT_OF_ROOM,
        };
        if now.unix_secs() < self.unix_secs.saturating_add(secs) {
            return Vec::new();
        }
        (self.unix_secs, self.full_lines, self.pairs) = (now.unix_secs(), 0, 0);
        std::mem::take(&mut self.counted)
    }

    fn count(&mut self, kind: CountedAs) {
        match self.counted.iter_mut().find(|count| count.kind == kind) {
            Some(count) => count.requests += 1,
            None => self.counted.push(Count { kind, requests: 1 }),
        }
    }
}
