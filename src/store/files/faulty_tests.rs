//! The faulty files keep what a disk keeps and lose what a disk may lose.

use std::{io, path::PathBuf};

use super::{
    Files,
    faulty::{Fault, Faults, Loss},
};

fn fixture() -> (tempfile::TempDir, Files, Faults, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (files, faults) = Files::faulty();
    let path = dir.path().join("a");
    (dir, files, faults, path)
}

#[test]
fn a_power_cut_takes_what_was_not_synced() {
    let (dir, files, faults, path) = fixture();
    let file = files.open_append(&path).unwrap();
    file.write_all(b"kept").unwrap();
    file.sync_data().unwrap();
    files.sync_dir(dir.path()).unwrap();
    file.write_all(b" lost").unwrap();
    faults.power_cut(Loss::Everything);
    assert_eq!(files.read(&path).unwrap(), b"kept");
}

#[test]
fn a_name_that_was_not_synced_is_lost_with_its_synced_content() {
    let (_dir, files, faults, path) = fixture();
    files.write_new(&path, b"bytes").unwrap();
    faults.power_cut(Loss::Everything);
    assert!(!files.exists(&path));
}

#[test]
fn a_rename_is_lost_or_kept_whole() {
    for seed in 0..20 {
        let (dir, files, faults, path) = fixture();
        let new = dir.path().join("new");
        files.write_new(&path, b"old").unwrap();
        files.sync_dir(dir.path()).unwrap();
        files.write_new(&new, b"new").unwrap();
        files.rename(&new, &path).unwrap();
        faults.power_cut(Loss::Some(seed));
        let left = files.read(&path).unwrap();
        assert!(left == b"old" || left == b"new", "seed {seed}");
    }
}

#[test]
fn a_full_path_takes_half_a_write_and_has_no_room() {
    let (dir, files, faults, path) = fixture();
    let file = files.open_append(&path).unwrap();
    faults.break_path(dir.path(), Fault::Full);
    assert_eq!(file.write_all(b"1234").unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(files.room(dir.path()).unwrap().free_bytes, 0);
    faults.mend_path(dir.path());
    file.write_all(b"5").unwrap();
    assert_eq!(files.read(&path).unwrap(), b"125");
}

#[test]
fn the_nth_call_fails_once_and_after_a_crash_all_do() {
    let (_dir, files, faults, path) = fixture();
    let file = files.open_append(&path).unwrap();
    faults.fail_nth(2, Fault::ReadOnly);
    file.write_all(b"1").unwrap();
    assert_eq!(file.sync_data().unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
    file.sync_data().unwrap();
    faults.crash_at(faults.calls() + 1);
    assert!(file.write_all(b"23").is_err() && file.sync_data().is_err());
    faults.power_cut(Loss::Nothing);
    assert_eq!(files.read(&path).unwrap(), b"12");
}
