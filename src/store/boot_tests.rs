//! The boot file's promises, over files that fail at every call.

use std::path::Path;

use super::{
    Boot, Files, OpenError,
    files::faulty::{Faults, Loss},
};

fn content(boot: &Boot) -> Option<Vec<u8>> {
    boot.read().unwrap()
}

#[test]
fn a_proposal_counts_when_it_is_promoted() {
    let dir = tempfile::tempdir().unwrap();
    for boot in [Boot::memory(), Boot::open(dir.path(), Files::real()).unwrap()] {
        assert_eq!((content(&boot), boot.proposed()), (None, None));
        boot.promote().unwrap();
        boot.propose(b"first").unwrap();
        boot.propose(b"second").unwrap();
        assert_eq!((content(&boot), boot.proposed()), (None, Some(b"second".to_vec())));
        boot.promote().unwrap();
        assert_eq!((content(&boot), boot.proposed()), (Some(b"second".to_vec()), None));
    }
    let again = Boot::open(dir.path(), Files::real()).unwrap();
    assert_eq!((content(&again), again.proposed()), (Some(b"second".to_vec()), None));
}

#[test]
fn a_proposal_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    Boot::open(dir.path(), Files::real()).unwrap().propose(b"new").unwrap();
    let again = Boot::open(dir.path(), Files::real()).unwrap();
    assert_eq!((content(&again), again.proposed()), (None, Some(b"new".to_vec())));
    again.promote().unwrap();
    assert_eq!(content(&again), Some(b"new".to_vec()));
}

/// Each byte of one copy, damaged in turn: the other one serves and mends it.
#[test]
fn a_damaged_copy_is_mended_from_the_other() {
    let dir = with_old(b"content");
    for name in ["boot.a", "boot.b"] {
        let path = dir.path().join(name);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(content(&Boot::open(dir.path(), Files::real()).unwrap()), Some(b"content".to_vec()));
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(content(&Boot::open(dir.path(), Files::real()).unwrap()), Some(b"content".to_vec()));
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn two_damaged_copies_are_an_error_and_nothing_is_touched() {
    let dir = with_old(b"content");
    for name in ["boot.a", "boot.b"] {
        std::fs::write(dir.path().join(name), b"short").unwrap();
    }
    assert!(matches!(Boot::open(dir.path(), Files::real()), Err(OpenError::Damaged { .. })));
    assert_eq!(std::fs::read(dir.path().join("boot.a")).unwrap(), b"short");
}

/// INVARIANT 1 for the boot file: the machine stops at each file call, and loses any part of what is not synced.
#[test]
fn a_power_cut_at_any_call_leaves_the_old_or_the_new_content() {
    let calls = {
        let dir = with_old(b"old");
        let (files, faults) = Files::faulty();
        replace(dir.path(), &files);
        faults.calls()
    };
    assert!(calls > 10);
    for at in 1..=calls + 1 {
        for loss in losses() {
            let dir = with_old(b"old");
            let (files, faults) = Files::faulty();
            faults.crash_at(at);
            let progress = replace(dir.path(), &files);
            check_after(dir.path(), &faults, loss, progress);
        }
    }
}

/// The same where there was no boot file: it is there whole, or not at all.
#[test]
fn a_power_cut_during_the_first_promotion_leaves_all_or_nothing() {
    for at in 1..40 {
        for loss in losses() {
            let dir = tempfile::tempdir().unwrap();
            let (files, faults) = Files::faulty();
            faults.crash_at(at);
            let progress = replace(dir.path(), &files);
            faults.power_cut(loss);
            let boot = Boot::open(dir.path(), Files::real()).unwrap();
            let found = content(&boot);
            assert!(found.is_none() || found.as_deref() == Some(b"new"), "call {at}, {loss:?}");
            assert!(progress < Progress::Promoted || found.is_some(), "call {at}, {loss:?}");
            let is_kept = found.is_some() || boot.proposed().as_deref() == Some(b"new");
            assert!(progress < Progress::Proposed || is_kept, "call {at}, {loss:?}");
        }
    }
}

/// A second change after a promotion that failed half way.
#[test]
fn a_promotion_that_failed_can_be_followed_by_another_change() {
    for at in 1..=6 {
        let dir = with_old(b"old");
        let (files, faults) = Files::faulty();
        let boot = Boot::open(dir.path(), files).unwrap();
        boot.propose(b"lost").unwrap();
        faults.fail_nth(at, super::files::faulty::Fault::Full);
        assert!(boot.promote().is_err(), "call {at}");
        assert_eq!(content(&boot), Some(b"old".to_vec()));
        boot.propose(b"new").unwrap();
        boot.promote().unwrap();
        assert_eq!(content(&Boot::open(dir.path(), Files::real()).unwrap()), Some(b"new".to_vec()));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Progress {
    Nothing,
    Proposed,
    Promoted,
}

fn replace(dir: &Path, files: &Files) -> Progress {
    let Ok(boot) = Boot::open(dir, files.clone()) else {
        return Progress::Nothing;
    };
    if boot.propose(b"new").is_err() {
        return Progress::Nothing;
    }
    if boot.promote().is_err() { Progress::Proposed } else { Progress::Promoted }
}

fn check_after(dir: &Path, faults: &Faults, loss: Loss, progress: Progress) {
    faults.power_cut(loss);
    let boot = Boot::open(dir, Files::real()).unwrap();
    let found = content(&boot).unwrap();
    assert!(found == b"old" || found == b"new", "{loss:?}");
    if progress == Progress::Promoted {
        assert_eq!(found, b"new", "{loss:?}");
    }
    if progress == Progress::Proposed && found == b"old" {
        assert_eq!(boot.proposed(), Some(b"new".to_vec()), "{loss:?}");
    }
    let copies = ["boot.a", "boot.b"].map(|name| std::fs::read(dir.join(name)).unwrap());
    assert_eq!(copies[0], copies[1], "{loss:?}");
}

fn losses() -> impl Iterator<Item = Loss> {
    [Loss::Nothing, Loss::Everything].into_iter().chain((0..5).map(Loss::Some))
}

fn with_old(content: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let boot = Boot::open(dir.path(), Files::real()).unwrap();
    boot.propose(content).unwrap();
    boot.promote().unwrap();
    dir
}
