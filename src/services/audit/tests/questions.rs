//! What an auditor finds in the files.

use super::{
    bench::*,
    search::{Filter, Found, Row, search, tail},
    *,
};
const START: i64 = 1_800_000_000;

/// Four requests, ten seconds apart: two callers, one refusal, one without an outcome.
fn log() -> Bench {
    let bench = Bench::unsealed();
    for (n, name, path, allowed) in [
        (0, "approle-web", "secret/data/web/key", true),
        (1, "approle-ops", "secret/data/web/key", false),
        (2, "approle-web", "sys/mounts", true),
        (3, "approle-web", "secret/metadata/web/key", true),
    ] {
        let id = format!("r-{n}");
        let auth = AuthFacts { display_name: name, ..auth() };
        let decision = Decision { allowed, line: 3 + n, policy: "web", rule: "secret/data/web/*" };
        let time = Time::from_unix_secs(START + 10 * i64::from(n));
        let ask = LineFacts { time, path, auth: Some(auth.into()), decision: Some(decision), ..request(&id) };
        let receipt = bench.audit.record(&bench.audit.draft(&ask), Urgency::Now).unwrap();
        if n == 3 {
            std::mem::forget(receipt);
            continue;
        }
        let error = (!allowed).then_some("permission denied");
        let status = if allowed { 200 } else { 403 };
        // An outcome does not have to repeat the caller.
        let answer = LineFacts { is_response: true, status, error, auth: None, decision: None, ..ask };
        run(bench.audit.record_outcome(receipt, bench.audit.draft(&answer), None)).unwrap();
    }
    bench
}

fn ask(bench: &Bench, filter: &Filter) -> (Vec<Row>, Found) {
    let mut rows = Vec::new();
    let found = search(&[bench.path("file")], filter, &mut |row| rows.push(row.clone())).unwrap();
    (rows, found)
}

#[test]
fn who_read_a_path_and_why_they_were_allowed() {
    let bench = log();
    for path in ["secret/data/web/key", "secret/web/key", "secret/data/web/*"] {
        let (rows, found) = ask(&bench, &Filter { path: Some(path.into()), ..Filter::default() });
        let expected = if path == "secret/web/key" { 3 } else { 2 };
        assert_eq!((found.matched, found.in_range, rows.len()), (expected, 4, expected as usize), "{path}");
        let [first, second, ..] = rows.as_slice() else { panic!("too few rows") };
        assert_eq!((first.display_name.as_str(), first.allowed, first.status), ("approle-web", Some(true), Some(200)));
        assert_eq!((first.policy.as_str(), first.rule.as_str(), first.line), ("web", "secret/data/web/*", 3));
        assert_eq!((first.policies.len(), first.operation.as_str()), (2, "read"));
        assert_eq!(
            (second.display_name.as_str(), second.allowed, second.status),
            ("approle-ops", Some(false), Some(403))
        );
        assert_eq!(second.error, "permission denied");
    }
}

#[test]
fn filters_apply_together_and_the_count_says_of_how_many() {
    let bench = log();
    let refused = Filter { only_refused: true, ..Filter::default() };
    assert_eq!(ask(&bench, &refused).1, Found { matched: 1, in_range: 4, unreadable: 0 });
    let caller = Filter { caller: Some("approle-web".into()), ..Filter::default() };
    assert_eq!(ask(&bench, &caller).1.matched, 3);
    let accessor = bench.audit.hash("file", auth().accessor).unwrap();
    let accessor = Filter { caller: Some(accessor), ..Filter::default() };
    assert_eq!(ask(&bench, &accessor).1.matched, 4);
    let time = |secs| Some(Time::from_unix_secs(START + secs));
    let range = Filter { since: time(10), until: time(20), ..Filter::default() };
    assert_eq!(ask(&bench, &range).1, Found { matched: 2, in_range: 2, unreadable: 0 });
    let (rows, _) = ask(&bench, &Filter { path: Some("secret/metadata/*".into()), ..Filter::default() });
    assert_eq!((rows.len(), rows[0].status), (1, None));
}

#[test]
fn what_cannot_be_read_is_counted() {
    let bench = log();
    std::fs::write(bench.path("file"), format!("{}{{\"torn\n", bench.text())).unwrap();
    assert_eq!(ask(&bench, &Filter::default()).1.unreadable, 1);
}

#[test]
fn the_tail_follows_a_file_into_the_next() {
    let bench = Bench::unsealed();
    for id in ["a", "b", "c"] {
        bench.request(id).unwrap();
    }
    let mut seen = Vec::new();
    let mut rounds = 0;
    let mut wait = || {
        rounds += 1;
        match rounds {
            1 => bench.request("d").unwrap(),
            2 => {
                std::fs::rename(bench.path("file"), bench.dir.path().join("old")).unwrap();
            }
            3 => {
                bench.tick(1);
                bench.request("e").unwrap();
            }
            _ => return false,
        }
        true
    };
    tail(&bench.path("file"), 2, &mut wait, &mut |row| seen.push(row.request_id.clone())).unwrap();
    assert_eq!(seen, ["b", "c", "d", "e"]);
}

/// The outcome that the server writes for a request that got none names no path. It is found by that of the request.
#[test]
fn a_request_that_the_server_closed_is_found_by_its_path() {
    let mut bench = log();
    bench.restart();
    bench.unseal();
    for path in ["secret/metadata/web/key", "secret/web/*"] {
        let (rows, _) = ask(&bench, &Filter { path: Some(path.into()), ..Filter::default() });
        assert_eq!(
            rows.last().map(|row| (row.path.as_str(), row.closed.as_str())),
            Some(("secret/metadata/web/key", "none"))
        );
    }
    let (rows, found) = ask(&bench, &Filter { path: Some("sys/mounts".into()), ..Filter::default() });
    assert_eq!((rows.len(), found.matched, found.in_range), (1, 1, 4));
}
