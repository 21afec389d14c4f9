//! JSON as it came: members keep their order and numbers keep their digits, so that a secret which is a number goes
//! through the command line unchanged. serde_json does the reading; only the tree is our own.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Nesting that is read: four times what a server of ours takes.
const DEPTH_MAX: usize = 128;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Json {
    Null,
    Bool(bool),
    /// The digits as written.
    Number(String),
    String(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads one JSON value. A key that comes twice is kept twice; [`Json::at`] finds the first.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        Self::from_raw(serde_json::from_str(text)?, 0)
    }

    fn from_raw(raw: &RawValue, depth: usize) -> Result<Self, serde_json::Error> {
        if depth > DEPTH_MAX {
            return Err(serde::de::Error::custom("nested too deeply"));
        }
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let pairs: Pairs<'_> = serde_json::from_str(text)?;
                let pairs = pairs.0.into_iter().map(|(key, raw)| Ok((key, Self::from_raw(raw, depth + 1)?)));
                Self::Object(pairs.collect::<Result<_, serde_json::Error>>()?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                Self::List(items.into_iter().map(|raw| Self::from_raw(raw, depth + 1)).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Self::String(serde_json::from_str(text)?),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ => Self::Number(text.to_owned()),
        })
    }

    pub fn text(value: impl Into<String>) -> Self {
        Self::String(value.into())
    }

    pub fn number(value: impl fmt::Display) -> Self {
        Self::Number(value.to_string())
    }

    pub fn object<const N: usize>(pairs: [(&str, Self); N]) -> Self {
        Self::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Self::text).collect())
    }

    /// The member of that name; `None` for what is no object.
    pub fn at(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(pairs) => pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The member found by walking `keys`; null counts as absent.
    pub fn path(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |at, key| at.at(key)).filter(|value| !value.is_null())
    }

    pub fn set(&mut self, key: &str, value: Self) {
        if let Self::Object(pairs) = self {
            match pairs.iter_mut().find(|(name, _)| name == key) {
                Some((_, old)) => *old = value,
                None => pairs.push((key.to_owned(), value)),
            }
        }
    }

    pub fn remove(&mut self, key: &str) {
        if let Self::Object(pairs) = self {
            pairs.retain(|(name, _)| name != key);
        }
    }

    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(is) => Some(*is),
            _ => None,
        }
    }

    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    pub fn as_list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub fn as_object(&self) -> &[(String, Self)] {
        match self {
            Self::Object(pairs) => pairs,
            _ => &[],
        }
    }

    /// The strings of a list, whatever else stands in it left out.
    pub fn strings(&self) -> Vec<String> {
        self.as_list().iter().filter_map(Self::as_str).map(str::to_owned).collect()
    }

    /// Indented by two, as Vault's tools print.
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0));
        out
    }

    fn write(&self, out: &mut String, indent: Option<usize>) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(is) => out.push_str(if *is { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::String(text) => quote(text, out),
            Self::List(items) => {
                write_members(out, indent, ['[', ']'], items, |out, indent, item| item.write(out, indent));
            }
            Self::Object(pairs) => write_members(out, indent, ['{', '}'], pairs, |out, indent, (key, value)| {
                quote(key, out);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                value.write(out, indent);
            }),
        }
    }
}

fn write_members<T>(
    out: &mut String,
    indent: Option<usize>,
    [open, close]: [char; 2],
    members: &[T],
    write: impl Fn(&mut String, Option<usize>, &T),
) {
    out.push(open);
    let inner = indent.map(|depth| depth + 2);
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        new_line(out, inner);
        write(out, inner, member);
    }
    if !members.is_empty() {
        new_line(out, indent);
    }
    out.push(close);
}

fn new_line(out: &mut String, indent: Option<usize>) {
    if let Some(depth) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth));
    }
}

/// Writes a string literal. What a terminal would obey (C0, DEL, C1, direction marks) is escaped, so the text stays
/// exact and harmless.
fn quote(text: &str, out: &mut String) {
    use fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_direction_mark(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Characters that reorder or hide text on a terminal.
pub const fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The compact form: one line, no blanks.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out, None);
        f.write_str(&out)
    }
}

struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_order_come_back_as_they_came() {
        let text = r#"{"z":123456789012345678901234567890,"a":1.10,"e":1e400,"n":[null,true,"\u00e9\"x"],"o":{}}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(
            json.to_string(),
            r#"{"z":123456789012345678901234567890,"a":1.10,"e":1e400,"n":[null,true,"é\"x"],"o":{}}"#
        );
    }

    #[test]
    fn pretty_json_is_indented_by_two() {
        let json = Json::parse(r#"{"a":[1,{"b":null}],"c":[]}"#).unwrap();
        let expected = "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": []\n}";
        assert_eq!(json.pretty(), expected);
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_reads_back() {
        let json = Json::text("a\u{1b}[31m\u{9b}\u{202e}\u{7f}\0");
        assert_eq!(json.to_string(), r#""a\u001b[31m\u009b\u202e\u007f\u0000""#);
        assert_eq!(Json::parse(&json.to_string()).unwrap(), json);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1,]", "{\"a\":1}x", "nul", "'a'"] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Json::parse(&deep(100)).is_ok() && Json::parse(&deep(100_000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn strings_read_back(text in ".*") {
            proptest::prop_assert_eq!(Json::parse(&Json::text(text.clone()).to_string()).unwrap(), Json::text(text));
        }
    }
}
