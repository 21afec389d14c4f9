//! S2: the three verdicts. Nothing is called proved that a signed checkpoint does not prove, and what is missing is
//! named.

use std::path::PathBuf;

use super::{
    bench::*,
    search,
    verify::{Doubt, Report, Verdict, verify},
};

/// A log with several checkpoints.
fn log() -> (Bench, Vec<String>) {
    let bench = Bench::unsealed();
    for n in 0..4 {
        bench.request(&format!("r-{n}")).unwrap();
        bench.tick(11);
    }
    let lines = bench.text().lines().map(str::to_owned).collect();
    (bench, lines)
}

fn judge(bench: &Bench, files: &[&[String]], kept: &[&str]) -> Report {
    let written = |(n, lines): (usize, &&[String])| {
        let path = bench.dir.path().join(format!("{n}.tried"));
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        std::fs::write(&path, text).unwrap();
        path
    };
    let paths: Vec<PathBuf> = files.iter().enumerate().map(written).collect();
    verify(&paths, &public(), kept).unwrap()
}

/// The one doubt of a report.
#[track_caller]
fn doubt(report: &Report) -> Doubt {
    assert_eq!(report.first_problem, None);
    assert_eq!(report.verdict(), Verdict::NotProved);
    match report.doubts.as_slice() {
        [one] => one.clone(),
        several => panic!("{several:?}"),
    }
}

fn id_of(report: &Report) -> String {
    report.logs[0].id.clone()
}

#[test]
fn s2_a_whole_log_is_proved_also_with_the_lines_that_wait_for_a_checkpoint() {
    let (bench, lines) = log();
    assert_eq!(judge(&bench, &[&lines], &[]).verdict(), Verdict::Proved);
    bench.request("waits").unwrap();
    let lines: Vec<String> = bench.text().lines().map(str::to_owned).collect();
    let report = judge(&bench, &[&lines], &[]);
    assert_eq!((report.verdict(), report.logs[0].lines_behind()), (Verdict::Proved, 2));
    let id = id_of(&report);
    assert!(report.proves(&id, report.proved_to) && !report.proves(&id, report.proved_to + 1));
    assert!(!report.proves("another", 1));
}

#[test]
fn s2_no_line_at_all_proves_nothing() {
    let (bench, _) = log();
    assert_eq!(doubt(&judge(&bench, &[&[]], &[])), Doubt::Empty);
}

#[test]
fn s2_a_log_that_was_made_again_without_checkpoints_is_not_proved() {
    let (bench, lines) = log();
    let first = lines.iter().position(|line| line.contains("\"type\":\"checkpoint\"")).unwrap();
    let report = judge(&bench, &[&lines[..first]], &[]);
    assert_eq!(doubt(&report), Doubt::Unsigned { log: id_of(&report) });
}

#[test]
fn s2_an_unsigned_log_behind_a_true_one_is_not_proved() {
    let (bench, lines) = log();
    let (other, others) = log();
    let first = others.iter().position(|line| line.contains("\"type\":\"checkpoint\"")).unwrap();
    let (one, two) = (judge(&bench, &[&lines], &[]), judge(&other, &[&others], &[]));
    let both = [lines, others[..first].to_vec()].concat();
    let report = judge(&bench, &[&both], &[]);
    assert_eq!(doubt(&report), Doubt::Unsigned { log: id_of(&two) });
    assert!(report.proves(&id_of(&one), 1), "the first log is still proved");
}

#[test]
fn s2_a_log_that_goes_on_for_long_without_a_checkpoint_is_not_proved() {
    let (bench, mut lines) = log();
    let report = judge(&bench, &[&lines], &[]);
    let (id, size) = (id_of(&report), lines.len());
    // A line of a minute later, in the right form.
    let prev = crate::crypto::merkle::leaf_hash(lines[size - 1].as_bytes());
    let time = bench.clock.now().plus(crate::base::ttl::Ttl::from_secs(70)).rfc3339();
    lines.push(format!(
        "{{\"seq\":{},\"prev\":\"{}\",\"time\":\"{time}\",\"type\":\"request\",\"request\":{{\"id\":\"x\"}}}}",
        size + 1,
        data_encoding::HEXLOWER.encode(&prev)
    ));
    assert_eq!(doubt(&judge(&bench, &[&lines], &[])), Doubt::Behind { log: id, lines: 1 });
}

#[test]
fn s2_a_known_log_that_is_absent_is_named() {
    let (bench, lines) = log();
    let (other, others) = log();
    let kept = other.newest_checkpoint().unwrap();
    let absent = Doubt::Absent { log: id_of(&judge(&other, &[&others], &[])), lines: others.len() as u64 - 1 };
    assert_eq!(doubt(&judge(&bench, &[&lines], &[&kept])), absent);
    assert_eq!(doubt(&judge(&bench, &[&[]], &[&kept])), absent);
    assert_eq!(judge(&bench, &[&lines, &others], &[&kept]).verdict(), Verdict::Proved);
}

/// Whoever appends something behind the newest checkpoint may give it any number: its place counts.
#[test]
fn s2_what_stands_in_another_place_than_its_number_says_is_never_proved() {
    let (bench, lines) = log();
    let forged = "{\"seq\":3,\"prev\":\"0000000000000000000000000000000000000000000000000000000000000000\",\"time\":\"2027-01-15T08:00:00Z\",\"type\":\"response\",\"request\":{\"id\":\"x\",\"operation\":\"read\",\"path\":\"secret/data/forged\"},\"auth\":{\"display_name\":\"somebody\"}}";
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    let path = bench.dir.path().join("forged.log");
    let search_rows = || {
        let filter = search::Filter { path: Some("secret/data/forged".to_owned()), ..search::Filter::default() };
        let mut rows = Vec::new();
        search::search(std::slice::from_ref(&path), &filter, &mut |row| rows.push(row.clone())).unwrap();
        rows
    };
    // Without a newline it would pass for a line that the server was writing.
    for end in ["", "\n"] {
        std::fs::write(&path, format!("{text}{forged}{end}")).unwrap();
        let report = verify(std::slice::from_ref(&path), &public(), &[]).unwrap();
        assert_eq!(report.verdict(), Verdict::Changed, "{end:?}");
        let rows = search_rows();
        assert!(rows.len() == 1 && !report.proves(&rows[0].log, rows[0].last_line), "{rows:?}");
    }
    // A start takes them for torn lines and signs how many there are, but never what they say.
    let mut bench = bench;
    std::fs::write(bench.path("file"), format!("{text}{forged}\n{forged}\n")).unwrap();
    bench.restart();
    bench.unseal();
    bench.tick(11);
    std::fs::copy(bench.path("file"), &path).unwrap();
    let report = verify(std::slice::from_ref(&path), &public(), &[]).unwrap();
    let rows = search_rows();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| !report.proves(&row.log, row.last_line)), "{rows:?} {report:?}");
}

/// The file was moved away while the server ran: the log goes on in a new file.
#[test]
fn s2_older_files_must_be_there_or_be_covered_by_a_kept_checkpoint() {
    let (bench, _) = log();
    let kept = bench.newest_checkpoint().unwrap();
    std::fs::rename(bench.path("file"), bench.dir.path().join("old")).unwrap();
    bench.request("moved").unwrap();
    bench.tick(11);
    let second: Vec<String> = bench.text().lines().map(str::to_owned).collect();
    let report = judge(&bench, &[&second], &[]);
    let line = report.logs[0].first_line;
    assert_eq!(doubt(&report), Doubt::Begins { log: id_of(&report), line });
    assert!(line > 1);
    let first = std::fs::read_to_string(bench.dir.path().join("old")).unwrap();
    let first: Vec<String> = first.lines().map(str::to_owned).collect();
    assert_eq!(judge(&bench, &[&second, &first], &[]).verdict(), Verdict::Proved);
    let of_all = bench.newest_checkpoint().unwrap();
    assert_eq!(judge(&bench, &[&second], &[&of_all]).verdict(), Verdict::Proved);
    // Between this checkpoint and the second file stand the lines since the checkpoint: nobody has seen them proved.
    let report = judge(&bench, &[&second], &[&kept]);
    assert_eq!(doubt(&report), Doubt::Begins { log: id_of(&report), line });
}

/// An older copy of the file was restored while the server ran: it begins a new log, which names the one before.
#[test]
fn s2_a_replaced_log_must_be_there() {
    let (mut bench, lines) = log();
    std::fs::write(bench.path("file"), "").unwrap();
    bench.restart();
    bench.unseal();
    bench.request("later").unwrap();
    bench.tick(11);
    let second: Vec<String> = bench.text().lines().map(str::to_owned).collect();
    let first = judge(&bench, &[&lines], &[]);
    let replaced = |report: &Report| matches!(doubt(report), Doubt::Replaced { log, .. } if log == id_of(&first));
    assert!(replaced(&judge(&bench, &[&second], &[])));
    let kept = first.logs[0].newest.clone().unwrap();
    assert!(replaced(&judge(&bench, &[&second], &[&kept])));
    assert_eq!(judge(&bench, &[&lines, &second], &[&kept]).verdict(), Verdict::Proved);
}
