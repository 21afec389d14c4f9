//! Devices that fail and recover, processes that panic, and who writes for whom.

use std::{future::Future, pin::pin, task::Context, task::Poll, task::Waker};

use super::{bench::*, *};
use crate::store::files::faulty::{Fault, Loss};

/// INVARIANT 36.
#[test]
fn a_device_that_fails_refuses_at_once_and_recovers_complete() {
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

/// INVARIANT 36.
#[test]
fn the_request_that_finds_the_device_broken_is_not_performed() {
    let (bench, faults) = faulty(&["file"]);
    bench.unseal();
    faults.break_path(&bench.path("file"), Fault::Broken);
    assert!(bench.ask("refused").is_err());
    faults.mend_path(&bench.path("file"));
    bench.tick(2);
    bench.request("after").unwrap();
    // Its line was queued already, so the file has it, and an outcome.
    assert_eq!(paired(&[bench.text()]), 2);
}

/// A seal is performed whether the device is down already, breaks with the line of the request, or breaks with the
/// outcome. Both lines follow later, with the true outcome.
#[test]
fn what_nothing_may_stop_has_its_lines_later() {
    for broken_from in 0..3 {
        let (bench, faults) = faulty(&["file"]);
        bench.unseal();
        let break_it = |step| {
            if step == broken_from {
                faults.break_path(&bench.path("file"), Fault::Broken);
            }
        };
        break_it(0);
        if broken_from == 0 {
            assert!(bench.ask("finds-it").is_err());
        }
        break_it(1);
        let (receipt, error) = bench.audit.record_always(&bench.audit.draft(&request("seal")));
        assert_eq!(error.is_some(), broken_from < 2, "{broken_from}");
        break_it(2);
        assert!(bench.answer(receipt, "seal", None).is_err());
        faults.mend_path(&bench.path("file"));
        bench.tick(2);
        let of_seal: Vec<_> = bench.lines().into_iter().filter(|line| line["request"]["id"] == "seal").collect();
        let [ask, answer] = of_seal.as_slice() else { panic!("{broken_from}: {of_seal:?}") };
        assert_eq!((ask["type"].as_str(), answer["type"].as_str()), (Some("request"), Some("response")));
        assert_eq!(answer["response"]["status"], 200);
        assert!(answer["closed"].is_null());
    }
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
    assert!(
        down.state == DeviceState::Down && down.error.as_ref().is_some_and(|error| error.starts_with("write failed"))
    );
    faults.mend_path(&bench.path("second"));
    bench.tick(2);
    bench.tick(11);
    assert_eq!(paired(&[bench.text_of("second")]), 5);
    proved(&bench, &["second.log", "file.log"]);
}

/// Lines that were too many to keep become a `gap` line. Its digest can be computed from another device's lines.
#[test]
fn a_device_that_was_down_for_long_has_a_gap() {
    let (bench, faults) = faulty(&["file", "second"]);
    bench.unseal();
    faults.break_path(&bench.path("second"), Fault::Broken);
    let path = "p".repeat(4_000);
    for n in 0..1_200 {
        let id = format!("r-{n}");
        let entry = LineFacts { path: &path, ..request(&id) };
        let receipt = bench.audit.record(&bench.audit.draft(&entry), Urgency::WithOutcome).unwrap();
        let draft = bench.audit.draft(&LineFacts { path: &path, ..response(&id) });
        run(bench.audit.record_outcome(receipt, draft, None)).unwrap();
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
    let config = DeviceConfig {
        name: "a".into(),
        path: path.clone(),
        required: true,
        sync_always: false,
        rotation: Rotation::default(),
    };
    let clock = Clock::manual(crate::base::time::Time::from_unix_secs(1_800_000_000));
    let audit = Audit::without_thread(vec![config], files, clock.clone());
    assert!(!audit.is_ready());
    assert!(audit.unseal_blocking(keys(), Vec::new()).is_err());
    faults.mend_path(&path);
    clock.advance(crate::base::ttl::Ttl::from_secs(2));
    audit.round();
    audit.unseal_blocking(keys(), Vec::new()).unwrap();
    assert!(audit.is_ready());
}

/// A device that comes up after unseal gets its keys first, so the lines that it missed are hashed like all others.
#[test]
fn a_device_that_comes_late_has_whole_lines() {
    let (files, faults) = Files::faulty();
    let mut bench = Bench::with(files, &["file", "second"]);
    faults.break_path(&bench.path("second"), Fault::Broken);
    bench.restart();
    bench.unseal();
    bench.request("early").unwrap();
    faults.mend_path(&bench.path("second"));
    bench.tick(2);
    bench.request("late").unwrap();
    bench.tick(11);
    let text = bench.text_of("second");
    assert_eq!(paired(std::slice::from_ref(&text)), 2);
    assert_eq!(text.matches(&bench.audit.hash("second", TOKEN).unwrap()).count(), 8);
    proved(&bench, &["second.log"]);
}

#[test]
fn with_no_device_nothing_is_performed() {
    let bench = Bench::with(Files::real(), &[]);
    assert_eq!(bench.audit.unseal_blocking(keys(), Vec::new()), Err(AuditError::NoDevice));
    assert!(!bench.audit.is_ready());
}

#[test]
fn a_dropped_receipt_closes_its_request() {
    let bench = Bench::unsealed();
    drop(bench.ask("dropped").unwrap());
    bench.tick(1);
    assert_eq!(paired(&[bench.text()]), 1);
    assert_eq!(bench.lines().last().unwrap()["closed"], "none");
}

#[test]
fn the_panic_hook_writes_what_is_queued() {
    let bench = Bench::unsealed();
    let draft = bench.audit.draft(&request("reads"));
    let receipt = bench.audit.record(&draft, Urgency::WithOutcome).unwrap();
    assert!(!bench.text().contains("reads"));
    bench.audit.drain_for_panic();
    assert!(bench.text().contains("reads"));
    bench.answer(receipt, "reads", None).unwrap();
}

/// The hook runs on the thread that panicked, which may have the writer lock: it must come back.
#[test]
fn the_panic_hook_does_not_wait_for_the_writer_lock() {
    let bench = Bench::unsealed();
    bench.audit.with_writer_lock(|| {
        bench.audit.record_plain(PlainFacts { request_id: "queued", ..PlainFacts::default() });
        bench.audit.drain_for_panic();
        assert!(!bench.text().contains("queued"));
    });
    assert!(bench.text().contains("queued"));
}

/// While sealed too, an answered request has its line in the file, whoever was writing at that moment.
#[test]
fn the_outcome_of_a_sealed_request_is_written_before_its_answer() {
    let bench = Bench::sealed();
    let mut context = Context::from_waker(Waker::noop());
    let facts = PlainFacts { is_response: true, request_id: "an unseal", ..PlainFacts::default() };
    let mut outcome = None;
    bench.audit.with_writer_lock(|| {
        let mut waiting = Box::pin(bench.audit.record_plain_outcome(facts));
        assert!((0..3).all(|_| waiting.as_mut().poll(&mut context).is_pending()));
        assert!(!bench.text().contains("an unseal"));
        outcome = Some(waiting);
    });
    assert_eq!(outcome.unwrap().as_mut().poll(&mut context), Poll::Ready(()));
    assert!(bench.text().contains("an unseal"));
}

#[test]
fn a_strict_device_answers_after_the_sync() {
    let (files, faults) = Files::faulty();
    let mut bench = Bench::with(files.clone(), &["file"]);
    bench.configs[0].sync_always = true;
    bench.restart();
    bench.unseal();
    let receipt = bench.ask("strict").unwrap();
    let draft = bench.audit.draft(&response("strict"));
    let mut outcome = pin!(bench.audit.record_outcome(receipt, draft, None));
    let mut context = Context::from_waker(Waker::noop());
    assert!(outcome.as_mut().poll(&mut context).is_pending());
    bench.audit.round();
    assert_eq!(outcome.as_mut().poll(&mut context), Poll::Ready(Ok(())));
    faults.power_cut(Loss::Everything);
    assert_eq!(paired(&[bench.text()]), 1);
}

/// Of two that answer at the same time, the first that runs again writes for both.
#[test]
fn whoever_finds_the_writer_lock_free_writes_for_all() {
    let bench = Bench::unsealed();
    let receipts = ["one", "two"].map(|id| (id, bench.ask(id).unwrap()));
    let mut outcomes = Vec::new();
    for (id, receipt) in receipts {
        outcomes.push(Box::pin(bench.audit.record_outcome(receipt, bench.audit.draft(&response(id)), None)));
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
