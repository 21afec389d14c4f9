//! Why an input does not fit its type, as types instead of serde's texts: which field is missing, or what was expected.
//! No value of the input is kept, so an error cannot leak one.

use std::fmt;

use serde::{
    de::{self, Deserializer, Unexpected, Visitor, value::MapDeserializer, value::SeqDeserializer},
    forward_to_deserialize_any,
};
use serde_json::Value;

use super::{error::Error, weak::RAW};

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Misfit {
    Missing(&'static str),
    /// The value has another type than expected. Holds the expected type in words for people: `a whole number`.
    Expected(String),
    /// The field's own type refused the value. Holds the message of that type.
    Rule(String),
    /// The type is right, but the value is out of range.
    OutOfRange,
}

impl Misfit {
    /// The error for the caller.
    pub fn of_field(self, field: &str) -> Error {
        let why = match self {
            Self::Missing(name) => return Error::invalid(format!("missing {name}")),
            Self::Expected(words) => format!("expected {words}"),
            Self::Rule(words) => words,
            Self::OutOfRange => String::from("the value is out of range"),
        };
        Error::invalid(format!("error converting input for field \"{field}\": {why}"))
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the input does not fit")
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::Rule(words.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Expected(expected.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::OutOfRange
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// Parsed JSON as a source for serde. Its errors are [`Misfit`].
pub(super) struct Tree(pub Value);

impl<'de> Deserializer<'de> for Tree {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (_, Some(number)) => visitor.visit_i64(number),
                _ => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Tree))),
            Value::Object(fields) => {
                visitor.visit_map(MapDeserializer::new(fields.into_iter().map(|(name, value)| (name, Tree(value)))))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        if name == RAW {
            let text = self.0.to_string();
            return visitor.visit_map(MapDeserializer::new(std::iter::once((RAW, text))));
        }
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl de::IntoDeserializer<'_, Misfit> for Tree {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
