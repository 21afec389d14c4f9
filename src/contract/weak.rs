//! Reads JSON as leniently as Vault's clients need. It is one adapter between the parser and every typed input, so no
//! field has to deal with it.
//!
//! | the field is | what is read too (as OpenBao 2.7.2 does) |
//! |---|---|
//! | a text | a number as its digits were written, `true` as `1`, `false` as `0`, `null` as the empty text |
//! | a whole number | its text, the empty text as 0, `true` as 1, `false` as 0, `null` as 0 |
//! | true or false | `"true"`, `"1"`, `1` and their like, the empty text as false, `null` as false |
//! | a list | one text with commas, a single number or flag, `null` and the empty map as the empty list |
//! | a map | `null` and the empty list as the empty map |
//!
//! The same rules apply inside a field: the values of a map of texts may be numbers. Raw JSON (the data of a secret) is
//! passed through unchanged.

mod text;

use std::{fmt, marker::PhantomData};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
    value::{MapDeserializer, SeqDeserializer},
};

use self::text::AnyText;
pub(super) use self::text::RAW;

/// A deserializer that reads values leniently.
pub(super) struct Weak<D>(pub D);

/// Methods that pass serde's request on unchanged, but read nested values leniently again.
macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($argument,)* Inside(visitor))
        }
    )*};
}

/// Methods that read numbers. All widths are read in the same way.
macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.deserialize_any(Number(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Weak<D> {
    type Error = D::Error;

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    forward! {
        deserialize_any();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Truth(visitor))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(RAW, AnyText(visitor))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(RAW, AnyText(visitor))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(List(visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Map(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Map(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        if name == RAW {
            return self.0.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }
}

/// Wraps nested values, so that they are read leniently too.
struct Inside<V>(V);

/// Methods of a visitor that pass a value on unchanged.
macro_rules! pass {
    ($($method:ident($type:ty);)*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<Self::Value, E> {
            self.0.$method(value)
        }
    )*};
}

/// Methods that pass on a list or a map, with its items wrapped.
macro_rules! pass_parts {
    ($($part:ident)*) => {$(pass_parts!(@ $part);)*};
    (@ list) => {
        fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
            self.0.visit_seq(WeakItems(items))
        }
    };
    (@ map) => {
        fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
            self.0.visit_map(WeakEntries(entries))
        }
    };
    (@ expecting) => {
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(formatter)
        }
    };
}

/// What an error says was expected: words for people. serde would name a Rust type.
macro_rules! expecting {
    ($words:literal) => {
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str($words)
        }
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Inside<V> {
    type Value = V::Value;

    pass_parts!(expecting list map);

    pass! {
        visit_bool(bool);
        visit_i64(i64);
        visit_u64(u64);
        visit_f64(f64);
        visit_char(char);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
        visit_bytes(&[u8]);
        visit_byte_buf(Vec<u8>);
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        self.0.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        self.0.visit_some(Weak(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.0.visit_unit()
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        self.0.visit_newtype_struct(Weak(value))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Self::Value, A::Error> {
        self.0.visit_enum(WeakVariant(data))
    }
}

/// The target is a whole number.
struct Number<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Number<V> {
    type Value = V::Value;

    expecting!("a whole number");

    pass! {
        visit_i64(i64);
        visit_u64(u64);
        visit_f64(f64);
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        self.0.visit_u64(u64::from(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.0.visit_u64(0)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        if value.is_empty() {
            return self.0.visit_u64(0);
        }
        match (value.parse::<u64>(), value.parse::<i64>()) {
            (Ok(number), _) => self.0.visit_u64(number),
            (_, Ok(number)) => self.0.visit_i64(number),
            _ => Err(E::invalid_type(Unexpected::Str("a text"), &self)),
        }
    }
}

/// The target is true or false.
struct Truth<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Truth<V> {
    type Value = V::Value;

    expecting!("true or false");

    pass! {
        visit_bool(bool);
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        match value {
            0 | 1 => self.0.visit_bool(value == 1),
            _ => Err(E::invalid_type(Unexpected::Unsigned(2), &self)),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.0.visit_bool(false)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => self.0.visit_bool(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" | "" => self.0.visit_bool(false),
            _ => Err(E::invalid_type(Unexpected::Str("a text"), &self)),
        }
    }
}

/// The target is a list.
struct List<V>(V);

impl<'de, V: Visitor<'de>> List<V> {
    fn texts<E: Error>(self, texts: Vec<String>) -> Result<V::Value, E> {
        self.0.visit_seq(WeakItems(SeqDeserializer::new(texts.into_iter())))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for List<V> {
    type Value = V::Value;

    expecting!("a list of texts, or one text with commas");

    pass_parts!(list);

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        self.texts(vec![String::from(if value { "1" } else { "0" })])
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        self.texts(vec![value.to_string()])
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        self.texts(vec![value.to_string()])
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.texts(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        match entries.next_key::<serde::de::IgnoredAny>()? {
            None => self.texts(Vec::new()),
            Some(_) => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        self.texts(value.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
    }
}

/// The target is a map or a struct.
struct Map<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Map<V> {
    type Value = V::Value;

    expecting!("an object");

    pass_parts!(map);

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.0.visit_map(MapDeserializer::new(std::iter::empty::<(String, String)>()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        match items.next_element::<serde::de::IgnoredAny>()? {
            None => self.visit_unit(),
            Some(_) => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
        }
    }
}

struct WeakItems<A>(A);

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for WeakItems<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(WeakSeed(seed, PhantomData))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

struct WeakEntries<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WeakEntries<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(WeakSeed(seed, PhantomData))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

struct WeakSeed<'de, T>(T, PhantomData<&'de ()>);

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for WeakSeed<'de, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        self.0.deserialize(Weak(deserializer))
    }
}

struct WeakVariant<A>(A);

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for WeakVariant<A> {
    type Error = A::Error;
    type Variant = WeakContent<A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        let (value, variant) = self.0.variant_seed(seed)?;
        Ok((value, WeakContent(variant)))
    }
}

struct WeakContent<A>(A);

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for WeakContent<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.0.newtype_variant_seed(WeakSeed(seed, PhantomData))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Inside(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Inside(visitor))
    }
}

#[cfg(test)]
mod tests;
