//! JSON as the server sent it: members keep their order and numbers keep their digits, so that a secret
//! which is a number passes through the command line unchanged. serde_json reads and writes it. The tree is
//! our own: serde_json's would need the features `preserve_order` and `arbitrary_precision`, and cargo
//! would turn both on in the server as well.

use std::fmt::{self, Write as _};

use serde::{
    Serialize, Serializer,
    de::{Deserialize, Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// JSON may be nested at most this deep; deeper JSON is an error. The limit is four times what our server accepts.
const DEPTH_MAX: usize = 128;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A number, as the digits that were written.
    Number(String),
    String(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parses one JSON value. If a key occurs twice, both members are kept, and [`Json::at`] finds the first.
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
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

    pub(crate) fn text(value: impl Into<String>) -> Self {
        Self::String(value.into())
    }

    pub(crate) fn number(value: impl fmt::Display) -> Self {
        Self::Number(value.to_string())
    }

    pub(crate) fn object<const N: usize>(pairs: [(&str, Self); N]) -> Self {
        Self::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub(crate) fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Self::text).collect())
    }

    /// The member named `key`. `None` if there is none or this is not an object.
    pub(crate) fn at(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(pairs) => pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value found by following `keys` from object to object. `None` if there is none or it is null.
    pub(crate) fn path(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |at, key| at.at(key)).filter(|value| !value.is_null())
    }

    pub(crate) fn set(&mut self, key: &str, value: Self) {
        if let Self::Object(pairs) = self {
            match pairs.iter_mut().find(|(name, _)| name == key) {
                Some((_, old)) => *old = value,
                None => pairs.push((key.to_owned(), value)),
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        if let Self::Object(pairs) = self {
            pairs.retain(|(name, _)| name != key);
        }
    }

    pub(crate) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(is) => Some(*is),
            _ => None,
        }
    }

    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn as_object(&self) -> &[(String, Self)] {
        match self {
            Self::Object(pairs) => pairs,
            _ => &[],
        }
    }

    /// The strings of a list. Items of other types are left out.
    pub(crate) fn strings(&self) -> Vec<String> {
        self.as_list().iter().filter_map(Self::as_str).map(str::to_owned).collect()
    }

    /// The JSON text, indented by two blanks, as Vault's tools print it.
    pub(crate) fn pretty(&self) -> String {
        harmless(&serde_json::to_string_pretty(self).unwrap_or_default())
    }
}

/// The compact JSON text: one line without blanks.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&harmless(&serde_json::to_string(self).unwrap_or_default()))
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(is) => to.serialize_bool(*is),
            Self::Number(digits) => {
                RawValue::from_string(digits.clone()).map_err(serde::ser::Error::custom)?.serialize(to)
            }
            Self::String(text) => to.serialize_str(text),
            Self::List(items) => to.collect_seq(items),
            Self::Object(pairs) => to.collect_map(pairs.iter().map(|(key, value)| (key, value))),
        }
    }
}

/// Escapes characters that a terminal obeys and that serde_json does not escape: DEL, C1 controls and direction marks.
/// They occur only inside strings, so the JSON means the same.
fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_direction_mark(c) || (c.is_control() && c != '\n') {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character can reorder or hide text on a terminal.
pub(crate) const fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
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
    fn numbers_and_order_are_kept() {
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
    fn control_characters_are_escaped_and_read_back() {
        let json = Json::text("a\u{1b}[31m\u{9b}\u{202e}\u{7f}\0");
        assert_eq!(json.to_string(), r#""a\u001b[31m\u009b\u202e\u007f\u0000""#);
        assert_eq!(Json::parse(&json.to_string()).unwrap(), json);
    }

    #[test]
    fn text_that_is_not_json_is_refused() {
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
