//! S3: lines that somebody else appends are never signed, and the log says which they are: after a stop, after a crash
//! and while the server is sealed.

use std::io::Write as _;

use super::{
    bench::*,
    draft_line::DraftLine,
    parse::Start,
    search,
    verify::{Defect, Problem, Report, Verdict, verify},
    *,
};
use crate::{
    crypto::{
        kdf::MacKey,
        merkle::{Hash, leaf_hash},
    },
    store::files::faulty::Fault,
};

/// How the process ended before somebody appended to its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Stop,
    Crash,
    /// The next process has started and is sealed.
    StartAfterStop,
    StartAfterCrash,
}

const ENDS: [End; 4] = [End::Stop, End::Crash, End::StartAfterStop, End::StartAfterCrash];

/// A log of one request whose outcome is open, and of one whole request.
pub(super) fn ended(end: End) -> Bench {
    let mut bench = Bench::unsealed();
    bench.request("r-1").unwrap();
    bench.tick(11);
    let open = bench.ask("open").unwrap();
    bench.request("r-2").unwrap();
    if matches!(end, End::Stop | End::StartAfterStop) {
        bench.audit.seal_blocking();
    }
    if matches!(end, End::StartAfterStop | End::StartAfterCrash) {
        bench.restart();
        bench.audit.record_plain(unseal_line("u-1"));
    }
    // Nothing of the process that dropped its request may follow.
    std::mem::forget(open);
    bench
}

fn unseal_line(id: &str) -> PlainFacts<'_> {
    let time = Time::from_unix_secs(1_800_000_100);
    let (operation, path) = ("update", "sys/unseal");
    PlainFacts { time, request_id: id, operation, path, remote_address: "127.0.0.1", ..PlainFacts::default() }
}

/// Lines that an intruder would like the server to sign. The first text says what the line claims to be, the second is its
/// members.
pub(super) fn invented() -> Vec<(&'static str, String)> {
    let time = "\"time\":\"2027-01-15T08:00:09.000000000Z\"";
    let asks = "\"request\":{\"id\":\"f-1\",\"operation\":\"read\",\"path\":\"secret/data/db\"}";
    let sha = "0".repeat(32);
    let of = |kind: &str, rest: &str| format!("{time},\"type\":\"{kind}\"{rest}");
    let who = "\"auth\":{\"display_name\":\"mallory\"}";
    vec![
        ("a request", of("request", &format!(",{who},{asks}"))),
        ("an outcome", of("response", &format!(",{who},{asks},\"response\":{{\"status\":200}}"))),
        ("a MAC", of("response", &format!(",{who},{asks},\"response\":{{\"status\":200}},\"mac\":\"{sha}\""))),
        ("a plain request", of("request", &format!(",{asks},\"plain\":{{\"outcome\":\"\"}}"))),
        (
            "a plain outcome",
            of("response", &format!(",{asks},\"response\":{{\"status\":200}},\"plain\":{{\"outcome\":\"done\"}}")),
        ),
        ("a plain change", {
            let asks = "\"request\":{\"id\":\"f-1\",\"operation\":\"update\",\"path\":\"sys/policies/acl/admin\"}";
            of("response", &format!(",{asks},\"response\":{{\"status\":204}},\"plain\":{{\"outcome\":\"done\"}}"))
        }),
        (
            "a refusal of a request that has an id",
            of("response", &format!(",{asks},\"response\":{{\"status\":403}},\"plain\":{{\"outcome\":\"refused\"}}")),
        ),
        ("a refusal with a caller", {
            let asks = "\"request\":{\"id\":\"\",\"path\":\"secret/data/db\"}";
            of(
                "response",
                &format!(",{who},{asks},\"response\":{{\"status\":403}},\"plain\":{{\"outcome\":\"refused\"}}"),
            )
        }),
        ("an init with a decision", {
            let asks = "\"request\":{\"id\":\"f-1\",\"operation\":\"update\",\"path\":\"sys/init\"}";
            of("request", &format!(",{asks},\"decision\":{{\"allowed\":true}},\"plain\":{{\"outcome\":\"\"}}"))
        }),
        ("how an open request ended, with a caller", {
            of("response", &format!(",{who},\"request\":{{\"id\":\"open\"}},\"response\":{{\"status\":403}}"))
        }),
        ("a key", of("key", ",\"origin\":\"c1/l1.x/file\",\"public_key\":\"x\"")),
        ("a right edge", of("frontier", ",\"log\":\"x\",\"size\":0,\"frontier\":[],\"open\":[\"f-1\"]")),
        ("a draft", String::from("\"type\":\"unreadable\"")),
        ("no kind", of("other", "")),
    ]
}

/// Appends lines with the right number and the right hash of the line before, as somebody does who knows the format.
pub(super) fn append(bench: &Bench, members: &[&str]) {
    let mut file = std::fs::File::options().append(true).open(bench.path("file")).unwrap();
    let text = bench.text();
    let last = text.lines().last().unwrap();
    let (mut seq, mut prev) = (Start::read(last.as_bytes()).unwrap().seq, leaf_hash(last.as_bytes()));
    for members in members {
        let line = format!("{{\"seq\":{},\"prev\":\"{}\",{members}}}", seq + 1, hex(&prev));
        writeln!(file, "{line}").unwrap();
        (seq, prev) = (seq + 1, leaf_hash(line.as_bytes()));
    }
}

pub(super) fn hex(hash: &Hash) -> String {
    String::from_utf8(format::hex(hash).to_vec()).unwrap()
}

pub(super) fn judged(bench: &Bench) -> Report {
    verify(&[bench.path("file")], &public(), &[]).unwrap()
}

/// Unseals over a file with foreign lines, and checks that the next log names `first` to `last`, and nothing else did.
#[track_caller]
fn named(bench: &mut Bench, (first, last): (u64, u64), what: &str) {
    bench.restart();
    bench.unseal();
    bench.request("after").unwrap();
    bench.tick(11);
    let report = judged(bench);
    let [old, new] = report.logs.as_slice() else { panic!("{what}: {report:?}") };
    assert_eq!((old.reason.as_str(), new.reason.as_str()), ("new", "lines of others"), "{what}");
    let problem = report.first_problem.as_ref().unwrap();
    let until = Some(last).filter(|last| *last > first);
    assert_eq!((problem.line, &problem.what), (first, &Defect::Foreign { until }), "{what}");
    assert_eq!((problem.log.as_str(), problem.file_line), (old.id.as_str(), first), "{what}");
    assert_eq!(report.verdict(), Verdict::Changed);
    assert!(!report.proves(&old.id, first) && !report.proves(&old.id, last), "{what}");
    assert!(new.proved_to > 2, "{what}: the new log is signed");
    // The next unseal goes on with the new log.
    bench.restart();
    bench.unseal();
    assert_eq!(judged(bench).logs.len(), 2, "{what}");
}

#[test]
fn s3_lines_that_were_appended_while_nobody_looked_are_named_and_never_signed() {
    for end in ENDS {
        let mut bench = ended(end);
        let lines = bench.lines().len() as u64;
        let both = [&invented()[0].1[..], &invented()[1].1[..]];
        append(&bench, &both);
        let before = judged(&bench);
        let is_after_final = matches!(end, End::Stop | End::StartAfterStop);
        // After an orderly end the files alone show it; after a crash these lines are not signed.
        let problem = is_after_final.then_some((lines + 1, Defect::Foreign { until: None }));
        assert_eq!(before.first_problem.map(|problem| (problem.line, problem.what)), problem, "{end:?}");
        named(&mut bench, (lines + 1, lines + 2), &format!("{end:?}"));
        let mut rows = Vec::new();
        search::search(&[bench.path("file")], &search::Filter::default(), &mut |row| rows.push(row.clone())).unwrap();
        let report = judged(&bench);
        let mallory = rows.iter().find(|row| row.display_name == "mallory").unwrap();
        assert!(!report.proves(&mallory.log, mallory.last_line), "{end:?}: {mallory:?}");
    }
}

#[test]
fn s3_every_kind_of_line_that_needs_keys_is_named() {
    for end in ENDS {
        for (what, members) in invented() {
            let mut bench = ended(end);
            let lines = bench.lines().len() as u64;
            append(&bench, &[&members]);
            named(&mut bench, (lines + 1, lines + 1), &format!("{end:?}: {what}"));
        }
    }
}

/// A true line in another place: its MAC covers the hash of the line before it, and so one place of one log alone.
#[test]
fn s3_a_line_that_is_repeated_or_taken_from_another_device_is_named() {
    for end in ENDS {
        for of_other_device in [false, true] {
            let mut bench = ended(end);
            let other = Bench::with(Files::real(), &["other"]);
            other.unseal();
            other.request("r-1").unwrap();
            let from = if of_other_device { other.text_of("other") } else { bench.text() };
            let line = from.lines().find(|line| line.contains("\"type\":\"response\"")).unwrap();
            let members = line.split_once("\",\"time\"").unwrap().1.strip_suffix('}').unwrap();
            let lines = bench.lines().len() as u64;
            append(&bench, &[&format!("\"time\"{members}")]);
            named(&mut bench, (lines + 1, lines + 1), &format!("{end:?}, of other device: {of_other_device}"));
        }
    }
}

/// A text that is JSON but not of the form of a line is no piece that a power cut has left.
#[test]
fn s3_any_text_of_others_is_named_but_the_piece_of_a_line_is_not() {
    for end in ENDS {
        for (text, is_named) in [
            ("{\"forged\":1}\n", true),
            ("{\"type\":\"response\",\"request\":{\"id\":\"x\",\"path\":\"secret/data/db\"}}", true),
            ("{\"seq\":9,\"prev\":\"00", false),
            ("{\"seq\":9,\"prev\":\"\0\0\0\0\"}\n", false),
        ] {
            let mut bench = ended(end);
            let lines = bench.text().lines().count() as u64;
            let mut file = std::fs::File::options().append(true).open(bench.path("file")).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            bench.restart();
            bench.unseal();
            bench.tick(11);
            let report = judged(&bench);
            assert_eq!(report.logs.len(), 1 + usize::from(is_named), "{end:?}: {text}");
            assert_eq!(
                report.first_problem.map(|problem| problem.line),
                is_named.then_some(lines + 1),
                "{end:?}: {text}"
            );
        }
    }
}

/// What a server writes without keys: nothing of it is foreign.
#[test]
fn s3_what_a_sealed_server_writes_belongs_to_its_log() {
    for end in ENDS {
        let mut bench = ended(end);
        for n in 0..3 {
            if n > 0 || matches!(end, End::Crash) {
                bench.restart();
            }
            let id = format!("s-{n}");
            bench.audit.record_plain(unseal_line(&id));
            let outcome = Some("refused");
            bench.audit.record_plain(PlainFacts { is_response: true, status: 400, outcome, ..unseal_line(&id) });
            // A request to a secret, which a sealed server refuses.
            for _ in 0..150 {
                let (operation, path, address) = ("read", "secret/data/db", "127.0.0.1".parse().unwrap());
                let refusal = Refusal { operation, path, address, status: 503, reason: "sealed" };
                bench.audit.record_refusal(&refusal, bench.clock.now());
            }
            bench.audit.count_stranger(CountedAs::Answered("public request"));
            bench.clock.advance(crate::base::ttl::Ttl::from_secs(1));
            bench.audit.tick_strangers(bench.clock.now());
        }
        std::fs::rename(bench.path("file"), bench.dir.path().join("moved")).unwrap();
        bench.tick(1);
        bench.audit.record_plain(PlainFacts { is_response: true, status: 200, ..unseal_line("s-3") });
        let paths = [bench.dir.path().join("moved"), bench.path("file")];
        assert_eq!(verify(&paths, &public(), &[]).unwrap().first_problem, None, "{end:?}");
        bench.unseal();
        bench.tick(11);
        let report = verify(&paths, &public(), &[]).unwrap();
        assert_eq!((report.logs.len(), report.verdict()), (1, Verdict::Proved), "{end:?}: {report:?}");
    }
}

#[test]
fn s3_the_last_checkpoint_before_the_keys_are_forgotten_says_final_and_no_other_does() {
    let mut bench = Bench::unsealed();
    bench.request("r-1").unwrap();
    bench.tick(11);
    let is_final = |bench: &Bench| Checkpoint::parse(&bench.newest_checkpoint().unwrap()).unwrap().is_final;
    assert!(!is_final(&bench));
    bench.audit.seal_blocking();
    assert!(is_final(&bench));
    // A server that is sealed for long leaves nothing unproved.
    bench.restart();
    bench.clock.advance(crate::base::ttl::Ttl::from_secs(3_600));
    for n in 0..2_100 {
        let id = n.to_string();
        bench.audit.record_plain(PlainFacts { time: bench.clock.now(), ..unseal_line(&id) });
    }
    let report = judged(&bench);
    assert_eq!((report.verdict(), report.logs[0].is_closed), (Verdict::Proved, true), "{report:?}");
    bench.unseal();
    assert!(!is_final(&bench) && !judged(&bench).logs[0].is_closed);
}

/// Requests that were under way at the seal end after it: the final checkpoint names them, each once.
#[test]
fn s3_the_outcome_of_a_request_that_was_under_way_at_the_seal_belongs_to_the_log() {
    let mut bench = Bench::unsealed();
    let receipts = ["a", "b"].map(|id| (id, bench.ask(id).unwrap()));
    bench.audit.seal_blocking();
    for (id, receipt) in receipts {
        bench.answer(receipt, id, None).unwrap();
    }
    assert_eq!(judged(&bench).verdict(), Verdict::Proved);
    let lines = bench.lines().len() as u64;
    let time = "\"time\":\"2027-01-15T08:00:09.000000000Z\"";
    let again = format!("{time},\"type\":\"response\",\"request\":{{\"id\":\"a\"}},\"response\":{{\"status\":200}}");
    bench.restart();
    bench.unseal();
    assert_eq!(judged(&bench).logs.len(), 1);

    let mut forged = Bench::unsealed();
    let receipt = forged.ask("a").unwrap();
    forged.audit.seal_blocking();
    forged.answer(receipt, "a", None).unwrap();
    append(&forged, &[&again]);
    assert_eq!(forged.lines().len() as u64, lines - 1);
    named(&mut forged, (lines - 1, lines - 1), "an outcome that is told twice");
}

/// While there are no keys, a device writes nothing that nobody could believe later: such lines wait for the unseal.
#[test]
fn s3_a_line_that_comes_too_late_for_the_keys_waits_for_the_next() {
    let bench = Bench::unsealed();
    let late: DraftLine = bench.audit.draft(&request("late"));
    let seal = bench.ask("seal").unwrap();
    bench.audit.seal_blocking();
    let before = bench.lines().len();
    let receipt = bench.audit.record(&late, Urgency::Now).unwrap();
    bench.answer(receipt, "late", Some(9)).unwrap();
    assert_eq!(bench.lines().len(), before);
    bench.answer(seal, "seal", None).unwrap();
    bench.audit.record_plain(unseal_line("u-1"));
    bench.audit.record_plain(PlainFacts { is_response: true, status: 200, ..unseal_line("u-1") });
    assert_eq!(bench.lines().len(), before + 3, "others are written");
    // The store kept the drafts too: neither line is written twice.
    let notes = [late, bench.audit.draft(&response("late"))].map(|draft| (Sequence(9), draft.as_bytes().to_vec()));
    bench.audit.unseal_blocking(keys(), notes.to_vec()).unwrap();
    assert_eq!(paired(&[bench.text()]), 3);
    assert_eq!((judged(&bench).verdict(), judged(&bench).logs.len()), (Verdict::Proved, 1));
}

/// A device that is down at the seal has no final checkpoint. It comes back while there are no keys, and then again
/// when there are.
#[test]
fn s3_a_device_that_was_down_at_the_seal_gets_its_lines_at_the_next_unseal() {
    let (bench, faults) = faulty(&["second", "file"]);
    bench.unseal();
    bench.request("r-1").unwrap();
    faults.break_path(&bench.path("second"), Fault::Broken);
    bench.request("r-2").unwrap();
    let open = bench.ask("open").unwrap();
    bench.audit.seal_blocking();
    bench.answer(open, "open", None).unwrap();
    faults.mend_path(&bench.path("second"));
    bench.tick(2);
    for is_response in [false, true] {
        bench.audit.record_plain(PlainFacts { is_response, status: 200, ..unseal_line("u-1") });
    }
    let second = || bench.text_of("second");
    assert!(second().contains("u-1") && !second().contains("r-2") && !second().contains("open\","));
    bench.unseal();
    bench.request("r-3").unwrap();
    bench.tick(11);
    for name in ["second", "file"] {
        let report = proved(&bench, &[&format!("{name}.log")]);
        assert_eq!((report.logs.len(), report.verdict()), (1, Verdict::Proved), "{name}: {}", bench.text_of(name));
        assert_eq!(paired(&[bench.text_of(name)]), 5, "{name}");
    }
}

/// A forged outcome does not stand for the true one: what the store kept is written into the new log.
#[test]
fn s3_a_forged_line_hides_no_change_that_was_committed() {
    let mut bench = Bench::unsealed();
    bench.request("r-1").unwrap();
    bench.tick(11);
    // The machine stops after the commit, and before its lines are in the file.
    let notes = [request("change"), response("change")].map(|facts| bench.audit.draft(&facts).as_bytes().to_vec());
    let notes: Vec<_> = notes.into_iter().map(|note| (Sequence(9), note)).collect();
    append(&bench, &["\"type\":\"response\",\"request\":{\"id\":\"change\",\"path\":\"cubbyhole/x\"}"]);
    bench.restart();
    bench.audit.unseal_blocking(keys(), notes).unwrap();
    let text = bench.text();
    let new = text.split("\"lines of others\"").nth(1).unwrap();
    let line = new.lines().find(|line| line.contains("\"type\":\"response\"")).unwrap();
    assert!(line.contains("\"id\":\"change\"") && line.contains("secret/data/web/key"), "{new}");
}

#[test]
fn s3_the_mac_of_a_line_is_what_the_format_says() {
    let bench = Bench::unsealed();
    bench.request("r-1").unwrap();
    let device = MacKey::new(&MacKey::new(b"a key").mac(&[b"strongroom audit lines\0file"]));
    let mut checked = 0;
    for line in bench.text().lines().skip(1) {
        let Some((covered, mac)) = line.rsplit_once(",\"mac\":\"") else {
            assert!(line.contains("\"type\":\"checkpoint\""), "{line}");
            continue;
        };
        assert_eq!(mac.strip_suffix("\"}").unwrap(), &hex(&device.mac(&[&leaf_hash(covered.as_bytes())]))[..32]);
        checked += 1;
    }
    assert!(checked >= 4);
    let problem: Option<Problem> = judged(&bench).first_problem;
    assert_eq!(problem, None);
}
