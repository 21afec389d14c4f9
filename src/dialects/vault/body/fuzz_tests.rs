//! Fuzz targets: any bytes are a form or are refused, and a form means what the JSON body of the same fields means. The
//! fields and their types are those of the rows that are written to.

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{TestCaseResult, TestRunner},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::*;
use crate::{
    base::{fuzz, ttl::Ttl},
    broker::{KINDS, documents},
    contract::{Fault, Flag, Int, Names, RowFacts, Verb, input},
};

/// The rows that read a form.
static ROWS: LazyLock<Vec<Arc<RowFacts>>> = LazyLock::new(|| {
    let rows = documents::usual_mounts(KINDS).into_iter().flat_map(|mount| mount.rows);
    rows.filter(|row| matches!(row.verb, Verb::Write | Verb::Login)).collect()
});

fn form(body: &[u8]) -> Result<Option<String>> {
    decoder(Operation::Update, Some("application/x-www-form-urlencoded"))(body)
}

/// Bytes of any kind, and texts that look like forms.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let names: Vec<String> = ROWS.iter().flat_map(|row| row.input.names().to_vec()).collect();
    let piece = prop_oneof![
        3 => select(names).prop_map(String::into_bytes),
        3 => select(vec!["=", "&", "%", "+", "%41", "%00", "%ff", "%C3%A9", "%4", ",", "\"", "{", "}", "null", "é", " "])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    prop_oneof![
        1 => proptest::collection::vec(any::<u8>(), 0..64),
        4 => proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat()),
    ]
}

#[test]
fn any_bytes_are_a_form_or_are_refused() {
    let taken = Cell::new(0_u32);
    let test = |body: Vec<u8>| -> TestCaseResult {
        let text = match form(&body) {
            Ok(None) => return Ok(()),
            Ok(Some(text)) => text,
            Err(error) => {
                prop_assert_eq!(error.fault, Fault::Invalid);
                return Ok(());
            }
        };
        prop_assert!(serde_json::from_str::<Map<String, Value>>(&text).is_ok(), "{} is no object", text);
        taken.set(taken.get() + 1);
        for row in ROWS.iter() {
            if let Err(error) = (row.reads)(&text) {
                prop_assert_eq!(error.fault, Fault::Invalid, "{} {}", row.path, text);
            }
        }
        Ok(())
    };
    TestRunner::new(fuzz::config()).run(&bodies(), test).unwrap();
    assert!(taken.get() > 20, "only {} bodies were forms", taken.get());
}

/// The fields of one row, each as JSON writes it and as a form does.
#[derive(Debug, Clone)]
struct Sent {
    row: usize,
    fields: Vec<(String, Value)>,
    /// Whether a list is one text with commas, rather than one pair for each item.
    with_commas: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    let any_row = (0..ROWS.len(), any::<bool>());
    any_row.prop_flat_map(|(row, with_commas)| {
        let fields: Vec<_> = ROWS[row]
            .input
            .fields()
            .filter_map(|field| Some((field.name.to_owned(), values(field.schema)?)))
            .map(|(name, value)| (Just(name), proptest::option::of(value)))
            .collect();
        fields.prop_map(move |fields| Sent {
            row,
            with_commas,
            fields: fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        })
    })
}

/// Values of a type that a form can write; `None` for objects, which it cannot.
fn values(schema: &Map<String, Value>) -> Option<BoxedStrategy<Value>> {
    let strategy = match (schema.get("type")?.as_str()?, schema.get("format").is_some()) {
        ("integer", false) => prop_oneof![-2..300_i64, any::<i64>()].prop_map(Value::from).boxed(),
        ("integer", true) => any::<u32>().prop_map(Value::from).boxed(),
        ("boolean", _) => any::<bool>().prop_map(Value::from).boxed(),
        ("string", _) => any::<String>().prop_map(Value::from).boxed(),
        ("array", _) => {
            let item = match schema.get("items")?.get("type")?.as_str()? {
                "integer" => (0..1_000_000_i64).prop_map(Value::from).boxed(),
                _ => "[a-zé/*\"]{1,8}".prop_map(Value::from).boxed(),
            };
            proptest::collection::vec(item, 1..4).prop_map(Value::from).boxed()
        }
        _ => return None,
    };
    Some(strategy)
}

impl Sent {
    fn form(&self) -> String {
        let mut pairs = Vec::new();
        for (name, value) in &self.fields {
            let texts = match value {
                Value::Array(items) if self.with_commas => {
                    vec![items.iter().map(text_of).collect::<Vec<_>>().join(",")]
                }
                Value::Array(items) => items.iter().map(text_of).collect(),
                one => vec![text_of(one)],
            };
            let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().replace("%20", "+");
            pairs.extend(texts.iter().map(|text| format!("{}={}", encoded(name), encoded(text))));
        }
        pairs.join("&")
    }

    fn json(&self) -> String {
        Value::Object(self.fields.iter().cloned().collect()).to_string()
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a field of this schema means, read as every input reads it.
fn meaning(schema: &Map<String, Value>, value: &Value) -> String {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    match (text("type"), text("format")) {
        (Some("integer"), Some("seconds")) => read_one::<Ttl>(value),
        (Some("integer"), _) => read_one::<Int>(value),
        (Some("boolean"), _) => read_one::<Flag>(value),
        (Some("array"), _) => read_one::<Names>(value),
        _ => read_one::<String>(value),
    }
}

fn read_one<T: DeserializeOwned + std::fmt::Debug>(value: &Value) -> String {
    #[derive(Deserialize, Debug)]
    struct One<T> {
        #[expect(dead_code, reason = "printed")]
        value: T,
    }
    let read = input::read::<One<T>>(&json!({ "value": value }).to_string());
    format!("{:?}", read.map_err(|error| error.message))
}

#[test]
fn a_form_means_what_the_json_body_of_the_same_fields_means() {
    let compared = Cell::new(BTreeMap::<String, u32>::new());
    let test = |sent: Sent| -> TestCaseResult {
        let row = &ROWS[sent.row];
        if sent.fields.is_empty() {
            return Ok(());
        }
        let by_form = form(sent.form().as_bytes()).unwrap().unwrap();
        let by_json = json_or_query(sent.json().as_bytes()).unwrap().unwrap();
        // The handler's own input is read from both, or refused for the same reason.
        let outcome = |text: &str| (row.reads)(text).map_err(|error| error.message);
        prop_assert_eq!(outcome(&by_form), outcome(&by_json), "{} {}", row.path, by_form);
        let form_fields: Map<String, Value> = serde_json::from_str(&by_form).unwrap();
        let json_fields: Map<String, Value> = serde_json::from_str(&by_json).unwrap();
        let names = |fields: &Map<String, Value>| fields.keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(names(&form_fields), names(&json_fields));
        for field in row.input.fields().filter(|field| json_fields.contains_key(field.name)) {
            let (ours, theirs) = (&form_fields[field.name], &json_fields[field.name]);
            prop_assert_eq!(meaning(field.schema, ours), meaning(field.schema, theirs), "{} {}", row.path, field.name);
            let mut counts = compared.take();
            *counts.entry(field.type_words()).or_default() += 1;
            compared.set(counts);
        }
        Ok(())
    };
    TestRunner::new(fuzz::config()).run(&sent(), test).unwrap();
    let compared = compared.take();
    // A type that one field of all rows has is drawn rarely, so only the whole is asked for.
    assert!(compared.len() >= 5 && compared.values().sum::<u32>() >= 100, "{compared:?}");
}
