//! Any bytes in place of a log: no reader panics, a problem names a line of the file, and a changed log is never called
//! unchanged. `PROPTEST_CASES=100000 cargo test --lib any_bytes` is the long form.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    bench::*,
    search::{Filter, search, tail},
    verify::verify,
};

/// A change of a log. Places are shares of its length, whatever that is.
#[derive(Clone, Debug)]
enum Change {
    Flip {
        at: Index,
        mask: u8,
    },
    Cut {
        from: Index,
        to: Index,
    },
    Insert {
        at: Index,
        bytes: Vec<u8>,
    },
    /// A piece is written a second time, elsewhere.
    Copy {
        from: Index,
        to: Index,
        at: Index,
    },
    SwapLines {
        one: Index,
        other: Index,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 1..=u8::MAX).prop_map(|(at, mask)| Change::Flip { at, mask }),
        (at(), at()).prop_map(|(from, to)| Change::Cut { from, to }),
        (at(), vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Change::Insert { at, bytes }),
        (at(), at(), at()).prop_map(|(from, to, at)| Change::Copy { from, to, at }),
        (at(), at()).prop_map(|(one, other)| Change::SwapLines { one, other }),
    ]
}

impl Change {
    fn apply(&self, log: &mut Vec<u8>) {
        if log.is_empty() {
            return;
        }
        let between = |from: &Index, to: &Index, len| {
            let (from, to) = (from.index(len), to.index(len));
            from.min(to)..from.max(to)
        };
        let len = log.len();
        match self {
            Self::Flip { at, mask } => log[at.index(len)] ^= mask,
            Self::Cut { from, to } => drop(log.drain(between(from, to, len))),
            Self::Insert { at, bytes } => drop(log.splice(at.index(len)..at.index(len), bytes.iter().copied())),
            Self::Copy { from, to, at } => {
                let piece = log[between(from, to, len)].to_vec();
                log.splice(at.index(len)..at.index(len), piece);
            }
            Self::SwapLines { one, other } => {
                let mut lines: Vec<&[u8]> = log.split_inclusive(|&b| b == b'\n').collect();
                let count = lines.len();
                lines.swap(one.index(count), other.index(count));
                *log = lines.concat();
            }
        }
    }
}

/// Bytes without meaning, and pieces of lines in any order.
fn any_file(log: &[u8]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let log = log.to_vec();
    let piece = (any::<Index>(), 0_usize..2_000).prop_map(move |(from, len)| {
        let from = from.index(log.len());
        log[from..log.len().min(from + len)].to_vec()
    });
    let noise = vec(any::<u8>(), 0..200);
    let newline = Just(b"\n".to_vec());
    vec(prop_oneof![piece, noise, newline], 0..12).prop_map(|pieces| pieces.concat())
}

/// A log with four checkpoints that ends in one, and that checkpoint.
fn log() -> (Bench, Vec<u8>, String) {
    let bench = Bench::unsealed();
    for n in 0..4 {
        bench.request(&format!("r-{n}")).unwrap();
        bench.tick(11);
    }
    let bytes = bench.text().into_bytes();
    let kept = bench.newest_checkpoint().unwrap();
    (bench, bytes, kept)
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.split_inclusive(|&b| b == b'\n').count() as u64
}

/// How many bytes of the log the last checkpoint covers: all lines but its own. The last newline proves nothing.
fn covered_bytes(log: &[u8]) -> usize {
    log[..log.len() - 1].iter().rposition(|&b| b == b'\n').unwrap()
}

#[test]
fn a_changed_log_is_never_called_unchanged() {
    let (bench, log, kept) = log();
    let path = bench.dir.path().join("tried.log");
    let covered = covered_bytes(&log);
    proptest!(|(changes in vec(change(), 1..4))| {
        let mut bytes = log.clone();
        for change in &changes {
            change.apply(&mut bytes);
        }
        std::fs::write(&path, &bytes).unwrap();
        let report = verify(std::slice::from_ref(&path), &public(), &[kept.as_str()]).unwrap();
        match report.first_problem {
            Some(problem) => {
                // The negative control: the log as it was is never called changed.
                prop_assert!(bytes != log, "{problem:?}");
                prop_assert!((1..=lines_in(&bytes) + 1).contains(&problem.file_line), "{problem:?}");
            }
            None => prop_assert!(bytes.starts_with(&log[..covered])),
        }
    });
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let (bench, log, kept) = log();
    let path = bench.dir.path().join("tried.log");
    proptest!(|(bytes in any_file(&log))| {
        std::fs::write(&path, &bytes).unwrap();
        for kept in [None, Some(kept.as_str())] {
            let report = verify(std::slice::from_ref(&path), &public(), kept.as_slice()).unwrap();
            prop_assert_eq!(report.lines, lines_in(&bytes));
            let first_line = bytes.split(|&b| b == b'\n').next().unwrap();
            let is_a_head = String::from_utf8_lossy(first_line).contains("\"type\":\"head\"");
            prop_assert!(report.first_problem.is_some() || bytes.is_empty() || is_a_head);
            if let Some(problem) = report.first_problem {
                prop_assert!((1..=report.lines + 1).contains(&problem.file_line), "{problem:?}");
            }
        }
        let mut rows = 0;
        let found = search(std::slice::from_ref(&path), &Filter::default(), &mut |_| rows += 1).unwrap();
        prop_assert_eq!(rows, found.matched);
        tail(&path, 3, &mut || false, &mut |_| {}).unwrap();
    });
}

/// What stands in the file at a start is never the reason that a later line is called wrong.
#[test]
fn a_start_on_any_file_takes_lines_that_are_right() {
    let (_bench, log, _) = log();
    let cases = ProptestConfig::default().cases / 8;
    proptest!(ProptestConfig::with_cases(cases.max(1)), |(bytes in any_file(&log))| {
        let mut bench = Bench::sealed();
        std::fs::write(bench.path("file"), &bytes).unwrap();
        bench.restart();
        bench.unseal();
        bench.request("after").unwrap();
        bench.tick(11);
        let report = verify(&[bench.path("file")], &public(), &[]).unwrap();
        if let Some(problem) = report.first_problem {
            prop_assert!(problem.file_line <= lines_in(&bytes), "{problem:?}");
        }
        let found = search(&[bench.path("file")], &Filter::default(), &mut |_| {}).unwrap();
        prop_assert!(found.matched >= 1);
    });
}
