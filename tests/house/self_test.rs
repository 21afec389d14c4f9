//! Tests the laws on small source trees that break each of them.

use std::collections::BTreeSet;

use super::{House, whole};

fn file(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

fn seen(house: &House) -> Vec<String> {
    let lines: BTreeSet<String> = house.findings().iter().map(|f| format!("{} {} {}", f.law, f.file, f.what)).collect();
    lines.into_iter().collect()
}

#[test]
fn every_law_notices_what_breaks_it() {
    let house = House::of(
        vec![
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
            file("src/engines/totp/mod.rs", "//! x\nfn f(secret: S) { secret.expose(); }"),
            file("src/cli/run.rs", "//! x\nuse crate::{base::a, engines::Kind, store};"),
            file(
                "src/server/run.rs",
                &format!(
                    "//! x\nfn long() {{\n{}}}\nfn f() {{ Instant::now(); SystemTime::now(); }}",
                    "x();\n".repeat(70)
                ),
            ),
            file("src/attic/mod.rs", &format!("//! x{}", "\n".repeat(501))),
        ],
        "",
    );
    let expected = [
        "direction src/attic/mod.rs attic",
        "direction src/base/a.rs crate::cli::run",
        "direction src/base/a.rs crate::store::X",
        "direction src/cli/run.rs crate::engines::Kind",
        "direction src/engines/kv/mod.rs crate::engines::totp::A",
        "floor src/base/a.rs tokio::spawn",
        "floor src/engines/kv/mod.rs crate::store",
        "header src/store/utils.rs no header",
        "home src/server/run.rs SystemTime::now",
        "home src/store/mod.rs Instant::now",
        "home src/store/mod.rs std::fs",
        "home src/store/mod.rs std::fs::File",
        "home src/store/mod.rs unsafe",
        "name src/store/utils.rs utils",
        "size src/attic/mod.rs 501 lines",
        "size src/server/run.rs fn long: 72 lines",
    ];
    assert_eq!(seen(&house), expected);
    assert_eq!(house.expose_homes().into_iter().collect::<Vec<_>>(), ["src/engines/totp/mod.rs"]);
}

/// Macro arguments and attributes are read, and `super` in an inner module means the file's module.
#[test]
fn paths_are_found_in_macros_attributes_and_inner_modules() {
    let house = House::of(
        vec![
            file("src/lib.rs", "//! x\nmod base;\nmod cli;"),
            file("src/base/a.rs", "//! x\nfn f() { print!(\"{}\", crate::cli::in_macro()); }"),
            file("src/base/b.rs", "//! x\n#[derive(crate::cli::Attribute)]\nstruct B;"),
            file("src/base/c.rs", "//! x\nmod inner { use super::super::super::cli::FromInner; }"),
            file("src/base/d.rs", "//! x\nfn f(x: Vec<<u8 as crate::cli::Generic>::Output>) { x.cli::<u8>(); }"),
            file("src/base/e.rs", "//! x\nfn f() { strongroom::cli::by_name(); unsafe_fn!(unsafe {}); }"),
        ],
        "",
    );
    let expected = [
        "direction src/base/a.rs crate::cli::in_macro",
        "direction src/base/b.rs crate::cli::Attribute",
        "direction src/base/c.rs crate::cli::FromInner",
        "direction src/base/d.rs crate::cli::Generic::Output",
        "direction src/base/e.rs crate::cli::by_name",
        "home src/base/e.rs unsafe",
    ];
    assert_eq!(seen(&house), expected);
}

#[test]
fn parameters_are_counted_and_flags_are_found() {
    let house = House::of(
        vec![
            file("src/lib.rs", "//! x\nmod base;"),
            file(
                "src/base/a.rs",
                "//! x
impl A {
    fn five(&self, a: u8, b: u8, c: u8, d: u8) {}
    fn six(&self, a: u8, b: u8, c: u8, d: u8, e: u8) {}
    fn flag(&self, plain: bool, by_reference: &bool, maybe: Option<bool>, list: Vec<bool>) {}
}
impl Foreign for A { fn flag(&self, flag: bool, a: u8, b: u8, c: u8, d: u8, e: u8) {} }
trait Ours { fn ask(&self, flag: bool); }
#[cfg(test)]
mod tests { fn flag(flag: bool) {} }",
            ),
        ],
        "",
    );
    let expected = [
        "bool src/base/a.rs fn ask: flag is a bool",
        "bool src/base/a.rs fn flag: by_reference is a bool",
        "bool src/base/a.rs fn flag: maybe is a bool",
        "bool src/base/a.rs fn flag: plain is a bool",
        "parameters src/base/a.rs fn six: 6 parameters",
    ];
    assert_eq!(seen(&house), expected);
}

/// A circle may pass through a re-export, an imported module, a third file or a parent. Re-exports by a parent, a table
/// of rows and tests make no circle.
#[test]
fn circles_are_found_through_re_exports_and_parents() {
    let house = House::of(
        vec![
            file("src/lib.rs", "//! x\nmod base;\nmod store;\nmod engines;"),
            // a and b import each other, b through the re-export of mod.rs.
            file("src/base/mod.rs", "//! x\nmod a; mod b; mod c; mod d; mod e; mod f;\npub use a::A; pub use f::*;"),
            file("src/base/a.rs", "//! x\nuse super::b::B;\npub struct A;"),
            file("src/base/b.rs", "//! x\nuse crate::base::A;\npub struct B;"),
            // c, d/inner and e, f in a ring: c → d → e → c, by a module, by a glob and by a path in a function.
            file("src/base/c.rs", "//! x\nuse super::d;\npub struct C; fn f() { d::inner::run(); }"),
            file("src/base/d/mod.rs", "//! x\npub mod inner;"),
            file("src/base/d/inner.rs", "//! x\npub fn run() { crate::base::e::go(); }"),
            file("src/base/e.rs", "//! x\nuse super::*;\npub fn go() { let c = c::C; F::new(); }"),
            file("src/base/f.rs", "//! x\npub struct F;\n#[cfg(test)]\nmod tests { use super::super::e; }"),
            // The parent of `child` gives it an item and uses its items; the parent of `leaf` only exports.
            file(
                "src/store/mod.rs",
                "//! x\nmod child; mod leaf;\npub use child::Child; pub use leaf::Leaf;\npub struct Shared(Child);",
            ),
            file("src/store/child.rs", "//! x\nuse super::Shared;\npub struct Child;"),
            file("src/store/leaf.rs", "//! x\nuse super::Shared;\npub struct Leaf;"),
            file(
                "src/engines/mod.rs",
                "//! x\nmod keys;\npub struct Kv; impl SecretsEngine for Kv { fn api() {} fn renew() { keys::renew() } }\nfn more() -> Api<Kv> { rows(keys::read) }",
            ),
            file("src/engines/keys.rs", "//! x\nuse super::Kv;\npub fn read(kv: Kv) {}"),
        ],
        "",
    );
    let expected = [
        "circle src/base/a.rs in a circle",
        "circle src/base/b.rs in a circle",
        "circle src/base/c.rs in a circle",
        "circle src/base/d/mod.rs in a circle",
        "circle src/base/e.rs in a circle",
        "circle src/store/child.rs in a circle",
        "circle src/store/mod.rs in a circle",
    ];
    assert_eq!(seen(&house), expected);
}

#[test]
fn a_name_on_two_floors_needs_the_glossary() {
    let files = || {
        vec![
            file("src/lib.rs", "//! x\nmod base;\nmod store;"),
            file("src/base/mod.rs", "//! x\npub mod a; mod hidden; mod shown; pub use shown::Shown;"),
            file("src/store/mod.rs", "//! x\npub(crate) mod a; mod b; pub use b::*; pub struct Shown; struct Hidden;"),
            // `Hidden` is not exported, so another floor may use the name.
            file("src/base/hidden.rs", "//! x\npub struct Hidden;"),
            file("src/base/shown.rs", "//! x\npub struct Shown;"),
            file(
                "src/base/a.rs",
                "//! x\npub struct Mark; pub(crate) enum Place {} struct Own; pub(super) struct Near;",
            ),
            file("src/store/a.rs", "//! x\npub trait Mark {} pub type Place = u8; struct Own; pub struct Near;"),
            file("src/store/b.rs", "//! x\npub use crate::base::a::Mark; pub struct Near;"),
        ]
    };
    let expected = [
        "noun src/base/a.rs Mark",
        "noun src/base/a.rs Place",
        "noun src/base/shown.rs Shown",
        "noun src/store/a.rs Mark",
        "noun src/store/a.rs Place",
        "noun src/store/mod.rs Shown",
    ];
    assert_eq!(seen(&House::of(files(), "")), expected);
    let glossary =
        "# A\n\n## Glossary\n\n| noun | meaning |\n|---|---|\n| `Mark`, `Place`, `Shown` | a `Near` |\n\n## More\n";
    assert_eq!(seen(&House::of(files(), glossary)), Vec::<String>::new());
}

/// `wire` is the old name of `dialects`; both are checked.
#[test]
fn a_floor_does_not_name_what_it_must_not_know() {
    let house = House::of(
        vec![
            file(
                "src/lib.rs",
                "//! x\nmod barrier; mod services; mod engines; mod wire; mod broker; mod dialects; mod server; mod client; mod cli;",
            ),
            file("src/broker/a.rs", "//! x\nuse http; use hyper::X; use axum::X; use std::fs; use crate::wire::X;"),
            file("src/broker/b.rs", "//! x\nuse std::net::TcpStream; use crate::dialects::X; fn f() { http.x(); }"),
            file("src/wire/a.rs", "//! x\nuse tokio::net::TcpListener; use crate::engines; use http::Uri;"),
            file("src/dialects/vault/a.rs", "//! x\nuse crate::{services::X, barrier::X, broker::X}; use axum::X;"),
            file("src/server/a.rs", "//! x\nuse crate::{services::X, barrier::X, engines::X, broker::X};"),
            file("src/client/a.rs", "//! x\nuse crate::{dialects::X, wire::X, contract::X};"),
            file("src/cli/a.rs", "//! x\nuse crate::{server::run, server::limits, store::X, services::audit::verify};"),
        ],
        "",
    );
    let expected = [
        "direction src/broker/b.rs crate::dialects::X",
        "direction src/cli/a.rs crate::server::limits",
        "direction src/client/a.rs crate::dialects::X",
        "direction src/client/a.rs crate::wire::X",
        "floor src/broker/a.rs axum::X",
        "floor src/broker/a.rs crate::wire::X",
        "floor src/broker/a.rs http",
        "floor src/broker/a.rs hyper::X",
        "floor src/broker/a.rs std::fs",
        "floor src/broker/b.rs crate::dialects::X",
        "floor src/broker/b.rs std::net::TcpStream",
        "floor src/dialects/vault/a.rs crate::barrier::X",
        "floor src/dialects/vault/a.rs crate::services::X",
        "floor src/server/a.rs crate::barrier::X",
        "floor src/server/a.rs crate::engines::X",
        "floor src/server/a.rs crate::services::X",
        "floor src/wire/a.rs crate::engines",
        "floor src/wire/a.rs tokio::net::TcpListener",
        "home src/broker/a.rs std::fs",
    ];
    assert_eq!(seen(&house), expected);
}

#[test]
fn median_and_p90_of_file_lengths_are_limited() {
    let lengths = |long: usize| {
        let mut files = vec![file("src/lib.rs", "//! x\nmod base;")];
        files.extend((0..9).map(|at| {
            file(&format!("src/base/a{at}.rs"), &format!("//! x{}", "\n".repeat(if at < long { 400 } else { 10 })))
        }));
        seen(&House::of(files, ""))
    };
    assert_eq!(lengths(1), Vec::<String>::new());
    assert_eq!(lengths(2), ["spread src/ p90: 400 lines"]);
    assert_eq!(lengths(6), ["spread src/ median: 400 lines", "spread src/ p90: 400 lines"]);
    assert_eq!(whole::percentile(&[1, 2, 3, 4], 50), 2);
}

#[test]
fn comments_inside_functions_are_counted() {
    let text =
        "//! x\n// outside\nfn f() {\n    // why\n    g(); // because\n    /// doc\n    let url = \"http://x\";\n}\n";
    let house = House::of(vec![file("src/lib.rs", text)], "");
    assert_eq!(whole::comment_share(&house.sources, "src/"), (2, 3));
}
