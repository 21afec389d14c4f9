//! The signing keys and the two public documents.

use super::*;
use crate::{
    base::ttl::Ttl,
    contract::{Body, Operation, Recording, RowFacts},
};

#[tokio::test]
async fn the_public_documents_answer_before_there_are_keys() {
    let bench = Bench::engine::<ServiceTokens>().await;
    assert_eq!(bench.read("jwks").await.unwrap(), json!({ "keys": [] }));
    assert_eq!(bench.read("keys").await.unwrap(), json!({ "keys": [] }));
    let document = json!({
        "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks"), "id_token_signing_alg_values_supported": ["EdDSA"],
        "response_types_supported": ["id_token"], "subject_types_supported": ["public"]
    });
    assert_eq!(bench.read(".well-known/openid-configuration").await.unwrap(), document);
    assert!(bench.everything().is_empty());
}

#[tokio::test]
async fn the_public_documents_are_public_raw_and_unrecorded_and_nothing_else_is() {
    let bench = bench().await;
    let public = ["jwks", ".well-known/openid-configuration"];
    let is_open = |row: &&std::sync::Arc<RowFacts>| row.is_public() || row.recording == Recording::Unrecorded;
    let rows = bench.mounted().rows();
    let open: Vec<&str> = rows.into_iter().filter(is_open).map(|row| row.path.as_str()).collect();
    assert_eq!(open, public);
    for path in public {
        let answer = bench.ask(Operation::Read, path, json!({})).await.unwrap();
        let Body::Raw { content_type, bytes } = answer.body else { panic!("raw") };
        assert_eq!(content_type, "application/json");
        assert!(bytes.starts_with(b"{"));
    }
}

#[tokio::test]
async fn keys_show_their_public_parts_only() {
    let bench = bench().await;
    let keys = bench.read("keys").await.unwrap();
    let key = keys["keys"][0].as_object().unwrap();
    assert_eq!(key.keys().collect::<Vec<_>>(), ["created", "kid", "public_key", "signs_from", "state"]);
    assert_eq!(
        (&key["state"], &key["created"], &key["signs_from"]),
        (&json!("active"), &json!("2027-01-15T08:00:00Z"), &json!("2027-01-15T08:00:00Z"))
    );
    let x = BASE64URL_NOPAD.encode(&BASE64.decode(key["public_key"].as_str().unwrap().as_bytes()).unwrap());
    assert_eq!(bench.read("jwks").await.unwrap()["keys"][0]["x"], x);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    let thumbprint = BASE64URL_NOPAD.encode(&crate::crypto::kdf::sha256(&[members.as_bytes()]));
    assert_eq!(key["kid"], thumbprint, "RFC 7638");
}

#[tokio::test]
async fn a_rotation_overlaps_on_both_sides() {
    let bench = bench().await;
    bench.write("roles/web", json!({ "ttl": "1h" })).await.unwrap();
    let before = issue(&bench).await;
    let next = bench.write("keys/rotate", json!({})).await.unwrap();
    assert_eq!((&next["state"], &next["signs_from"]), (&json!("next"), &json!("2027-01-15T09:00:00Z")));
    let error = bench.write("keys/rotate", json!({})).await.unwrap_err();
    let message = "the next key is published already and signs from 2027-01-15T09:00:00Z";
    assert_eq!((error.fault, error.message.as_str()), (Fault::Conflict, message));
    let kids = |jwks: &Value| jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect::<Vec<_>>();
    let both = [before["kid"].clone(), next["kid"].clone()];
    assert_eq!(kids(&bench.read("jwks").await.unwrap()), both, "published before use");
    assert_eq!(issue(&bench).await["kid"], before["kid"]);
    bench.clock.advance(Ttl::from_secs(3599));
    let last = issue(&bench).await;
    assert_eq!(last["kid"], before["kid"]);
    bench.clock.advance(Ttl::from_secs(1));
    assert_eq!(issue(&bench).await["kid"], next["kid"]);
    assert_eq!(kids(&bench.read("jwks").await.unwrap()), both, "the old key's tokens live on");
    bench.clock.advance(Ttl::from_secs(3598));
    assert_eq!(verify(&bench, text(&last, "token")).await["active"], true);
    bench.clock.advance(Ttl::from_secs(2));
    assert_eq!(kids(&bench.read("jwks").await.unwrap()), [next["kid"].clone()], "retired with the last of them");
    assert_eq!(verify(&bench, text(&last, "token")).await, inactive());
    assert_eq!(verify(&bench, text(&issue(&bench).await, "token")).await["active"], true);
}

#[tokio::test]
async fn keys_rotate_by_themselves_when_tokens_are_made() {
    let bench = bench().await;
    let first = issue(&bench).await["kid"].clone();
    bench.clock.advance(Ttl::from_hours(30 * 24 - 1));
    assert_eq!(issue(&bench).await["kid"], first);
    assert_eq!(bench.read("jwks").await.unwrap()["keys"].as_array().unwrap().len(), 2);
    bench.clock.advance(Ttl::from_hours(1));
    assert_ne!(issue(&bench).await["kid"], first);
}

#[tokio::test]
async fn rotating_an_empty_set_creates_the_first_key() {
    let bench = Bench::engine::<ServiceTokens>().await;
    assert_eq!(bench.write("keys/rotate", json!({})).await.unwrap()["state"], "active");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn roles_written_at_once_create_one_key() {
    let bench = std::sync::Arc::new(Bench::engine::<ServiceTokens>().await);
    let writes: Vec<_> = (0..20)
        .map(|n| {
            let bench = std::sync::Arc::clone(&bench);
            tokio::spawn(async move { bench.write(&format!("roles/r{n}"), json!({ "audiences": "a" })).await })
        })
        .collect();
    for write in writes {
        write.await.unwrap().unwrap();
    }
    assert_eq!(bench.read("jwks").await.unwrap()["keys"].as_array().unwrap().len(), 1);
}

/// S26: a stolen key could not be retired, and a second rotation was refused for an hour.
#[tokio::test]
async fn s26_a_stolen_key_is_retired_at_once() {
    let bench = bench().await;
    bench.write("roles/web", json!({ "ttl": "1h" })).await.unwrap();
    let forged = issue(&bench).await;
    bench.write("keys/rotate", json!({})).await.unwrap();
    let now_signs = bench.write("keys/retire", json!({ "kid": forged["kid"] })).await.unwrap();
    assert_eq!((&now_signs["state"], &now_signs["signs_from"]), (&json!("active"), &json!("2027-01-15T08:00:00Z")));
    assert_eq!(verify(&bench, text(&forged, "token")).await, inactive());
    for document in ["jwks", "keys"] {
        let shown = bench.read(document).await.unwrap().to_string();
        assert!(!shown.contains(text(&forged, "kid")) && shown.contains(text(&now_signs, "kid")), "{shown}");
    }
    let fresh = issue(&bench).await;
    assert_eq!(fresh["kid"], now_signs["kid"]);
    assert_eq!(verify(&bench, text(&fresh, "token")).await["active"], true);
    bench.write("keys/rotate", json!({})).await.unwrap();

    let unknown = bench.write("keys/retire", json!({ "kid": forged["kid"] })).await.unwrap_err();
    assert_eq!((unknown.fault, unknown.message.contains("read keys")), (Fault::Missing, true));
    for nothing in [json!({}), json!({ "kid": "" })] {
        assert_eq!(bench.write("keys/retire", nothing).await.unwrap_err().message, "missing kid");
    }
}
