//! Every spelling that clients of Vault send, as OpenBao 2.7.2 reads it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::*;
use crate::base::ttl::Ttl;

#[derive(Deserialize, Debug, PartialEq, Default)]
#[serde(default)]
struct Input {
    text: String,
    maybe: Option<String>,
    count: u32,
    flag: bool,
    list: Vec<String>,
    map: BTreeMap<String, String>,
    ttl: Option<Ttl>,
    inner: Option<Inner>,
}

#[derive(Deserialize, Debug, PartialEq, Default)]
#[serde(default)]
struct Inner {
    text: String,
}

fn read(value: serde_json::Value) -> Result<Input, serde_json::Error> {
    let text = value.to_string();
    Input::deserialize(Weak(&mut serde_json::Deserializer::from_str(&text)))
}

/// OpenBao 2.7.2 was asked each line.
#[test]
fn every_spelling_of_vaults_clients_is_read() {
    for (sent, expected) in [
        (json!({"text": 5}), Input { text: "5".into(), ..Input::default() }),
        (json!({"text": 1.5}), Input { text: "1.5".into(), ..Input::default() }),
        (json!({"text": true}), Input { text: "1".into(), ..Input::default() }),
        (json!({"text": false}), Input { text: "0".into(), ..Input::default() }),
        (json!({"text": null}), Input::default()),
        (json!({"text": u64::MAX}), Input { text: u64::MAX.to_string(), ..Input::default() }),
        (json!({"maybe": 7}), Input { maybe: Some("7".into()), ..Input::default() }),
        (json!({"maybe": null}), Input::default()),
        (json!({"count": "5"}), Input { count: 5, ..Input::default() }),
        (json!({"count": true}), Input { count: 1, ..Input::default() }),
        (json!({"count": ""}), Input::default()),
        (json!({"count": null}), Input::default()),
        (json!({"flag": "T"}), Input { flag: true, ..Input::default() }),
        (json!({"flag": 1}), Input { flag: true, ..Input::default() }),
        (json!({"flag": ""}), Input::default()),
        (json!({"list": "a, b ,,c"}), Input { list: ["a", "b", "c"].map(String::from).into(), ..Input::default() }),
        (json!({"list": ["a", 1, true]}), Input { list: ["a", "1", "1"].map(String::from).into(), ..Input::default() }),
        (json!({"list": 5}), Input { list: vec!["5".into()], ..Input::default() }),
        (json!({"list": null}), Input::default()),
        (json!({"list": {}}), Input::default()),
        (
            json!({"map": {"version": 2, "b": true, "n": null}}),
            Input {
                map: [("version", "2"), ("b", "1"), ("n", "")].map(|(k, v)| (k.into(), v.into())).into(),
                ..Input::default()
            },
        ),
        (json!({"map": []}), Input::default()),
        (json!({"map": null}), Input::default()),
        (json!({"ttl": 300}), Input { ttl: Some(Ttl::from_secs(300)), ..Input::default() }),
        (json!({"ttl": "5m"}), Input { ttl: Some(Ttl::from_secs(300)), ..Input::default() }),
        (json!({"inner": {"text": 5}}), Input { inner: Some(Inner { text: "5".into() }), ..Input::default() }),
    ] {
        assert_eq!(read(sent.clone()).unwrap(), expected, "{sent}");
    }
}

/// serde_json had parsed the number first, so `1.0` became `1` and a number beyond 64 bits another one.
#[test]
fn a_number_for_a_text_keeps_its_digits() {
    for digits in ["1.0", "18446744073709551616", "-9223372036854775809", "1e+30", "0.10", "9007199254740993"] {
        let expected = Input {
            text: digits.into(),
            maybe: Some(digits.into()),
            list: vec![digits.into()],
            map: [("k".into(), digits.into())].into(),
            inner: Some(Inner { text: digits.into() }),
            ..Input::default()
        };
        let text = format!(
            r#"{{"text": {digits}, "maybe": {digits} , "list": [{digits}], "map": {{"k":{digits}}}, "inner": {{"text": {digits}}}}}"#
        );
        let read = Input::deserialize(Weak(&mut serde_json::Deserializer::from_str(&text))).unwrap();
        assert_eq!(read, expected, "{digits}");
    }
}

#[test]
fn a_text_with_escapes_is_read_as_json_says() {
    let text = r#"{"text": "a\u00e4\"\\ \n", "list": ["\u0061", "plain"]}"#;
    let read = Input::deserialize(Weak(&mut serde_json::Deserializer::from_str(text))).unwrap();
    assert_eq!((read.text.as_str(), read.list), ("aä\"\\ \n", vec![String::from("a"), String::from("plain")]));
}

#[test]
fn what_openbao_refuses_is_refused() {
    for sent in [
        json!({"text": ["a"]}),
        json!({"text": {"a": 1}}),
        json!({"count": "5x"}),
        json!({"count": 5.0}),
        json!({"count": " 5 "}),
        json!({"count": -1}),
        json!({"flag": "yes"}),
        json!({"flag": 2}),
        json!({"flag": 1.5}),
        json!({"list": {"a": 1}}),
        json!({"list": [["a"]]}),
        json!({"map": "x"}),
        json!({"map": {"a": ["x"]}}),
        json!({"map": [2]}),
        json!({"ttl": true}),
        json!({"ttl": -1}),
    ] {
        assert!(read(sent.clone()).is_err(), "{sent}");
    }
}

#[test]
fn raw_json_passes_untouched() {
    #[derive(Deserialize)]
    struct Data {
        data: Box<RawValue>,
    }
    let text = r#"{"data":{"exact": 1.00000000000000000001, "n":12345678901234567890123}}"#;
    let read = Data::deserialize(Weak(&mut serde_json::Deserializer::from_str(text))).unwrap();
    assert_eq!(read.data.get(), r#"{"exact": 1.00000000000000000001, "n":12345678901234567890123}"#);
}
