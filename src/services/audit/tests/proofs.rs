//! What `verify` proves, and that it names every change of a log.

use std::{os::unix::fs::FileExt, path::Path};

use super::{
    bench::*,
    verify::{Defect, Doubt, Report, Verdict, verify},
    *,
};

/// A log with five checkpoints: the bench, and the lines of its file.
fn log() -> (Bench, Vec<String>) {
    let bench = Bench::unsealed();
    for n in 0..4 {
        for m in 0..3 {
            bench.request(&format!("r-{n}-{m}")).unwrap();
        }
        bench.tick(11);
    }
    let lines = bench.text().lines().map(str::to_owned).collect();
    (bench, lines)
}

fn judge_files(paths: &[&Path], kept: Option<&str>) -> Report {
    let paths: Vec<_> = paths.iter().map(|path| path.to_path_buf()).collect();
    verify(&paths, &public(), kept.as_slice()).unwrap()
}

/// Verifies a log of these lines.
fn judge(bench: &Bench, lines: &[impl AsRef<str>], kept: Option<&str>) -> Report {
    let path = bench.dir.path().join("tried.log");
    let text: String = lines.iter().flat_map(|line| [line.as_ref(), "\n"]).collect();
    std::fs::write(&path, text).unwrap();
    judge_files(&[&path], kept)
}

#[track_caller]
fn names(report: &Report, line: u64, what: Defect) {
    let problem = report.first_problem.as_ref().expect("a problem");
    assert_eq!((problem.line, &problem.what), (line, &what));
}

#[test]
fn an_unchanged_log_is_proved_to_its_last_checkpoint() {
    let (bench, lines) = log();
    bench.request("later").unwrap();
    let report = judge_files(&[&bench.path("file")], bench.newest_checkpoint().as_deref());
    assert_eq!(report.first_problem, None);
    assert_eq!(report.proved_to, lines.len() as u64);
    assert_eq!(report.consistent_to, lines.len() as u64 + 2);
    assert_eq!(report.checkpoints, 5);
    assert_eq!(report.logs[0].newest, bench.newest_checkpoint());
    assert!(report.logs[0].origin.starts_with("c1/l1.") && report.logs[0].origin.ends_with("/file"));
}

/// The promise of the product: a flipped byte anywhere up to and including the last checkpoint is named.
#[test]
fn every_flipped_byte_is_named() {
    let bench = Bench::unsealed();
    for n in 0..3 {
        bench.request("r").unwrap();
        for is_response in [false, true, false, true, false, true, false, true] {
            let id = format!("p-{n}");
            let entry = PlainFacts { is_response, request_id: &id, path: "sys/unseal", ..PlainFacts::default() };
            bench.audit.record_plain(entry);
        }
        bench.tick(11);
    }
    let text = bench.text().into_bytes();
    let path = bench.dir.path().join("tried.log");
    std::fs::write(&path, &text).unwrap();
    // Bytes are flipped in place: some file systems flush a file that is created again each time.
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let mut line = 1;
    for (at, byte) in text.iter().enumerate() {
        // All bits of the line breaks and of some other places, one bit of the rest.
        let bits: &[u8] = if at % 97 == 0 || *byte == b'\n' { &[1, 2, 4, 8, 16, 32, 64, 128] } else { &[1] };
        for bit in bits {
            file.write_all_at(&[byte ^ bit], at as u64).unwrap();
            let problem = judge_files(&[&path], None).first_problem;
            let problem = problem.unwrap_or_else(|| panic!("byte {at} bit {bit} in line {line}: nothing found"));
            assert_eq!(problem.file_line, line, "byte {at} bit {bit}: {problem:?}");
        }
        file.write_all_at(&[*byte], at as u64).unwrap();
        line += u64::from(*byte == b'\n');
    }
    assert!(line > 40 && judge_files(&[&path], None).first_problem.is_none());
}

#[test]
fn an_edited_line_is_named() {
    let (bench, mut lines) = log();
    lines[9] = lines[9].replace("secret/data/web/key", "secret/data/web/kex");
    names(&judge(&bench, &lines, None), 10, Defect::Edited);
}

#[test]
fn a_removed_line_is_named() {
    let (bench, lines) = log();
    for n in 1..lines.len() - 1 {
        let mut fewer = lines.clone();
        fewer.remove(n);
        names(&judge(&bench, &fewer, None), n as u64 + 1, Defect::Removed { until: n as u64 + 1 });
    }
}

#[test]
fn a_moved_line_is_named() {
    let (bench, lines) = log();
    let mut down = lines.clone();
    let line = down.remove(6);
    down.insert(15, line);
    names(&judge(&bench, &down, None), 7, Defect::Moved);
    let mut up = lines;
    let line = up.remove(15);
    up.insert(6, line);
    names(&judge(&bench, &up, None), 16, Defect::Moved);
}

#[test]
fn a_doubled_line_is_named() {
    let (bench, lines) = log();
    for n in 0..lines.len() {
        let mut more = lines.clone();
        more.insert(n + 1, lines[n].clone());
        let report = judge(&bench, &more, None);
        // If the head of the file is doubled, a log of the same name begins twice.
        names(&report, n as u64 + 1, Defect::Doubled);
    }
}

/// A log that is cut after one of its checkpoints is a shorter log that verifies. Only a kept checkpoint shows the cut.
#[test]
fn a_cut_is_named_if_a_checkpoint_was_kept() {
    let (bench, lines) = log();
    let kept = bench.newest_checkpoint().unwrap();
    let short = &lines[..lines.len() - 5];
    let report = judge(&bench, short, None);
    assert_eq!(report.first_problem, None);
    let size = lines.len() as u64 - 1;
    names(&judge(&bench, short, Some(&kept)), short.len() as u64 + 1, Defect::Cut { until: size });
    assert_eq!(judge(&bench, &lines, Some(&kept)).first_problem, None);
}

#[test]
fn a_kept_checkpoint_of_another_log_does_not_fit() {
    let (bench, lines) = log();
    let (other, _) = log();
    let kept = other.newest_checkpoint().unwrap();
    let report = judge(&bench, &lines, Some(&kept));
    assert_eq!(report.verdict(), Verdict::NotProved);
    assert!(matches!(report.doubts.as_slice(), [Doubt::Absent { .. }]), "{:?}", report.doubts);
    assert!(verify(&[bench.path("file")], &signing(2).public(), &[kept.as_str()]).is_err());
}

#[test]
fn two_logs_spliced_are_told_apart() {
    let (bench, one) = log();
    let (_other, two) = log();
    let spliced: Vec<&String> = one[..12].iter().chain(&two[12..]).collect();
    let report = judge(&bench, &spliced, None);
    assert!(report.first_problem.is_some_and(|problem| problem.line == 12 || problem.line == 13));
}

/// Somebody who edits a line and computes all later hashes again lacks the key for the checkpoints.
#[test]
fn a_log_with_new_hashes_is_refused() {
    for seed in [1, 2] {
        let (bench, mut lines) = log();
        lines[9] = lines[9].replace("secret/data/web/key", "secret/data/web/kex");
        remake(&mut lines, 9, |origin, size, root| {
            (seed == 2).then(|| Checkpoint::sign(origin, size, root, &signing(2)).text())
        });
        let report = judge(&bench, &lines, None);
        let problem = report.first_problem.expect("a problem");
        if seed == 2 {
            assert_eq!(problem.what, Defect::OtherKey);
        } else {
            // The change lies between the checkpoint before it (line 4) and the one after it.
            assert_eq!((problem.line, problem.what), (5, Defect::Rewritten { until: 11 }));
        }
        assert_eq!(report.proved_to, 4);
    }
}

/// Computes the hashes of `lines` again from line `from` on; `sign` makes new checkpoints.
pub fn remake(lines: &mut [String], from: usize, sign: impl Fn(&str, u64, &[u8; 32]) -> Option<String>) {
    use crate::crypto::merkle::{Frontier, leaf_hash};
    let mut frontier = Frontier::default();
    let mut prev = [0; 32];
    for (n, line) in lines.iter_mut().enumerate() {
        if n > from {
            let old = line.split('"').nth(5).unwrap().to_owned();
            *line = line.replace(&old, std::str::from_utf8(&format::hex(&prev)).unwrap());
            let own = parse::Members::read(line.as_bytes()).unwrap();
            if !own.frontier.is_empty() {
                let nodes: Vec<String> =
                    frontier.nodes().iter().map(|n| String::from_utf8(format::hex(n).to_vec()).unwrap()).collect();
                *line = line.replace(&own.frontier.join("\",\""), &nodes.join("\",\""));
            }
            let head = Checkpoint::parse(&own.checkpoint).ok();
            if let Some(new) = head.and_then(|head| sign(&head.origin, head.size, &frontier.root())) {
                let quoted = |text: &str| serde_json::to_string(text).unwrap();
                *line = line.replace(&quoted(&own.checkpoint), &quoted(&new));
            }
        }
        prev = leaf_hash(line.as_bytes());
        frontier.push(prev);
    }
}

#[test]
fn files_are_taken_in_any_order() {
    let bench = Bench::unsealed();
    bench.request("a").unwrap();
    let moved = bench.dir.path().join("old.log");
    std::fs::rename(bench.path("file"), &moved).unwrap();
    bench.tick(11);
    bench.request("b").unwrap();
    bench.tick(11);
    let new = bench.path("file");
    for paths in [[moved.as_path(), new.as_path()], [new.as_path(), moved.as_path()]] {
        let report = judge_files(&paths, None);
        assert_eq!(report.first_problem, None);
        assert_eq!(report.logs.len(), 1);
        assert_eq!(report.logs[0].first_line, 1);
    }
    // The newer file verifies alone, because its head names the right edge.
    let report = judge_files(&[new.as_path()], None);
    assert_eq!(report.first_problem, None);
    assert!(report.logs[0].first_line > 1 && report.proved_to > report.logs[0].first_line);
}

#[test]
fn a_file_without_its_beginning_is_named() {
    let (bench, lines) = log();
    names(&judge(&bench, &lines[3..], None), 4, Defect::Headless);
}

#[test]
fn a_torn_end_is_no_attack() {
    let (bench, lines) = log();
    bench.request("later").unwrap();
    let text = bench.text();
    let path = bench.dir.path().join("tried.log");
    for cut in 1..300 {
        std::fs::write(&path, &text.as_bytes()[..text.len() - cut]).unwrap();
        let report = judge_files(&[&path], None);
        assert_eq!(report.first_problem, None, "cut by {cut}");
        assert!(report.logs[0].has_torn_end);
        assert_eq!(report.proved_to, lines.len() as u64);
    }
}
