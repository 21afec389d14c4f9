//! The metadata of a SecretID as clients send it: a JSON object of texts, encoded as a text, or `key=value` pairs with
//! commas. Every token that a login with the SecretID issues holds the metadata, so its size is limited.

use std::collections::BTreeMap;

use crate::contract::{Error, Result, bounds};

/// Parses the metadata. An empty text means no metadata.
pub fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    let text = text.trim();
    let wrong = || Error::invalid("failed to parse metadata: failed to parse the input: invalid <key,value> format");
    let metadata = match text.as_bytes().first() {
        None => return Ok(BTreeMap::new()),
        Some(b'{') => serde_json::from_str(text).map_err(|_| wrong())?,
        Some(_) => pairs(text).ok_or_else(wrong)?,
    };
    bounds::metadata("metadata", &metadata)?;
    Ok(metadata)
}

fn pairs(text: &str) -> Option<BTreeMap<String, String>> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        (!key.is_empty() && !value.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    text.split(',').map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits::{METADATA_PAIRS_MAX, METADATA_VALUE_BYTES_MAX};

    #[test]
    fn metadata_reads_in_both_forms() {
        for text in [r#"{"a":"b","c":"d e"}"#, "a=b,c=d e", " a = b , c = d e "] {
            let read = parse(text).unwrap();
            assert_eq!(
                read.into_iter().collect::<Vec<_>>(),
                [("a".into(), "b".into()), ("c".into(), "d e".into())],
                "{text}"
            );
        }
        assert!(parse("").unwrap().is_empty() && parse("{}").unwrap().is_empty());
    }

    #[test]
    fn metadata_other_than_pairs_of_texts_is_refused() {
        for text in ["zz", "[]", r#"{"a":1}"#, r#"{"a":{"b":"c"}}"#, "=b", "a=", "a=b,", r#"{"a":"b"} x"#] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn metadata_stays_small() {
        let many: BTreeMap<String, String> = (0..=METADATA_PAIRS_MAX).map(|n| (n.to_string(), "v".into())).collect();
        assert!(parse(&serde_json::to_string(&many).unwrap()).is_err());
        assert!(parse(&format!("a={}", "v".repeat(METADATA_VALUE_BYTES_MAX + 1))).is_err());
        assert!(parse(&format!("a={}", "v".repeat(METADATA_VALUE_BYTES_MAX))).is_ok());
    }
}
