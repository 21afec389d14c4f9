//! Parses the fields of a request into the input of a handler, and defines the types for its parameters and fields. A
//! number may arrive as text, and a list as one text with commas (weak.rs); the handler sees no difference. An error
//! names the field and the expected form, never the value.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, value::MapDeserializer},
};
use serde_json::value::RawValue;

use crate::{
    base::path,
    contract::{
        Error, Result,
        misfit::{Misfit, Tree},
        weak::Weak,
    },
};

/// A whole number. Text is accepted too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Int(pub i64);

/// True or false. Text, 0 and 1 are accepted too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flag(pub bool);

/// A list of names, given as an array or as one text with commas. Spaces around a name and empty names are removed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names(pub Vec<String>);

/// A path parameter with any content. Case matters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Opaque(pub String);

/// A path parameter that names a policy, a user or a mount. The name is lower-cased.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ident(pub String);

/// A path parameter that names a role or a key. The case of the name is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoleName(pub String);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        i64::deserialize(from).map(Self)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        bool::deserialize(from).map(Self)
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        Ok(Self(names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()))
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

/// Reads a field that is present. Null counts as present: the type of the field decides what it means.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// Reads null as the default value. For a field that some clients send as null when they do not set it.
pub fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Whether a flag of a JSON object is set.
pub(super) fn says(json: &str, name: &str) -> bool {
    // The other fields may be secrets: they stay where they are.
    let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json).unwrap_or_default();
    let value = fields.get(name).and_then(|text| serde_json::from_str::<serde_json::Value>(text.get()).ok());
    value.is_some_and(|value| Flag::deserialize(Weak(&value)).is_ok_and(|flag| flag.0))
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
    Int: { "type": "integer" },
    Flag: { "type": "boolean" },
    Names: { "type": "array", "items": { "type": "string" } },
    Opaque: { "type": "string" },
    Ident: { "type": "string" },
    RoleName: { "type": "string" }
}

/// Parses an input from the text of a JSON object.
pub fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_str(json);
    T::deserialize(Weak(&mut reader)).map_err(|_| explain::<T>(json))
}

/// Makes the error for an input that does not fit: parses it again, more slowly, to find out which field is wrong and
/// why.
fn explain<T: DeserializeOwned>(json: &str) -> Error {
    let Ok(tree) = serde_json::from_str(json) else { return Error::invalid("the body cannot be parsed") };
    match serde_path_to_error::deserialize::<_, T>(Weak(Tree(tree))) {
        Ok(_) => Error::invalid("the body cannot be parsed"),
        Err(error) => {
            let field = error.path().to_string();
            error.into_inner().of_field(&field)
        }
    }
}

/// Parses the parameters of a path into the type that the handler takes.
pub(super) fn read_params<P: DeserializeOwned>(params: &[(String, String)]) -> Result<P> {
    let pairs = params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let reader: MapDeserializer<'_, _, Misfit> = MapDeserializer::new(pairs);
    P::deserialize(reader).map_err(|misfit| {
        let names: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
        misfit.of_field(&names.join("/"))
    })
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
                "error converting input for field \"names[1]\": expected a text",
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
