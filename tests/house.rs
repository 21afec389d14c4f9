//! The laws of the house, held over its source text (ARCHITECTURE.md): who may use whom, how large things may be, where
//! time, randomness, files, `unsafe` and opened secrets have their home, and which crates stay outside.
//!
//! A law is broken by a line in [`EXCEPTIONS`] that says why, and an exception that nothing needs any more fails too.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "house/documents.rs"]
mod documents;
#[path = "house/source.rs"]
mod source;

use std::{collections::BTreeSet, fmt, fs, path::Path, process::Command, sync::LazyLock};

use source::{Source, is_word};

/// What may stay against a law: the law, the file, what is found there, and why.
const EXCEPTIONS: &[(&str, &str, &str, &str)] =
    &[("home", "src/base/sys.rs", "rustix::fs", "the boot's name is read from /proc before the store's seam exists")];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// A name that can hold anything will.
const NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc", "types", "manager", "managers"];

const SOCKETS: &[&str] = &[
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::os::unix::net",
    "tokio::net",
    "rustix::net",
];
const HTTP_SERVERS: &[&str] = &["axum", "hyper", "hyper_util", "tower"];
const CIPHERS: &[&str] = &["chacha20poly1305", "aes_siv", "ed25519_dalek", "jsonwebtoken", "hkdf", "hmac", "rustls"];

/// What a floor never names, beside the floors above it, and why.
fn never(floor: &str) -> (Vec<&'static [&'static str]>, &'static str) {
    match floor {
        "base" => (vec![SOCKETS, HTTP_SERVERS, CIPHERS, &["tokio", "sled", "std::fs", "std::net"]], "it is vocabulary"),
        "crypto" => (
            vec![SOCKETS, HTTP_SERVERS, &["tokio", "std::fs", "std::net", "crate::base::time::Clock"]],
            "same input, same output",
        ),
        "store" => (
            vec![CIPHERS, &["serde_json", "crate::crypto::aead", "crate::crypto::siv", "crate::crypto::ed25519"]],
            "it keeps bytes that are sealed already",
        ),
        "barrier" => (vec![SOCKETS, HTTP_SERVERS, &["http"]], "sealing knows nothing of requests"),
        "contract" => (vec![SOCKETS, HTTP_SERVERS], "an engine must be testable with no broker and no socket"),
        "services" => (vec![HTTP_SERVERS], "they are handed kinds"),
        "engines" => (
            vec![SOCKETS, HTTP_SERVERS, &["crate::services", "crate::store", "crate::barrier"]],
            "unprivileged: they see `Call` only",
        ),
        "auth_methods" => (
            vec![SOCKETS, HTTP_SERVERS, &["crate::services", "crate::store", "crate::barrier", "crate::engines"]],
            "unprivileged: they see `Call` only",
        ),
        "wire" => (vec![SOCKETS, &["crate::services"]], "a codec"),
        "broker" => (vec![SOCKETS, &["std::fs", "tokio::fs"]], "it joins; it does not listen"),
        "oauth" | "gateway" | "ui" => {
            (vec![SOCKETS, &["crate::services", "crate::engines", "crate::barrier"]], "they own words, not power")
        }
        "server" => (
            vec![&["crate::services", "crate::engines", "crate::auth_methods", "crate::barrier"]],
            "it knows broker, wire, the dialects and sockets",
        ),
        _ => (Vec::new(), ""),
    }
}

/// All that the floors outside of the daemon may name of it.
fn only(floor: &str) -> Option<&'static [&'static str]> {
    match floor {
        "client" | "agent" => Some(&["base", "crypto", "wire", "client", "agent", "contract"]),
        "cli" => Some(&[
            "base",
            "crypto",
            "wire",
            "client",
            "contract",
            "cli",
            "store",
            "server::run",
            "services::audit::verify",
            "services::audit::search",
        ]),
        _ => None,
    }
}

/// What has a home, and the files that are its home (a name that ends in `/` or `*` stands for all that begin so).
const HOMES: &[(&[&str], &[&str])] = &[
    (&["SystemTime::now", "std::time::Instant", "Instant::now"], &["src/base/time.rs"]),
    (&["getrandom", "rand"], &["src/base/random.rs"]),
    (
        &["std::fs", "tokio::fs", "rustix::fs", "File::open", "File::create", "OpenOptions"],
        &["src/store/files.rs", "src/store/files/", "src/server/config*", "src/server/tls*", "src/cli/"],
    ),
    (&["unsafe"], &["src/base/sys.rs"]),
];

/// Files of the server may use tokio's clock: its timers have no other.
const TOKIO_CLOCK: &str = "src/server/";

/// Crates that stay outside, and why.
const OUTSIDE: &[(&str, &str)] = &[
    ("rsa", "RUSTSEC-2023-0071: decryption leaks the key by time"),
    ("ring", "one provider in the whole tree: aws-lc-rs"),
    ("openssl-sys", "one provider in the whole tree: aws-lc-rs"),
    ("native-tls", "one provider in the whole tree: aws-lc-rs"),
    ("sharks", "RUSTSEC-2024-0398: biased coefficients"),
    ("serde_yaml", "unmaintained"),
    ("serde_yml", "unsound"),
    ("bincode", "RUSTSEC-2025-0141: unmaintained"),
];

struct Finding {
    law: &'static str,
    file: String,
    line: usize,
    what: String,
    why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} ({})", self.file, self.line, self.what, self.why)
    }
}

static HOUSE: LazyLock<House> = LazyLock::new(House::on_disk);
static FOUND: LazyLock<Vec<Finding>> = LazyLock::new(|| HOUSE.findings());

struct House {
    sources: Vec<Source>,
    /// In the order of the `mod` lines of lib.rs.
    floors: Vec<String>,
}

impl House {
    fn on_disk() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        for folder in ["src", "tests", "benches", "examples"] {
            collect(root, folder, &mut files);
        }
        assert!(files.iter().any(|(file, _)| file == "src/lib.rs"), "no source found under {}", root.display());
        Self::of(files)
    }

    fn of(files: Vec<(String, String)>) -> Self {
        let sources = source::read_all(files);
        let mut floors = Vec::new();
        for source in sources.iter().filter(|source| source.file == "src/lib.rs") {
            let names = source.tokens.windows(3).filter(|w| w[0].text == "mod" && w[2].text == ";");
            floors.extend(names.map(|w| w[1].text.clone()));
        }
        Self { sources, floors }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for source in &self.sources {
            self.direction(source, &mut found);
            floor_words(source, &mut found);
            doors(source, &mut found);
            homes(source, &mut found);
            sizes(source, &mut found);
            names(source, &mut found);
        }
        found
    }

    /// A module uses only modules that stand above it in lib.rs, in its tests as well.
    fn direction(&self, source: &Source, found: &mut Vec<Finding>) {
        let Some(floor) = source.floor() else { return };
        let rank = |name: &str| self.floors.iter().position(|floor| floor == name);
        let Some(own) = rank(floor) else {
            let why = "a floor is a `mod` line of lib.rs".to_owned();
            found.push(Finding { law: "direction", file: source.file.clone(), line: 1, what: floor.to_owned(), why });
            return;
        };
        let family = source.file.strip_prefix("src/").and_then(|file| file.split('/').nth(1)).unwrap_or("");
        for mention in source.mentions(&source.tokens) {
            let Some(inner) = mention.path.strip_prefix("crate::") else { continue };
            let mut parts = inner.split("::");
            let (target, next) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let why = if rank(target).is_some_and(|target| target > own) {
                format!("`{floor}` stands above `{target}` in lib.rs")
            } else if matches!(floor, "engines" | "auth_methods")
                && target == floor
                && self.is_sibling(floor, family, next)
            {
                "engines and auth methods never use each other".to_owned()
            } else if only(floor).is_some_and(|only| rank(target).is_some() && !only.iter().any(|o| begins(inner, o))) {
                "no private door into the daemon".to_owned()
            } else {
                continue;
            };
            found.push(Finding {
                law: "direction",
                file: source.file.clone(),
                line: mention.line,
                what: mention.path,
                why,
            });
        }
    }

    /// Whether `other` is a folder of `floor` beside the one named `family`.
    fn is_sibling(&self, floor: &str, family: &str, other: &str) -> bool {
        let folder = format!("src/{floor}/{other}/");
        family != other && !family.contains('.') && self.sources.iter().any(|source| source.file.starts_with(&folder))
    }
}

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

/// Whether `path` is `prefix` or lies below it.
fn begins(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether `word` stands in `path`, at its beginning or after a `::`.
fn holds(path: &str, word: &str) -> bool {
    begins(path, word) || path.match_indices("::").any(|(at, _)| begins(&path[at + 2..], word))
}

fn floor_words(source: &Source, found: &mut Vec<Finding>) {
    let (words, why) = never(source.floor().unwrap_or(""));
    for mention in source.mentions(&source.code) {
        // A crate is named by a path; the same word alone is a variable.
        let is_path = mention.path.contains("::");
        if is_path && words.iter().copied().flatten().any(|word| begins(&mention.path, word)) {
            let (line, what) = (mention.line, mention.path);
            found.push(Finding { law: "floor", file: source.file.clone(), line, what, why: why.to_owned() });
        }
    }
}

/// What an engine or an auth method is handed leads, through these doors, to more than its own mount.
fn doors(source: &Source, found: &mut Vec<Finding>) {
    if !matches!(source.floor(), Some("engines" | "auth_methods")) {
        return;
    }
    for window in source.code.windows(3) {
        let words: Vec<&str> = window.iter().map(|token| token.text.as_str()).collect();
        if let [".", door @ ("unit" | "credential"), "("] = words.as_slice() {
            let (what, why) = (format!(".{door}()"), "for the built-in mounts alone".to_owned());
            found.push(Finding { law: "door", file: source.file.clone(), line: window[0].line, what, why });
        }
    }
}

fn homes(source: &Source, found: &mut Vec<Finding>) {
    if !source.file.starts_with("src/") {
        return;
    }
    for mention in source.mentions(&source.code) {
        for (words, homes) in HOMES {
            let at_home = homes.iter().any(|home| {
                home.strip_suffix('*').map_or_else(
                    || source.file == *home || (home.ends_with('/') && source.file.starts_with(home)),
                    |begin| source.file.starts_with(begin),
                )
            });
            let is_tokio = source.file.starts_with(TOKIO_CLOCK) && matches!(mention.path.as_str(), "Instant::now")
                || begins(&mention.path, "tokio::time");
            let is_path = mention.path.contains("::") || mention.path == "unsafe";
            let is_named = words.iter().any(|word| match *word {
                crate_name @ ("getrandom" | "rand") => begins(&mention.path, crate_name),
                word => holds(&mention.path, word),
            });
            if is_path && is_named && !at_home && !is_tokio {
                let why = format!("its home is {}", homes.join(", "));
                let (line, what) = (mention.line, mention.path.clone());
                found.push(Finding { law: "home", file: source.file.clone(), line, what, why });
            }
        }
    }
}

fn sizes(source: &Source, found: &mut Vec<Finding>) {
    let file = source.file.clone();
    if source.lines > FILE_LINES_MAX {
        let (what, why) = (format!("{} lines", source.lines), format!("a file stops at {FILE_LINES_MAX}"));
        found.push(Finding { law: "size", file, line: source.lines, what, why });
    }
    for function in source.functions().into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX) {
        let what = format!("fn {}: {} lines", function.name, function.lines);
        let why = format!("a function stops at {FUNCTION_LINES_MAX}");
        found.push(Finding { law: "size", file: source.file.clone(), line: function.line, what, why });
    }
    if !source.has_header {
        let (what, why) = ("no header".to_owned(), "a file opens with `//!`".to_owned());
        found.push(Finding { law: "header", file: source.file.clone(), line: 1, what, why });
    }
}

fn names(source: &Source, found: &mut Vec<Finding>) {
    let parts = source.file.split('/').map(|part| (part.trim_end_matches(".rs").to_owned(), 1));
    let modules = source.tokens.windows(2).filter(|w| w[0].text == "mod" && is_word(&w[1].text));
    for (name, line) in parts.chain(modules.map(|w| (w[1].text.clone(), w[1].line))) {
        if NAMES.contains(&name.as_str()) {
            let why = "a name that can hold anything will".to_owned();
            found.push(Finding { law: "name", file: source.file.clone(), line, what: name, why });
        }
    }
}

/// The files that open a secret.
fn expose_homes(house: &House) -> BTreeSet<String> {
    let opens = |source: &&Source| {
        let words: Vec<&str> = source.code.iter().map(|token| token.text.as_str()).collect();
        words.windows(3).any(|w| matches!(w, [".", "expose" | "expose_mut", "("]))
    };
    house
        .sources
        .iter()
        .filter(|source| source.file.starts_with("src/"))
        .filter(opens)
        .map(|s| s.file.clone())
        .collect()
}

fn is_excepted(finding: &Finding, exception: &(&str, &str, &str, &str)) -> bool {
    finding.law == exception.0 && finding.file == exception.1 && finding.what.starts_with(exception.2)
}

/// Fails with what is found against a law and excepted nowhere.
fn hold(law: &str) {
    let left = FOUND.iter().filter(|f| f.law == law && !EXCEPTIONS.iter().any(|exception| is_excepted(f, exception)));
    let lines: Vec<String> = left.map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

#[test]
fn a_module_uses_only_what_stands_above_it() {
    hold("direction");
}

#[test]
fn a_floor_never_names_what_is_not_its_own() {
    hold("floor");
}

#[test]
fn an_engine_keeps_to_its_own_mount() {
    hold("door");
}

#[test]
fn time_randomness_files_and_unsafe_stay_at_home() {
    hold("home");
}

#[test]
fn files_and_functions_stay_small() {
    hold("size");
}

#[test]
fn a_file_says_what_it_holds() {
    hold("header");
}

#[test]
fn no_module_is_a_drawer() {
    hold("name");
}

#[test]
fn an_exception_is_needed_and_has_a_reason() {
    for exception in EXCEPTIONS {
        assert!(FOUND.iter().any(|finding| is_excepted(finding, exception)), "no longer needed: {exception:?}");
        assert!(exception.3.len() > 20, "why? {exception:?}");
    }
}

/// data/expose_homes.txt is changed by hand, so that a new door to a secret is seen in review.
#[test]
fn secrets_are_opened_only_where_it_is_written_down() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/expose_homes.txt");
    let text = fs::read_to_string(&file).expect("data/expose_homes.txt");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let written: BTreeSet<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    assert!(
        lines.is_sorted() && lines.len() == written.len(),
        "data/expose_homes.txt is not sorted, or says a line twice"
    );
    let found = expose_homes(&HOUSE);
    let (new, gone): (Vec<_>, Vec<_>) = (found.difference(&written).collect(), written.difference(&found).collect());
    assert!(new.is_empty() && gone.is_empty(), "data/expose_homes.txt lacks {new:#?} and has in excess {gone:#?}");
}

/// Asks cargo what is built; Cargo.lock also names what a feature would bring that nobody switches on.
#[test]
fn crates_that_stay_outside_are_outside() {
    let words = ["tree", "--offline", "--locked", "--prefix=none", "-e=normal,build"];
    let cargo =
        Command::new(env!("CARGO")).args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo");
    let tree = String::from_utf8_lossy(&cargo.stdout);
    let built: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(built.contains("strongroom") && built.len() > 50, "cargo tree says little: {built:?}");
    for (name, why) in OUTSIDE {
        assert!(!built.contains(name), "`{name}` is built (`cargo tree -i {name}`): {why}");
    }
}

/// The laws themselves, over a small house in which each is broken once.
#[test]
fn every_law_notices_what_breaks_it() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let house = House::of(vec![
        file("src/lib.rs", "//! x\npub mod base;\nmod store; mod engines;\npub mod cli;\nmod server;"),
        file("src/base/a.rs", "//! x\nuse super::super::store::X;\nfn f() { crate::cli::run(); tokio::spawn(); }"),
        file(
            "src/base/tidy.rs",
            "//! tokio::spawn()\nfn f<'a>() { g(\"crate::cli\", '\"', r#\"unsafe\"#); /* unsafe */ }\n#[cfg(test)]\nmod tests { fn g() { std::fs::read(); } }",
        ),
        file("src/base/time.rs", "//! x\nfn now() { std::time::SystemTime::now(); }"),
        file(
            "src/store/mod.rs",
            "//! x\n#[cfg(test)]\nmod checks;\nuse std::{fs::{self, File}, time};\nfn f() { unsafe {} Instant::now(); }",
        ),
        file("src/store/checks.rs", "//! x\nuse std::fs;"),
        file("src/store/utils.rs", "// no header"),
        file("src/engines/mod.rs", "//! x\nmod kv; mod totp; use totp::X; fn f() { crate::engines::kv::g(); }"),
        file("src/engines/kv/mod.rs", "//! x\nuse crate::{engines::{totp::A, Kind}, store};"),
        file("src/engines/totp/mod.rs", "//! x\nfn f(secret: S) { secret.expose(); call.store.unit(); }"),
        file("src/cli/run.rs", "//! x\nuse crate::{base::a, engines::Kind, store};"),
        file(
            "src/server/run.rs",
            &format!("//! x\nfn long() {{\n{}}}\nfn f() {{ Instant::now(); SystemTime::now(); }}", "x();\n".repeat(70)),
        ),
        file("src/attic/mod.rs", &format!("//! x{}", "\n".repeat(501))),
    ]);
    let seen: Vec<String> = house.findings().iter().map(|f| format!("{} {} {}", f.law, f.file, f.what)).collect();
    let expected = [
        "direction src/attic/mod.rs attic",
        "direction src/base/a.rs crate::cli::run",
        "direction src/base/a.rs crate::store::X",
        "direction src/cli/run.rs crate::engines::Kind",
        "direction src/engines/kv/mod.rs crate::engines::totp::A",
        "door src/engines/totp/mod.rs .unit()",
        "floor src/base/a.rs tokio::spawn",
        "floor src/engines/kv/mod.rs crate::store",
        "header src/store/utils.rs no header",
        "home src/server/run.rs SystemTime::now",
        "home src/store/mod.rs Instant::now",
        "home src/store/mod.rs std::fs::File",
        "home src/store/mod.rs std::fs::self",
        "home src/store/mod.rs unsafe",
        "name src/store/utils.rs utils",
        "size src/attic/mod.rs 501 lines",
        "size src/server/run.rs fn long: 72 lines",
    ];
    let seen: BTreeSet<&str> = seen.iter().map(String::as_str).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(expose_homes(&house).into_iter().collect::<Vec<_>>(), ["src/engines/totp/mod.rs"]);
}
