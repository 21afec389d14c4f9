//! The forms in which clients send values: a number may be a text, a list may be one text with commas. A handler's
//! input uses these types and never sees the difference. What does not fit is refused with the field's name and the
//! expected form; serde's own words are never shown, since they repeat the value.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};
use serde_json::Value;

use crate::{
    base::path,
    contract::{Error, Result},
};

/// A whole number, also as text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Int(pub i64);

/// True or false, also as text or as 0 and 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flag(pub bool);

/// A list of names: an array, or one text with commas. Blanks around a name and empty names are dropped.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names(pub Vec<String>);

/// A path parameter of any content: case matters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Opaque(pub String);

/// A path parameter that names a policy, a user or a mount: lower-cased.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ident(pub String);

/// A path parameter that names a role or a key: case is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoleName(pub String);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = match Value::deserialize(from)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            Value::Null => Some(0),
            _ => None,
        };
        number.map(Self).ok_or_else(|| D::Error::custom("expected a whole number"))
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let flag = match Value::deserialize(from)? {
            Value::Bool(flag) => Some(flag),
            Value::String(text) => match text.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
                "0" | "f" | "F" | "false" | "FALSE" | "False" | "" => Some(false),
                _ => None,
            },
            Value::Number(number) => number.as_i64().map(|n| n != 0),
            Value::Null => Some(false),
            _ => None,
        };
        flag.map(Self).ok_or_else(|| D::Error::custom("expected true or false"))
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("expected a list of texts, or one text with commas");
        let mut names = Vec::new();
        match Value::deserialize(from)? {
            Value::Null => {}
            Value::String(text) => names.extend(text.split(',').map(|name| name.trim().to_owned())),
            Value::Array(items) => {
                for item in items {
                    let Value::String(name) = item else { return Err(wrong()) };
                    names.push(name.trim().to_owned());
                }
            }
            _ => return Err(wrong()),
        }
        names.retain(|name| !name.is_empty());
        Ok(Self(names))
    }
}

impl<'de> Deserialize<'de> for Opaque {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self)
    }
}

impl<'de> Deserialize<'de> for Ident {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        path::ident(&text).map(Self).map_err(|_| D::Error::custom(NAME_RULE))
    }
}

impl<'de> Deserialize<'de> for RoleName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if path::name(&text).is_ok() { Ok(Self(text)) } else { Err(D::Error::custom(NAME_RULE)) }
    }
}

/// For a field that clients send as null where they mean nothing.
pub fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

const NAME_RULE: &str = "expected a name of at most 128 letters, digits, `.`, `_`, `@` or `-`, a letter or digit first";

macro_rules! schemas {
    ($($type:ident: $schema:tt),*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

schemas! {
    Int: { "type": ["integer", "string"] },
    Flag: { "type": ["boolean", "string"] },
    Names: { "type": ["array", "string"], "items": { "type": "string" } },
    Opaque: { "type": "string" },
    Ident: { "type": "string" },
    RoleName: { "type": "string" }
}

/// Reads an input from the text of a JSON object.
pub fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|_| explain::<T>(json))
}

/// The slow path: reads again to learn which field was wrong.
fn explain<T: DeserializeOwned>(json: &str) -> Error {
    let mut reader = serde_json::Deserializer::from_str(json);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => Error::invalid("the body does not read"),
        Err(error) => {
            let field = error.path().to_string();
            worded(&field, &error.into_inner().to_string())
        }
    }
}

/// Turns serde's words into ours.
pub(super) fn worded(field: &str, words: &str) -> Error {
    let words = words.rsplit_once(" at line ").map_or(words, |(words, _)| words);
    if let Some(missing) = words.strip_prefix("missing field `") {
        return Error::invalid(format!("missing {}", missing.trim_end_matches('`')));
    }
    let expected = words.rsplit_once("expected ").map_or("another form", |(_, expected)| match expected {
        "a string" => "a text",
        "a map" => "an object",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        struct_name if struct_name.starts_with("struct ") => "an object",
        "u8" | "u16" | "u32" | "u64" | "i32" | "i64" | "usize" => "a whole number",
        other => other,
    });
    Error::invalid(format!("error converting input for field \"{field}\": expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Debug)]
    #[expect(dead_code, reason = "only its shape counts")]
    struct Input {
        #[serde(default)]
        count: Int,
        #[serde(default)]
        names: Names,
        role_id: String,
        #[serde(default)]
        data: std::collections::BTreeMap<String, String>,
    }

    #[test]
    fn a_refusal_names_the_field_and_never_the_value() {
        for (json, message) in [
            (
                r#"{"role_id":"a","count":"CANARY"}"#,
                "error converting input for field \"count\": expected a whole number",
            ),
            (r#"{"role_id":{"CANARY":1}}"#, "error converting input for field \"role_id\": expected a text"),
            (
                r#"{"role_id":"a","data":"expected CANARY"}"#,
                "error converting input for field \"data\": expected an object",
            ),
            (
                r#"{"role_id":"a","names":["a",["CANARY"]]}"#,
                "error converting input for field \"names\": expected a list of texts, or one text with commas",
            ),
            (r#"{"names":"CANARY"}"#, "missing role_id"),
        ] {
            assert_eq!(read::<Input>(json).unwrap_err().message, message);
        }
    }

    #[test]
    fn numbers_and_lists_are_read_in_all_their_forms() {
        let input: Input = read(r#"{"role_id":"a","count":"7","names":" a ,b,,"}"#).unwrap();
        assert_eq!((input.count, input.names.0), (Int(7), vec!["a".to_owned(), "b".to_owned()]));
        assert!(read::<Input>(r#"{"role_id":"a","count":1.5}"#).is_err());
    }
}
