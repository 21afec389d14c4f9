//! Merges JSON texts as in RFC 7396. Numbers and everything else that the patch does not change keep their exact text.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::records::Document;
use crate::{
    base::{json, limits::BODY_BYTES_MAX, secret::Secret},
    contract::{Error, Fault, Result},
};

/// Merges `patch` into `target`. The result must fit the limits of a request body, because a key could otherwise grow
/// without end through patches.
pub fn merge(target: &Document, patch: &Document) -> Result<Document> {
    let (target, patch) = (target.0.expose(), patch.0.expose());
    within_limits(patch)?;
    within_limits(target)?;
    let mut merged = Secret::new(String::with_capacity(target.len() + patch.len()));
    let out = merged.expose_mut();
    merge_into(Some(target), patch, out)?;
    within_limits(out)?;
    Ok(Document(merged))
}

/// Refuses a document that is nested too deep, has too many parts or is too long.
pub fn within_limits(text: &str) -> Result<()> {
    if text.len() > BODY_BYTES_MAX || json::scan(text.as_bytes()).is_err() {
        return Err(Error::new(
            Fault::TooLarge,
            "the data is too large: at most 1 MiB, 32 levels of nesting, and 10,000 values and keys",
        ));
    }
    Ok(())
}

/// The members of a JSON object by name, each with its text.
pub fn members(text: &str) -> Result<BTreeMap<String, &RawValue>> {
    serde_json::from_str(text).map_err(|_| Error::internal("a stored document is not a JSON object"))
}

/// Appends `target` merged with `patch` to `out`. The depth of the recursion is limited by [`within_limits`].
fn merge_into(target: Option<&str>, patch: &str, out: &mut String) -> Result<()> {
    if !patch.starts_with('{') {
        out.push_str(patch);
        return Ok(());
    }
    let mut old = match target {
        Some(object) if object.starts_with('{') => members(object)?,
        _ => BTreeMap::new(),
    };
    let changes = members(patch)?;
    // A member that the patch does not name keeps its text. The others are merged recursively.
    old.retain(|name, _| changes.get(name).is_none_or(|change| change.get() != "null"));
    let mut is_first = true;
    let mut name_to = |name: &str, out: &mut String| {
        out.push(if is_first { '{' } else { ',' });
        is_first = false;
        json::quote(name, out);
        out.push(':');
    };
    for (name, value) in &old {
        name_to(name, out);
        match changes.get(name) {
            Some(change) => merge_into(Some(value.get()), change.get(), out)?,
            None => out.push_str(value.get()),
        }
    }
    for (name, change) in &changes {
        if change.get() != "null" && !old.contains_key(name) {
            name_to(name, out);
            merge_into(None, change.get(), out)?;
        }
    }
    out.push_str(if is_first { "{}" } else { "}" });
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn merged(target: &str, patch: &str) -> String {
        let mut out = String::new();
        merge_into(Some(target), patch, &mut out).unwrap();
        out
    }

    /// RFC 7396, Appendix A.
    #[test]
    fn the_examples_of_the_rfc_hold() {
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, r"{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            (r"[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            (r"{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(merged(target, patch), result, "{target} with {patch}");
        }
    }

    #[test]
    fn what_a_patch_leaves_alone_keeps_its_exact_text() {
        let target = r#"{"n":12345678901234567890123,"d":1.10,"t":"\u00e9","o":{ "x" : 1E2 }}"#;
        assert_eq!(
            merged(target, r#"{"a":1.50,"t":"b"}"#),
            r#"{"d":1.10,"n":12345678901234567890123,"o":{ "x" : 1E2 },"t":"b","a":1.50}"#
        );
    }

    #[test]
    fn names_are_compared_by_what_they_mean() {
        assert_eq!(merged(r#"{"\u0061":1,"b\"":2}"#, r#"{"a":null}"#), r#"{"b\"":2}"#);
    }

    /// The pseudocode of RFC 7396 §2, line by line.
    fn naive(target: &Value, patch: &Value) -> Value {
        let Value::Object(patch) = patch else { return patch.clone() };
        let mut target = target.as_object().cloned().unwrap_or_default();
        for (name, value) in patch {
            if value.is_null() {
                target.remove(name);
            } else {
                let old = target.get(name).cloned().unwrap_or(Value::Null);
                target.insert(name.clone(), naive(&old, value));
            }
        }
        Value::Object(target)
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(|number| json!(number)),
            ".{0,4}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map("[a-c\"\\\\é<]{0,1}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn merging_texts_equals_merging_values(target in values(), patch in values()) {
            let out: Value = serde_json::from_str(&merged(&target.to_string(), &patch.to_string())).unwrap();
            prop_assert_eq!(out, naive(&target, &patch));
        }

        #[test]
        fn a_patch_applied_twice_changes_nothing_more(target in values(), patch in values()) {
            let once = merged(&target.to_string(), &patch.to_string());
            let twice: Value = serde_json::from_str(&merged(&once, &patch.to_string())).unwrap();
            prop_assert_eq!(twice, serde_json::from_str::<Value>(&once).unwrap());
        }
    }
}
