//! A text that was sent as something else: a number keeps its digits as they were written.
//!
//! A number that serde_json has parsed has lost them: `1.0` would become `1`, and 2^64 would be rounded. So the raw JSON
//! of the value is read, where the source has it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Unexpected, Visitor};

/// The name under which serde_json asks for the raw text of a value.
pub(in crate::contract) const RAW: &str = "$serde_json::private::RawValue";

/// Reads a text leniently from a source that may have the raw JSON of the value.
pub(super) struct AnyText<V>(pub V);

impl<'de, V: Visitor<'de>> AnyText<V> {
    fn refused<E: Error>(self, found: Unexpected<'_>) -> E {
        E::invalid_type(found, &self)
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for AnyText<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    /// A source that has raw JSON hands it over as a map with one entry, as serde_json does.
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<V::Value, A::Error> {
        match entries.next_key::<String>()? {
            Some(key) if key == RAW => entries.next_value_seed(RawText(self)),
            Some(_) => {
                entries.next_value::<IgnoredAny>()?;
                Err(self.refused(Unexpected::Map))
            }
            None => Err(self.refused(Unexpected::Map)),
        }
    }

    /// A source without raw JSON.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<V::Value, E> {
        self.0.visit_str(value)
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<V::Value, E> {
        self.0.visit_borrowed_str(value)
    }

    fn visit_string<E: Error>(self, value: String) -> Result<V::Value, E> {
        self.0.visit_string(value)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.0.visit_str(if value { "1" } else { "0" })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        self.0.visit_string(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        self.0.visit_string(value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.0.visit_string(value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_str("")
    }
}

/// The raw JSON of a value, to be read as a text.
struct RawText<V>(AnyText<V>);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for RawText<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<V::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for RawText<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("raw JSON")
    }

    fn visit_borrowed_str<E: Error>(self, json: &'de str) -> Result<V::Value, E> {
        match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            // Without an escape, the text is what stands between the quotes.
            Some(inner) if !inner.contains('\\') => self.0.visit_borrowed_str(inner),
            _ => self.visit_str(json),
        }
    }

    fn visit_str<E: Error>(self, json: &str) -> Result<V::Value, E> {
        match json.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => self.0.visit_str(json),
            Some(b't') => self.0.visit_bool(true),
            Some(b'f') => self.0.visit_bool(false),
            Some(b'n') => self.0.visit_unit(),
            Some(b'"') => match serde_json::from_str::<String>(json) {
                Ok(text) => self.0.visit_string(text),
                Err(_) => Err(self.0.refused(Unexpected::Other("a text that cannot be read"))),
            },
            Some(b'[') => Err(self.0.refused(Unexpected::Seq)),
            _ => Err(self.0.refused(Unexpected::Map)),
        }
    }
}
