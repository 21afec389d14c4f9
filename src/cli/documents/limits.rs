//! docs/reference/limits.md, made from the source text of base/limits.rs. There a blank line and a comment begin a group,
//! and the comment of a limit has three parts: what it bounds; what happens beyond it. Why it is as it is.

use std::{collections::BTreeMap, fmt::Write as _};

use super::cells::cell;
use crate::base::path::{ident, name, policy_name};

const SOURCE: &str = include_str!("../../base/limits.rs");

/// The group of the limits that no caller meets.
const OWN_WORK: &str = "The server's own work";

const HEAD: &str = "\
# Limits

Made from src/base/limits.rs by `cargo run --example api_documents`; change the comments there, not this page.

Everything that a caller can send or ask for has a limit. What is refused changes nothing, and the error names the field
or the part of the request. None of these can be configured, unless another page says so.
";

pub(super) fn page() -> String {
    let mut text = format!("{HEAD}{}", names());
    let limits = read(SOURCE);
    let values: BTreeMap<&str, u64> = evaluate(&limits);
    let mut groups: Vec<&str> = Vec::new();
    for limit in limits.iter().filter(|limit| limit.group != OWN_WORK) {
        if !groups.contains(&limit.group) {
            groups.push(limit.group);
        }
    }
    for group in groups.into_iter().chain([OWN_WORK]) {
        let _ = write!(text, "\n## {group}\n\n| limit | what | beyond it | why |\n|---|---|---|---|\n");
        for limit in limits.iter().filter(|limit| limit.group == group) {
            let (first, why) = limit.doc.split_once(". ").unwrap_or((limit.doc.trim_end_matches('.'), ""));
            let (what, beyond) = first.split_once("; ").unwrap_or((first, ""));
            let value = shown(limit.name, values.get(limit.name).copied().unwrap_or_default());
            let [what, beyond, why] = [what, beyond, why].map(cell);
            let _ = writeln!(text, "| {value} | {what} | {beyond} | {why} |");
        }
    }
    text
}

/// A constant of the source.
struct Limit<'a> {
    group: &'a str,
    name: &'a str,
    doc: String,
    expression: &'a str,
}

fn read(source: &str) -> Vec<Limit<'_>> {
    let (mut limits, mut group, mut doc) = (Vec::new(), "", String::new());
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("/// ") {
            let _ = write!(doc, "{}{text}", if doc.is_empty() { "" } else { " " });
        } else if let Some(title) = line.strip_prefix("// ") {
            group = title.trim_end_matches('.');
        } else if let Some(rest) = line.strip_prefix("pub(crate) const ")
            && let Some((name, rest)) = rest.split_once(": ")
            && let Some((_, expression)) = rest.split_once(" = ")
        {
            let doc = std::mem::take(&mut doc).replace(['[', ']'], "");
            limits.push(Limit { group, name, doc, expression: expression.trim_end_matches(';') });
        }
    }
    limits
}

/// The numbers of all constants. An expression is a number, a shift of two numbers, or the name of another constant.
fn evaluate<'a>(limits: &[Limit<'a>]) -> BTreeMap<&'a str, u64> {
    let number = |text: &str| {
        let text = text.replace('_', "");
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
    };
    let direct = |text: &str| match text.split_once(" << ") {
        Some((left, right)) => Some(number(left)? << number(right)?),
        None => number(text),
    };
    let of_name =
        |name: &str| limits.iter().find(|limit| limit.name == name).and_then(|limit| direct(limit.expression));
    limits
        .iter()
        .filter_map(|limit| Some((limit.name, direct(limit.expression).or_else(|| of_name(limit.expression))?)))
        .collect()
}

/// A number with its unit, which the constant's name has.
fn shown(name: &str, value: u64) -> String {
    let words: Vec<&str> = name.split('_').collect();
    let has = |word: &str| words.contains(&word);
    match value {
        _ if has("PER") && has("SEC") && has("BYTES") => format!("{} bytes a second", grouped(value)),
        _ if has("PER") && has("SEC") => format!("{} a second", grouped(value)),
        _ if has("MILLIS") => format!("{} s", value / 1_000),
        _ if has("SECS") => format!("{} s", grouped(value)),
        _ if has("BYTES") && value >= 1 << 20 && value.is_multiple_of(1 << 20) => format!("{} MiB", value >> 20),
        _ if has("BYTES") && value >= 4 << 10 && value.is_multiple_of(1 << 10) => format!("{} KiB", value >> 10),
        _ if has("BYTES") => format!("{} bytes", grouped(value)),
        _ => grouped(value),
    }
}

/// A number with commas between groups of three digits.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The names that people choose, with their alphabets as the readers of names accept them.
fn names() -> String {
    let mut text = String::from("\n## Names\n\n| name of | begins with | goes on with | case |\n|---|---|---|---|\n");
    let rows: [(&str, fn(&str) -> Option<String>); 3] = [
        ("a mount (each segment of its path)", |text| ident(text).ok()),
        ("a policy; `root` is reserved", |text| policy_name(text).ok()),
        ("a role", |text| name(text).ok().map(str::to_owned)),
    ];
    for (what, reader) in rows {
        let first = alphabet(|character| reader(&format!("{character}a")).is_some());
        let others = alphabet(|character| reader(&format!("a{character}")).is_some());
        let is_kept = reader("Aa").as_deref() == Some("Aa");
        let case = if is_kept { "counts" } else { "does not count: `Ops` is `ops`" };
        let _ = writeln!(text, "| {what} | {first} | {others} | {case} |");
    }
    text.push_str(
        "\nThe name of a secret is a path: any printable text, in Unicode normalization form C, without empty segments, `.` or `..`. In a \
         request all but printable ASCII is percent-encoded once; `/`, `\\` and control characters cannot be encoded into a name. The names of \
         fields in a secret are any JSON text.\n",
    );
    text
}

/// The printable ASCII characters for which `accepts` says yes, in words.
fn alphabet(accepts: impl Fn(char) -> bool) -> String {
    let all = |range: std::ops::RangeInclusive<char>| range.clone().all(&accepts);
    let mut words = Vec::new();
    if all('a'..='z') && all('A'..='Z') {
        words.push("letters".to_owned());
    }
    if all('0'..='9') {
        words.push("digits".to_owned());
    }
    let signs = ('!'..='~').filter(|sign| !sign.is_ascii_alphanumeric() && accepts(*sign));
    words.extend(signs.map(|sign| format!("`{sign}`")));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C13: each limit says what it bounds, and stands in a group; each number could be read.
    #[test]
    fn c13_every_limit_is_described_and_has_a_number() {
        let limits = read(SOURCE);
        assert!(limits.len() > 60, "only {} limits were read", limits.len());
        let values = evaluate(&limits);
        for limit in &limits {
            assert!(limit.doc.len() > 20 && !limit.group.is_empty(), "{}", limit.name);
            assert!(values.get(limit.name).is_some_and(|value| *value > 0), "{}: {}", limit.name, limit.expression);
        }
        assert_eq!(SOURCE.matches("const ").count(), limits.len());
    }

    /// What a caller can meet says what comes beyond it. The others bound the server's own work.
    #[test]
    fn c13_every_limit_of_a_request_says_what_comes_beyond_it() {
        for limit in read(SOURCE).iter().filter(|limit| limit.group != OWN_WORK) {
            assert!(
                limit.doc.split(". ").next().is_some_and(|first| first.contains("; ")),
                "{}: {}",
                limit.name,
                limit.doc
            );
        }
    }

    #[test]
    fn numbers_have_their_units() {
        for (name, value, expected) in [
            ("A_BYTES_MAX", 64 << 10, "64 KiB"),
            ("A_BYTES_MAX", 1 << 20, "1 MiB"),
            ("A_BYTES_MAX", 65_535, "65,535 bytes"),
            ("A_MILLIS_MAX", 5_000, "5 s"),
            ("A_SECS", 3_600, "3,600 s"),
            ("A_BYTES_PER_SEC_MIN", 1_024, "1,024 bytes a second"),
            ("A_PER_SEC", 200, "200 a second"),
            ("A_MAX", 4_096, "4,096"),
        ] {
            assert_eq!(shown(name, value), expected);
        }
    }

    #[test]
    fn an_alphabet_is_told_in_words() {
        assert_eq!(alphabet(|sign| sign.is_ascii_alphanumeric() || "_.".contains(sign)), "letters, digits, `.`, `_`");
    }
}
