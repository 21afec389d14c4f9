//! What is in the lines, and what is not.

use serde_json::Value;

use super::{bench::*, *};
use crate::base::limits::AUDIT_LINE_BYTES_MAX;

/// The outcome of a request whose answer holds `data`.
fn answered(bench: &Bench, data: &str, shown_fields: &[&str]) -> Value {
    write(bench, &LineFacts { response_data: Some(data), shown_fields, ..response("r-data") })
}

/// Records a request with this outcome, and returns the outcome's line.
fn write(bench: &Bench, entry: &LineFacts<'_>) -> Value {
    let receipt = bench.ask(entry.request_id).unwrap();
    run(bench.audit.record_outcome(receipt, bench.audit.draft(entry), None)).unwrap();
    bench.lines().pop().unwrap()
}

fn is_hash(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 76 && text.starts_with("hmac-sha256:"))
}

#[test]
fn a_request_leaves_two_lines_with_vaults_names() {
    let bench = Bench::unsealed();
    bench.request("r-1").unwrap();
    let lines = bench.lines();
    let [.., ask, answer] = lines.as_slice() else { panic!("too few lines") };
    assert_eq!((ask["type"].as_str(), answer["type"].as_str()), (Some("request"), Some("response")));
    for line in [ask, answer] {
        assert_eq!(line["request"]["id"], "r-1");
        assert_eq!(line["request"]["path"], "secret/data/web/key");
        assert_eq!(line["request"]["operation"], "read");
        assert_eq!(line["request"]["mount_type"], "kv");
        assert_eq!(line["request"]["remote_address"], "127.0.0.1");
        assert_eq!(line["auth"]["display_name"], "approle-web");
        assert_eq!(line["auth"]["policies"][1], "web");
        assert_eq!(line["decision"]["policy"], "web");
        assert_eq!(line["decision"]["line"], 3);
        assert_eq!(line["auth"]["client_token"], bench.audit.hash("file", TOKEN).unwrap());
        assert_eq!(line["request"]["client_token"], line["auth"]["client_token"]);
        assert_eq!(line["request"]["client_token_accessor"], line["auth"]["accessor"]);
    }
    assert_eq!(answer["response"]["status"], 200);
    assert_eq!(answer["response"]["data"]["metadata"]["version"], 3);
}

/// INVARIANT 38. Secrets are planted as texts, numbers and names in every place where a caller can send one.
#[test]
fn no_value_stands_in_a_note() {
    let bench = Bench::unsealed();
    let data = r#"{"data":{"planted-name":"planted-text","n":4711471147,"deep":[{"planted-inner":["planted-element",4711471147]}]},
        "planted field":"planted-other","cas":4711471147,"escaped":"pl\u0061nted\u002dtext"}"#;
    let entry = LineFacts { data: Some(data), response_data: Some(data), ..response("r-1") };
    let draft = bench.audit.draft(&entry);
    write(&bench, &entry);
    for text in [String::from_utf8_lossy(draft.as_bytes()).into_owned(), bench.text()] {
        assert!(text.contains("approle-web"), "the search finds what is there");
        for planted in ["planted", "4711471147", TOKEN, auth().accessor] {
            assert!(!text.contains(planted), "{planted}");
        }
    }
    // Names of our own fields are clear.
    assert!(bench.text().contains("\"cas\":\"hmac-sha256:"));
}

/// INVARIANT 39.
#[test]
fn two_devices_hash_the_same_value_differently() {
    let bench = Bench::with(Files::real(), &["file", "second"]);
    bench.unseal();
    bench.request("r-1").unwrap();
    let token = |name: &str| {
        let line: Value = serde_json::from_str(bench.text_of(name).lines().last().unwrap()).unwrap();
        line["auth"]["client_token"].clone()
    };
    assert_ne!(token("file"), token("second"));
    assert_eq!(token("second"), bench.audit.hash("second", TOKEN).unwrap());
    assert_eq!(bench.audit.hash("third", TOKEN), None);
}

/// INVARIANT 39. A value that others could guess has another hash in each request. A long text always has the same hash,
/// so that it can be searched for.
#[test]
fn a_guessable_value_differs_in_two_requests() {
    let bench = Bench::unsealed();
    let data = r#"{"a":true,"b":7,"c":"short","d":"long enough","e":"","f":null}"#;
    let of = |id| write(&bench, &LineFacts { response_data: Some(data), ..response(id) })["response"]["data"].clone();
    let (one, two) = (of("r-1"), of("r-2"));
    for name in ["a", "b", "c", "e"] {
        assert!(is_hash(&one[name]) && one[name] != two[name], "{name}");
    }
    assert_eq!(one["d"], two["d"]);
    assert_eq!(one["d"], bench.audit.hash("file", "long enough").unwrap());
    assert!(one["f"].is_null());
    let three = of("r-1");
    assert_eq!(one, three);
    // A text, a number and a boolean that look the same have different hashes.
    let alike = answered(&bench, r#"{"a":true,"b":"true","c":7,"d":"7"}"#, &[])["response"]["data"].clone();
    assert_ne!(alike["a"], alike["b"]);
    assert_ne!(alike["c"], alike["d"]);
}

#[test]
fn declared_fields_of_an_answer_are_clear_and_no_others() {
    let bench = Bench::unsealed();
    let data = r#"{"data":{"key":"secret value"},"metadata":{"version":3,"created_time":"2027-01-15","custom":{"k":"v is secret"}},"ttl":60}"#;
    let line = answered(&bench, data, &["metadata.version", "metadata.created_time", "metadata.custom.", "ttl"]);
    let data = &line["response"]["data"];
    assert_eq!((&data["metadata"]["version"], &data["ttl"]), (&3.into(), &60.into()));
    assert_eq!(data["metadata"]["created_time"], "2027-01-15");
    for hashed in [&data["data"], &data["metadata"]["custom"]] {
        let (name, value) = hashed.as_object().unwrap().iter().next().unwrap();
        assert!(is_hash(&Value::from(name.as_str())) && is_hash(value));
    }
    assert_eq!(data["metadata"].as_object().unwrap().len(), 3);
    // These names only look like a path to a declared field.
    let data = r#"{"metadata.version":"dot is secret","metadata":{"versions":"near is secret","custom":{"":"empty is secret"}}}"#;
    answered(&bench, data, &["metadata.version", "metadata.custom."]);
    assert!(!bench.text().contains("is secret"));
}

/// A caller who mixes up two fields may have put a secret into a clear one. So of what was sent, only the numbers of
/// declared fields are clear.
#[test]
fn a_text_that_was_sent_is_never_clear() {
    let bench = Bench::unsealed();
    let data = r#"{"ttl":"planted text","cas":7,"keys":["planted element"]}"#;
    let entry = LineFacts { data: Some(data), plain_fields: &["ttl", "cas", "keys"], ..response("r-sent") };
    let line = write(&bench, &entry);
    let data = &line["request"]["data"];
    assert!(is_hash(&data["ttl"]) && is_hash(&data["keys"][0]));
    assert_eq!(data["cas"], 7);
    assert!(!bench.text().contains("planted"));
}

/// A secret that is sent as a form without `=`, or under a misspelt name, is the name of a field that the row does not
/// have.
#[test]
fn a_name_that_no_row_has_is_never_clear() {
    let bench = Bench::unsealed();
    let data = r#"{"hunter":"","pl\u0061nted":1,"planted_word":{"a":true},"known":1,"kn\u006fwn_too":2}"#;
    let entry = LineFacts { data: Some(data), known_fields: &["known", "known_too"], ..response("r-names") };
    let line = write(&bench, &entry);
    let names: Vec<&String> = line["request"]["data"].as_object().unwrap().keys().collect();
    assert_eq!(names.iter().filter(|name| !name.starts_with("hmac-sha256:")).count(), 2, "{names:?}");
    assert!(is_hash(&line["request"]["data"]["known"]) && is_hash(&line["request"]["data"]["known_too"]));
    for secret in ["hunter", "planted"] {
        assert!(!bench.text().contains(secret), "{secret}");
    }
}

/// A caller sent nine hundred fields that no row has, or one very long value, so that the line showed one hash in place
/// of all that it sent.
#[test]
fn long_data_hides_no_known_field() {
    let bench = Bench::unsealed();
    let many: Vec<String> = (0..900).map(|n| format!("\"planted_{n}\":{n}")).collect();
    let long = format!("[{}]", vec!["\"planted\""; 400].join(","));
    for (names, unknown) in [(format!(",{}", many.join(",")), 900), (String::new(), 0)] {
        let data = format!("{{\"data\":{long},\"options\":{{\"cas\":7,\"planted\":7}}{names},\"ttl\":60}}");
        let entry = LineFacts {
            data: Some(&data),
            plain_fields: &["options.cas", "ttl"],
            known_fields: &["absent", "data", "options", "ttl"],
            ..response("r-many")
        };
        let request = write(&bench, &entry)["request"].clone();
        let shown = request["data"].as_object().unwrap();
        assert_eq!(shown.len(), 3, "{request}");
        assert_eq!((&shown["options"]["cas"], &shown["ttl"]), (&7.into(), &60.into()));
        assert_eq!(shown["options"].as_object().unwrap().len(), 2);
        assert!(is_hash(&shown["data"]) && is_hash(&request["data_hash"]));
        assert_eq!((&request["unknown_fields"], &request["data_bytes"]), (&unknown.into(), &data.len().into()));
        assert_eq!(request["truncated"], true);
        assert!(!bench.text().contains("planted"));
    }
}

/// No text in a clear field can begin a line of its own or control a terminal.
#[test]
fn a_log_cannot_be_injected_into() {
    let bench = Bench::unsealed();
    let evil = "a\r\n{\"forged\":1}\u{1b}[31m\u{2028}\u{2029}\0\u{7f}\u{85}\u{202e}\u{200b}\"\\</script>";
    let policies = [evil.to_owned()];
    let metadata = std::collections::BTreeMap::from([(evil.to_owned(), evil.to_owned())]);
    let auth =
        AuthFacts { display_name: evil, policies: &policies, token_policies: &policies, metadata: &metadata, ..auth() };
    let entry = LineFacts {
        path: evil,
        operation: evil,
        mount_type: evil,
        remote_address: evil,
        error: Some(evil),
        auth: Some(auth.into()),
        decision: Some(Decision { rule: evil, policy: evil, line: 1, allowed: true }),
        ..response("r-evil")
    };
    let line = write(&bench, &entry);
    bench.audit.record_plain(PlainFacts {
        path: evil,
        request_id: "r-plain",
        outcome: Some(evil),
        ..PlainFacts::default()
    });
    assert_eq!(line["auth"]["display_name"], evil);
    assert_eq!(line["auth"]["metadata"][evil], evil);
    assert_eq!(line["request"]["path"], evil);
    for line in bench.text().lines() {
        serde_json::from_str::<Value>(line).unwrap();
        assert!(
            line.chars()
                .all(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}' | '\u{200b}' | '<'))
        );
    }
}

#[test]
fn long_data_is_replaced_by_its_hash_and_size() {
    let bench = Bench::unsealed();
    let names: Vec<String> = (0..10_000).map(|n| format!("\"name-{n}\"")).collect();
    let data = format!("{{\"keys\":[{}]}}", names.join(","));
    let line = answered(&bench, &data, &[]);
    assert!(is_hash(&line["response"]["data"]));
    assert_eq!(line["response"]["data_bytes"], data.len());
    assert_eq!(line["response"]["truncated"], true);
}

/// Even with every part as long as it can be, and every character escaped, a line fits into one tile entry.
#[test]
fn no_line_is_longer_than_a_tile_entry() {
    let bench = Bench::unsealed();
    let long = "\u{2028}<".repeat(20_000);
    let policies: Vec<String> = (0..500).map(|n| format!("{n}{long}")).collect();
    let metadata = (0..500).map(|n| (format!("{n}{long}"), long.clone())).collect();
    let data = format!("{{\"keys\":[{}\"\"]}}", "1,".repeat(200));
    let auth = AuthFacts {
        display_name: &long,
        policies: &policies,
        token_policies: &policies,
        metadata: &metadata,
        entity_id: &long,
        token_type: &long,
        remaining_uses: u64::MAX,
        ..auth()
    };
    let entry = LineFacts {
        path: &long,
        operation: &long,
        mount_type: &long,
        mount_accessor: &long,
        remote_address: &long,
        error: Some(&long),
        data: Some(&data),
        response_data: Some(&data),
        auth: Some(auth.into()),
        decision: Some(Decision { rule: &long, policy: &long, line: u32::MAX, allowed: true }),
        ..response("r-long")
    };
    let line = write(&bench, &entry);
    assert!(line["request"]["path"].as_str().unwrap().ends_with('…'));
    let longest = bench.text().lines().map(str::len).max().unwrap();
    assert!((30_000..=AUDIT_LINE_BYTES_MAX).contains(&longest), "{longest}");
}

#[test]
fn what_is_no_json_is_hashed_whole() {
    let bench = Bench::unsealed();
    assert_eq!(answered(&bench, "planted {", &[])["response"]["truncated"], true);
    assert!(!bench.text().contains("planted"));
}

#[test]
fn a_sealed_line_has_only_plain_fields() {
    let bench = Bench::sealed();
    bench.audit.record_plain(PlainFacts {
        is_response: true,
        request_id: "r-1",
        operation: "update",
        path: "sys/unseal",
        remote_address: "127.0.0.1",
        share_index: Some(2),
        progress: Some((1, 3)),
        status: 200,
        outcome: Some("share accepted"),
        count: None,
        time: bench.clock.now(),
    });
    let line = bench.lines().pop().unwrap();
    assert_eq!(line["plain"], serde_json::json!({"outcome":"share accepted","share":2,"progress":1,"threshold":3}));
    assert_eq!((&line["request"]["path"], &line["response"]["status"]), (&"sys/unseal".into(), &200.into()));
    assert!(bench.ask("early").is_err());
}

#[test]
fn any_text_makes_one_line_that_contains_it() {
    let bench = Bench::unsealed();
    proptest::proptest!(|(text in ".*", data in ".*")| {
        let entry = LineFacts { path: &text, error: Some(&data), data: Some(&data), ..request("r-any") };
        let before = bench.text().lines().count();
        std::mem::forget(bench.audit.record(&bench.audit.draft(&entry), Urgency::Now).unwrap());
        let lines = bench.lines();
        proptest::prop_assert_eq!(lines.len(), before + 1);
        proptest::prop_assert_eq!(lines[before]["request"]["path"].as_str(), Some(text.as_str()));
    });
}
