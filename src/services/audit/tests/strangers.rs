//! Refusals of unknown callers: at most a hundred lines a second, and nothing is lost.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    thread,
};

use super::{bench::*, *};
use crate::base::{limits::STRANGERS_ROOM_BYTES, ttl::Ttl};

const NO_TOKEN: &str = "no valid token";
const TOO_MANY: &str = "too many refused requests";

fn refuse(bench: &Bench, reason: &'static str) {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    let refusal = Refusal { operation: "read", path: "secret/data/web/key", address, status: 403, reason };
    bench.audit.record_refusal(&refusal, bench.clock.now());
}

/// What the log tells: lines of their own, and counts, for each reason.
fn told(bench: &Bench) -> BTreeMap<String, (u64, u64)> {
    let mut told = BTreeMap::<String, (u64, u64)>::new();
    for line in bench.lines().iter().filter(|line| line["plain"].is_object()) {
        let (full, counted) = told.entry(line["plain"]["outcome"].as_str().unwrap().to_owned()).or_default();
        match line["plain"]["count"].as_u64() {
            Some(count) => *counted += count,
            None => *full += 1,
        }
    }
    told
}

fn total(bench: &Bench) -> u64 {
    told(bench).values().map(|(full, counted)| full + counted).sum()
}

#[test]
fn a_refusal_says_who_was_refused_what_and_why() {
    let bench = Bench::unsealed();
    refuse(&bench, NO_TOKEN);
    let line = bench.lines().pop().unwrap();
    assert_eq!((&line["type"], &line["request"]["operation"]), (&"response".into(), &"read".into()));
    assert_eq!(line["request"]["path"], "secret/data/web/key");
    assert_eq!(line["request"]["remote_address"], "192.0.2.7");
    assert_eq!((&line["response"]["status"], &line["plain"]["outcome"]), (&403.into(), &NO_TOKEN.into()));
}

#[test]
fn what_is_beyond_the_rate_is_counted_without_another_refusal() {
    let bench = Bench::unsealed();
    (0..300).for_each(|_| refuse(&bench, NO_TOKEN));
    (0..150).for_each(|_| refuse(&bench, TOO_MANY));
    bench.audit.tick_strangers(bench.clock.now());
    assert_eq!(total(&bench), 100, "the second is not over");
    bench.clock.advance(Ttl::from_secs(1));
    bench.audit.tick_strangers(bench.clock.now());
    let expected = [(NO_TOKEN.to_owned(), (100, 200)), (TOO_MANY.to_owned(), (0, 150))];
    assert_eq!(told(&bench), BTreeMap::from(expected));
    let count = bench.lines().pop().unwrap();
    assert_eq!((&count["request"]["operation"], &count["request"]["path"]), (&"refused".into(), &"".into()));
    // A new second has a hundred lines again, and a second without refusals leaves no line.
    refuse(&bench, TOO_MANY);
    let lines = bench.lines().len();
    bench.clock.advance(Ttl::from_secs(1));
    bench.audit.tick_strangers(bench.clock.now());
    assert_eq!((told(&bench)[TOO_MANY], bench.lines().len()), ((1, 150), lines));
}

#[test]
fn a_seal_writes_the_count_under_its_checkpoint() {
    let bench = Bench::unsealed();
    (0..130).for_each(|_| refuse(&bench, NO_TOKEN));
    bench.audit.seal_blocking();
    assert_eq!(told(&bench)[NO_TOKEN], (100, 30));
    let report = proved(&bench, &["file.log"]);
    assert_eq!(report.proved_to, report.lines);
    // Sealed, refusals go on, and the end of the process is a seal too.
    (0..130).for_each(|_| refuse(&bench, NO_TOKEN));
    bench.audit.seal_blocking();
    assert_eq!(total(&bench), 260);
}

#[test]
fn nothing_is_lost_between_threads() {
    const THREADS: u64 = 8;
    const EACH: u64 = 3_000;
    let bench = Bench::unsealed();
    let seconds = thread::scope(|scope| {
        let refusing: Vec<_> = (0..THREADS)
            .map(|n| {
                let bench = &bench;
                let reason = if n % 2 == 0 { NO_TOKEN } else { TOO_MANY };
                scope.spawn(move || (0..EACH).for_each(|_| refuse(bench, reason)))
            })
            .collect();
        let mut seconds = 1;
        while refusing.iter().any(|thread| !thread.is_finished()) {
            bench.clock.advance(Ttl::from_secs(1));
            bench.audit.tick_strangers(bench.clock.now());
            seconds += 1;
            thread::yield_now();
        }
        seconds
    });
    // The current second's refusals beyond the rate are counted, and not written yet.
    (0..200).for_each(|_| refuse(&bench, NO_TOKEN));
    // The negative control: without the last counts the sum is too small.
    assert!(total(&bench) < THREADS * EACH + 200);
    bench.audit.flush_strangers(bench.clock.now());
    assert_eq!(total(&bench), THREADS * EACH + 200);
    for (reason, extra) in [(NO_TOKEN, 200), (TOO_MANY, 0)] {
        let (full, counted) = told(&bench)[reason];
        assert_eq!(full + counted, THREADS / 2 * EACH + extra);
    }
    let full: u64 = told(&bench).values().map(|(full, _)| full).sum();
    assert!(full <= 100 * (seconds + 1), "{full} lines in {seconds} seconds");
}

/// S15: strangers' lines filled the disk, and then nobody was served. What is left below the floor is for callers whom the
/// broker knows: strangers' requests are only counted, and the counts are written once a minute.
#[test]
fn s15_below_the_floor_strangers_are_only_counted() {
    let (bench, faults) = faulty(&["file"]);
    bench.unseal();
    let folder = bench.dir.path();
    let total = 100 << 30;
    faults.set_room(folder, STRANGERS_ROOM_BYTES - 1, total);
    bench.audit.round();
    let before = bench.lines().len();
    for _ in 0..59 {
        (0..3).for_each(|_| refuse(&bench, NO_TOKEN));
        assert_eq!(bench.audit.admit_stranger().unwrap(), HowRecorded::Counted);
        bench.audit.count_stranger(CountedAs::Answered("public request"));
        bench.clock.advance(Ttl::from_secs(1));
        bench.audit.tick_strangers(bench.clock.now());
    }
    assert_eq!(bench.lines().len(), before, "no line in the first minute");
    bench.request("of a caller with a token").unwrap();
    assert_eq!(bench.lines().len(), before + 2);
    bench.clock.advance(Ttl::from_secs(1));
    bench.audit.tick_strangers(bench.clock.now());
    let expected = [(NO_TOKEN.to_owned(), (0, 177)), ("public request".to_owned(), (0, 59))];
    assert_eq!(told(&bench), BTreeMap::from(expected));
    // With room again, they have lines again. A small file system has a smaller floor.
    for (free, total) in [(STRANGERS_ROOM_BYTES, total), (STRANGERS_ROOM_BYTES / 8, STRANGERS_ROOM_BYTES)] {
        faults.set_room(folder, free, total);
        bench.audit.round();
        bench.clock.advance(Ttl::from_secs(1));
        assert_eq!(bench.audit.admit_stranger().unwrap(), HowRecorded::InFull);
    }
    faults.set_room(folder, STRANGERS_ROOM_BYTES / 11, STRANGERS_ROOM_BYTES);
    bench.audit.round();
    assert_eq!(bench.audit.admit_stranger().unwrap(), HowRecorded::Counted);
}
