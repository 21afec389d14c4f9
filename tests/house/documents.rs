//! What the documents say that can be checked: the example of CONTRIBUTING.md, the commands of docs/plan.md, the tests
//! that SECURITY.md leans on, links, and the length of the README.

use std::{collections::BTreeSet, fs, path::Path};

use super::{collect, root, text};

const README_CHARS_MAX: usize = 9_000;

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

/// The cells of the rows of a file's tables, less their heads.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| promise") && !line.starts_with("| |"));
    lines.map(|line| cells(line)).collect()
}

/// A row's cells; a `\|` is no border.
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

/// The full names of all Rust tests, as cargo filters them.
fn test_names() -> BTreeSet<String> {
    let mut files = Vec::new();
    collect(root(), "src", &mut files);
    let mut names = BTreeSet::new();
    for (file, text) in files {
        let module =
            file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        let (mut inner, mut is_test) = ("", false);
        for line in text.lines().map(str::trim) {
            match line {
                "mod tests {" => inner = "::tests",
                "#[test]" => is_test = true,
                _ if line.starts_with("#[tokio::test") => is_test = true,
                _ => {
                    let name = line
                        .trim_start_matches("async ")
                        .strip_prefix("fn ")
                        .and_then(|rest| rest.split(['(', '<']).next());
                    if let (true, Some(name)) = (is_test, name) {
                        names.insert(format!("{module}{inner}::{name}"));
                        is_test = false;
                    }
                }
            }
        }
    }
    names
}

fn areas() -> BTreeSet<String> {
    let lines = text("scripts/areas");
    let rows = lines.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('|').next());
    rows.map(|name| name.trim().to_owned()).collect()
}

fn is_command(text: &str) -> bool {
    ["cargo test", "scripts/", ".ci/run"].iter().any(|begin| text.starts_with(begin))
}

/// Why `command` cannot be run, if so.
fn fault(command: &str, tests: &BTreeSet<String>, areas: &BTreeSet<String>) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    match *words.first()? {
        "cargo" if words.get(1) == Some(&"test") => {
            let filters = words.iter().skip(2).filter(|word| !word.starts_with('-') && **word != "house");
            let lost = |filter: &&&str| !tests.iter().any(|name| name.contains(**filter));
            filters.clone().find(lost).map(|filter| format!("no test is called {filter}"))
        }
        "scripts/test" => {
            let named = words.iter().skip(1).filter(|word| !word.starts_with('-'));
            named.clone().find(|area| !areas.contains(**area)).map(|area| format!("there is no area {area}"))
        }
        program if program.starts_with("scripts/") || program.starts_with(".ci/") => {
            (!root().join(program).is_file()).then(|| format!("there is no {program}"))
        }
        _ => None,
    }
}

#[test]
fn the_example_of_an_engine_is_one_that_is_built() {
    let guide = text("CONTRIBUTING.md");
    let block = guide.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(
        block,
        Some(text("src/engines/example.rs").as_str()),
        "CONTRIBUTING.md differs from src/engines/example.rs"
    );
}

#[test]
fn the_readme_is_short_and_begins_with_its_two_commands() {
    let readme = text("README.md");
    assert!(readme.chars().count() < README_CHARS_MAX, "{} characters", readme.chars().count());
    let (quickstart, test) = (readme.find("scripts/quickstart"), readme.find("scripts/test"));
    assert!(quickstart.is_some_and(|at| at < 1_500) && test.is_some_and(|at| at < 2_000), "{quickstart:?} {test:?}");
}

#[test]
fn every_command_of_the_plan_exists() {
    let (tests, areas, plan) = (test_names(), areas(), text("docs/plan.md"));
    assert!(tests.len() > 300, "only {} tests are seen", tests.len());
    let mut wrong = Vec::new();
    for row in rows(&plan) {
        let [promise, shown_by, .., state] = row.as_slice() else { continue };
        let is_by_hand =
            shown_by.starts_with("read ") || shown_by.starts_with("by hand") || shown_by.starts_with("docs/");
        let is_invariant = promise.starts_with(|c: char| c.is_ascii_digit());
        if state.starts_with("done")
            && !is_by_hand
            && !is_invariant
            && !quoted(shown_by).iter().any(|command| is_command(command))
        {
            wrong.push(format!("{promise}: nothing shows it"));
        }
        wrong.extend(quoted(shown_by).into_iter().filter_map(|command| fault(command, &tests, &areas)));
        let state = state.split([':', ',', ';', ' ']).next().unwrap_or("");
        if !matches!(state, "done" | "part" | "open" | "missed" | "later" | "state") && !state.starts_with('-') {
            wrong.push(format!("{promise}: the state is {state}"));
        }
    }
    assert!(wrong.is_empty(), "docs/plan.md:\n{}", wrong.join("\n"));
}

/// A guarantee names Rust tests by a part of their path, cases of abuse by their number, and areas.
#[test]
fn every_test_that_a_guarantee_leans_on_exists() {
    let (tests, areas, security) = (test_names(), areas(), text("SECURITY.md"));
    let mut abuse = String::new();
    for folder in ["tests/abuse", "tests/abuse/cases"] {
        for entry in
            fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
        {
            abuse.push_str(&fs::read_to_string(entry).unwrap_or_default());
        }
    }
    let guarantees: Vec<Vec<&str>> = rows(&security).into_iter().filter(|row| row[0].starts_with('G')).collect();
    assert!(guarantees.len() > 15, "only {} guarantees are seen", guarantees.len());
    let mut wrong = Vec::new();
    for row in guarantees {
        let held_by = row.last().copied().unwrap_or("");
        let commands = quoted(held_by);
        let numbers: Vec<&str> = held_by.split([' ', ',', '(', ')']).filter(|word| is_case(word)).collect();
        assert!(!commands.is_empty() || !numbers.is_empty(), "{} names no test", row[0]);
        for command in commands {
            let is_name = !command.contains([' ', '/']);
            let found = if is_name { lacks(&tests, command) } else { fault(command, &tests, &areas) };
            wrong.extend(found.map(|why| format!("{}: {why}", row[0])));
        }
        wrong.extend(
            numbers
                .iter()
                .filter(|number| !abuse.contains(&format!("\"{number}\"")))
                .map(|number| format!("{}: no case {number}", row[0])),
        );
    }
    assert!(wrong.is_empty(), "SECURITY.md:\n{}", wrong.join("\n"));
}

fn lacks(tests: &BTreeSet<String>, name: &str) -> Option<String> {
    (!tests.iter().any(|test| test.contains(name))).then(|| format!("no test is called {name}"))
}

/// Whether a word is the number of an abuse case: `ACL-15`.
fn is_case(word: &str) -> bool {
    word.split_once('-').is_some_and(|(area, number)| {
        area.len() >= 3
            && area.bytes().all(|b| b.is_ascii_uppercase())
            && number.len() == 2
            && number.parse::<u8>().is_ok()
    })
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
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}

/// A test says which statement it holds: `INVARIANT 36`.
#[test]
fn every_invariant_that_is_done_has_a_test() {
    let mut files = Vec::new();
    collect(root(), "src", &mut files);
    let held: BTreeSet<u32> = files
        .iter()
        .map(|(_, text)| text.as_str())
        .chain([text("tests/abuse/audit_verify.py").as_str()])
        .flat_map(|text| text.split("INVARIANT ").skip(1).map(number).collect::<Vec<_>>())
        .flatten()
        .collect();
    let plan = text("docs/plan.md");
    let done: Vec<u32> = rows(&plan)
        .iter()
        .filter(|row| row[row.len() - 1].starts_with("done"))
        .filter_map(|row| row[0].parse().ok())
        .collect();
    assert!(done.len() > 15, "only {done:?} are done");
    let lost: Vec<_> = done.iter().filter(|number| !held.contains(number)).collect();
    assert!(lost.is_empty(), "no test says that it holds {lost:?}");
}

fn number(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
