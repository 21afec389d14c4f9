//! What configurations and policies in the field look like, beside hcl-edit's opinion, and what is refused where.

use hcl_edit::{
    expr::{Expression, ObjectKey},
    structure::Structure,
};
use proptest::prelude::*;

use super::*;
use crate::base::{
    fuzz,
    limits::{HCL_DEPTH_MAX, HCL_ITEMS_MAX},
};

fn attribute(key: &str, value: Value) -> Item {
    Item { key: key.into(), pos: Pos::default(), labels: Vec::new(), value }
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn without_positions(mut body: HclBody) -> HclBody {
    fn clear(value: &mut Value) {
        match value {
            Value::Object(body) => body.items.iter_mut().for_each(|item| {
                item.pos = Pos::default();
                clear(&mut item.value);
            }),
            Value::List(values) => values.iter_mut().for_each(clear),
            // hcl-edit reads numbers; both sides are compared by what they say.
            Value::Number(number) => *number = number.parse::<f64>().unwrap().to_string(),
            _ => {}
        }
    }
    let mut value = Value::Object(std::mem::take(&mut body));
    clear(&mut value);
    if let Value::Object(body) = value { body } else { body }
}

fn read(text: &str) -> Vec<Item> {
    without_positions(parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))).items
}

/// hcl-edit's reading of a text in our words; `None` for what HCL 1 does not have.
fn second_opinion(text: &str) -> Option<HclBody> {
    fn body(theirs: &hcl_edit::structure::Body) -> Option<HclBody> {
        let items = theirs.iter().map(|structure| match structure {
            Structure::Attribute(theirs) => Some(attribute(theirs.key.as_str(), value(&theirs.value)?)),
            Structure::Block(theirs) => {
                let labels = theirs.labels.iter().map(|label| label.as_str().to_owned()).collect();
                Some(Item { labels, ..attribute(theirs.ident.as_str(), Value::Object(body(&theirs.body)?)) })
            }
        });
        Some(HclBody { items: items.collect::<Option<_>>()? })
    }
    fn value(theirs: &Expression) -> Option<Value> {
        Some(match theirs {
            Expression::Bool(value) => Value::Bool(*value.value()),
            Expression::Number(number) => Value::Number(number.to_string()),
            Expression::String(text) => Value::String(text.as_str().to_owned()),
            Expression::HeredocTemplate(heredoc) => Value::String(heredoc.template.to_string()),
            Expression::Array(array) => Value::List(array.iter().map(value).collect::<Option<_>>()?),
            Expression::Object(object) => {
                let items = object.iter().map(|(key, theirs)| {
                    let key = match key {
                        ObjectKey::Ident(ident) => ident.as_str(),
                        ObjectKey::Expression(expression) => expression.as_str()?,
                    };
                    Some(attribute(key, value(theirs.expr())?))
                });
                Value::Object(HclBody { items: items.collect::<Option<_>>()? })
            }
            _ => return None,
        })
    }
    body(&hcl_edit::parser::parse_body(text).ok()?).map(without_positions)
}

/// The configuration of vault-api.md §9, which is read alike by both.
const CONFIGURATION: &str = r#"
storage "sled" { path = "/var/lib/strongroom" }          # also inmem {}
listener "tcp" {
  address       = "127.0.0.1:8200" // loopback
  tls_cert_file = "tls/server.pem"
  /* or
     tls_disable = true */
  limits = [1, -2.5, 3e2, true, "a\tb\"\\\u00e9",]
}
audit "file" "main" {
  options { file_path = "/var/log/strongroom/audit.log" }
}
seal static {
}
note = <<EOT
two
  lines # no comment
EOT
map = { a = 1, "b" = { c = false } }
api_addr = "https://127.0.0.1:8200"
"#;

#[test]
fn a_configuration_reads_as_hcl_edit_reads_it() {
    let ours = parse(CONFIGURATION).unwrap();
    assert_eq!(Some(without_positions(ours.clone())), second_opinion(CONFIGURATION));
    let places: Vec<_> = ours.items.iter().map(|item| (item.key.as_str(), item.pos.line, item.pos.column)).collect();
    assert_eq!(places[..4], [("storage", 2, 1), ("listener", 3, 1), ("audit", 10, 1), ("seal", 13, 1)]);
    assert_eq!(places[4..], [("note", 15, 1), ("map", 19, 1), ("api_addr", 20, 1)]);
    assert_eq!(ours.item("note").map(|item| &item.value), Some(&text("two\n  lines # no comment\n")));
    let listener = &ours.blocks("listener", 1).unwrap()[0];
    assert_eq!((&listener.labels[..], listener.body.items[2].pos), (&["tcp"][..], Pos { line: 8, column: 3 }));
}

/// dependencies.md §2: what HCL 1 has and hcl-edit refuses.
#[test]
fn hcl_1_is_read_where_hcl_2_differs() {
    let one = |key: &str, value| vec![attribute(key, value)];
    let object = |items| Value::Object(HclBody { items });
    let ab = || vec![attribute("a", Value::Number("1".into())), attribute("b", Value::Number("2".into()))];
    for (source, expected) in [
        ("a = 1 b = 2", ab()),
        ("a = 1, b = 2", ab()),
        ("\"a\" = 1\r\n\"b\" = 2\r\n", ab()),
        ("x { a = 1 b = 2 }", one("x", object(ab()))),
        ("x = { a = 1 b = 2 }", one("x", object(ab()))),
        ("x\n{\na = 1,\nb = 2,\n}", one("x", object(ab()))),
        ("x = \"${a} %{b}\"", one("x", text("${a} %{b}"))),
        ("x =\n\"y\"", one("x", text("y"))),
        ("a.b-c_1 = \"\"", one("a.b-c_1", text(""))),
        ("x = <<-E\n  a\n\n   b\n  E", one("x", text("a\n\n b\n"))),
        ("x = <<-E\n a\n  E\n", one("x", text(" a\n"))),
        ("x = <<E\n  a\n  E\n", one("x", text("  a\n"))),
        ("x = <<E\nE", one("x", text(""))),
        ("\u{feff}x = \"\\U0001f5dd\"", one("x", text("🗝"))),
        ("# nothing\n", vec![]),
        ("/**/", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(read(source), expected, "{source}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (source, place, message) in [
        ("a", (1, 2), "a key must be followed by `=` or `{`"),
        ("a =", (1, 4), "expected a value"),
        ("a = b", (1, 5), "a text must be quoted"),
        ("a = null", (1, 5), "a text must be quoted"),
        ("a = 5m", (1, 5), "not a decimal number: quote it if it has a unit"),
        ("a = 0755", (1, 5), "not a decimal number: quote it if it has a unit"),
        ("a = 0x1f", (1, 5), "not a decimal number: quote it if it has a unit"),
        ("a = -", (1, 5), "not a decimal number: quote it if it has a unit"),
        ("a = 1.", (1, 5), "not a decimal number: quote it if it has a unit"),
        ("a = \"x", (1, 5), "this text is never closed"),
        ("a = \"x\n\"", (1, 5), "this text is never closed"),
        ("a = \"\0\"", (1, 6), "a text may not hold a control character: escape it"),
        ("a = \"\\x41\"", (1, 6), r#"unknown escape: write `\n`, `\r`, `\t`, `\"`, `\\`, `\uXXXX` or `\UXXXXXXXX`"#),
        ("a = \"\\ud800\"", (1, 6), r#"unknown escape: write `\n`, `\r`, `\t`, `\"`, `\\`, `\uXXXX` or `\UXXXXXXXX`"#),
        ("a {\n\n", (1, 3), "this `{` is never closed"),
        ("a = [1\n", (1, 5), "this `[` is never closed"),
        ("a = [1 2]", (1, 8), "expected `,` or `]` after a value of a list"),
        ("a = [,]", (1, 6), "expected a value"),
        ("a = 1\n}\n", (2, 1), "this `}` has no matching `{`"),
        ("a \"b\" = 1", (1, 7), "write a block with labels without `=`"),
        ("\n /* a", (2, 2), "this comment is never closed"),
        ("a = <<E\nx", (1, 5), "the word that ends this text is missing"),
        ("a = << E\nE", (1, 5), "`<<` must be followed by one word and a line end"),
        ("a = <1", (1, 5), "expected a value"),
        ("= 1", (1, 1), "expected a key: quote it if it holds more than letters, digits, `_`, `-` and `.`"),
        ("é = 1", (1, 1), "expected a key: quote it if it holds more than letters, digits, `_`, `-` and `.`"),
        ("a = 1,,", (1, 7), "expected a key: quote it if it holds more than letters, digits, `_`, `-` and `.`"),
        ("{\n \"a\": b}", (2, 7), "the JSON text is not valid at byte 8"),
        ("{\"a\": 1", (1, 8), "the JSON text is incomplete"),
    ] {
        let error = parse(source).unwrap_err();
        assert_eq!((error.pos.line, error.pos.column, error.message.as_str()), (place.0, place.1, message), "{source}");
    }
    assert_eq!(parse("\na = b").unwrap_err().to_string(), "line 2, column 5: a text must be quoted");
}

/// HTTP-13: each ends at a limit or at its own length.
#[test]
fn hostile_texts_meet_a_limit() {
    let deep = format!("nested too deeply: at most {HCL_DEPTH_MAX} levels");
    for unit in ["a{", "a=[", "a \"b\" {\n", "{\"a\":", "{\"a\":[", "a={"] {
        let error = parse(&unit.repeat((1 << 20) / unit.len())).unwrap_err();
        assert!(error.message == deep || unit.ends_with('['), "{unit}: {error}");
    }
    assert_eq!(parse(&format!("a={}", "[".repeat(1 << 20))).unwrap_err().message, deep);
    assert!(parse(&format!("a={}{}", "[".repeat(HCL_DEPTH_MAX), "]".repeat(HCL_DEPTH_MAX))).is_ok());
    assert!(parse(&format!("{{\"a\":{}{}}}", "[".repeat(HCL_DEPTH_MAX), "]".repeat(HCL_DEPTH_MAX))).is_ok());
    let json_deep = format!("{{\"a\":{}{}}}", "[".repeat(HCL_DEPTH_MAX + 1), "]".repeat(HCL_DEPTH_MAX + 1));
    assert_eq!(parse(&json_deep).unwrap_err().message, deep);

    let many = format!("too many items: at most {HCL_ITEMS_MAX}");
    let (list, json) = ("0,".repeat(500_000), "\"a\":0,".repeat(150_000));
    for text in ["a=1 ".repeat(250_000), format!("a=[{list}]"), "a ".repeat(500_000), format!("{{{json}\"a\":0}}")] {
        assert_eq!(parse(&text).unwrap_err().message, many);
    }
    let long = "x".repeat(1 << 20);
    for text in
        [format!("/*{long}"), format!("a=\"{long}"), format!("a=<<E\n{long}"), "\n<<".repeat(300_000), long.clone()]
    {
        assert!(parse(&text).is_err());
    }
    assert!(parse(&format!("a=<<E\n{}E", "x\n".repeat(500_000))).is_ok());
}

#[test]
fn a_block_is_the_same_however_it_is_written() {
    for source in [
        r#"path "a/*" { c = 1 } path "b" { c = 2 }"#,
        r#"path = { "a/*" = { c = 1 } "b" = { c = 2 } }"#,
        r#"path { "a/*" { c = 1 } b { c = 2 } }"#,
        r#"{"path": {"a/*": {"c": 1}, "b": {"c": 2}}}"#,
        r#"{"path": [{"a/*": {"c": 1}}, {"b": {"c": 2}}]}"#,
        r#"{"path": [{"a/*": [{"c": 1}], "b": {"c": 2}}]}"#,
        r#"{"path": {"a/*": {"c": 1}}, "path": {"b": {"c": 2}}}"#,
    ] {
        let body = parse(source).unwrap();
        let found = body.blocks("path", 1).unwrap();
        let names: Vec<_> = found.iter().map(|block| block.labels.clone()).collect();
        assert_eq!(names, [["a/*"], ["b"]], "{source}");
        assert_eq!(found[1].body.item("c").map(|item| &item.value), Some(&Value::Number("2".into())), "{source}");
        assert!(body.blocks("other", 1).unwrap().is_empty());
    }
}

#[test]
fn labels_may_be_missing_and_surplus_ones_are_shown() {
    let labels = |source: &str, count, inner: &[&str]| {
        let body = parse(source).unwrap();
        let found = body.blocks_above("audit", count, inner).unwrap();
        found.iter().map(|block| block.labels.join("|")).collect::<Vec<_>>()
    };
    assert_eq!(labels("audit \"file\" { options { a = 1 } }", 2, &[]), ["file"]);
    assert_eq!(labels("audit \"file\" \"main\" { options { a = 1 } }", 2, &[]), ["file|main"]);
    assert_eq!(labels("audit \"file\" \"main\" {}", 1, &[]), ["file|main"]);
    assert_eq!(labels("audit { path = 1 }", 1, &[]), [""]);
    assert_eq!(labels("audit {}", 1, &[]), [""]);
    let json = r#"{"audit": {"file": {"options": {"a": 1}}, "other": {"x": {"options": {}}}}}"#;
    assert_eq!(labels(json, 2, &["options"]), ["file", "other|x"]);
    assert_eq!(labels(r#"{"audit": {"file": {"main": {"options": {}}}}}"#, 2, &["options"]), ["file|main"]);
}

#[test]
fn what_is_no_block_is_refused_where_one_is_asked_for() {
    for source in ["path = 3", "path = \"a\"", "path = [\"a\"]", "{\"path\": {\"a\": {}}, \"path\": null}"] {
        assert_eq!(
            parse(source).unwrap().blocks("path", 1).err().unwrap().message,
            "`path` must be a block",
            "{source}"
        );
    }
}

#[test]
fn an_attribute_that_stands_twice_is_found_and_blocks_may_repeat() {
    for (source, place) in [
        ("a = 1\nb = 2\na = 3", Some(3)),
        ("a {}\na = 3", Some(2)),
        ("a = 3\na {}", Some(2)),
        ("a {}\na {}\na = {}", None),
        ("a = []\na = []", Some(2)),
        ("a = 1\nA = 2", None),
    ] {
        assert_eq!(parse(source).unwrap().twice().map(|item| item.pos.line), place, "{source}");
    }
}

#[test]
fn values_are_read_as_vault_reads_them() {
    let body = parse(r#"t = [true, "true", 1, "1"] f = [false, "false", 0, "0"] n = ["yes", 2, "", "TRUE"]"#).unwrap();
    for (key, expected) in [("t", Some(true)), ("f", Some(false)), ("n", None)] {
        let Value::List(values) = &body.item(key).unwrap().value else { panic!("no list") };
        assert!(values.iter().all(|value| value.as_bool() == expected), "{key}");
    }
    let lists = parse(r#"a = ["x", "y"] b = ["x", 1]"#).unwrap();
    assert_eq!(lists.item("a").unwrap().value.as_list_of_str(), Some(vec!["x", "y"]));
    assert_eq!(lists.item("b").unwrap().value.as_list_of_str(), None);
}

fn source() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("true".to_owned()),
        any::<i32>().prop_map(|n| n.to_string()),
        (any::<i16>(), 0..99_u8).prop_map(|(whole, part)| format!("{whole}.{part}")),
        "\"([a-z ./*+é]|\\\\n|\\\\\"|\\\\u00e9){0,8}\"",
        "\\[(\"[a-z]{0,3}\", ?){0,3}\\]",
        Just("<<EOT\n a\nb\nEOT\n".to_owned()),
    ];
    let value = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(",\n"))),
            proptest::collection::btree_map("[a-z]{1,5}|\"[a-z/]{1,5}\"", inner, 0..4).prop_map(|items| {
                let items: Vec<String> = items.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
                format!("{{\n{}}}", items.concat())
            }),
        ]
    });
    let item = prop_oneof![
        ("[a-z][a-z_]{0,4}", value.clone()).prop_map(|(key, value)| format!("{key} = {value}\n")),
        ("[a-z]{1,3}( \"[a-z]{0,3}\"| [a-z]{1,3}){0,2}", "[a-z]{1,2}", value)
            .prop_map(|(head, key, value)| format!("{head} {{\n  {key} = {value}\n}}\n")),
        Just("# comment\n".to_owned()),
    ];
    proptest::collection::vec(item, 0..6).prop_map(|items| items.concat())
}

proptest! {
    #![proptest_config(fuzz::config())]

    /// Where both accept a text, both read the same.
    #[test]
    fn hcl_edit_agrees(source in source()) {
        let ours = parse(&source);
        if let Some(theirs) = second_opinion(&source) {
            let ours = ours.unwrap_or_else(|error| panic!("{error}\n{source}"));
            prop_assert_eq!(without_positions(ours), theirs, "{}", source);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in r#"([\[\]{}=,"\\# \n:/*]|<<-?E|\nE\n|[a-cu]{1,3}|[0-9.-]{1,3}|é|.){0,24}"#) {
        for text in [text.clone(), format!("{{{text}")] {
            if let Ok(body) = parse(&text) {
                let _ = (body.blocks("a", 2), body.twice());
            }
        }
    }

    /// A JSON object without repeated keys says the same to serde_json.
    #[test]
    fn json_is_read_as_serde_json_reads_it(text in r#"\{("[a-c]": ?(1|"x"|null|\[true,\{\}\]|\{"a":\[\]\}),?){0,4}\}"#) {
        fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
            match (ours, theirs) {
                (Value::Null, serde_json::Value::Null) => true,
                (Value::Bool(a), serde_json::Value::Bool(b)) => a == b,
                (Value::Number(a), serde_json::Value::Number(b)) => *a == b.to_string(),
                (Value::String(a), serde_json::Value::String(b)) => a == b,
                (Value::List(a), serde_json::Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
                (Value::Object(a), serde_json::Value::Object(b)) => b.iter().all(|(key, b)| {
                    a.items.iter().rev().find(|item| item.key == *key).is_some_and(|item| same(&item.value, b))
                }),
                _ => false,
            }
        }
        match (parse(&text), serde_json::from_str::<serde_json::Value>(&text)) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same(&Value::Object(ours), &theirs)),
            (ours, theirs) => prop_assert!(ours.is_err() && theirs.is_err(), "{}", text),
        }
    }
}
