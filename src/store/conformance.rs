//! What every store must do, run against each of them. Random histories are judged by a model that shares no code
//! with the stores.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;

use super::{Batch, Check, CommitError, Files, Old, Sequence, Store, Write};
use crate::base::time::{Clock, Time};

/// A store under test, with what must outlive it.
struct Subject {
    store: Store,
    clock: Clock,
    _dir: Option<tempfile::TempDir>,
}

/// Every kind of store there is.
fn subjects() -> Vec<Subject> {
    let clock = Clock::manual(Time::from_unix_secs(1_000));
    let memory = Subject { store: Store::memory(clock.clone()), clock: clock.clone(), _dir: None };
    let dir = tempfile::tempdir().unwrap();
    let store = Store::sled(&dir.path().join("data"), Files::real(), clock.clone()).unwrap();
    vec![memory, Subject { store, clock, _dir: Some(dir) }]
}

/// Runs the fact against each store.
fn each(fact: impl Fn(&Subject)) {
    subjects().iter().for_each(fact);
}

fn commit(store: &Store, batch: Batch) -> Result<Sequence, CommitError> {
    wait(store.commit(batch))
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn put(key: &[u8], old: Old, new: &[u8]) -> Batch {
    Batch { writes: vec![Write { key: key.to_vec(), old, new: Some(new.to_vec()) }], ..Batch::default() }
}

fn delete(key: &[u8], old: Old) -> Batch {
    Batch { writes: vec![Write { key: key.to_vec(), old, new: None }], ..Batch::default() }
}

fn tag(value: &[u8]) -> Old {
    Old::of(Some(value))
}

fn read(store: &Store, key: &[u8]) -> Option<Vec<u8>> {
    store.get(key).unwrap().map(|value| value.to_vec())
}

/// A value of `len` bytes whose tag and content depend on `seed`.
fn value_of(seed: u32, len: usize) -> Vec<u8> {
    seed.to_le_bytes().into_iter().cycle().zip(0_u8..=250).map(|(a, b)| a ^ b).cycle().take(len).collect()
}

#[test]
fn what_is_acknowledged_is_seen() {
    each(|Subject { store, .. }| {
        assert_eq!(read(store, b"a"), None);
        assert_eq!(commit(store, put(b"a", Old::Absent, b"1")), Ok(Sequence(1)));
        assert_eq!(read(store, b"a"), Some(b"1".to_vec()));
        assert_eq!(Old::of(store.get(b"a").unwrap().as_deref()), tag(b"1"));
        assert_eq!(commit(store, delete(b"a", tag(b"1"))), Ok(Sequence(2)));
        assert_eq!((read(store, b"a"), store.sequence()), (None, Sequence(2)));
    });
}

/// INVARIANT 3: after `Ok` a reader on another thread sees the write or a later one.
#[test]
fn another_thread_sees_what_was_acknowledged() {
    each(|Subject { store, .. }| {
        let mut old = Old::Absent;
        for round in 0_u32..50 {
            commit(store, put(b"n", old, &round.to_be_bytes())).unwrap();
            old = tag(&round.to_be_bytes());
            let reader = store.clone();
            let seen = std::thread::spawn(move || read(&reader, b"n")).join().unwrap();
            assert_eq!(seen, Some(round.to_be_bytes().to_vec()));
        }
    });
}

#[test]
fn a_batch_whose_precondition_fails_changes_nothing_and_names_the_key() {
    each(|Subject { store, .. }| {
        commit(store, put(b"a", Old::Absent, b"1")).unwrap();
        let stale = |old, checks| Batch { checks, ..two_writes(old) };
        let conflict = |key: &[u8]| Err(CommitError::Conflict(key.to_vec()));
        assert_eq!(commit(store, stale(tag(b"2"), vec![])), conflict(b"b"));
        assert_eq!(commit(store, put(b"a", Old::Absent, b"2")), conflict(b"a"));
        let check = Check { key: b"a".to_vec(), old: tag(b"0") };
        assert_eq!(commit(store, stale(Old::Absent, vec![check])), conflict(b"a"));
        assert_eq!((read(store, b"b"), read(store, b"c"), store.sequence()), (None, None, Sequence(1)));
        let check = Check { key: b"a".to_vec(), old: tag(b"1") };
        assert_eq!(commit(store, stale(Old::Absent, vec![check])), Ok(Sequence(2)));
    });
}

/// Writes `c` as absent and `b` with the state `old`.
fn two_writes(old: Old) -> Batch {
    let write = |key: &[u8], old| Write { key: key.to_vec(), old, new: Some(b"x".to_vec()) };
    Batch { writes: vec![write(b"c", Old::Absent), write(b"b", old)], ..Batch::default() }
}

/// INVARIANT 4: two batches in one group that both delete the same key.
#[test]
fn of_two_deletes_in_one_group_one_conflicts() {
    each(|Subject { store, .. }| {
        commit(store, put(b"a", Old::Absent, b"1")).unwrap();
        let (gate, held) = hold_committer(store);
        let both = [store.commit(delete(b"a", tag(b"1"))), store.commit(delete(b"a", tag(b"1")))];
        gate.send(()).unwrap();
        wait(held).unwrap();
        let outcomes = both.map(wait);
        assert!(outcomes[0].is_ok());
        assert_eq!(outcomes[1], Err(CommitError::Conflict(b"a".to_vec())));
    });
}

#[test]
fn a_batch_sees_those_before_it_in_its_group() {
    each(|Subject { store, .. }| {
        let (gate, held) = hold_committer(store);
        let chain = [
            store.commit(put(b"a", Old::Absent, b"1")),
            store.commit(put(b"a", tag(b"1"), &value_of(2, 9_000))),
            store.commit(put(b"a", Old::Absent, b"lost")),
            store.commit(put(b"a", tag(&value_of(2, 9_000)), &value_of(3, 20_000))),
            store.commit(delete(b"a", tag(&value_of(3, 20_000)))),
            store.commit(put(b"a", Old::Absent, &value_of(4, 5_000))),
        ];
        gate.send(()).unwrap();
        wait(held).unwrap();
        let outcomes: Vec<bool> = chain.into_iter().map(|answer| wait(answer).is_ok()).collect();
        assert_eq!(outcomes, [true, true, false, true, true, true]);
        assert_eq!(read(store, b"a"), Some(value_of(4, 5_000)));
    });
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<Sequence, CommitError>>>>;

/// Stops the committer inside an effect until the sender is used, so that what is committed meanwhile is one group.
fn hold_committer(store: &Store) -> (std::sync::mpsc::Sender<()>, Answer) {
    let (gate, closed) = std::sync::mpsc::channel();
    let (started, starts) = std::sync::mpsc::channel();
    let mut batch = Batch::default();
    batch.effects.push(Box::new(move |_| {
        started.send(()).unwrap();
        closed.recv().unwrap();
    }));
    let answer = store.commit(batch);
    starts.recv().unwrap();
    (gate, Box::pin(answer))
}

#[test]
fn effects_run_in_order_after_the_write_is_visible_and_before_the_answer() {
    each(|Subject { store, .. }| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut batch = put(b"a", Old::Absent, b"1");
        batch.notes.push(b"line".to_vec());
        for name in ["first", "second"] {
            let (seen, reader) = (Arc::clone(&seen), store.clone());
            batch.effects.push(Box::new(move |sequence| {
                let is_visible = reader.get(b"a").unwrap().is_some() && reader.sequence() == sequence;
                seen.lock().unwrap().push((name, sequence, is_visible, reader.notes_since(Sequence::ZERO).len()));
            }));
        }
        commit(store, batch).unwrap();
        let expected = vec![("first", Sequence(1), true, 1), ("second", Sequence(1), true, 1)];
        assert_eq!(*seen.lock().unwrap(), expected);
    });
}

#[test]
fn effects_of_a_refused_batch_never_run_and_a_panicking_one_harms_nobody() {
    each(|Subject { store, .. }| {
        let count = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counting = |mut batch: Batch| {
            let count = Arc::clone(&count);
            batch.effects.push(Box::new(move |_| {
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }));
            batch
        };
        assert!(commit(store, counting(put(b"a", tag(b"none"), b"1"))).is_err());
        let mut batch = put(b"a", Old::Absent, b"1");
        batch.effects.push(Box::new(|_| panic!("an effect with a fault")));
        assert!(commit(store, counting(batch)).is_ok());
        assert!(commit(store, counting(put(b"a", tag(b"1"), b"2"))).is_ok());
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 2);
    });
}

#[test]
fn a_scan_takes_its_beginning_and_leaves_its_end() {
    each(|Subject { store, .. }| {
        for key in [&b"a"[..], b"a\x00", b"b", b"ba", b"\xff\xff", b"\x00"] {
            commit(store, put(key, Old::Absent, key)).unwrap();
        }
        let keys = |from: &[u8], to: &[u8], limit| store.keys(from, to, limit).unwrap();
        assert_eq!(keys(b"a", b"b", 9), [&b"a"[..], b"a\x00"]);
        assert_eq!(keys(b"a\x00", b"c", 2), [&b"a\x00"[..], b"b"]);
        assert_eq!(keys(b"", b"\xff\xff\xff", 9).len(), 6);
        assert_eq!(keys(b"", b"a", 9), [b"\x00"]);
        assert!(keys(b"b", b"b", 9).is_empty() && keys(b"c", b"a", 9).is_empty() && keys(b"a", b"c", 0).is_empty());
        let found = store.scan(b"b", b"\xff", 9).unwrap();
        assert!(found.iter().all(|(key, value)| key[..] == value[..]) && found.len() == 2);
    });
}

#[test]
fn big_values_come_back_whole_and_leave_nothing_behind() {
    each(|Subject { store, .. }| {
        let mut old = Old::Absent;
        for (seed, len) in
            [(1, 4_095), (2, 4_096), (3, 4_097), (4, 1 << 20), (5, 100_000), (6, 10), (7, 0), (8, 50_000)]
        {
            let value = value_of(seed, len);
            commit(store, put(b"big", old, &value)).unwrap();
            assert_eq!(read(store, b"big"), Some(value.clone()), "{len} bytes");
            assert_eq!(store.scan(b"", b"\xff", 9).unwrap().len(), 1);
            assert_eq!(store.scan(b"big", b"c", 9).unwrap()[0].1[..], value[..]);
            old = tag(&value);
        }
        commit(store, delete(b"big", old)).unwrap();
        assert!(store.keys(b"", b"\xff", 9).unwrap().is_empty());
    });
}

#[test]
fn a_reader_beside_the_writer_sees_whole_values() {
    each(|Subject { store, .. }| {
        let len_of = |round: u32| 5_000 + 3_000 * (round as usize % 7);
        commit(store, put(b"big", Old::Absent, &value_of(0, len_of(0)))).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..200 {
                    let old = tag(&value_of(round - 1, len_of(round - 1)));
                    commit(store, put(b"big", old, &value_of(round, len_of(round)))).unwrap();
                }
            });
            while store.sequence() < Sequence(200) {
                let found = read(store, b"big").unwrap();
                let round = u32::from_le_bytes([found[0], found[1] ^ 1, found[2] ^ 2, found[3] ^ 3]);
                assert!(found == value_of(round, len_of(round)), "{round}");
            }
        });
    });
}

#[test]
fn a_batch_that_is_at_fault_itself_is_refused() {
    each(|Subject { store, .. }| {
        let mut twice = put(b"a", Old::Absent, b"1");
        twice.writes.extend(put(b"a", Old::Absent, b"2").writes);
        let long = put(&[7; 9_000], Old::Absent, b"1");
        let big = put(b"a", Old::Absent, &vec![0; (32 << 20) + 1]);
        for batch in [twice, long, big, put(b"", Old::Absent, b"1")] {
            assert!(matches!(commit(store, batch), Err(CommitError::Refused(_))));
        }
        assert_eq!(store.sequence(), Sequence::ZERO);
    });
}

#[test]
fn notes_stay_until_they_are_released() {
    each(|Subject { store, .. }| {
        let noted =
            |notes: &[&[u8]]| Batch { notes: notes.iter().map(|note| note.to_vec()).collect(), ..Batch::default() };
        commit(store, noted(&[b"1a", b"1b"])).unwrap();
        let refused =
            Batch { checks: put(b"x", tag(b"?"), b"").writes.iter().map(check_of).collect(), ..noted(&[b"never"]) };
        assert!(commit(store, refused).is_err());
        commit(store, noted(&[b"2"])).unwrap();
        let notes = store.notes_since(Sequence::ZERO);
        let expected: [(Sequence, &[u8]); 3] = [(Sequence(1), b"1a"), (Sequence(1), b"1b"), (Sequence(2), b"2")];
        assert_eq!(notes, expected.map(|(sequence, note)| (sequence, note.to_vec())));
        assert_eq!(store.notes_since(Sequence(1)).len(), 1);
        store.release_notes(Sequence(1));
        assert_eq!(store.notes_since(Sequence::ZERO), [(Sequence(2), b"2".to_vec())]);
    });
}

fn check_of(write: &Write) -> Check {
    Check { key: write.key.clone(), old: write.old }
}

#[test]
fn notes_that_nobody_takes_stop_ordinary_batches_alone() {
    each(|Subject { store, .. }| {
        let note = || Batch { notes: vec![vec![0; 40 << 20]], ..Batch::default() };
        commit(store, note()).unwrap();
        commit(store, note()).unwrap();
        assert!(matches!(commit(store, note()), Err(CommitError::Full(_))));
        commit(store, Batch { urgent: true, ..Batch::default() }).unwrap();
        store.release_notes(store.sequence());
        commit(store, note()).unwrap();
    });
}

#[test]
fn the_last_time_is_that_of_the_last_commit_and_never_goes_back() {
    each(|Subject { store, clock, .. }| {
        clock.set(Time::from_unix_secs(2_000));
        commit(store, Batch::default()).unwrap();
        clock.set(Time::from_unix_secs(1_500));
        commit(store, Batch::default()).unwrap();
        assert_eq!(store.last_time(), Time::from_unix_secs(2_000));
        clock.set(Time::from_unix_secs(1_000));
    });
}

#[test]
fn a_closed_store_says_so_to_all_clones() {
    each(|Subject { store, .. }| {
        let waiting = store.commit(put(b"a", Old::Absent, b"1"));
        store.clone().close();
        assert!(wait(waiting).is_ok());
        assert_eq!(commit(store, Batch::default()), Err(CommitError::Closed));
        assert!(matches!(store.get(b"a"), Err(super::StoreError::Closed(_))));
    });
}

#[test]
fn a_lost_future_takes_nothing_back() {
    each(|Subject { store, .. }| {
        drop(store.commit(put(b"a", Old::Absent, b"1")));
        assert_eq!(commit(store, put(b"a", tag(b"1"), b"2")), Ok(Sequence(2)));
    });
}

/// One step of a random history; keys, values and guesses come from small sets, so that they meet.
#[derive(Clone, Debug)]
enum Step {
    /// Batches handed in together: for each write, the key, the new value's seed and size, and whether the named old
    /// state is the true one.
    Group(Vec<Vec<Intent>>),
    Scan {
        from: u8,
        to: u8,
        limit: usize,
    },
    Reopen,
}

#[derive(Clone, Debug)]
struct Intent {
    key: u8,
    new: Option<(u32, usize)>,
    is_honest: bool,
    is_check: bool,
}

fn intents() -> impl Strategy<Value = Intent> {
    let size = prop_oneof![6 => 0_usize..300, 1 => 4_000_usize..4_200, 1 => 4_200_usize..40_000];
    let new = prop_oneof![3 => (any::<u32>(), size).prop_map(Some), 1 => Just(None)];
    (0_u8..12, new, prop::bool::weighted(0.9), prop::bool::weighted(0.2))
        .prop_map(|(key, new, is_honest, is_check)| Intent { key, new, is_honest, is_check })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(prop::collection::vec(intents(), 0..6), 1..5).prop_map(Step::Group),
        3 => (0_u8..14, 0_u8..14, 0_usize..9).prop_map(|(from, to, limit)| Step::Scan { from, to, limit }),
        1 => Just(Step::Reopen),
    ]
}

/// Keys of different lengths, some a prefix of others.
fn key_of(number: u8) -> Vec<u8> {
    vec![number / 3; 1 + usize::from(number % 3)]
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a batch should do to the model; `None` if it must conflict.
fn foretell(model: &Model, batch: &Batch) -> Option<Model> {
    let tag_in = |key: &Vec<u8>| match model.get(key) {
        None => Old::Absent,
        Some(value) => {
            let mut tag = [0; 24];
            let len = value.len().min(24);
            tag[..len].copy_from_slice(&value[..len]);
            Old::Tag(tag)
        }
    };
    let checks = batch.checks.iter().map(|check| (&check.key, check.old));
    let mut claims = checks.chain(batch.writes.iter().map(|write| (&write.key, write.old)));
    claims.all(|(key, old)| tag_in(key) == old).then(|| {
        let mut after = model.clone();
        for write in &batch.writes {
            match &write.new {
                Some(new) => after.insert(write.key.clone(), new.clone()),
                None => after.remove(&write.key),
            };
        }
        after
    })
}

/// The batch that a list of intents makes on top of `model`.
fn batch_of(model: &Model, intents: &[Intent]) -> Batch {
    let mut batch = Batch::default();
    for intent in intents {
        let key = key_of(intent.key);
        let old = if intent.is_honest { Old::of(model.get(&key).map(Vec::as_slice)) } else { tag(b"not this one") };
        if intent.is_check {
            batch.checks.push(Check { key, old });
        } else if batch.writes.iter().all(|write| write.key != key) {
            batch.writes.push(Write { key, old, new: intent.new.map(|(seed, len)| value_of(seed, len)) });
        }
    }
    batch
}

fn play(store: &Store, model: &mut Model, group: &[Vec<Intent>]) {
    let (gate, held) = hold_committer(store);
    let mut expected = Vec::new();
    let mut answers = Vec::new();
    for intents in group {
        let batch = batch_of(model, intents);
        let after = foretell(model, &batch);
        expected.push(after.is_some());
        if let Some(after) = after {
            *model = after;
        }
        answers.push(store.commit(batch));
    }
    gate.send(()).unwrap();
    wait(held).unwrap();
    let outcomes: Vec<bool> = answers.into_iter().map(|answer| wait(answer).is_ok()).collect();
    assert_eq!(outcomes, expected);
}

fn compare(store: &Store, model: &Model, from: &[u8], to: &[u8], limit: usize) {
    let in_range = model.iter().filter(|(key, _)| key[..] >= *from && key[..] < *to);
    let expected: Vec<(Vec<u8>, Vec<u8>)> =
        in_range.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect();
    let found = store.scan(from, to, limit).unwrap();
    let found: Vec<(Vec<u8>, Vec<u8>)> = found.into_iter().map(|(key, value)| (key, value.to_vec())).collect();
    assert!(found == expected, "{} records found, {} expected", found.len(), expected.len());
    let keys: Vec<Vec<u8>> = expected.into_iter().map(|(key, _)| key).collect();
    assert_eq!(store.keys(from, to, limit).unwrap(), keys);
}

/// Plays a history on one store; `reopen` is told to give the store anew where it can.
fn judge(steps: &[Step], mut store: Store, reopen: impl Fn(Store) -> Store) {
    let mut model = Model::new();
    for step in steps {
        match step {
            Step::Group(group) => play(&store, &mut model, group),
            Step::Scan { from, to, limit } => compare(&store, &model, &key_of(*from), &key_of(*to), *limit),
            Step::Reopen => {
                let sequence = store.sequence();
                store = reopen(store);
                assert_eq!(store.sequence(), sequence);
            }
        }
        for number in 0..12 {
            let key = key_of(number);
            assert!(read(&store, &key) == model.get(&key).cloned(), "key {number}");
        }
    }
    compare(&store, &model, b"", b"\xff", usize::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// INVARIANT 12, as far as there are stores.
    #[test]
    fn memory_gives_the_answers_of_the_model(steps in prop::collection::vec(steps(), 1..40)) {
        judge(&steps, Store::memory(Clock::manual(Time::EPOCH)), |store| store);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sled_gives_the_answers_of_the_model(steps in prop::collection::vec(steps(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let open = || Store::sled(dir.path(), Files::real(), Clock::manual(Time::EPOCH)).unwrap();
        judge(&steps, open(), |store| {
            drop(store);
            open()
        });
        assert_eq!(Files::real().names(&dir.path().join("sled/blobs")).unwrap(), [""; 0]);
    }
}
