//! Devices that fail, files that others touch, processes that die.

use std::{future::Future, pin::pin, task::Context, task::Poll, task::Waker};

use super::{
    bench::*,
    verify::{Report, verify_with},
    *,
};
use crate::store::files::faulty::{Fault, Faults, Loss};

fn faulty(names: &[&str]) -> (Bench, Faults) {
    let (files, faults) = Files::faulty();
    (Bench::with(files, names), faults)
}

#[track_caller]
fn proved(bench: &Bench, paths: &[&str]) -> Report {
    let paths: Vec<_> = paths.iter().map(|name| bench.dir.path().join(name)).collect();
    let report = verify_with(&Files::real(), &paths, &public(), None).unwrap();
    assert_eq!(report.first_problem, None);
    report
}

/// Every request has one line and one outcome, whatever happened.
#[track_caller]
fn paired(texts: &[String]) -> usize {
    let mut seen = std::collections::BTreeMap::<String, Vec<String>>::new();
    for line in texts.iter().flat_map(|text| text.lines()) {
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        if let Some(id) = line["request"]["id"].as_str() {
            seen.entry(id.to_owned()).or_default().push(line["type"].as_str().unwrap().to_owned());
        }
    }
    for (id, kinds) in &seen {
        assert_eq!(kinds, &["request", "response"], "{id}");
    }
    seen.len()
}

#[test]
fn a_device_that_fails_refuses_at_once_and_comes_back_complete() {
    for fault in [Fault::Full, Fault::Broken, Fault::ReadOnly] {
        let (bench, faults) = faulty(&["file"]);
        bench.unseal();
        bench.request("before").unwrap();
        let receipt = bench.ask("caught").unwrap();
        faults.break_path(&bench.path("file"), fault);
        // The answer is withheld, and from now on nothing is performed.
        assert!(matches!(bench.answer(receipt, "caught", Some(7)), Err(AuditError::Down { .. })));
        assert!(!bench.audit.is_ready());
        assert!(matches!(bench.ask("refused"), Err(AuditError::Down { .. })));
        bench.tick(2);
        assert!(!bench.audit.is_ready(), "{fault:?}");
        faults.mend_path(&bench.path("file"));
        bench.tick(2);
        bench.request("after").unwrap();
        bench.tick(11);
        assert_eq!(paired(&[bench.text()]), 3, "{fault:?}");
        let report = proved(&bench, &["file.log"]);
        assert_eq!(report.logs.len(), 1);
        assert_eq!(report.proved_to, report.lines);
        assert_eq!(report.logs[0].torn_lines > 0, fault == Fault::Full);
    }
}

#[test]
fn the_request_that_finds_the_device_broken_is_not_performed() {
    let (bench, faults) = faulty(&["file"]);
    bench.unseal();
    faults.break_path(&bench.path("file"), Fault::Broken);
    assert!(bench.ask("refused").is_err());
    faults.mend_path(&bench.path("file"));
    bench.tick(2);
    bench.request("after").unwrap();
    // Its line was queued already, so it is there, and closed.
    assert_eq!(paired(&[bench.text()]), 2);
}

#[test]
fn what_a_failed_sync_left_is_not_signed_again() {
    let (bench, faults) = faulty(&["file"]);
    bench.unseal();
    bench.request("one").unwrap();
    faults.fail_nth(1, Fault::Broken);
    bench.tick(1);
    assert!(!bench.audit.is_ready());
    bench.tick(2);
    bench.request("two").unwrap();
    bench.tick(11);
    let report = proved(&bench, &["file.log"]);
    assert_eq!(report.logs.len(), 2);
    assert_eq!(report.logs[1].reason, "sync failed");
    assert_eq!(paired(&[bench.text()]), 2);
}

#[test]
fn an_optional_device_may_fail_and_gets_what_it_missed() {
    let (bench, faults) = faulty(&["file", "second"]);
    bench.unseal();
    faults.break_path(&bench.path("second"), Fault::Broken);
    for n in 0..5 {
        bench.request(&format!("r-{n}")).unwrap();
    }
    let down = &bench.audit.status()[1];
    assert!(down.state == State::Down && down.error.as_ref().is_some_and(|error| error.starts_with("write failed")));
    faults.mend_path(&bench.path("second"));
    bench.tick(2);
    bench.tick(11);
    assert_eq!(paired(&[bench.text_of("second")]), 5);
    proved(&bench, &["second.log", "file.log"]);
}

/// What was too much to keep is a `gap` line, whose digest anybody can make from another device's lines.
#[test]
fn a_device_that_was_away_for_long_has_a_gap() {
    let (bench, faults) = faulty(&["file", "second"]);
    bench.unseal();
    faults.break_path(&bench.path("second"), Fault::Broken);
    let path = "p".repeat(4_000);
    for n in 0..1_200 {
        let id = format!("r-{n}");
        let entry = Entry { path: &path, ..request(&id) };
        let receipt = bench.audit.record(&bench.audit.note(&entry), Urgency::WithOutcome).unwrap();
        let note = bench.audit.note(&Entry { path: &path, ..response(&id) });
        run(bench.audit.outcome(receipt, note, None)).unwrap();
    }
    faults.mend_path(&bench.path("second"));
    bench.tick(2);
    bench.request("after").unwrap();
    bench.tick(11);
    let text = bench.text_of("second");
    let gap: serde_json::Value =
        text.lines().find(|line| line.contains("\"type\":\"gap\"")).map(serde_json::from_str).unwrap().unwrap();
    let mut digest = [0; 32];
    let mut count = 0;
    let lines = bench.lines();
    let first = lines.iter().position(|line| line["request"]["id"] == gap["first"]).unwrap();
    let kept = text.matches("\"type\":\"request\"").count() + text.matches("\"type\":\"response\"").count() - 2;
    let events = lines
        .iter()
        .filter(|line| line["request"].is_object())
        .skip(kept)
        .take(gap["count"].as_u64().unwrap() as usize);
    for line in events {
        let event = format!("{} {}\n", line["request"]["id"].as_str().unwrap(), line["type"].as_str().unwrap());
        digest = crate::crypto::kdf::sha256(&[&digest, event.as_bytes()]);
        count += 1;
    }
    assert!(first > 0 && count > 100);
    assert_eq!(gap["digest"], data_encoding::HEXLOWER.encode(&digest));
    proved(&bench, &["second.log"]);
}

#[test]
fn a_device_that_does_not_open_is_tried_again() {
    let (files, faults) = Files::faulty();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.log");
    faults.break_path(&path, Fault::ReadOnly);
    let config = DeviceConfig { name: "a".into(), path: path.clone(), required: true, sync_always: false };
    let clock = Clock::manual(crate::base::time::Time::from_unix_secs(1_800_000_000));
    let audit = Audit::unattended(vec![config], files, clock.clone());
    assert!(!audit.is_ready());
    assert!(audit.unseal(keys(), Vec::new()).is_err());
    faults.mend_path(&path);
    clock.advance(crate::base::ttl::Ttl::from_secs(2));
    audit.0.tick();
    audit.unseal(keys(), Vec::new()).unwrap();
    assert!(audit.is_ready());
}

#[test]
fn with_no_device_nothing_is_performed() {
    let bench = Bench::with(Files::real(), &[]);
    assert_eq!(bench.audit.unseal(keys(), Vec::new()), Err(AuditError::NoDevice));
    assert!(!bench.audit.is_ready());
}

#[test]
fn a_renamed_file_is_gone_on_with_in_a_new_one() {
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

#[test]
fn a_deleted_file_is_noticed_at_the_next_sync() {
    let bench = Bench::unsealed();
    bench.request("a").unwrap();
    std::fs::remove_file(bench.path("file")).unwrap();
    bench.tick(1);
    bench.request("b").unwrap();
    bench.tick(11);
    // What is left is proved; where it goes on shows that something was before.
    let report = proved(&bench, &["file.log"]);
    assert!(report.logs[0].first_line > 1);
}

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

#[test]
fn a_file_that_others_wrote_to_is_not_gone_on_with() {
    use std::io::Write;
    let bench = Bench::unsealed();
    bench.request("a").unwrap();
    std::fs::File::options().append(true).open(bench.path("file")).unwrap().write_all(b"{\"forged\":1}\n").unwrap();
    bench.tick(1);
    bench.request("b").unwrap();
    bench.tick(11);
    let report = verify_with(&Files::real(), &[bench.path("file")], &public(), None).unwrap();
    assert_eq!(report.first_problem.unwrap().what, super::verify::Fault::Edited);
    assert_eq!(report.logs[1].reason, "written by others");
}

#[test]
fn a_restart_goes_on_where_the_log_ended() {
    let mut bench = Bench::unsealed();
    bench.request("a").unwrap();
    bench.tick(11);
    bench.request("b").unwrap();
    bench.restart();
    bench.audit.plain(PlainEntry { request_id: "u", operation: "update", path: "sys/unseal", ..PlainEntry::default() });
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
    let note = |entry: &Entry<'_>| bench.audit.note(entry).into_bytes();
    let backlog = vec![
        (Sequence(3), note(&request("committed"))),
        (Sequence(4), note(&request("answered"))),
        (Sequence(5), note(&response("answered"))),
        (Sequence(6), note(&request("unheard"))),
        (Sequence(6), note(&response("unheard"))),
    ];
    [lost, committed, answered].into_iter().for_each(std::mem::forget);
    bench.restart();
    bench.audit.unseal(keys(), backlog).unwrap();
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
        backlog.push((Sequence(n), bench.audit.note(&request(&id)).into_bytes()));
        backlog.push((Sequence(n), bench.audit.note(&response(&id)).into_bytes()));
        if n % 5 == 0 {
            // A head while a request is open: the feed goes on from the head before.
            bench.tick(11);
        }
        bench.answer(receipt, &id, Some(n)).unwrap();
    }
    run(bench.audit.seal());
    bench.audit.unseal(keys(), backlog).unwrap();
    assert_eq!(paired(&[bench.text()]), 29);
    assert_eq!(bench.audit.fed(), Sequence(29));
}

#[test]
fn a_dropped_receipt_is_counted_and_its_request_closed() {
    let bench = Bench::unsealed();
    drop(bench.ask("dropped").unwrap());
    bench.tick(1);
    assert_eq!((bench.audit.dropped(), paired(&[bench.text()])), (1, 1));
    assert_eq!(bench.lines().last().unwrap()["closed"], "none");
}

#[test]
fn the_panic_hook_writes_what_is_queued() {
    let bench = Bench::unsealed();
    let note = bench.audit.note(&request("reads"));
    let receipt = bench.audit.record(&note, Urgency::WithOutcome).unwrap();
    assert!(!bench.text().contains("reads"));
    bench.audit.drain_for_panic();
    assert!(bench.text().contains("reads"));
    bench.answer(receipt, "reads", None).unwrap();
}

/// The hook runs on the thread that panicked, which may have the desk: it must come back.
#[test]
fn the_panic_hook_does_not_wait_for_the_desk() {
    let bench = Bench::unsealed();
    bench.audit.0.push(&Note::closing(&Id::of("x"), bench.clock.now(), "none"));
    bench.audit.0.at_desk(|_| bench.audit.drain_for_panic());
}

#[test]
fn a_strict_device_answers_after_the_sync() {
    let (files, faults) = Files::faulty();
    let mut bench = Bench::with(files.clone(), &["file"]);
    bench.configs[0].sync_always = true;
    bench.restart();
    bench.unseal();
    let receipt = bench.ask("strict").unwrap();
    let note = bench.audit.note(&response("strict"));
    let mut outcome = pin!(bench.audit.outcome(receipt, note, None));
    let mut context = Context::from_waker(Waker::noop());
    assert!(outcome.as_mut().poll(&mut context).is_pending());
    bench.audit.0.tick();
    assert_eq!(outcome.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    faults.power_cut(Loss::Everything);
    assert_eq!(paired(&[bench.text()]), 1);
}

/// Sealed, no line can be made for anybody; what is on its way gets its outcome still.
#[test]
fn after_seal_nothing_is_recorded_and_the_last_head_covers_all() {
    let bench = Bench::unsealed();
    let receipt = bench.ask("seal").unwrap();
    bench.request("a").unwrap();
    run(bench.audit.seal());
    assert_eq!(bench.ask("late").err(), Some(AuditError::Sealed));
    assert_eq!(bench.audit.hash("file", "a long input"), None);
    bench.answer(receipt, "seal", None).unwrap();
    let report = proved(&bench, &["file.log"]);
    assert_eq!(report.proved_to, report.lines - 1);
    assert!(bench.lines().last().unwrap()["auth"]["client_token"] == "sealed");
}

#[test]
fn a_log_behind_its_own_head_is_not_gone_on_with() {
    for keeps_beside in [true, false] {
        let mut bench = Bench::unsealed();
        bench.request("a").unwrap();
        bench.tick(11);
        let early = bench.text();
        bench.request("b").unwrap();
        bench.tick(11);
        let head = bench.audit.checkpoint_now().unwrap();
        std::fs::write(bench.path("file"), &early).unwrap();
        if !keeps_beside {
            std::fs::remove_file(bench.dir.path().join("file.log.checkpoint")).unwrap();
        }
        bench.restart();
        bench.audit.expect_head(&head);
        bench.unseal();
        bench.request("c").unwrap();
        bench.tick(11);
        let report = verify_with(&Files::real(), &[bench.path("file")], &public(), None).unwrap();
        assert_eq!(report.logs.len(), 2);
        assert_eq!(report.logs[1].reason, "behind its own checkpoint");
        assert_ne!(report.logs[0].id, report.logs[1].id);
    }
}

#[test]
fn a_log_that_another_key_signed_is_not_gone_on_with() {
    let mut bench = Bench::unsealed();
    bench.request("a").unwrap();
    bench.tick(11);
    bench.restart();
    bench.audit.unseal(Keys { signing: signing(9), ..keys() }, Vec::new()).unwrap();
    let report = verify_with(&Files::real(), &[bench.path("file")], &signing(9).public(), None).unwrap();
    assert_eq!(report.logs.len(), 2);
    let last = report.logs.last().unwrap();
    assert_eq!(last.reason, "not signed by this key under this name");
    assert_eq!(last.proved_to, last.lines);
}

/// INVARIANT 40. Whatever a power cut leaves of a file, no two heads that were ever signed disagree: of the same origin
/// and size they have the same root, and the file that is left goes on from all of them.
#[test]
fn no_two_signed_heads_disagree_after_power_cuts() {
    for seed in 0..60 {
        let (mut bench, faults) = faulty(&["file"]);
        let mut heads = std::collections::BTreeMap::<(String, u64), [u8; 32]>::new();
        let mut sign = |bench: &Bench| {
            if let Some(text) = bench.audit.checkpoint_now() {
                let head = Checkpoint::parse(&text).unwrap();
                let root = *heads.entry((head.origin.clone(), head.size)).or_insert(head.root);
                assert_eq!(root, head.root, "seed {seed}: {} {}", head.origin, head.size);
            }
        };
        for round in 0..4_u64 {
            if bench.audit.unseal(keys(), Vec::new()).is_ok() {
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
        bench.audit.unseal(keys(), Vec::new()).unwrap();
        sign(&bench);
        // Each log that is left is right by itself, and the last one to its end.
        println!("seed {seed}");
        for (n, line) in bench.text().lines().enumerate() {
            println!(
                "{} {:.90} {}",
                n + 1,
                line.replace('\0', "0"),
                line.split_once("\"type\":").map_or("", |(_, kind)| &kind[..kind.len().min(100)])
            );
        }
        let report = proved(&bench, &["file.log"]);
        assert_eq!(report.proved_to, report.consistent_to, "seed {seed}");
    }
}

/// Of two that answer at once the first to come back writes for both.
#[test]
fn whoever_finds_the_desk_free_writes_for_all() {
    let bench = Bench::unsealed();
    let receipts = ["one", "two"].map(|id| (id, bench.ask(id).unwrap()));
    let mut outcomes = Vec::new();
    for (id, receipt) in receipts {
        outcomes.push(Box::pin(bench.audit.outcome(receipt, bench.audit.note(&response(id)), None)));
    }
    let mut context = Context::from_waker(Waker::noop());
    let [first, second] = &mut outcomes[..] else { panic!() };
    assert!(first.as_mut().poll(&mut context).is_pending() && second.as_mut().poll(&mut context).is_pending());
    assert_eq!(paired_lines(&bench), 0);
    assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    assert_eq!(paired_lines(&bench), 2);
    assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(Ok(())));
}

fn paired_lines(bench: &Bench) -> usize {
    bench.kinds().iter().filter(|kind| *kind == "response").count()
}
