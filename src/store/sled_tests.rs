//! What sled's store promises beyond the conformance suite: the end of a process, the lock, damage, and disks without
//! room.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use super::{
    Batch, CommitError, Files, Old, OpenError, Sequence, Store, Write,
    files::faulty::{Fault, Faults},
};
use crate::base::time::{Clock, Time};

fn open(dir: &Path) -> Result<Store, OpenError> {
    Store::sled(dir, Files::real(), Clock::manual(Time::from_unix_secs(1_000)))
}

fn open_faulty(dir: &Path) -> (Store, Faults) {
    let (files, faults) = Files::faulty();
    (Store::sled(dir, files, Clock::manual(Time::EPOCH)).unwrap(), faults)
}

fn put(store: &Store, key: &[u8], value: &[u8]) -> Result<Sequence, CommitError> {
    commit(store, batch(key, value))
}

fn batch(key: &[u8], value: &[u8]) -> Batch {
    let write = Write { key: key.to_vec(), old: Old::Absent, new: Some(value.to_vec()) };
    Batch { writes: vec![write], ..Batch::default() }
}

fn commit(store: &Store, batch: Batch) -> Result<Sequence, CommitError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(store.commit(batch))
}

#[test]
fn a_store_that_was_dropped_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    put(&store, b"a", &[7; 10_000]).unwrap();
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!((store.sequence(), store.last_time()), (Sequence(1), Time::from_unix_secs(1_000)));
    assert_eq!(store.get(b"a").unwrap().unwrap()[..], [7; 10_000]);
    assert_eq!(put(&store, b"b", b"2"), Ok(Sequence(2)));
}

/// INVARIANT 1, for the end of a process. The child is this very test, told by the variable to write until it is
/// killed and to print each acknowledged number. In the build that does not flush, the same kill must lose some.
#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    const TOLD: &str = "STRONGROOM_TEST_WRITE_TO";
    const NAME: &str = "store::sled_tests::a_killed_process_loses_nothing_that_it_acknowledged";
    if let Some(dir) = std::env::var_os(TOLD) {
        let store = open(Path::new(&dir)).unwrap();
        for number in 0_u32.. {
            put(&store, &number.to_be_bytes(), &value_of(number)).unwrap();
            println!("\nacknowledged {number}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env(TOLD, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut acknowledged = Vec::new();
    for number in
        lines.filter_map(|line| line.strip_prefix("acknowledged ").and_then(|number| number.parse::<u32>().ok()))
    {
        acknowledged.push(number);
        if number == 200 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() > 200);
    let store = open(dir.path()).unwrap();
    let is_lost = |number: &&u32| {
        let found = store.get(&number.to_be_bytes()).unwrap();
        found.is_none_or(|value| value[..] != value_of(**number))
    };
    let lost = acknowledged.iter().filter(is_lost).count();
    assert_eq!(lost > 0, cfg!(feature = "unflushed"), "{lost} of {} lost", acknowledged.len());
}

/// Every seventh lies in chunks.
fn value_of(number: u32) -> Vec<u8> {
    let len = if number.is_multiple_of(7) { 9_000 } else { 100 };
    number.to_le_bytes().into_iter().cycle().take(len).collect()
}

/// INVARIANT 13.
#[test]
fn a_second_opener_is_refused_by_name_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let clone = store.clone();
    let refused = open(dir.path()).unwrap_err();
    assert!(refused.to_string().contains(&format!("by process {}", std::process::id())), "{refused}");
    assert!(matches!(refused, OpenError::Locked { .. }));
    drop(store);
    assert!(open(dir.path()).is_err());
    clone.close();
    open(dir.path()).unwrap();
}

/// INVARIANT 13. A renamed index beside a running store has sled's own lock still.
#[test]
fn a_renamed_index_of_a_running_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let _store = open(dir.path()).unwrap();
    std::fs::rename(dir.path().join("sled"), other.path().join("sled")).unwrap();
    assert!(matches!(open(other.path()), Err(OpenError::Locked { .. })));
}

/// Damage anywhere in the files gives an error or a store that answers, and never a panic.
#[test]
fn a_damaged_store_says_so_or_serves() {
    let dir = filled();
    let db = dir.path().join("sled/db");
    let whole = std::fs::read(&db).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    for at in (0..used).step_by((used / 24).max(1)) {
        let mut bytes = whole.clone();
        let end = (at + 512).min(bytes.len());
        bytes[at..end].iter_mut().for_each(|byte| *byte ^= 0xa5);
        let copy = copy_of(dir.path());
        std::fs::write(copy.path().join("sled/db"), bytes).unwrap();
        match open(copy.path()) {
            Ok(store) => drop(store.scan(b"", b"\xff", usize::MAX)),
            Err(error) => assert!(error.to_string().contains(&*copy.path().to_string_lossy()), "{error}"),
        }
    }
}

#[test]
fn an_index_that_lost_everything_does_not_pass_for_a_fresh_one() {
    let dir = filled();
    std::fs::remove_dir_all(dir.path().join("sled")).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::Damaged { .. })));
}

/// Sixteen records share a page, and an index page has 256 keys: such keys make pages that sled puts into files.
#[test]
fn long_keys_come_back_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let key = |number: u32| [number.to_be_bytes().to_vec(), vec![9; 7_000]].concat();
    for number in 0..600 {
        put(&store, &key(number), b"x").unwrap();
    }
    drop(store);
    let store = open(dir.path()).unwrap();
    assert!((0..600).all(|number| store.get(&key(number)).unwrap().is_some()));
}

fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    for number in 0_u32..300 {
        put(&store, &number.to_be_bytes(), &value_of(number)).unwrap();
    }
    dir
}

fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let status = Command::new("cp").arg("-r").arg(dir.join(".")).arg(copy.path()).status().unwrap();
    assert!(status.success());
    copy
}

/// INVARIANT 14, below the reserve.
#[test]
fn below_the_reserve_only_urgent_batches_pass_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let (store, faults) = open_faulty(dir.path());
    let full = Err(CommitError::Full(dir.path().display().to_string()));
    faults.set_room(dir.path(), (256 << 20) - 1, 1 << 40);
    assert_eq!(put(&store, b"a", b"1"), full);
    assert_eq!(store.get(b"a"), Ok(None));
    assert_eq!(commit(&store, Batch { urgent: true, ..batch(b"b", b"1") }), Ok(Sequence(1)));
    faults.set_room(dir.path(), 256 << 20, 1 << 40);
    assert_eq!(put(&store, b"a", b"1"), Ok(Sequence(2)));
    // A small file system keeps a twentieth.
    faults.set_room(dir.path(), 49, 1_000);
    assert_eq!(put(&store, b"c", b"1"), full);
    faults.set_room(dir.path(), 50, 1_000);
    assert_eq!(put(&store, b"c", b"1"), Ok(Sequence(3)));
}

#[test]
fn a_full_disk_names_the_path_and_is_forgotten_when_there_is_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, faults) = open_faulty(dir.path());
    faults.break_path(dir.path(), Fault::Full);
    assert_eq!(put(&store, b"a", b"1"), Err(CommitError::Full(dir.path().display().to_string())));
    faults.mend_path(dir.path());
    assert_eq!(put(&store, b"a", b"1"), Ok(Sequence(1)));
}

/// What the disk holds after a failed sync is not known: nothing is acknowledged, and the store ends.
#[test]
#[cfg(not(feature = "unflushed"))]
fn a_failed_sync_is_the_end_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let (store, faults) = open_faulty(dir.path());
    put(&store, b"a", b"1").unwrap();
    faults.fail_nth(1, Fault::Broken);
    let has_run = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let witness = std::sync::Arc::clone(&has_run);
    let mut waiting = Batch::default();
    waiting.effects.push(Box::new(move |_| witness.store(true, std::sync::atomic::Ordering::SeqCst)));
    let answer = commit(&store, waiting);
    assert!(matches!(answer, Err(CommitError::Io(_))));
    assert!(!has_run.load(std::sync::atomic::Ordering::SeqCst));
    assert_eq!(put(&store, b"c", b"1"), Err(CommitError::Closed));
    assert!(matches!(store.get(b"a"), Err(super::StoreError::Closed(_))));
    assert_eq!(store.sequence(), Sequence(1));
    drop(store);
    assert!(open(dir.path()).unwrap().get(b"a").unwrap().is_some());
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("file");
    std::fs::write(&place, b"").unwrap();
    let error = open(&place).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}
