//! Lengths of time in whole seconds. They are read as Vault's `parseutil` reads them (`300`, `"5m"`, `"1h30m"`) and,
//! where Go would print a duration, written as Go does (`"3h0m0s"`).
//!
//! We parse them ourselves, because clients rely on exactly these rules and on Go's error messages.

use std::fmt::Write as _;

/// A length of time in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Ttl(#[n(0)] u64);

/// Why a text is not a duration. The messages are Go's, because clients compare them; they repeat the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TtlError {
    #[error("time: invalid duration \"{0}\"")]
    Invalid(String),
    #[error("time: missing unit in duration \"{0}\"")]
    UnitMissing(String),
    #[error("time: unknown unit \"{unit}\" in duration \"{text}\"")]
    UnitUnknown { unit: String, text: String },
    #[error("cannot provide negative value '{0}'")]
    Negative(String),
    #[error("could not parse duration from input")]
    Shape,
}

impl Ttl {
    pub(crate) const ZERO: Self = Self(0);
    /// The longest length of time: 292 years, because its nanoseconds must fit an `i64`.
    pub(crate) const MAX: Self = Self(9_223_372_036);

    pub(crate) const fn from_secs(secs: u64) -> Self {
        Self(secs)
    }

    pub(crate) const fn from_hours(hours: u64) -> Self {
        Self(hours * 3600)
    }

    pub(crate) const fn as_secs(self) -> u64 {
        self.0
    }

    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This length of time, or `other` if this one is zero. Zero is Vault's way to say "not set".
    pub(crate) const fn or(self, other: Self) -> Self {
        if self.is_zero() { other } else { self }
    }

    /// Reads a JSON value: a whole number of seconds, a text, or null for zero.
    pub(crate) fn from_json(value: &serde_json::Value) -> Result<Self, TtlError> {
        match value {
            serde_json::Value::Null => Ok(Self::ZERO),
            serde_json::Value::String(text) => Self::parse(text),
            serde_json::Value::Number(number) => Self::parse(&number.to_string()),
            _ => Err(TtlError::Shape),
        }
    }

    /// Reads `300`, `5m`, `1h30m`, `1.5h` or `7d`, also with one `+` in front; an empty text is zero. Fractions of a second
    /// are cut off. Refuses negative numbers, fractions without a unit, unknown units, blanks, and lengths above [`Ttl::MAX`].
    pub(crate) fn parse(text: &str) -> Result<Self, TtlError> {
        if text.is_empty() {
            return Ok(Self::ZERO);
        }
        if text.len() > 64 {
            return Err(TtlError::Shape);
        }
        if let Some(rest) = text.strip_prefix('-') {
            Self::parse(rest)?;
            return Err(TtlError::Negative(text.to_owned()));
        }
        match text.strip_prefix('+') {
            Some(rest) if !rest.is_empty() => Self::unsigned(rest),
            _ => Self::unsigned(text),
        }
    }

    /// Reads a duration without a sign.
    fn unsigned(text: &str) -> Result<Self, TtlError> {
        let invalid = || TtlError::Invalid(text.to_owned());
        if text.bytes().all(|b| b.is_ascii_digit()) {
            let secs = text.parse().map_err(|_| invalid())?;
            return Self(secs).checked().ok_or_else(invalid);
        }
        // Vault adds days to Go's units, but only as one whole number with no other unit beside it.
        if let Some(days) = text.strip_suffix('d').filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit())) {
            let days: u64 = days.parse().map_err(|_| invalid())?;
            return days.checked_mul(86_400).and_then(|secs| Self(secs).checked()).ok_or_else(invalid);
        }
        go_duration(text)
    }

    /// The text that Go prints for such a `time.Duration`: `0s`, `5m0s`, `3h0m0s`.
    pub(crate) fn go_format(self) -> String {
        let (hours, minutes, secs) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        let mut out = String::new();
        if hours > 0 {
            let _ = write!(out, "{hours}h");
        }
        if hours > 0 || minutes > 0 {
            let _ = write!(out, "{minutes}m");
        }
        let _ = write!(out, "{secs}s");
        out
    }

    const fn checked(self) -> Option<Self> {
        if self.0 <= Self::MAX.0 { Some(self) } else { None }
    }
}

/// Reads a duration as Go's `time.ParseDuration` does, with checked arithmetic in nanoseconds.
fn go_duration(text: &str) -> Result<Ttl, TtlError> {
    let invalid = || TtlError::Invalid(text.to_owned());
    let (mut rest, mut total) = (text, 0_u128);
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_len);
        if number.is_empty() || number == "." || number.matches('.').count() > 1 {
            return Err(invalid());
        }
        let unit_len = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_len);
        let nanos: u128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(TtlError::UnitMissing(text.to_owned())),
            _ => return Err(TtlError::UnitUnknown { unit: unit.to_owned(), text: text.to_owned() }),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let mut part = whole.checked_mul(nanos).ok_or_else(invalid)?;
        let digits = fraction.get(..fraction.len().min(15)).unwrap_or("");
        if !digits.is_empty() {
            let scale = 10_u128.pow(u32::try_from(digits.len()).unwrap_or(15));
            part += digits.parse::<u128>().map_err(|_| invalid())? * nanos / scale;
        }
        total = total.checked_add(part).ok_or_else(invalid)?;
        rest = after;
    }
    u64::try_from(total / 1_000_000_000).ok().and_then(|secs| Ttl(secs).checked()).ok_or_else(invalid)
}

impl serde::Serialize for Ttl {
    /// Writes whole seconds, as every duration in an answer is written.
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Ttl {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::from_json(&serde_json::Value::deserialize(from)?)
            .map_err(|_| serde::de::Error::custom("expected a duration such as 300, \"5m\" or \"1h30m\""))
    }
}

impl schemars::JsonSchema for Ttl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ttl".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "format": "seconds" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fuzz;

    #[test]
    fn durations_read_as_vault_reads_them() {
        for (text, secs) in [
            ("", 0),
            ("0", 0),
            ("300", 300),
            ("30s", 30),
            ("5m", 300),
            ("1h30m", 5400),
            ("1.5h", 5400),
            ("7d", 604_800),
            ("1ms", 0),
            ("90000ms", 90),
            ("+90", 90),
            ("+1h", 3600),
            ("+1d", 86_400),
            ("9223372036", 9_223_372_036),
        ] {
            assert_eq!(Ttl::parse(text), Ok(Ttl::from_secs(secs)), "{text}");
        }
    }

    #[test]
    fn what_vault_refuses_is_refused_with_its_words() {
        for (text, message) in [
            ("zz", "time: invalid duration \"zz\""),
            ("1w", "time: unknown unit \"w\" in duration \"1w\""),
            ("1e3", "time: unknown unit \"e\" in duration \"1e3\""),
            ("3.7", "time: missing unit in duration \"3.7\""),
            (" 5m", "time: invalid duration \" 5m\""),
            ("-1s", "cannot provide negative value '-1s'"),
            ("99999999999999999999", "time: invalid duration \"99999999999999999999\""),
            ("1000000000000h", "time: invalid duration \"1000000000000h\""),
            ("+", "time: invalid duration \"+\""),
            ("++1", "time: invalid duration \"+1\""),
            ("+-1", "time: invalid duration \"-1\""),
            ("1.2.3h", "time: invalid duration \"1.2.3h\""),
            ("999999999999d", "time: invalid duration \"999999999999d\""),
        ] {
            assert_eq!(Ttl::parse(text).map_err(|e| e.to_string()), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn durations_print_as_go_prints_them() {
        for (secs, text) in [(0, "0s"), (5, "5s"), (300, "5m0s"), (10_800, "3h0m0s"), (3_661, "1h1m1s")] {
            assert_eq!(Ttl::from_secs(secs).go_format(), text);
        }
    }

    proptest::proptest! {
        #![proptest_config(fuzz::config())]

        #[test]
        fn no_text_makes_the_reader_panic(text in ".*", parts in "-?([0-9.]{0,20}(ns|us|µs|ms|s|m|h|d|w|)){0,4}") {
            for text in [text, parts] {
                if let Ok(ttl) = Ttl::parse(&text) {
                    proptest::prop_assert!(ttl <= Ttl::MAX && !text.starts_with('-'), "{text}");
                }
            }
        }

        #[test]
        fn what_is_printed_reads_back(secs in 0..9_223_372_036_u64) {
            let ttl = Ttl::from_secs(secs);
            proptest::prop_assert_eq!(Ttl::parse(&ttl.go_format()), Ok(ttl));
        }
    }
}
