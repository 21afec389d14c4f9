//! S3: what somebody who may write the audit file and its folder, but has no key, cannot make the server sign: lines in a
//! file that was split, a file that was cut, a log that was ended by force. And what is not taken for that.

use std::io::Write as _;

use super::{
    bench::*,
    foreign::{End, append, ended, hex, invented, judged},
    verify::{Defect, Report, Verdict, verify},
    *,
};
use crate::crypto::merkle::leaf_hash;

/// The file is split: its end, with invented lines, becomes an older file, and the new one begins with a `head` line that
/// needs no key.
#[test]
fn s3_a_log_that_goes_on_from_another_file_is_believed_only_with_a_mac() {
    for end in [End::Crash, End::Stop] {
        let mut bench = ended(end);
        if end == End::Stop {
            // Without its last line the log ends before the final checkpoint, and nothing forbids more lines.
            let text = bench.text();
            let cut = text.trim_end().rfind('\n').unwrap();
            std::fs::write(bench.path("file"), &text[..=cut]).unwrap();
        }
        append(&bench, &[&invented()[0].1, &invented()[1].1, "\"type\":\"tail\",\"reason\":\"moved\""]);
        let older = bench.dir.path().join("older");
        std::fs::rename(bench.path("file"), &older).unwrap();
        let text = std::fs::read_to_string(&older).unwrap();
        let (mut edge, mut prev) = (crate::crypto::merkle::Frontier::default(), [0; 32]);
        for line in text.lines() {
            prev = leaf_hash(line.as_bytes());
            edge.push(prev);
        }
        let log = judged_at(&[&older]).logs[0].id.clone();
        let chain = chain::Chain::resumed(log, prev, edge.clone());
        let head = control::Head { reason: "moved", last_checkpoint: None, old: None, foreign: None };
        let members = head.members(bench.clock.now(), "file", &chain);
        let line = format!("{{\"seq\":{},\"prev\":\"{}\",{members}}}\n", edge.size() + 1, hex(&prev));
        std::fs::write(bench.path("file"), line).unwrap();
        bench.restart();
        bench.unseal();
        bench.request("after").unwrap();
        bench.tick(11);
        let report = judged_at(&[&older, &bench.path("file")]);
        assert_eq!(report.logs.len(), 2, "{end:?}: {report:?}");
        assert_ne!(report.verdict(), Verdict::Proved, "{end:?}");
        let forged = text.lines().position(|line| line.contains("mallory")).unwrap() as u64 + 1;
        assert!(!report.proves(&report.logs[0].id, forged), "{end:?}: {report:?}");
    }
}

fn judged_at(paths: &[&std::path::PathBuf]) -> Report {
    let paths: Vec<_> = paths.iter().map(|path| (*path).clone()).collect();
    verify(&paths, &public(), &[]).unwrap()
}

/// Until the first unseal nobody knows whether the file can be believed: the sidecar stays as it is.
#[test]
fn s3_a_log_that_was_cut_while_the_server_was_down_is_not_continued() {
    // After an older checkpoint, and before the line of the final one.
    for cut_lines in [9, 1] {
        let mut bench = Bench::unsealed();
        for n in 0..3 {
            bench.request(&format!("r-{n}")).unwrap();
            bench.tick(11);
        }
        bench.audit.seal_blocking();
        let text = bench.text();
        let kept = text.lines().count() - cut_lines;
        let cut: String = text.lines().take(kept).flat_map(|line| [line, "\n"]).collect();
        std::fs::write(bench.path("file"), cut).unwrap();
        bench.restart();
        for _ in 0..3 {
            bench.tick(11);
        }
        bench.unseal();
        let report = judged(&bench);
        assert_eq!(report.logs.last().unwrap().reason, "behind its own checkpoint", "{kept} lines are left");
        let problem = report.first_problem.unwrap();
        assert_eq!((problem.line, problem.what), (kept as u64 + 1, Defect::Cut { until: (kept + cut_lines) as u64 }));
    }
}

/// A forged line that says that a request was refused does not stand for the change that the store knows of.
#[test]
fn s3_a_forged_refusal_hides_no_change() {
    let mut bench = Bench::unsealed();
    let receipt = bench.ask("change").unwrap();
    bench.audit.seal_blocking();
    std::mem::forget(receipt);
    let time = "\"time\":\"2027-01-15T08:00:09.000000000Z\"";
    let refused =
        format!("{time},\"type\":\"response\",\"request\":{{\"id\":\"change\"}},\"response\":{{\"status\":403}}");
    append(&bench, &[&refused]);
    bench.restart();
    let note = (Sequence(9), bench_draft(&bench));
    bench.audit.unseal_blocking(keys(), vec![note]).unwrap();
    let outcomes: Vec<_> = bench.lines().into_iter().filter(|line| line["type"] == "response").collect();
    assert!(outcomes.iter().any(|line| line["request"]["id"] == "change" && line["txn"] == 9), "{outcomes:#?}");
}

/// The outcome of the change, as the store kept it.
fn bench_draft(bench: &Bench) -> Vec<u8> {
    let other = Bench::unsealed();
    let draft = other.audit.draft(&response("change")).as_bytes().to_vec();
    assert!(bench.audit.hash("file", "sealed").is_none());
    draft
}

/// What others write while the server runs stands behind the lines that the next log says the old one had.
#[test]
fn s3_what_was_written_into_a_running_log_is_named() {
    let bench = Bench::unsealed();
    bench.request("r-1").unwrap();
    bench.tick(11);
    let lines = bench.lines().len() as u64;
    append(&bench, &[&invented()[0].1, &invented()[1].1]);
    bench.tick(1);
    bench.request("r-2").unwrap();
    bench.tick(11);
    let report = judged(&bench);
    assert_eq!(report.logs[1].reason, "written by others");
    let problem = report.first_problem.unwrap();
    assert_eq!((problem.line, problem.what), (lines + 1, Defect::Foreign { until: Some(lines + 2) }));
}

/// Somebody ends a log of whose last lines no checkpoint tells, and begins another one.
#[test]
fn s3_the_unsigned_end_of_a_log_that_was_replaced_is_not_proved() {
    let mut bench = ended(End::Crash);
    let report = judged(&bench);
    let lines = report.logs[0].lines;
    append(&bench, &[&invented()[1].1]);
    let old = Some((report.logs[0].id.clone(), lines + 1));
    let head = control::Head { reason: "damaged", last_checkpoint: None, old, foreign: None };
    let members = head.members(bench.clock.now(), "file", &chain::Chain::new("0badc0de".into()));
    let mut file = std::fs::File::options().append(true).open(bench.path("file")).unwrap();
    writeln!(file, "{{\"seq\":1,\"prev\":\"{}\",{members}}}", hex(&[0; 32])).unwrap();
    bench.restart();
    bench.unseal();
    bench.request("after").unwrap();
    bench.tick(11);
    let report = judged(&bench);
    assert_eq!((report.first_problem.as_ref(), report.verdict()), (None, Verdict::NotProved), "{report:?}");
}

/// What a process wrote itself it knows: it is not judged again, wherever its file is moved meanwhile.
#[test]
fn s3_outcomes_that_come_while_a_file_is_moved_are_the_servers_own() {
    let bench = Bench::unsealed();
    let receipts = ["a", "b"].map(|id| (id, bench.ask(id).unwrap()));
    bench.audit.seal_blocking();
    std::fs::rename(bench.path("file"), bench.dir.path().join("moved")).unwrap();
    bench.tick(1);
    for (id, receipt) in receipts {
        bench.answer(receipt, id, None).unwrap();
    }
    bench.unseal();
    bench.tick(11);
    let report = judged_at(&[&bench.dir.path().join("moved"), &bench.path("file")]);
    assert_eq!((report.first_problem.as_ref(), report.logs.len()), (None, 1), "{report:?}");
}

/// A sidecar tells of its own log only. A new log may have as many lines as the one before.
#[test]
fn s3_the_sidecar_of_another_log_says_nothing_of_this_one() {
    let mut bench = Bench::unsealed();
    bench.request("r-1").unwrap();
    bench.tick(11);
    bench.audit.seal_blocking();
    std::fs::rename(bench.path("file"), bench.dir.path().join("moved")).unwrap();
    let sidecar = std::fs::read(bench.dir.path().join("file.log.checkpoint")).unwrap();
    bench.restart();
    bench.unseal();
    for n in 0..4 {
        bench.request(&format!("n-{n}")).unwrap();
    }
    bench.tick(11);
    let id = judged(&bench).logs[0].id.clone();
    // The process ends before it has kept its first checkpoint.
    std::fs::write(bench.dir.path().join("file.log.checkpoint"), sidecar).unwrap();
    bench.restart();
    bench.unseal();
    assert_eq!((judged(&bench).logs.len(), &judged(&bench).logs[0].id), (1, &id));
}
