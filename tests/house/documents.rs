//! Checks what documents say: the example of CONTRIBUTING.md, the commands of docs/plan.md, the tests that SECURITY.md
//! names, links, and the length of the README.

use std::{fs, path::Path};

use super::{
    named::{Proofs, is_command},
    root, text,
};

const README_CHARS_MAX: usize = 9_000;

#[test]
fn the_examples_are_those_that_are_built() {
    let guide = text("CONTRIBUTING.md");
    for (index, file) in ["src/engines/example.rs", "src/dialects/example.rs"].into_iter().enumerate() {
        let block = guide.split("```rust\n").nth(index + 1).and_then(|rest| rest.split("```").next());
        assert_eq!(block, Some(text(file).as_str()), "CONTRIBUTING.md differs from {file}");
    }
}

#[test]
fn the_readme_is_short_and_begins_with_its_two_commands() {
    let readme = text("README.md");
    assert!(readme.chars().count() < README_CHARS_MAX, "{} characters", readme.chars().count());
    let (quickstart, test) = (readme.find("scripts/quickstart"), readme.find("scripts/test"));
    assert!(quickstart.is_some_and(|at| at < 1_500) && test.is_some_and(|at| at < 2_000), "{quickstart:?} {test:?}");
}

#[test]
fn every_command_of_the_plan_runs_something() {
    let (proofs, plan) = (Proofs::on_disk(), text("docs/plan.md"));
    assert!(proofs.tests.len() > 300, "only {} tests are seen", proofs.tests.len());
    let mut wrong = Vec::new();
    for row in rows(&plan) {
        let [promise, shown_by, .., state] = row.as_slice() else { continue };
        let is_by_hand = ["read ", "by hand", "docs/"].iter().any(|begin| shown_by.starts_with(begin));
        let is_invariant = promise.starts_with(|c: char| c.is_ascii_digit());
        let is_shown = is_by_hand || is_invariant || quoted(shown_by).iter().any(|command| is_command(command));
        if state.starts_with("done") && !is_shown {
            wrong.push(format!("{promise}: no command shows it"));
        }
        let faults = quoted(shown_by)
            .into_iter()
            .filter_map(|command| proofs.fault_of_command(command).map(|why| format!("{promise}: `{command}`: {why}")));
        wrong.extend(faults);
        let word = state.split([':', ',', ';', ' ']).next().unwrap_or("");
        if !matches!(word, "done" | "part" | "open" | "missed" | "later" | "state") && !word.starts_with('-') {
            wrong.push(format!("{promise}: `{word}` is not a state"));
        }
    }
    assert!(wrong.is_empty(), "docs/plan.md:\n{}", wrong.join("\n"));
}

/// A guarantee names Rust tests or modules, abuse cases by their number, or commands.
#[test]
fn every_test_that_a_guarantee_names_exists() {
    let (proofs, security) = (Proofs::on_disk(), text("SECURITY.md"));
    let guarantees: Vec<Vec<&str>> = rows(&security).into_iter().filter(|row| row[0].starts_with('G')).collect();
    assert!(guarantees.len() > 15, "only {} guarantees are seen", guarantees.len());
    let mut wrong = Vec::new();
    for row in guarantees {
        let held_by = row.last().copied().unwrap_or("");
        let cases: Vec<&str> = held_by.split([' ', ',', '(', ')', ';']).filter(|word| is_case(word)).collect();
        if quoted(held_by).is_empty() && cases.is_empty() {
            wrong.push(format!("{}: it names no test", row[0]));
        }
        for name in quoted(held_by) {
            let fault = if is_command(name) { proofs.fault_of_command(name) } else { proofs.fault_of_name(name) };
            wrong.extend(fault.map(|why| format!("{}: {why}", row[0])));
        }
        let lost = cases.iter().filter(|case| !proofs.has_case(case));
        wrong.extend(lost.map(|case| format!("{}: there is no case {case}", row[0])));
    }
    assert!(wrong.is_empty(), "SECURITY.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_invariant_that_is_done_has_a_test() {
    let (held, plan) = (Proofs::on_disk().invariants(), text("docs/plan.md"));
    let done: Vec<u32> = rows(&plan)
        .iter()
        .filter(|row| row[row.len() - 1].starts_with("done"))
        .filter_map(|row| row[0].parse().ok())
        .collect();
    assert!(done.len() > 15, "only {done:?} are done");
    let lost: Vec<_> = done.iter().filter(|number| !held.contains(number)).collect();
    assert!(lost.is_empty(), "no test says `INVARIANT N` for {lost:?}");
}

#[test]
fn every_link_leads_to_a_file() {
    let mut wrong = Vec::new();
    for document in documents() {
        let text = text(&document);
        let folder = Path::new(&document).parent().unwrap();
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap_or("");
            let file = target.split('#').next().unwrap_or("");
            let is_file = !file.is_empty() && !file.contains("://") && !file.contains(' ');
            if is_file && !root().join(folder).join(file).exists() {
                wrong.push(format!("{document}: {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "links to files that do not exist:\n{}", wrong.join("\n"));
}

/// Every Markdown file of the project, by its path from the root.
fn documents() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/adr", "docs/guides", "docs/reference"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
                found.push(format!("{folder}/{name}").trim_start_matches('/').to_owned());
            }
        }
    }
    found
}

/// What stands in `backticks` in a line.
fn quoted(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The cells of the rows of all tables in a text, without the headings.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| promise") && !line.starts_with("| |"));
    lines.map(cells).collect()
}

/// The cells of a row. An escaped `\|` belongs to its cell.
fn cells(line: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let (mut from, mut escaped) = (1, false);
    for (at, byte) in line.bytes().enumerate().skip(1) {
        if byte == b'|' && !escaped {
            cells.push(line[from..at].trim());
            from = at + 1;
        }
        escaped = byte == b'\\';
    }
    cells
}

/// Whether a word is the number of an abuse case: `ACL-15`.
fn is_case(word: &str) -> bool {
    word.split_once('-').is_some_and(|(area, number)| {
        area.len() >= 3
            && area.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.len() == 2
            && number.parse::<u8>().is_ok()
    })
}
