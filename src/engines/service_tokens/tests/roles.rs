//! Roles.

use super::*;

#[tokio::test]
async fn a_role_is_shown_as_it_was_written() {
    let bench = Bench::engine::<ServiceTokens>().await;
    assert_eq!(bench.list("roles").await.unwrap_err().fault, Fault::Missing);
    assert_eq!(bench.exists("roles/Web"), Some(false));
    assert_eq!(bench.write("roles/Web", json!({ "audiences": ["b", "a"] })).await.unwrap(), Value::Null);
    assert_eq!(bench.exists("roles/Web"), Some(true));
    assert_eq!(bench.read("roles/Web").await.unwrap(), json!({ "audiences": ["b", "a"], "ttl": 300 }));
    bench.write("roles/Web", json!({ "ttl": "1h" })).await.unwrap();
    assert_eq!(bench.read("roles/Web").await.unwrap(), json!({ "audiences": ["b", "a"], "ttl": 3600 }));
    bench.write("roles/Web", json!({ "audiences": "c", "ttl": 0 })).await.unwrap();
    assert_eq!(bench.read("roles/Web").await.unwrap(), json!({ "audiences": ["c"], "ttl": 300 }));
    bench.write("roles/web", json!({ "audiences": "c" })).await.unwrap();
    assert_eq!(bench.list("roles").await.unwrap(), json!({ "keys": ["Web", "web"] }));
    bench.delete("roles/Web").await.unwrap();
    bench.delete("roles/Web").await.unwrap();
    assert_eq!(bench.read("roles/Web").await.unwrap_err().fault, Fault::Missing);
}

#[tokio::test]
async fn an_unsupported_role_field_is_refused_by_name() {
    let bench = Bench::engine::<ServiceTokens>().await;
    let many: Vec<String> = (0..33).map(|n| n.to_string()).collect();
    for (fields, message) in [
        (json!({}), "missing audiences: name the services that the tokens are for"),
        (json!({ "audiences": [] }), "missing audiences: name the services that the tokens are for"),
        (json!({ "audiences": " , " }), "missing audiences: name the services that the tokens are for"),
        (json!({ "audiences": many }), "audiences: a role has at most 32, of up to 256 bytes each"),
        (json!({ "audiences": ["a".repeat(257)] }), "audiences: a role has at most 32, of up to 256 bytes each"),
        (json!({ "audiences": "a", "ttl": 3601 }), "ttl: a token is good for at most 3600 seconds"),
        (
            json!({ "audiences": "a", "ttl": -1 }),
            "error converting input for field \"ttl\": expected a duration such as 300, \"5m\" or \"1h30m\"",
        ),
        (json!({ "audiences": [["a"]] }), "error converting input for field \"audiences[0]\": expected a text"),
    ] {
        let error = bench.write("roles/web", fields.clone()).await.unwrap_err();
        assert_eq!((error.fault, error.message.as_str()), (Fault::Invalid, message), "{fields}");
    }
    for name in ["-a", "a b", &"a".repeat(129)] {
        let error = bench.write(&format!("roles/{name}"), json!({ "audiences": "a" })).await.unwrap_err();
        assert_eq!(error.fault, Fault::Invalid);
    }
    assert!(bench.everything().is_empty());
}
