//! Audit lines and verification reports, printed for an auditor: when, who, what, the outcome, and which rule decided.

use std::fmt::Write as _;

use super::{output::Output, table};
use crate::{
    base::time::Time,
    client::json::Json,
    services::audit::{
        search::Row,
        verify::{Report, Verdict},
    },
};

const HEADS: [&str; 7] = ["Time", "Who", "From", "Operation", "Path", "Outcome", "By"];

/// Prints requests, as a table or as a JSON list.
pub(crate) fn show(out: Output, rows: &[Row]) {
    if out.is_json() {
        out.print_json(&Json::List(rows.iter().map(json).collect()));
        return;
    }
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    out.print(&table::columns(&HEADS, &rows));
}

/// Prints requests as [`show`] does, and says of each whether a signed checkpoint covers it. Without a report none is
/// covered.
pub(crate) fn show_proved(out: Output, rows: &[Row], report: Option<&Report>) {
    let is_proved = |row: &Row| report.is_some_and(|report| report.proves(&row.log, row.last_line));
    if out.is_json() {
        let with_proof = |row: &Row| {
            let mut told = json(row);
            told.set("proved", Json::Bool(is_proved(row)));
            told
        };
        out.print_json(&Json::List(rows.iter().map(with_proof).collect()));
    } else if rows.iter().all(is_proved) {
        show(out, rows);
    } else {
        // Lines that a running server has not signed yet are no reason to worry; in any other log they are.
        let is_young = report.is_some_and(|report| report.verdict() == Verdict::Proved);
        let heads: Vec<&str> = HEADS.into_iter().chain(["Signed"]).collect();
        let with_proof = |row: &Row| {
            let signed = match (is_proved(row), is_young) {
                (true, _) => "yes",
                (false, true) => "not yet",
                (false, false) => "NO",
            };
            cells(row).into_iter().chain([signed.to_owned()]).collect()
        };
        out.print(&table::columns(&heads, &rows.iter().map(with_proof).collect::<Vec<_>>()));
    }
}

/// Prints one request, as a line of text or as a JSON object on one line. Used while a log is followed.
pub(crate) fn show_one(out: Output, row: &Row) {
    let line = if out.is_json() { json(row).to_string() } else { cells(row).join("    ") };
    out.print(&format!("{line}\n"));
}

fn cells(row: &Row) -> Vec<String> {
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.replace(['\n', '\t'], " ") };
    // The table shows seconds; the JSON form has the exact time.
    let time = Time::from_unix_secs(row.time.unix_secs()).rfc3339();
    vec![
        time,
        who(row),
        or_dash(&row.remote_address),
        or_dash(&row.operation),
        or_dash(&row.path),
        outcome(row),
        by(row),
    ]
}

/// The caller's name, with the policies if they differ from the name, because callers of one kind can share a name.
fn who(row: &Row) -> String {
    if row.display_name.is_empty() {
        return "-".to_owned();
    }
    let policies: Vec<&str> = row.policies.iter().map(String::as_str).filter(|name| *name != "default").collect();
    let say_more = !policies.is_empty() && policies != [row.display_name.as_str()];
    if say_more { format!("{} ({})", row.display_name, policies.join(", ")) } else { row.display_name.clone() }
}

fn outcome(row: &Row) -> String {
    match (row.allowed, row.status) {
        _ if row.is_failed_login() => "login refused".to_owned(),
        _ if row.is_refused() => "refused".to_owned(),
        (_, Some(200..=299)) => "done".to_owned(),
        (_, Some(404)) => "nothing there".to_owned(),
        (_, Some(status)) if row.error.is_empty() => status.to_string(),
        (_, Some(status)) => format!("{status}: {}", row.error.replace(['\n', '\t'], " ").trim()),
        (_, None) if row.closed.is_empty() => "no outcome".to_owned(),
        (_, None) => row.closed.clone(),
    }
}

/// The policy rule that decided, or why there is none.
fn by(row: &Row) -> String {
    let mut by = match (row.policy.as_str(), row.rule.as_str()) {
        ("", "") if row.allowed.is_none() => return "-".to_owned(),
        ("", "") if row.allowed == Some(true) => return "no rule needed".to_owned(),
        ("", "") => return "no rule".to_owned(),
        (policy, "") => format!("policy {policy}"),
        ("", rule) => rule.to_owned(),
        (policy, rule) => format!("policy {policy}: {rule}"),
    };
    if row.line > 0 {
        let _ = write!(by, " (line {})", row.line);
    }
    by
}

fn json(row: &Row) -> Json {
    Json::object([
        ("time", Json::text(row.time.rfc3339())),
        ("request_id", Json::text(&row.request_id)),
        ("operation", Json::text(&row.operation)),
        ("path", Json::text(&row.path)),
        ("remote_address", Json::text(&row.remote_address)),
        ("display_name", Json::text(&row.display_name)),
        ("entity_id", Json::text(&row.entity_id)),
        ("policies", Json::texts(&row.policies)),
        ("accessor", Json::text(&row.accessor)),
        ("allowed", row.allowed.map_or(Json::Null, Json::Bool)),
        ("policy", Json::text(&row.policy)),
        ("rule", Json::text(&row.rule)),
        ("line", Json::number(row.line)),
        ("status", row.status.map_or(Json::Null, Json::number)),
        ("error", Json::text(&row.error)),
        ("closed", Json::text(&row.closed)),
    ])
}

/// A verification report as text.
pub(crate) fn report_text(report: &Report) -> String {
    let mut text = String::new();
    for log in &report.logs {
        let _ = writeln!(
            text,
            "log {}: lines {} to {}, {} checkpoints, proved to line {}, consistent to line {}",
            log.id,
            log.first_line,
            log.first_line + log.lines.saturating_sub(1),
            log.checkpoints,
            log.proved_to,
            log.consistent_to
        );
        if !matches!(log.reason.as_str(), "" | "new") {
            let _ = writeln!(text, "  it began because: {}", log.reason);
        }
        if log.torn_lines > 0 {
            let _ = writeln!(text, "  lines that were only partly written, as after a power cut: {}", log.torn_lines);
        }
        if log.is_closed {
            text.push_str("  its newest checkpoint is final: the server was sealed or stopped after it\n");
        }
        if log.has_torn_end {
            text.push_str("  its last line is only partly written: the server stopped, or the disk was full, while it wrote the line\n");
        }
    }
    for doubt in &report.doubts {
        let _ = writeln!(text, "  {doubt}");
    }
    let verdict = match report.verdict() {
        Verdict::Proved => "PROVED",
        Verdict::NotProved => "NOT PROVED",
        Verdict::Changed => "CHANGED",
    };
    let _ = writeln!(
        text,
        "{verdict}: proved to line {}, consistent to line {} ({} lines, {} checkpoints)",
        report.proved_to, report.consistent_to, report.lines, report.checkpoints
    );
    if let Some(newest) = report.logs.last().and_then(|log| log.newest.as_ref()) {
        let _ = write!(
            text,
            "\nthe newest checkpoint: keep it where the server cannot write (--checkpoint takes it back)\n\n{newest}"
        );
    }
    text
}

const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proved => "proved",
        Verdict::NotProved => "not_proved",
        Verdict::Changed => "changed",
    }
}

/// A verification report as JSON.
pub(crate) fn report(report: &Report) -> Json {
    let logs = report.logs.iter().map(|log| {
        Json::object([
            ("log", Json::text(&log.id)),
            ("origin", Json::text(&log.origin)),
            ("first_line", Json::number(log.first_line)),
            ("lines", Json::number(log.lines)),
            ("checkpoints", Json::number(log.checkpoints)),
            ("proved_to", Json::number(log.proved_to)),
            ("consistent_to", Json::number(log.consistent_to)),
            ("closed", Json::Bool(log.is_closed)),
            ("newest_checkpoint", log.newest.as_ref().map_or(Json::Null, Json::text)),
        ])
    });
    let problem = report.first_problem.as_ref().map_or(Json::Null, |problem| {
        Json::object([
            ("log", Json::text(&problem.log)),
            ("line", Json::number(problem.line)),
            ("file", Json::text(problem.file.display().to_string())),
            ("file_line", Json::number(problem.file_line)),
            ("what", Json::text(problem.what.to_string())),
        ])
    });
    Json::object([
        ("verdict", Json::text(verdict_word(report.verdict()))),
        ("verified", Json::Bool(report.verdict() == Verdict::Proved)),
        ("doubts", Json::List(report.doubts.iter().map(|doubt| Json::text(doubt.to_string())).collect())),
        ("lines", Json::number(report.lines)),
        ("checkpoints", Json::number(report.checkpoints)),
        ("proved_to", Json::number(report.proved_to)),
        ("consistent_to", Json::number(report.consistent_to)),
        ("first_problem", problem),
        ("logs", Json::List(logs.collect())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            time: Time::from_unix_nanos(1_795_510_801_250_000_000),
            operation: "read".to_owned(),
            path: "secret/data/app/db".to_owned(),
            remote_address: "127.0.0.1".to_owned(),
            display_name: "approle".to_owned(),
            policies: vec!["default".to_owned(), "web".to_owned()],
            allowed: Some(true),
            policy: "web".to_owned(),
            rule: "secret/data/app/*".to_owned(),
            line: 3,
            status: Some(200),
            ..Row::default()
        }
    }

    #[test]
    fn a_request_says_when_who_what_outcome_and_rule() {
        let expected = [
            "2026-11-24T09:00:01Z",
            "approle (web)",
            "127.0.0.1",
            "read",
            "secret/data/app/db",
            "done",
            "policy web: secret/data/app/* (line 3)",
        ];
        assert_eq!(cells(&row()), expected);
        let root = Row { display_name: "root".to_owned(), policies: vec!["root".to_owned()], ..row() };
        assert_eq!(who(&root), "root");
        assert_eq!(who(&Row { display_name: String::new(), ..row() }), "-");
    }

    /// For a login no policy is asked.
    fn login() -> Row {
        Row { policy: String::new(), rule: String::new(), line: 0, ..row() }
    }

    #[test]
    fn refusals_errors_and_requests_without_outcome_are_told_apart() {
        for (row, expected) in [
            (Row { allowed: Some(false), status: Some(403), ..row() }, "refused"),
            (Row { status: Some(404), ..row() }, "nothing there"),
            (Row { path: "auth/approle/login".to_owned(), status: Some(400), ..login() }, "login refused"),
            (Row { path: "auth/team/ldap/login/ada".to_owned(), status: Some(400), ..login() }, "login refused"),
            (Row { path: "auth/approle/login".to_owned(), status: Some(503), ..login() }, "503"),
            (Row { path: "auth/approle/role/login".to_owned(), status: Some(404), ..row() }, "nothing there"),
            (Row { status: Some(400), error: "a\n\tb\n".to_owned(), ..row() }, "400: a  b"),
            (Row { status: None, ..row() }, "no outcome"),
            (Row { status: None, closed: "committed, not answered".to_owned(), ..row() }, "committed, not answered"),
        ] {
            assert_eq!(outcome(&row), expected);
        }
    }

    #[test]
    fn a_report_is_printed_as_text() {
        let report = Report { lines: 12, checkpoints: 2, proved_to: 10, consistent_to: 12, ..Report::default() };
        assert_eq!(
            report_text(&report),
            "PROVED: proved to line 10, consistent to line 12 (12 lines, 2 checkpoints)\n"
        );
    }
}
