//! Checks what a document names as proof. A command must select at least one test. A name must be the whole name of a
//! test or of a module with tests.

use std::{collections::BTreeSet, fs};

use super::{HOUSE, root, source::Source, text};

/// A Rust test.
pub struct Test {
    /// `lib` for unit tests, else the name of the file under tests/.
    target: String,
    /// As cargo prints it: `store::conformance::a_batch_is_whole`.
    name: String,
    pub doc: String,
}

/// Everything that a document can name as proof.
pub struct Proofs {
    pub tests: Vec<Test>,
    areas: BTreeSet<String>,
    /// The texts of all Python and TOML files under tests/.
    foreign: Vec<String>,
}

impl Proofs {
    pub fn on_disk() -> Self {
        let mut foreign = Vec::new();
        collect_foreign("tests", &mut foreign);
        Self { tests: HOUSE.sources.iter().flat_map(tests_of).collect(), areas: areas(&text("scripts/areas")), foreign }
    }

    /// Why `name` proves nothing. `None` if it is a test or a module with tests, by its whole path or the end of it.
    pub fn fault_of_name(&self, name: &str) -> Option<String> {
        let inner = format!("::{name}::");
        let is_it = |test: &Test| format!("::{}::", test.name).contains(&inner);
        (!self.tests.iter().any(is_it)).then(|| format!("no test and no module with tests is called `{name}`"))
    }

    /// Why `command` proves nothing. `None` if it runs something.
    pub fn fault_of_command(&self, command: &str) -> Option<String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["cargo", "test", rest @ ..] => self.fault_of_cargo_test(rest),
            ["scripts/test", rest @ ..] => {
                let lost = rest.iter().find(|word| !word.starts_with('-') && !self.areas.contains(**word));
                lost.map(|area| format!("scripts/areas has no area `{area}`"))
            }
            [program, ..] if is_program(program) => {
                (!root().join(program).is_file()).then(|| format!("there is no {program}"))
            }
            _ => None,
        }
    }

    fn fault_of_cargo_test(&self, words: &[&str]) -> Option<String> {
        let (mut target, mut filters) = (None, Vec::new());
        let mut words = words.iter().take_while(|word| **word != "--");
        while let Some(word) = words.next() {
            match *word {
                "--test" => target = words.next().copied(),
                "--lib" => target = Some("lib"),
                // The names of doc tests are not known here.
                "--doc" => return None,
                option if option.starts_with('-') => {}
                filter => filters.push(filter),
            }
        }
        if filters.len() > 1 {
            return Some(format!("cargo takes one filter: `{}`", filters.join(" ")));
        }
        let filter = filters.first().copied().unwrap_or("");
        let is_run = |test: &Test| target.is_none_or(|target| test.target == target) && test.name.contains(filter);
        let place = target.map_or(String::new(), |target| format!(" of `{target}`"));
        (!self.tests.iter().any(is_run)).then(|| format!("no test{place} has `{filter}` in its name"))
    }

    /// Whether an abuse case with this number exists in a Python or TOML file, or in the comment of a Rust test.
    pub fn has_case(&self, number: &str) -> bool {
        let quoted = format!("\"{number}\"");
        self.foreign.iter().any(|text| text.contains(&quoted))
            || self.tests.iter().any(|test| test.doc.contains(number))
    }

    /// The numbers of the invariants that tests name: `INVARIANT 36` in the comment of a Rust test or in a Python file.
    pub fn invariants(&self) -> BTreeSet<u32> {
        let docs = self.tests.iter().map(|test| test.doc.as_str());
        let texts = docs.chain(self.foreign.iter().map(String::as_str));
        texts.flat_map(|text| text.split("INVARIANT ").skip(1).filter_map(number)).collect()
    }
}

fn tests_of(source: &Source) -> Vec<Test> {
    let (target, outer) = match source.file.strip_prefix("tests/") {
        Some(file) => (file.split(['/', '.']).next().unwrap_or("").to_owned(), 2),
        None => ("lib".to_owned(), 0),
    };
    let tests = source.functions.iter().filter(|function| function.is_run);
    tests
        .map(|function| {
            let module = function.module.get(outer..).unwrap_or(&[]).iter().filter(|part| *part != "main");
            let parts: Vec<&str> = module.map(String::as_str).chain([function.name.as_str()]).collect();
            Test { target: target.clone(), name: parts.join("::"), doc: function.doc.clone() }
        })
        .collect()
}

fn collect_foreign(folder: &str, texts: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{folder}/{name}");
        if root().join(&path).is_dir() {
            collect_foreign(&path, texts);
        } else if [".py", ".toml"].iter().any(|end| name.ends_with(end)) {
            texts.push(text(&path));
        }
    }
}

fn areas(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('|').next());
    rows.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

fn is_program(word: &str) -> bool {
    word.starts_with("scripts/") || word.starts_with(".ci/")
}

pub fn is_command(text: &str) -> bool {
    text.starts_with("cargo test") || is_program(text)
}

fn number(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[test]
fn commands_and_names_that_prove_nothing_are_found() {
    let test = |target: &str, name: &str, doc: &str| Test {
        target: target.to_owned(),
        name: name.to_owned(),
        doc: doc.to_owned(),
    };
    let proofs = Proofs {
        tests: vec![
            test("lib", "store::boot::a_key_is_found", "INVARIANT 3: and ACL-01."),
            test("house", "laws::one_law", ""),
        ],
        areas: areas("# name | minutes\nabuse | 12\n"),
        foreign: vec!["id = \"ACL-02\" # INVARIANT 4, ACL-03".to_owned()],
    };
    let right = [
        "cargo test",
        "cargo test boot::a_key",
        "cargo test --lib store:: -- --nocapture",
        "cargo test --test house",
        "cargo test --test house one_law",
        "scripts/test abuse --long",
        "scripts/test",
    ];
    let wrong = [
        "cargo test a_key_is_lost",
        "cargo test store boot",
        "cargo test --test nowhere",
        "cargo test --test house a_key_is_found",
        "cargo test --lib one_law",
        "scripts/test nowhere",
        "scripts/nowhere",
    ];
    for command in right {
        assert_eq!(proofs.fault_of_command(command), None, "{command}");
    }
    for command in wrong {
        assert!(proofs.fault_of_command(command).is_some(), "{command}");
    }
    for name in ["a_key_is_found", "store::boot", "boot::a_key_is_found", "laws"] {
        assert_eq!(proofs.fault_of_name(name), None, "{name}");
    }
    for name in ["a_key", "key_is_found", "store::boo", "one"] {
        assert!(proofs.fault_of_name(name).is_some(), "{name}");
    }
    assert_eq!(["ACL-01", "ACL-02", "ACL-03"].map(|number| proofs.has_case(number)), [true, true, false]);
    assert_eq!(proofs.invariants().into_iter().collect::<Vec<_>>(), [3, 4]);
}
