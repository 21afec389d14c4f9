//! The laws that look at one file at a time, with their tables: what each floor must not name, and where clock,
//! randomness, files and `unsafe` belong.

use super::{
    facts::{Finding, Role, What},
    source::Source,
};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const PARAMETERS_MAX: usize = 5;

/// Names that say nothing about what a module contains.
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
const HTTP_TYPES: &[&str] = &["http", "http_body", "http_body_util"];
const CIPHERS: &[&str] = &["chacha20poly1305", "aes_siv", "ed25519_dalek", "jsonwebtoken", "hkdf", "hmac", "rustls"];

/// What a floor must not name, besides the floors declared after it, and why.
fn never(floor: &str) -> (Vec<&'static [&'static str]>, &'static str) {
    match floor {
        "base" => (vec![SOCKETS, HTTP_SERVERS, CIPHERS, &["tokio", "sled", "std::fs", "std::net"]], "it is vocabulary"),
        "crypto" => (
            vec![SOCKETS, HTTP_SERVERS, &["tokio", "std::fs", "std::net", "crate::base::time::Clock"]],
            "the same input gives the same output",
        ),
        "store" => (
            vec![CIPHERS, &["serde_json", "crate::crypto::aead", "crate::crypto::siv", "crate::crypto::ed25519"]],
            "it keeps bytes that are already sealed",
        ),
        "barrier" => {
            (vec![SOCKETS, HTTP_SERVERS, HTTP_TYPES, &["crate::contract"]], "sealing knows nothing of requests")
        }
        "contract" => {
            (vec![SOCKETS, HTTP_SERVERS, &["crate::services"]], "an engine is tested without a broker or a socket")
        }
        "services" => (
            vec![
                HTTP_SERVERS,
                &["crate::engines", "crate::auth_methods", "crate::builtin", "crate::dialects", "crate::wire"],
            ],
            "they are handed kinds",
        ),
        "engines" => (
            vec![SOCKETS, HTTP_SERVERS, &["crate::services", "crate::store", "crate::barrier"]],
            "an engine sees its `Call` only",
        ),
        "auth_methods" => (
            vec![SOCKETS, HTTP_SERVERS, &["crate::services", "crate::store", "crate::barrier", "crate::engines"]],
            "an auth method sees its `Call` only",
        ),
        "broker" => (
            vec![SOCKETS, HTTP_SERVERS, HTTP_TYPES, &["std::fs", "tokio::fs", "crate::dialects", "crate::wire"]],
            "it takes and gives typed requests and replies",
        ),
        // `wire` is the old name of `dialects`.
        "dialects" | "wire" => (
            vec![SOCKETS, &["crate::services", "crate::engines", "crate::auth_methods", "crate::barrier"]],
            "a dialect translates words and has no power of its own",
        ),
        "server" => (
            vec![&["crate::services", "crate::engines", "crate::auth_methods", "crate::barrier"]],
            "it knows the broker, the dialects and sockets",
        ),
        _ => (Vec::new(), ""),
    }
}

/// The only parts of the crate that a floor outside of the daemon may name.
fn only(floor: &str) -> Option<&'static [&'static str]> {
    match floor {
        "client" | "agent" => Some(&["base", "crypto", "contract", "client", "agent"]),
        "cli" => Some(&[
            "base",
            "crypto",
            "contract",
            "client",
            "cli",
            "store",
            "server::run",
            "services::audit::verify",
            "services::audit::search",
            "services::audit::rotated",
        ]),
        _ => None,
    }
}

/// Words, and the only files that may use them. A file that ends in `/` or `*` means all files that begin like it.
const HOMES: &[(&[&str], &[&str])] = &[
    (&["SystemTime::now", "std::time::Instant", "Instant::now"], &["src/base/time.rs"]),
    (&["getrandom", "rand"], &["src/base/random.rs"]),
    (&["prometheus_client"], &["src/dialects/metrics/"]),
    (
        &["std::fs", "tokio::fs", "rustix::fs", "File::open", "File::create", "OpenOptions"],
        &["src/store/files.rs", "src/store/files/", "src/server/config*", "src/server/tls*", "src/cli/"],
    ),
];
const UNSAFE_HOME: &str = "src/base/sys.rs";

/// The server may use tokio's clock, because tokio's timers know no other.
const TOKIO_CLOCK: &str = "src/server/";

/// A module uses only modules that lib.rs declares before it. This holds for tests too.
pub fn direction(source: &Source, sources: &[Source], floors: &[String], found: &mut Vec<Finding>) {
    let Some(floor) = source.floor() else { return };
    let rank = |name: &str| floors.iter().position(|floor| floor == name);
    let Some(own) = rank(floor) else {
        return found.push(source.finding("direction", 1, floor, "lib.rs has no `mod` line for it".to_owned()));
    };
    let family = source.file.strip_prefix("src/").and_then(|file| file.split('/').nth(1)).unwrap_or("");
    for path in &source.paths {
        let Some(inner) = path.path.strip_prefix("crate::") else { continue };
        let mut parts = inner.split("::");
        let (target, next) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let why = if rank(target).is_some_and(|target| target > own) {
            format!("lib.rs declares `{target}` after `{floor}`, and a module uses only those declared before it")
        } else if matches!(floor, "engines" | "auth_methods")
            && target == floor
            && is_sibling(sources, floor, family, next)
        {
            "engines and auth methods do not use each other: move what two of them need into `contract`".to_owned()
        } else if only(floor).is_some_and(|only| rank(target).is_some() && !only.iter().any(|o| begins(inner, o))) {
            format!("`{floor}` talks to the daemon through the API only")
        } else {
            continue;
        };
        found.push(source.finding("direction", path.line, &path.path, why));
    }
}

/// Whether `other` is a folder of `floor` beside the one named `family`.
fn is_sibling(sources: &[Source], floor: &str, family: &str, other: &str) -> bool {
    let folder = format!("src/{floor}/{other}/");
    family != other && !family.contains('.') && sources.iter().any(|source| source.file.starts_with(&folder))
}

pub fn floor_words(source: &Source, found: &mut Vec<Finding>) {
    let floor = source.floor().unwrap_or("");
    let (words, why) = never(floor);
    for path in source.paths.iter().filter(|path| !path.is_test) {
        // A single word in code is a variable that has the same name as a crate.
        let is_named = path.path.contains("::") || matches!(path.role, Role::Import(_) | Role::Export(_));
        if is_named && words.iter().copied().flatten().any(|word| begins(&path.path, word)) {
            found.push(source.finding("floor", path.line, &path.path, format!("not in `{floor}`: {why}")));
        }
    }
}

pub fn homes(source: &Source, found: &mut Vec<Finding>) {
    if !source.file.starts_with("src/") {
        return;
    }
    if source.file != UNSAFE_HOME {
        for line in source.find(&["unsafe"]) {
            found.push(source.finding("home", line, "unsafe", format!("only {UNSAFE_HOME} may use it")));
        }
    }
    for path in source.paths.iter().filter(|path| !path.is_test && path.path.contains("::")) {
        for (words, homes) in HOMES {
            let at_home = homes.iter().any(|home| {
                home.strip_suffix('*').map_or_else(
                    || source.file == *home || (home.ends_with('/') && source.file.starts_with(home)),
                    |begin| source.file.starts_with(begin),
                )
            });
            let is_tokio = source.file.starts_with(TOKIO_CLOCK) && path.path == "Instant::now"
                || begins(&path.path, "tokio::time");
            let is_named = words.iter().any(|word| match *word {
                crate_name @ ("getrandom" | "rand") => begins(&path.path, crate_name),
                word => holds(&path.path, word),
            });
            if is_named && !at_home && !is_tokio {
                found.push(source.finding(
                    "home",
                    path.line,
                    &path.path,
                    format!("only {} may use it", homes.join(", ")),
                ));
            }
        }
    }
}

pub fn sizes(source: &Source, found: &mut Vec<Finding>) {
    let lines = source.lines();
    if lines > FILE_LINES_MAX {
        let why = format!("at most {FILE_LINES_MAX}: split the file by responsibility");
        found.push(source.finding("size", lines, &format!("{lines} lines"), why));
    }
    for function in source.functions.iter().filter(|f| !f.is_test && f.lines > FUNCTION_LINES_MAX) {
        let what = format!("fn {}: {} lines", function.name, function.lines);
        let why = format!("at most {FUNCTION_LINES_MAX}: split the function into named parts");
        found.push(source.finding("size", function.line, &what, why));
    }
    if !source.text.starts_with("//!") {
        let why = "a file opens with `//!`: what it holds and the one thing a reader must know".to_owned();
        found.push(source.finding("header", 1, "no header", why));
    }
}

/// The trait decides the parameters of an implementation, so only its own declaration is checked.
pub fn parameters(source: &Source, found: &mut Vec<Finding>) {
    for function in source.functions.iter().filter(|f| !f.is_test && !f.is_of_trait_impl) {
        if function.parameters > PARAMETERS_MAX {
            let what = format!("fn {}: {} parameters", function.name, function.parameters);
            let why = format!("at most {PARAMETERS_MAX} with `self`: make a type of those that belong together");
            found.push(source.finding("parameters", function.line, &what, why));
        }
        for flag in &function.flags {
            let what = format!("fn {}: {flag} is a bool", function.name);
            let why = "a reader of the call cannot tell what `true` means: pass an enum with two words".to_owned();
            found.push(source.finding("bool", function.line, &what, why));
        }
    }
}

pub fn names(source: &Source, found: &mut Vec<Finding>) {
    let parts = source.file.split('/').map(|part| (part.trim_end_matches(".rs"), 1));
    let modules = source.definitions.iter().filter(|definition| definition.what == What::Module);
    for (name, line) in parts.chain(modules.map(|module| (module.name.as_str(), module.line))) {
        if NAMES.contains(&name) {
            let why = "the name does not say what the module contains: name it after that".to_owned();
            found.push(source.finding("name", line, name, why));
        }
    }
}

/// Whether `path` is `prefix` or lies below it.
fn begins(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether `path` contains `word`, at its beginning or after a `::`.
fn holds(path: &str, word: &str) -> bool {
    begins(path, word) || path.match_indices("::").any(|(at, _)| begins(&path[at + 2..], word))
}
