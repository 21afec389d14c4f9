//! Files that somebody else moves, deletes, empties or writes to.

use super::{bench::*, verify::verify_with, *};

/// INVARIANT 42.
#[test]
fn a_renamed_file_is_continued_in_a_new_one() {
    let bench = Bench::unsealed();
    bench.request("a").unwrap();
    std::fs::rename(bench.path("file"), bench.dir.path().join("file.log.1")).unwrap();
    bench.request("b").unwrap();
    bench.tick(1);
    bench.request("c").unwrap();
    bench.tick(11);
    let old = std::fs::read_to_string(bench.dir.path().join("file.log.1")).unwrap();
    assert!(old.contains("\"b\"") && old.lines().last().unwrap().contains("\"type\":\"tail\""));
    assert!(bench.text().starts_with("{\"seq\":") && bench.kinds()[0] == "head");
    let report = proved(&bench, &["file.log", "file.log.1"]);
    assert_eq!((report.logs.len(), report.proved_to), (1, report.lines));
}

/// INVARIANT 42.
#[test]
fn a_deleted_file_is_noticed_at_the_next_sync() {
    let bench = Bench::unsealed();
    bench.request("a").unwrap();
    std::fs::remove_file(bench.path("file")).unwrap();
    bench.tick(1);
    bench.request("b").unwrap();
    bench.tick(11);
    // The rest is proved, and its first line number shows that lines came before it.
    let report = proved(&bench, &["file.log"]);
    assert!(report.logs[0].first_line > 1);
}

/// INVARIANT 42.
#[test]
fn a_copied_and_truncated_file_is_proved_with_its_copy() {
    let bench = Bench::unsealed();
    bench.request("a").unwrap();
    bench.tick(11);
    std::fs::copy(bench.path("file"), bench.dir.path().join("copy")).unwrap();
    std::fs::File::options().write(true).open(bench.path("file")).unwrap().set_len(0).unwrap();
    bench.request("b").unwrap();
    bench.tick(1);
    bench.request("c").unwrap();
    bench.tick(11);
    let report = proved(&bench, &["file.log", "copy"]);
    assert_eq!((report.logs.len(), report.proved_to), (1, report.lines));
}

/// INVARIANT 42.
#[test]
fn a_file_that_others_wrote_to_is_not_continued() {
    use std::io::Write;
    let bench = Bench::unsealed();
    bench.request("a").unwrap();
    std::fs::File::options().append(true).open(bench.path("file")).unwrap().write_all(b"{\"forged\":1}\n").unwrap();
    bench.tick(1);
    bench.request("b").unwrap();
    bench.tick(11);
    let report = verify_with(&Files::real(), &[bench.path("file")], &public(), &[]).unwrap();
    assert_eq!(report.first_problem.unwrap().what, super::verify::Defect::Foreign { until: None });
    assert_eq!(report.logs[1].reason, "written by others");
}
