//! Checks the laws of ARCHITECTURE.md and CONTRIBUTING.md against the source text: which module uses which, how large
//! files and functions are, what a name means, and where time, randomness, files, `unsafe` and opened secrets belong.
//!
//! Violations that are accepted for now are listed in data/house_exceptions.txt. This prints those of one folder:
//!
//!     HOUSE_LIST=src/server cargo test --test house list -- --nocapture

#![expect(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "house/circles.rs"]
mod circles;
#[path = "house/documents.rs"]
mod documents;
#[path = "house/exceptions.rs"]
mod exceptions;
#[path = "house/facts.rs"]
mod facts;
#[path = "house/laws.rs"]
mod laws;
#[path = "house/modules.rs"]
mod modules;
#[path = "house/named.rs"]
mod named;
#[path = "house/reader.rs"]
mod reader;
#[path = "house/self_test.rs"]
mod self_test;
#[path = "house/source.rs"]
mod source;
#[path = "house/whole.rs"]
mod whole;

use std::{collections::BTreeSet, fs, path::Path, sync::LazyLock};

use exceptions::Exception;
use facts::{Finding, What};
use modules::Modules;
use source::Source;

static HOUSE: LazyLock<House> = LazyLock::new(House::on_disk);
static FOUND: LazyLock<Vec<Finding>> = LazyLock::new(|| HOUSE.findings());
static EXCEPTIONS: LazyLock<Vec<Exception>> = LazyLock::new(|| Exception::read_all(&text("data/house_exceptions.txt")));

struct House {
    sources: Vec<Source>,
    /// In the order of the `mod` lines of lib.rs.
    floors: Vec<String>,
    /// The nouns that several floors may use.
    glossary: BTreeSet<String>,
}

impl House {
    fn on_disk() -> Self {
        let mut files = Vec::new();
        for folder in ["src", "tests", "benches", "examples"] {
            collect(root(), folder, &mut files);
        }
        assert!(files.iter().any(|(file, _)| file == "src/lib.rs"), "no source found under {}", root().display());
        Self::of(files, &text("ARCHITECTURE.md"))
    }

    fn of(files: Vec<(String, String)>, architecture: &str) -> Self {
        let sources = source::read_all(files);
        let lib = sources.iter().filter(|source| source.file == "src/lib.rs").flat_map(|source| &source.definitions);
        let floors = lib.filter(|d| d.what == What::Module && d.module.is_empty()).map(|d| d.name.clone()).collect();
        Self { sources, floors, glossary: whole::glossary(architecture) }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for source in &self.sources {
            laws::direction(source, &self.sources, &self.floors, &mut found);
            laws::floor_words(source, &mut found);
            laws::homes(source, &mut found);
            laws::sizes(source, &mut found);
            laws::parameters(source, &mut found);
            laws::names(source, &mut found);
        }
        let modules = Modules::of(&self.sources);
        circles::circles(&self.sources, &modules, &mut found);
        whole::spread(&self.sources, &mut found);
        whole::nouns(&self.sources, &modules, &self.glossary, &mut found);
        found
    }

    /// The files under src/ that open a secret.
    fn expose_homes(&self) -> BTreeSet<String> {
        let opens = |source: &&Source| {
            ["expose", "expose_mut"].iter().any(|method| source.find(&[".", method, "("]).next().is_some())
        };
        self.sources.iter().filter(|s| s.file.starts_with("src/")).filter(opens).map(|s| s.file.clone()).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// All Rust files of a folder, by path.
fn collect(root: &Path, folder: &str, files: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in names {
        let path = format!("{folder}/{name}");
        if root.join(&path).is_dir() {
            collect(root, &path, files);
        } else if Path::new(&path).extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(root.join(&path)).unwrap();
            files.push((path, text));
        }
    }
}

/// Fails if a law is violated where no exception covers it.
fn hold(law: &str) {
    let left = FOUND.iter().filter(|f| f.law == law && !EXCEPTIONS.iter().any(|exception| exception.covers(f)));
    let lines: Vec<String> = left.map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

#[test]
fn a_module_uses_only_modules_declared_before_it() {
    hold("direction");
}

#[test]
fn a_floor_does_not_name_what_it_must_not_know() {
    hold("floor");
}

#[test]
fn time_randomness_files_and_unsafe_stay_in_their_files() {
    hold("home");
}

#[test]
fn files_and_functions_stay_small() {
    hold("size");
}

#[test]
fn most_files_are_short() {
    hold("spread");
}

#[test]
fn a_function_has_few_parameters() {
    hold("parameters");
}

#[test]
fn no_parameter_is_a_bool() {
    hold("bool");
}

#[test]
fn no_files_of_one_folder_import_each_other_in_a_circle() {
    hold("circle");
}

#[test]
fn a_type_name_means_one_thing_on_all_floors() {
    hold("noun");
}

#[test]
fn a_file_opens_with_what_it_holds() {
    hold("header");
}

#[test]
fn a_module_name_says_what_it_contains() {
    hold("name");
}

#[test]
fn every_exception_is_needed_and_has_a_reason() {
    let mut wrong = Vec::new();
    for exception in EXCEPTIONS.iter() {
        let Exception { law, file, what, why } = exception;
        if !FOUND.iter().any(|finding| exception.covers(finding)) {
            wrong.push(format!("{law} | {file} | {what}: no violation is left, so delete this line"));
        }
        if why.len() <= 20 {
            wrong.push(format!("{law} | {file} | {what}: say why it is accepted"));
        }
    }
    assert!(wrong.is_empty(), "data/house_exceptions.txt:\n{}\n", wrong.join("\n"));
}

/// Prints the violations in the folder `HOUSE_LIST`, or their counts in the whole tree if it is not set.
#[test]
fn list() {
    let folder = std::env::var("HOUSE_LIST").ok();
    for line in exceptions::list(&FOUND, &EXCEPTIONS, folder.as_deref().unwrap_or("src/")) {
        if folder.is_some() || line.starts_with(' ') {
            println!("{line}");
        }
    }
    let (comments, code) = whole::comment_share(&HOUSE.sources, folder.as_deref().unwrap_or("src/"));
    let tenths = (comments * 1000).checked_div(code).unwrap_or(0);
    println!("{comments} comments in {code} lines of function bodies: {}.{} in 100", tenths / 10, tenths % 10);
}

/// A person edits data/expose_homes.txt, so a review shows every new file that opens a secret.
#[test]
fn only_listed_files_open_secrets() {
    let text = text("data/expose_homes.txt");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let written: BTreeSet<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    assert!(
        lines.is_sorted() && lines.len() == written.len(),
        "data/expose_homes.txt is not sorted, or has a line twice"
    );
    let found = HOUSE.expose_homes();
    let (new, gone): (Vec<_>, Vec<_>) = (found.difference(&written).collect(), written.difference(&found).collect());
    assert!(new.is_empty() && gone.is_empty(), "data/expose_homes.txt: add {new:#?}, delete {gone:#?}");
}
