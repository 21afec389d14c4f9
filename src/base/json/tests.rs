//! What the pre-scan accepts, beside serde_json's opinion, and what it refuses beyond it.

use proptest::prelude::*;

use super::*;
use crate::base::fuzz;

fn events(text: &str) -> Vec<Event<'_>> {
    let mut events = Vec::new();
    walk(text, |event| events.push(event)).unwrap();
    events
}

#[test]
fn a_walk_hands_out_the_pieces_in_order() {
    use Event::*;
    let text = r#" {"a":[1,-2.50e+3,true],"b\u0041":{"c":"x\n\"y"},"d":null,"e":{},"f":[]} "#;
    assert_eq!(
        events(text),
        [
            ObjectStart,
            Key("a"),
            ArrayStart,
            Number("1"),
            Number("-2.50e+3"),
            Bool(true),
            ArrayEnd,
            Key("b\\u0041"),
            ObjectStart,
            Key("c"),
            String("x\\n\\\"y"),
            ObjectEnd,
            Key("d"),
            Null,
            Key("e"),
            ObjectStart,
            ObjectEnd,
            Key("f"),
            ArrayStart,
            ArrayEnd,
            ObjectEnd,
        ]
    );
    assert_eq!(
        events("\"a long enough text for eight at a time\""),
        [String("a long enough text for eight at a time")]
    );
}

/// Texts of RFC 8259 §2 to §7, each with serde_json's verdict beside ours.
#[test]
fn valid_and_invalid_texts_are_told_apart() {
    for text in [
        "0",
        "-0",
        "-0.0",
        "1e5",
        "1E-5",
        "\"\"",
        "\"é🗝\"",
        "[]",
        "{}",
        "[[]]",
        " [ 1 , 2 ] ",
        "null",
        "true",
        "false",
        r#""\u00e9\ud83d\udddd\/""#,
        "1e-999999",
        "{\"\":0}",
    ] {
        assert_eq!(scan(text.as_bytes()), Ok(text));
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
    }
    for text in [
        "",
        " ",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "-",
        "--1",
        "1e+",
        "0x1",
        "nul",
        "nulll",
        "True",
        "NaN",
        "Infinity",
        "'a'",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":1",
        "[}",
        "{]",
        "[1}",
        "{\"a\":1]",
        "1 2",
        "{}{}",
        "\"a",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u+123\"",
        "\"\\u12é\"",
        "\"\t\"",
        "\"\n\"",
        "\"\0\"",
        "\"a long enough text \u{1f} with a control\"",
        "// x\n1",
        "\u{feff}1",
        "\u{a0}1",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800x\"",
        "1e999999999",
        "-1e400",
        "[\"\\u",
        "[1,",
        "{\"a\":",
    ] {
        assert!(scan(text.as_bytes()).is_err(), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
    }
    assert_eq!(scan(b"\"\xff\""), Err(JsonError::Utf8));
    assert_eq!(scan(b"{} x"), Err(JsonError::Trailing { at: 3 }));
    assert_eq!(scan(b"[1,"), Err(JsonError::Early));
    assert_eq!(scan(b"[\"a\\q\"]"), Err(JsonError::Text { at: 3 }));
}

/// HTTP-08: serde_json's `Value` lets the last one win.
#[test]
fn a_key_stands_once_at_any_depth_and_however_it_is_escaped() {
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"\ud83d\udddd":1,"🗝":2}"#,
        r#"{"/":1,"\/":2}"#,
        r#"{"x":[{"a":1,"b":{},"a":2}]}"#,
        r#"{"x":{"a":1},"x":1}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert!(matches!(scan(text.as_bytes()), Err(JsonError::KeyTwice { .. })), "{text}");
        assert!(walk(text, |_| ()).is_ok());
    }
    for count in [FEW_KEYS - 1, FEW_KEYS, FEW_KEYS + 1, 40] {
        let keys: Vec<String> = (0..count).map(|i| format!("\"k{i}\":{{\"k0\":[{{\"k1\":0}}]}}")).collect();
        assert!(scan(format!("{{{}}}", keys.join(",")).as_bytes()).is_ok());
        for twice in [0, count - 1] {
            let text = format!("{{{},\"\\u006b{twice}\":0}}", keys.join(","));
            assert!(matches!(scan(text.as_bytes()), Err(JsonError::KeyTwice { .. })), "{count} {twice}");
        }
    }
}

/// HTTP-03 and HTTP-09: each is refused by a limit, in one pass.
#[test]
fn hostile_texts_meet_a_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(scan(nested(JSON_DEPTH_MAX).as_bytes()).is_ok());
    assert!(matches!(scan(nested(JSON_DEPTH_MAX + 1).as_bytes()), Err(JsonError::Depth { at: JSON_DEPTH_MAX })));
    assert!(scan("{\"a\":".repeat(JSON_DEPTH_MAX + 1).as_bytes()).is_err());
    assert!(walk(&nested(128), |_| ()).is_ok());
    assert_eq!(walk(&nested(100_000), |_| ()), Err(JsonError::Depth { at: 128 }));

    let many = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
    assert!(scan(many(JSON_TOKENS_MAX).as_bytes()).is_ok());
    assert_eq!(scan(many(JSON_TOKENS_MAX + 1).as_bytes()), Err(JsonError::Tokens));
    assert_eq!(scan(format!("[{}{{}}]", "{},".repeat(1_000_000)).as_bytes()), Err(JsonError::Tokens));
    let keys: Vec<String> = (0..50_000).map(|i| format!("\"{i}\":0")).collect();
    assert_eq!(scan(format!("{{{}}}", keys.join(",")).as_bytes()), Err(JsonError::Tokens));

    assert!(scan("1".repeat(300).as_bytes()).is_ok());
    for number in ["1".repeat(60_000), "1".repeat(400), format!("0.{}", "1".repeat(399)), "1e999999999".into()] {
        assert_eq!(scan(number.as_bytes()), Err(JsonError::Number { at: 0 }));
    }
    assert!(scan(format!("\"{}\"", "\\u0041".repeat(100_000)).as_bytes()).is_ok());
}

#[test]
fn what_is_quoted_shows_nothing_hidden_and_reads_back() {
    let text = "a\"\\\n\r\t\u{8}\u{7f}\u{85}</script>&\u{2028}\u{202e}\u{feff}\u{e0041}é日🗝\u{600}";
    let mut out = String::from("x");
    quote(text, &mut out);
    let expected = concat!(
        r#"x"a\"\\\n\r\t\u0008\u007f\u0085\u003c/script\u003e\u0026"#,
        r"\u2028\u202e\ufeff\udb40\udc41é日🗝\u0600",
        "\""
    );
    assert_eq!(out, expected);
    assert_eq!(unescape(&out[2..out.len() - 1]), text);
}

#[test]
fn a_bad_escape_is_replaced_and_breaks_nothing() {
    for raw in ["\\", "a\\", "\\u", "\\u12", "\\ud800", "\\ud800\\u0041", "\\é", "\\u12é4"] {
        assert!(unescape(raw).contains('\u{fffd}'), "{raw}");
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<i32>().prop_map(|n| (f64::from(n) / 4.0).into()),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 40, 12, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map(any::<String>(), inner, 0..12)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Builds the text anew from its events.
fn rebuild(text: &str) -> String {
    let mut out = String::new();
    walk(text, |event| {
        if !out.is_empty() && !out.ends_with(['{', '[', ':']) && !matches!(event, Event::ObjectEnd | Event::ArrayEnd) {
            out.push(',');
        }
        match event {
            Event::ObjectStart => out.push('{'),
            Event::ObjectEnd => out.push('}'),
            Event::ArrayStart => out.push('['),
            Event::ArrayEnd => out.push(']'),
            Event::Key(raw) => {
                quote(&unescape(raw), &mut out);
                out.push(':');
            }
            Event::String(raw) => quote(&unescape(raw), &mut out),
            Event::Number(raw) => out.push_str(raw),
            Event::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Event::Null => out.push_str("null"),
        }
    })
    .unwrap();
    out
}

proptest! {
    #![proptest_config(fuzz::config())]

    /// serde_json is the second opinion; what only we refuse is a key that stands twice.
    #[test]
    fn the_scan_agrees_with_serde_json(text in r#"([\[\]{}:,"\\ ]|"[a-c]{0,2}"|[0-9.eE+-]{1,3}|true|null|\\u[0-9a-fA-F]{3,4}|é|.){0,14}"#) {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match scan(text.as_bytes()) {
            Ok(_) => prop_assert!(theirs.is_ok(), "{}", text),
            Err(JsonError::KeyTwice { .. }) => {}
            Err(_) => prop_assert!(theirs.is_err(), "{}", text),
        }
    }

    #[test]
    fn no_bytes_make_the_scan_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = scan(&bytes);
        let text = std::string::String::from_utf8_lossy(&bytes);
        let _ = (unescape(&text), walk(&text, |_| ()));
    }

    #[test]
    fn a_document_survives_its_events(value in json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            prop_assert_eq!(scan(text.as_bytes()), Ok(text.as_str()));
            let again: serde_json::Value = serde_json::from_str(&rebuild(&text)).unwrap();
            prop_assert_eq!(&again, &value);
        }
    }

    #[test]
    fn a_cut_or_changed_document_gets_serde_jsons_verdict(value in json(), at in any::<prop::sample::Index>(), byte in prop::sample::select(b"\"\\{}[],:0e. ".to_vec())) {
        let text = value.to_string();
        let at = at.index(text.len());
        for bytes in [text.as_bytes()[..at].to_vec(), { let mut b = text.clone().into_bytes(); b[at] = byte; b }] {
            let theirs = serde_json::from_slice::<serde_json::Value>(&bytes);
            match scan(&bytes) {
                Ok(_) => prop_assert!(theirs.is_ok()),
                Err(JsonError::KeyTwice { .. }) => {}
                Err(_) => prop_assert!(theirs.is_err(), "{:?}", bytes),
            }
        }
    }

    #[test]
    fn a_quoted_text_reads_back(text in any::<String>()) {
        let mut out = String::new();
        quote(&text, &mut out);
        prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text.clone());
        prop_assert_eq!(unescape(&out[1..out.len() - 1]), text);
    }
}
