//! Rotation: the log goes on over several files and proves itself over all of them.

use std::path::PathBuf;

use super::{
    bench::*,
    verify::{Verdict, verify},
    *,
};
use crate::store::files::faulty::Fault;

/// Lets the file grow beyond its limit, and the maintenance thread make its round.
fn fill(bench: &Bench, from: usize) {
    for n in from..from + 4 {
        bench.request(&format!("r-{n}")).unwrap();
    }
    bench.tick(1);
}

/// A log whose files are rotated at two thousand bytes.
fn rotating(keep: Option<u32>) -> Bench {
    let mut bench = Bench::sealed();
    bench.configs[0].rotation = Rotation { bytes: 2_000, keep };
    bench.audit = Audit::without_thread(bench.configs.clone(), bench.files.clone(), bench.clock.clone());
    bench.unseal();
    bench
}

fn files(bench: &Bench) -> Vec<PathBuf> {
    rotated::files_of(&bench.path("file")).unwrap().files
}

#[test]
fn a_large_file_is_rotated_and_the_log_is_proved_over_all_files() {
    let bench = rotating(None);
    for round in 0..3 {
        fill(&bench, round * 4);
    }
    let files = files(&bench);
    assert_eq!(files.len(), 4, "{files:?}");
    for file in &files[..3] {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.lines().last().unwrap().contains("\"type\":\"tail\"") && text.contains("checkpoint"), "{text}");
    }
    let report = verify(&files, &public(), &[]).unwrap();
    assert_eq!((report.verdict(), report.logs.len()), (Verdict::Proved, 1), "{report:?}");
    let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert_eq!(paired(&texts), 12);
}

#[test]
fn nothing_is_rotated_that_is_small_or_never_to_be_rotated() {
    let mut bench = Bench::unsealed();
    fill(&bench, 0);
    assert_eq!(files(&bench).len(), 1);
    bench.configs[0].rotation = Rotation { bytes: 0, keep: Some(1) };
    bench.restart();
    bench.unseal();
    fill(&bench, 4);
    assert_eq!(files(&bench).len(), 1);
}

#[test]
fn only_so_many_rotated_files_are_kept_and_files_of_others_are_left_alone() {
    let bench = rotating(Some(2));
    let others = ["file.log.1", "file.log.bak", "file.log-20260101", "file.log.20260101"]
        .map(|name| bench.dir.path().join(name));
    for path in &others {
        std::fs::write(path, "").unwrap();
    }
    for round in 0..5 {
        fill(&bench, round * 4);
    }
    assert!(others.iter().all(|path| path.exists()));
    let ours: Vec<PathBuf> = files(&bench).into_iter().filter(|path| !others.contains(path)).collect();
    assert_eq!(ours.len(), 3, "{ours:?}");
    let report = verify(&ours, &public(), &[bench.newest_checkpoint().unwrap().as_str()]).unwrap();
    assert_eq!(report.verdict(), Verdict::Proved, "{report:?}");
}

/// The name of a rotated file says its age, also if many are rotated in one second, or the clock goes back.
#[test]
fn a_later_file_sorts_behind_an_earlier_one_whatever_the_clock_says() {
    let dir = tempfile::tempdir().unwrap();
    let (files, path) = (Files::real(), dir.path().join("audit.log"));
    let rotate = |secs: i64| {
        let to = devices::rotated_path(&files, &path, Time::from_unix_secs(1_800_000_000 + secs)).unwrap();
        std::fs::write(&to, "").unwrap();
        for old in devices::superfluous(&files, &path, 2).unwrap() {
            std::fs::remove_file(old).unwrap();
        }
        to
    };
    for secs in [0, 0, 0, 0, 5, -3_600, -3_600, 5, 6] {
        let newest = rotate(secs);
        assert!(newest.exists(), "{}: the newest is kept", newest.display());
    }
    let left: Vec<String> = files.names(dir.path()).unwrap();
    assert_eq!(left, ["audit.log.20270115T080005Z-3", "audit.log.20270115T080006Z"]);
}

/// A start reads only the newest file: it must find there which requests have no outcome.
#[test]
fn a_request_that_was_open_at_a_rotation_is_closed_after_a_crash() {
    let mut bench = rotating(None);
    let open = bench.ask("open").unwrap();
    fill(&bench, 0);
    assert_eq!(files(&bench).len(), 2);
    std::mem::forget(open);
    bench.restart();
    bench.unseal();
    let texts: Vec<String> = files(&bench).iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert_eq!(paired(&texts), 5);
    assert_eq!(verify(&files(&bench), &public(), &[]).unwrap().verdict(), Verdict::Proved);
}

#[test]
fn a_file_that_cannot_be_renamed_goes_on_and_is_rotated_later() {
    let (mut bench, faults) = faulty(&["file"]);
    bench.configs[0].rotation = Rotation { bytes: 2_000, keep: None };
    bench.audit = Audit::without_thread(bench.configs.clone(), bench.files.clone(), bench.clock.clone());
    bench.unseal();
    let time = bench.clock.now().plus(crate::base::ttl::Ttl::from_secs(1));
    let to = devices::rotated_path(&bench.files, &bench.path("file"), time).unwrap();
    faults.break_path(&to, Fault::Broken);
    fill(&bench, 0);
    assert_eq!(files(&bench), [bench.path("file")]);
    bench.request("goes on").unwrap();
    bench.tick(30);
    assert_eq!(files(&bench).len(), 1, "it is not tried each round");
    faults.mend_path(&to);
    bench.tick(31);
    assert_eq!(files(&bench).len(), 2);
    assert_eq!(verify(&files(&bench), &public(), &[]).unwrap().verdict(), Verdict::Proved);
}
