//! Issuing and verifying tokens.

use std::sync::Arc;

use super::*;
use crate::{
    base::ttl::Ttl,
    contract::{Caller, Principal},
};

#[tokio::test]
async fn a_token_says_who_the_caller_is_and_others_verify_it_with_the_jwks_alone() {
    let bench = bench().await;
    let issued = issue(&bench).await;
    let (token, jti, kid) = (text(&issued, "token"), text(&issued, "jti"), text(&issued, "kid"));
    assert_eq!((&issued["token_type"], &issued["expires_in"]), (&json!("Bearer"), &json!(300)));
    assert_eq!(issued.as_object().unwrap().len(), 5);
    assert_eq!(part(token, 0), json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": kid }));
    let claims = json!({
        "iss": ISSUER, "sub": ENTITY, "client_id": "auth/test/svc", "aud": "billing", "iat": 1_800_000_000,
        "exp": 1_800_000_300, "jti": jti
    });
    assert_eq!(part(token, 1), claims);
    let jwks = bench.read("jwks").await.unwrap();
    let key = &jwks["keys"][0];
    assert_eq!(
        (&key["kid"], &key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&json!(kid), &json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
    );
    let x = BASE64URL_NOPAD.decode(text(key, "x").as_bytes()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap().try_into().unwrap();
    let key = PublicKey::from_bytes(x.try_into().unwrap()).unwrap();
    assert_eq!(key.verify(signed.as_bytes(), &signature), Ok(()));
}

#[tokio::test]
async fn verify_gives_the_claims_of_a_good_token() {
    let bench = bench().await;
    let issued = issue(&bench).await;
    let known = verify(&bench, text(&issued, "token")).await;
    let shape = json!({
        "active": true, "iss": ISSUER, "sub": ENTITY, "client_id": "auth/test/svc", "aud": "billing", "iat": 1_800_000_000,
        "exp": 1_800_000_300, "jti": issued["jti"]
    });
    assert_eq!(known, shape);
    for (audience, is_active) in [
        (json!("billing"), true),
        (json!(["x", "billing"]), true),
        (json!("https://b.example"), false),
        (json!("Billing"), false),
        (json!("bill"), false),
        (json!([]), false),
    ] {
        let asked = json!({ "token": issued["token"], "audience": audience });
        assert_eq!(bench.write("verify", asked).await.unwrap()["active"], is_active, "{audience}");
    }
    assert_eq!(bench.write("verify", json!({})).await.unwrap_err().message, "missing token");
    let error = bench.write("verify", json!({ "token": [7] })).await.unwrap_err();
    assert_eq!(error.message, "error converting input for field \"token\": expected a text");
}

#[tokio::test]
async fn a_token_ends_to_the_second() {
    let bench = bench().await;
    let issued = issue(&bench).await;
    bench.clock.advance(Ttl::from_secs(299));
    assert_eq!(verify(&bench, text(&issued, "token")).await["active"], true);
    bench.clock.advance(Ttl::from_secs(1));
    assert_eq!(verify(&bench, text(&issued, "token")).await, inactive());
}

#[tokio::test]
async fn a_token_is_for_audiences_of_its_role_only() {
    let bench = bench().await;
    let both = bench.write("token/web", json!({ "aud": ["https://b.example", "billing", "billing"] })).await.unwrap();
    assert_eq!(part(text(&both, "token"), 1)["aud"], json!(["billing", "https://b.example"]));
    for (fields, message) in [
        (json!({}), "missing audience: name the services that the token is for"),
        (json!({ "audience": "" }), "missing audience: name the services that the token is for"),
        (json!({ "audience": "others" }), "audience: each must be one of the role's audiences"),
        (json!({ "audience": "Billing" }), "audience: each must be one of the role's audiences"),
        (json!({ "aud": ["billing", "others"] }), "audience: each must be one of the role's audiences"),
        (json!({ "audience": "billing", "aud": "billing" }), "give `audience` or `aud`, not both"),
    ] {
        let error = bench.write("token/web", fields.clone()).await.unwrap_err();
        assert_eq!((error.fault, error.message.as_str()), (Fault::Invalid, message), "{fields}");
    }
    let error = bench.write("token/nope", json!({ "audience": "billing" })).await.unwrap_err();
    let message = "no role named `nope`: create it with `write roles/nope` below this mount";
    assert_eq!((error.fault, error.message.as_str()), (Fault::Missing, message));
}

#[tokio::test]
async fn a_caller_without_an_entity_gets_no_token() {
    let mut bench = bench().await;
    bench.become_caller("root", "", BTreeMap::new());
    let error = bench.write("token/web", json!({ "audience": "billing" })).await.unwrap_err();
    let message = "a service token names an entity and your token has none: log in and use the token of that login";
    assert_eq!((error.fault, error.message.as_str()), (Fault::Invalid, message));
}

/// The creator of a child token chooses its metadata. It must not become a client id.
#[tokio::test]
async fn the_client_id_is_what_a_login_vouches_for() {
    let mut bench = bench().await;
    let role = |name: &str| BTreeMap::from([("role_name".to_owned(), name.to_owned())]);
    let metadata = role("somebody-else");
    let entity_id = ENTITY.to_owned();
    let principal = Arc::new(Principal { entity_id, metadata, ..Principal::default() });
    bench.caller = Arc::new(Caller { principal, ..Caller::nobody(None) });
    assert_eq!(part(text(&issue(&bench).await, "token"), 1)["client_id"], ENTITY);
    for metadata in [BTreeMap::new(), role("")] {
        bench.become_caller("userpass-ann", ENTITY, metadata);
        assert_eq!(part(text(&issue(&bench).await, "token"), 1)["client_id"], ENTITY, "a login without a role");
    }
    // `auth/test/` with the role `a/b` must not pass for `auth/test/a/` with the role `b`.
    bench.become_caller("odd", ENTITY, role("a/b"));
    assert_eq!(part(text(&issue(&bench).await, "token"), 1)["client_id"], ENTITY);
}

#[tokio::test]
async fn issuing_and_verifying_write_nothing() {
    let bench = bench().await;
    let before = bench.everything();
    for _ in 0..3 {
        let issued = issue(&bench).await;
        verify(&bench, text(&issued, "token")).await;
    }
    assert_eq!(bench.everything(), before);
}

#[tokio::test]
async fn no_two_tokens_are_the_same() {
    let bench = bench().await;
    let (one, other) = (issue(&bench).await, issue(&bench).await);
    assert_ne!(one["jti"], other["jti"]);
    assert_ne!(one["token"], other["token"]);
}

#[tokio::test]
async fn a_mount_without_keys_verifies_nothing() {
    let (one, other) = (bench().await, Bench::engine::<ServiceTokens>().await);
    let issued = issue(&one).await;
    assert_eq!(verify(&other, text(&issued, "token")).await, inactive());
}
