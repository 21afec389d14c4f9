//! What a start and an unseal do after a stop, a crash, a power cut, or the return of an older file.

use super::{bench::*, verify::verify_with, *};
use crate::store::files::faulty::Loss;

#[test]
fn a_restart_continues_where_the_log_ended() {
    let mut bench = Bench::unsealed();
    bench.request("a").unwrap();
    bench.tick(11);
    bench.request("b").unwrap();
    bench.restart();
    bench.audit.record_plain(PlainFacts {
        request_id: "u",
        operation: "update",
        path: "sys/unseal",
        ..PlainFacts::default()
    });
    bench.unseal();
    bench.request("c").unwrap();
    bench.tick(11);
    let report = proved(&bench, &["file.log"]);
    assert_eq!((report.logs.len(), report.proved_to), (1, report.lines));
}

#[test]
fn a_torn_line_is_ended_and_counted() {
    let mut bench = Bench::unsealed();
    bench.request("a").unwrap();
    for (cut, torn) in [(1, 0), (2, 1), (100, 2)] {
        bench.request("b").unwrap();
        let whole = std::fs::read(bench.path("file")).unwrap();
        std::fs::write(bench.path("file"), &whole[..whole.len() - cut]).unwrap();
        bench.restart();
        bench.unseal();
        let report = proved(&bench, &["file.log"]);
        assert_eq!((report.logs[0].torn_lines, report.logs.len()), (torn, 1));
        assert_eq!(bench.text().matches("\"type\":\"torn\"").count() as u64, torn);
    }
}

#[test]
fn requests_without_an_outcome_are_closed_at_unseal() {
    let mut bench = Bench::unsealed();
    let lost = bench.ask("lost").unwrap();
    bench.tick(11);
    let committed = bench.ask("committed").unwrap();
    let answered = bench.ask("answered").unwrap();
    let draft = |entry: &LineFacts<'_>| bench.audit.draft(entry).as_bytes().to_vec();
    let backlog = vec![
        (Sequence(3), draft(&request("committed"))),
        (Sequence(4), draft(&request("answered"))),
        (Sequence(5), draft(&response("answered"))),
        (Sequence(6), draft(&request("unheard"))),
        (Sequence(6), draft(&response("unheard"))),
    ];
    [lost, committed, answered].into_iter().for_each(std::mem::forget);
    bench.restart();
    bench.audit.unseal_blocking(keys(), backlog).unwrap();
    assert_eq!(paired(&[bench.text()]), 4);
    let closed = |id: &str| {
        let line = bench.lines().into_iter().find(|line| line["type"] == "response" && line["request"]["id"] == id);
        line.map(|line| (line["closed"].as_str().map(str::to_owned), line["txn"].as_u64())).unwrap()
    };
    assert_eq!(closed("lost"), (Some("none".into()), None));
    assert_eq!(closed("committed"), (Some("committed, not answered".into()), None));
    assert_eq!(closed("answered"), (None, Some(5)));
    assert_eq!(closed("unheard"), (None, Some(6)));
    proved(&bench, &["file.log"]);
}

#[test]
fn notes_that_have_their_lines_are_not_written_again() {
    let bench = Bench::unsealed();
    let mut backlog = Vec::new();
    for n in 1..30 {
        let id = format!("r-{n}");
        let receipt = bench.ask(&id).unwrap();
        backlog.push((Sequence(n), bench.audit.draft(&request(&id)).as_bytes().to_vec()));
        backlog.push((Sequence(n), bench.audit.draft(&response(&id)).as_bytes().to_vec()));
        if n % 5 == 0 {
            // With a checkpoint while a request is open, a start reads back to the checkpoint before it.
            bench.tick(11);
        }
        bench.answer(receipt, &id, Some(n)).unwrap();
    }
    bench.audit.seal_blocking();
    bench.audit.unseal_blocking(keys(), backlog).unwrap();
    assert_eq!(paired(&[bench.text()]), 29);
    assert_eq!(bench.audit.covered(), Sequence(29));
}

/// While sealed no line can be made for a caller. A request that was recorded before still gets its outcome.
#[test]
fn after_seal_nothing_is_recorded_and_the_last_checkpoint_covers_all() {
    let bench = Bench::unsealed();
    let receipt = bench.ask("seal").unwrap();
    bench.request("a").unwrap();
    bench.audit.seal_blocking();
    assert_eq!(bench.ask("late").err(), Some(AuditError::Sealed));
    assert_eq!(bench.audit.hash("file", "a long input"), None);
    bench.answer(receipt, "seal", None).unwrap();
    let report = proved(&bench, &["file.log"]);
    assert_eq!(report.proved_to, report.lines - 1);
    let last = bench.lines().pop().unwrap();
    assert_eq!((&last["request"]["id"], &last["response"]["status"]), (&"seal".into(), &200.into()));
    assert!(last["auth"].is_null() && last["mac"].is_null(), "without keys it says no more");
}

#[test]
fn a_log_that_is_behind_its_sidecar_is_not_continued() {
    let mut bench = Bench::unsealed();
    bench.request("a").unwrap();
    bench.tick(11);
    let early = bench.text();
    bench.request("b").unwrap();
    bench.tick(11);
    std::fs::write(bench.path("file"), &early).unwrap();
    bench.restart();
    bench.unseal();
    bench.request("c").unwrap();
    bench.tick(11);
    let report = verify_with(&Files::real(), &[bench.path("file")], &public(), &[]).unwrap();
    assert_eq!(report.logs.len(), 2);
    assert_eq!(report.logs[1].reason, "behind its own checkpoint");
    assert_ne!(report.logs[0].id, report.logs[1].id);
}

#[test]
fn a_log_that_another_key_signed_is_not_continued() {
    let mut bench = Bench::unsealed();
    bench.request("a").unwrap();
    bench.tick(11);
    bench.restart();
    bench.audit.unseal_blocking(LogKeys { signing: signing(9), ..keys() }, Vec::new()).unwrap();
    let report = verify_with(&Files::real(), &[bench.path("file")], &signing(9).public(), &[]).unwrap();
    assert_eq!(report.logs.len(), 2);
    let last = report.logs.last().unwrap();
    assert_eq!(last.reason, "not signed by this key under this name");
    assert_eq!(last.proved_to, last.lines);
}

/// INVARIANT 40. Whatever a power cut leaves of a file, no two checkpoints that were ever signed disagree: of two with
/// one origin, the lines under the smaller are the first lines under the larger.
#[test]
fn no_two_checkpoints_disagree_after_power_cuts() {
    let mut compared = 0;
    for seed in 0..60 {
        let (mut bench, faults) = faulty(&["file"]);
        let mut signed = std::collections::BTreeMap::<String, Vec<Vec<u8>>>::new();
        let mut sign = |bench: &Bench| {
            // A checkpoint leaves the process by the file and by the sidecar.
            for text in [bench.newest_checkpoint(), bench.kept_checkpoint()].into_iter().flatten() {
                let Ok(head) = Checkpoint::parse(&text) else { continue };
                let covered = covered_by(bench, &head);
                let before = signed.entry(head.origin.clone()).or_default();
                let both = before.len().min(covered.len());
                assert_eq!(before[..both], covered[..both], "seed {seed}: {} {}", head.origin, head.size);
                compared += usize::from(both > 0);
                if covered.len() > before.len() {
                    *before = covered;
                }
            }
        };
        for round in 0..4_u64 {
            if bench.audit.unseal_blocking(keys(), Vec::new()).is_ok() {
                sign(&bench);
                for n in 0..3 {
                    let _ = bench.request(&format!("r-{round}-{n}"));
                    bench.tick(if (seed + n) % 3 == 0 { 11 } else { 1 });
                    sign(&bench);
                }
                let _ = bench.request(&format!("r-{round}-last"));
            }
            if seed % 2 == 0 {
                faults.crash_at(faults.calls() + seed % 7 + 1);
                bench.tick(11);
                sign(&bench);
            }
            faults.power_cut(Loss::Some(seed * 10 + round));
            bench.restart();
        }
        bench.audit.unseal_blocking(keys(), Vec::new()).unwrap();
        sign(&bench);
        // Every log that is left verifies, and the last one is proved to its end.
        let report = proved(&bench, &["file.log"]);
        assert_eq!(report.proved_to, report.consistent_to, "seed {seed}");
    }
    assert!(compared > 500, "only {compared} checkpoints were compared with an earlier one");
}

/// The lines under a checkpoint, as the file shows them.
fn covered_by(bench: &Bench, head: &Checkpoint) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(bench.path("file")).unwrap();
    let begins = format!("\"type\":\"head\",\"log\":\"{}\"", origin::log_id_of(&head.origin));
    let lines = bytes.split(|&b| b == b'\n').skip_while(|line| !String::from_utf8_lossy(line).contains(&begins));
    let covered: Vec<Vec<u8>> = lines.take(head.size as usize).map(<[u8]>::to_vec).collect();
    let mut tree = crate::crypto::merkle::Frontier::default();
    for line in &covered {
        tree.push(crate::crypto::merkle::leaf_hash(line));
    }
    assert_eq!((tree.size(), tree.root()), (head.size, head.root));
    covered
}
