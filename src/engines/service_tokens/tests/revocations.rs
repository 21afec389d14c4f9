//! Revocations.

use super::*;
use crate::base::ttl::Ttl;

#[tokio::test]
async fn a_revoked_token_no_longer_verifies() {
    let bench = bench().await;
    let (by_jti, by_token, other) = (issue(&bench).await, issue(&bench).await, issue(&bench).await);
    assert_eq!(revoke(&bench, json!({ "jti": text(&by_jti, "jti").to_uppercase() })).await.unwrap(), Value::Null);
    assert_eq!(revoke(&bench, json!({ "token": by_token["token"] })).await.unwrap(), Value::Null);
    assert_eq!(verify(&bench, text(&by_jti, "token")).await, inactive());
    assert_eq!(verify(&bench, text(&by_token, "token")).await, inactive());
    assert_eq!(verify(&bench, text(&other, "token")).await["active"], true);
    let once = bench.everything();
    revoke(&bench, json!({ "token": by_token["token"] })).await.unwrap();
    revoke(&bench, json!({ "jti": by_jti["jti"] })).await.unwrap();
    assert_eq!(bench.everything(), once, "again is nothing new");
}

#[tokio::test]
async fn text_that_is_not_a_token_is_refused() {
    let bench = bench().await;
    let issued = issue(&bench).await;
    let token = text(&issued, "token");
    let before = bench.everything();
    for (fields, message) in [
        (json!({}), "missing jti or token"),
        (json!({ "jti": issued["jti"], "token": token }), "give `jti` or `token`, not both"),
        (json!({ "jti": "" }), "jti: not the id of a service token, which is a UUID"),
        (json!({ "jti": "zz" }), "jti: not the id of a service token, which is a UUID"),
        (
            json!({ "jti": text(&issued, "jti").replace('-', "") }),
            "jti: not the id of a service token, which is a UUID",
        ),
        (json!({ "token": "" }), "token: not a service token of this mount"),
        (json!({ "token": format!("{token}A") }), "token: not a service token of this mount"),
    ] {
        let error = revoke(&bench, fields.clone()).await.unwrap_err();
        assert_eq!((error.fault, error.message.as_str()), (Fault::Invalid, message), "{fields}");
    }
    bench.clock.advance(Ttl::from_secs(300));
    revoke(&bench, json!({ "token": token })).await.unwrap();
    assert_eq!(bench.everything(), before, "what has ended needs no revocation");
}

#[tokio::test]
async fn a_revocation_holds_as_long_as_the_longest_token_and_is_then_deleted() {
    let bench = bench().await;
    bench.write("roles/web", json!({ "ttl": "1h" })).await.unwrap();
    let issued = issue(&bench).await;
    let empty = bench.everything().len();
    revoke(&bench, json!({ "jti": issued["jti"] })).await.unwrap();
    assert_eq!(bench.everything().len(), empty + 2);
    bench.clock.advance(Ttl::from_secs(3599));
    revoke(&bench, json!({ "jti": "00000000-0000-4000-8000-000000000000" })).await.unwrap();
    assert_eq!(verify(&bench, text(&issued, "token")).await, inactive());
    assert_eq!(bench.everything().len(), empty + 4);
    bench.clock.advance(Ttl::from_secs(1));
    revoke(&bench, json!({ "jti": "00000000-0000-4000-8000-000000000001" })).await.unwrap();
    assert_eq!(bench.everything().len(), empty + 4, "one came, one went");
}
