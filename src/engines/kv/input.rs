//! Parses the input of this engine. A null field differs from an absent one: null resets the setting. Such fields are
//! read with [`given`](crate::contract::given).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value, value::RawValue};

use super::records::{CasRule, Document, Key, Lapse};
use crate::{
    base::{secret::Secret, ttl::Ttl},
    contract::{Error, Int, Result},
};

/// The `options` of a write: the version number that the caller believes to be the current one, if given.
#[derive(Default)]
pub struct Options {
    cas: Option<Cas>,
}

enum Cas {
    Version(i64),
    Unreadable,
}

impl Options {
    /// Refuses a write whose number is not that of the key's current version, or that has no number although `rule`
    /// requires one. A negative number never matches.
    pub fn check(&self, key: &Key, rule: CasRule) -> Result<()> {
        match &self.cas {
            None if rule == CasRule::Required => Err(Error::invalid("check-and-set parameter required for this call")),
            None => Ok(()),
            Some(Cas::Unreadable) => Err(Error::invalid("error parsing check-and-set parameter")),
            Some(Cas::Version(version)) if u64::try_from(*version) == Ok(key.current) => Ok(()),
            Some(Cas::Version(_)) => Err(Error::invalid("check-and-set parameter did not match the current version")),
        }
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Null => Ok(Self::default()),
            Value::Array(items) if items.is_empty() => Ok(Self::default()),
            Value::Object(options) => Ok(Self { cas: options.get("cas").map(Cas::from) }),
            _ => Err(D::Error::custom("expected an object")),
        }
    }
}

impl From<&Value> for Cas {
    fn from(value: &Value) -> Self {
        let version = match value {
            Value::Null => Some(0),
            Value::Number(number) => number.as_i64(),
            Value::String(text) if text.is_empty() => Some(0),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        version.map_or(Self::Unreadable, Self::Version)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw: Box<str> = Box::<RawValue>::deserialize(from)?.into();
        // PHP writes an empty map as an empty list.
        let is_empty_list =
            raw.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|in_it| in_it.trim().is_empty());
        let text = Secret::new(if is_empty_list { String::from("{}") } else { String::from(raw) });
        let is_right = {
            let text = text.expose();
            text.starts_with('{') || text == "null"
        };
        if is_right { Ok(Self(text)) } else { Err(D::Error::custom("expected an object")) }
    }
}

/// Version numbers: a list, one number, or a text with commas.
#[derive(Default)]
pub struct Numbers(pub Vec<i64>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let numbers: Option<Vec<i64>> = match Value::deserialize(from)? {
            Value::Null => Some(Vec::new()),
            Value::Array(items) => items.iter().map(number).collect(),
            Value::String(text) => {
                text.split(',').filter(|part| !part.is_empty()).map(|part| part.trim().parse().ok()).collect()
            }
            other => number(&other).map(|number| vec![number]),
        };
        numbers.map(Self).ok_or_else(|| D::Error::custom("expected a list of whole numbers"))
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// How many versions to keep.
#[derive(Clone, Copy)]
pub struct Count(pub u32);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("expected a whole number from 0 to 4294967295");
        let Int(number) = Int::deserialize(from).map_err(|_| wrong())?;
        u32::try_from(number).map(Self).map_err(|_| wrong())
    }
}

impl<'de> Deserialize<'de> for Lapse {
    /// Reads a duration. A negative duration means never.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let below_zero = match &value {
            Value::String(text) => text.strip_prefix('-').filter(|rest| !rest.starts_with('+')).map(str::to_owned),
            Value::Number(number) => number.to_string().strip_prefix('-').map(str::to_owned),
            _ => None,
        };
        let (read, is_never) = match below_zero {
            Some(rest) => (Ttl::parse(&rest), true),
            None => (Ttl::from_json(&value), false),
        };
        match read {
            Ok(_) if is_never => Ok(Self::Never),
            Ok(after) => Ok(Self::After(after)),
            Err(_) => Err(D::Error::custom("expected a duration such as 300, \"5m\" or \"1h30m\"")),
        }
    }
}

/// Custom metadata from a request. In a patch, a null value removes its key, and null in place of the whole object
/// removes all keys.
pub struct CustomChanges(pub Option<BTreeMap<String, Option<String>>>);

impl<'de> Deserialize<'de> for CustomChanges {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Some(raw) = Option::<BTreeMap<String, Box<RawValue>>>::deserialize(from)? else { return Ok(Self(None)) };
        let mut changes = BTreeMap::new();
        for (key, value) in raw {
            let value = custom_value(value.get()).map_err(|()| D::Error::custom("expected an object of texts"))?;
            changes.insert(key, value);
        }
        Ok(Self(Some(changes)))
    }
}

/// The text of a custom metadata value, or `None` for null. As in Vault, a number is kept as it is written and a
/// boolean becomes 1 or 0. Fails for lists and objects.
fn custom_value(json: &str) -> Result<Option<String>, ()> {
    match json {
        "null" => Ok(None),
        "true" => Ok(Some("1".to_owned())),
        "false" => Ok(Some("0".to_owned())),
        text if text.starts_with('"') => serde_json::from_str(text).map(Some).map_err(|_| ()),
        nested if nested.starts_with(['{', '[']) => Err(()),
        number => Ok(Some(number.to_owned())),
    }
}
