//! JWT-01 to JWT-04 at `verify`: a token that is not exactly what this mount signed is inactive, and the answer says
//! nothing more.

use std::time::Duration;

use super::*;
use crate::{
    base::secret::Secret,
    crypto::{ed25519::SigningKey, jose},
};

fn encode(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

async fn assert_inactive(bench: &Bench, tokens: &[String]) {
    for token in tokens {
        let known = tokio::time::timeout(Duration::from_secs(10), verify(bench, token)).await.unwrap();
        assert_eq!(known, inactive(), "{}", token.get(..200).unwrap_or(token));
    }
}

#[tokio::test]
async fn a_changed_token_is_inactive() {
    let bench = bench().await;
    let issued = issue(&bench).await;
    let token = text(&issued, "token");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let mut later = part(token, 1);
    later["exp"] = json!(1_900_000_000);
    let mut forged = vec![
        format!("{header}.{}.{signature}", encode(&later)),
        format!("{signed}."),
        signed.to_owned(),
        format!("{token}."),
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{signed}.{}", &signature[..85]),
        format!("{signed}.{}", "A".repeat(86)),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{signed}.{signature}.{signature}.x"),
        String::new(),
        ".".repeat(1000),
        ".".repeat(1_000_000),
        "a".repeat(1_000_000),
    ];
    for (index, _) in token.char_indices() {
        let other = if token.as_bytes()[index] == b'Q' { "R" } else { "Q" };
        forged.push(format!("{}{other}{}", &token[..index], &token[index + 1..]));
    }
    assert_inactive(&bench, &forged).await;
    assert_eq!(verify(&bench, token).await["active"], true);
}

#[tokio::test]
async fn the_header_decides_nothing() {
    let bench = bench().await;
    let issued = issue(&bench).await;
    let token = text(&issued, "token");
    let mut parts = token.split('.').skip(1);
    let (claims, signature) = (parts.next().unwrap(), parts.next().unwrap());
    let mut forged = Vec::new();
    for (name, values) in [
        (
            "alg",
            vec![
                json!("none"),
                json!("None"),
                json!(""),
                json!("HS256"),
                json!("RS256"),
                json!("ES256"),
                json!("Ed25519"),
                json!(["EdDSA"]),
                Value::Null,
            ],
        ),
        ("typ", vec![json!("JWT"), json!("AT+JWT"), json!("application/at+jwt"), json!(""), Value::Null]),
        (
            "kid",
            vec![
                json!("nope"),
                json!("../../etc/passwd"),
                json!("' OR 1=1 --"),
                json!("k".repeat(10_000)),
                json!("\u{0}"),
                json!(7),
                Value::Null,
            ],
        ),
        ("crit", vec![json!(["exp"]), json!([])]),
        ("b64", vec![json!(false)]),
        ("zip", vec![json!("DEF")]),
        ("enc", vec![json!("A256GCM")]),
        ("cty", vec![json!("JWT")]),
    ] {
        for value in values {
            let mut header = part(token, 0);
            header[name] = value;
            for signature in [signature, ""] {
                forged.push(format!("{}.{claims}.{signature}", encode(&header)));
            }
        }
        let mut header = part(token, 0);
        header.as_object_mut().unwrap().remove(name);
        if header != part(token, 0) {
            forged.push(format!("{}.{claims}.{signature}", encode(&header)));
        }
    }
    forged.push(format!("{}.{claims}.{signature}", BASE64URL_NOPAD.encode(br#"{"alg":"EdDSA","alg":"none"}"#)));
    forged.push(format!("{}.{claims}.{signature}", BASE64URL_NOPAD.encode("[".repeat(1000).as_bytes())));
    assert_inactive(&bench, &forged).await;
}

/// Signed with the public key, which everybody knows, and signed with another key under our key id.
#[tokio::test]
async fn a_token_signed_by_another_is_inactive() {
    let bench = bench().await;
    let issued = issue(&bench).await;
    let (header, claims) = (part(text(&issued, "token"), 0), part(text(&issued, "token"), 1));
    let kid = text(&issued, "kid");
    let mine = SigningKey::from_seed(&Secret::new([7; 32]));
    let mut forged = vec![jose::sign(&mine, kid, "at+jwt", &claims).unwrap()];
    let mut with_jwk = header;
    with_jwk["jwk"] = jose::jwk(kid, &mine.public());
    with_jwk["jku"] = json!("http://127.0.0.1:1/jwks");
    with_jwk["x5u"] = json!("http://127.0.0.1:1/cert");
    let signed = format!("{}.{}", encode(&with_jwk), encode(&claims));
    forged.push(format!("{signed}.{}", BASE64URL_NOPAD.encode(&mine.sign(signed.as_bytes()))));
    let public = BASE64.decode(text(&bench.read("keys").await.unwrap()["keys"][0], "public_key").as_bytes()).unwrap();
    let hs256 = format!("{}.{}", encode(&json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid })), encode(&claims));
    let mac = crate::crypto::kdf::MacKey::new(&public).mac(&[hs256.as_bytes()]);
    forged.push(format!("{hs256}.{}", BASE64URL_NOPAD.encode(&mac)));
    assert_inactive(&bench, &forged).await;
}
