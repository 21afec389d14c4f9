//! Every refusal of RFC 8725 and of the known defects of JWT libraries, each against a token that is right but for one
//! thing. Forged tokens are put together by hand, since jsonwebtoken would not make them.

mod claims;
mod header;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::base::{fuzz, random::Random, secret::Secret};

const NOW: u64 = 1_800_000_000;
const TYP: &str = "at+jwt";
const ISSUER: &str = "https://strongroom.test:8200/v1/tokens";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([seed; 32]))
}

fn keys() -> Vec<(String, PublicKey)> {
    vec![("k2".into(), key(2).public()), ("k1".into(), key(1).public())]
}

fn audiences(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

fn verify_for(token: &str, ours: Option<&[String]>, now: u64, leeway_secs: u64) -> Result<Claims, JoseError> {
    let now = Time::from_unix_secs(now as i64);
    verify(token, &keys(), TYP, &Expect { issuer: ISSUER, audiences: ours, now, leeway_secs })
}

fn check(token: &str) -> Result<Claims, JoseError> {
    verify_for(token, Some(&audiences(&["billing", "ledger"])), NOW, 60)
}

fn good_claims() -> Value {
    json!({"iss": ISSUER, "sub": "web", "aud": "ledger", "exp": NOW + 300, "nbf": NOW, "iat": NOW, "jti": "j1", "n": 7})
}

/// The good claims with `name` set to `value`, as raw text; `None` takes the claim away.
fn claims_with(name: &str, value: Option<&str>) -> String {
    let mut claims = good_claims();
    let object = claims.as_object_mut().unwrap();
    object.remove(name);
    let rest = claims.to_string();
    match value {
        Some(value) => format!("{},\"{name}\":{value}}}", rest.strip_suffix('}').unwrap()),
        None => rest,
    }
}

fn encode(text: &str) -> String {
    BASE64URL_NOPAD.encode(text.as_bytes())
}

/// A token of any header and claims whatever, with a signature of key 1 that holds.
fn forge(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = BASE64URL_NOPAD.encode(&key(1).sign(message.as_bytes()));
    format!("{message}.{signature}")
}

const HEADER: &str = r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1"}"#;

fn check_header(header: &str) -> Option<JoseError> {
    check(&forge(header, &good_claims().to_string())).err()
}

fn check_claim(name: &str, value: Option<&str>) -> Option<JoseError> {
    check(&forge(HEADER, &claims_with(name, value))).err()
}

#[test]
fn a_signed_token_says_what_was_signed() {
    let token = sign(&key(1), "k1", TYP, &good_claims()).unwrap();
    assert_eq!(token, forge(HEADER, &good_claims().to_string()));
    let claims = check(&token).unwrap();
    assert_eq!(
        (claims.issuer.as_str(), claims.subject.as_deref(), claims.id.as_deref()),
        (ISSUER, Some("web"), Some("j1"))
    );
    assert_eq!(claims.audiences, ["ledger"]);
    assert_eq!(claims.expires_at, Time::from_unix_secs(NOW as i64 + 300));
    assert_eq!((claims.not_before, claims.issued_at), (Some(Time::from_unix_secs(NOW as i64)), claims.not_before));
    assert_eq!(claims.all["n"], json!(7));
}

/// RFC 8037 Appendix A.1 to A.4: key, JWK and signature. The payload there is no JSON, so `verify` must refuse it.
#[test]
fn the_example_of_rfc_8037_holds() {
    let seed = BASE64URL_NOPAD.decode(b"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let key = SigningKey::from_seed(&Secret::new(seed.try_into().unwrap()));
    let kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    let jwk = jwk(kid, &key.public());
    assert_eq!(jwk["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":{}}}"#, jwk["x"]);
    assert_eq!(BASE64URL_NOPAD.encode(&super::super::kdf::sha256(&[canonical.as_bytes()])), kid);
    let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(BASE64URL_NOPAD.encode(&key.sign(message.as_bytes())), signature);
    let token = format!("{message}.{signature}");
    let keys = [(kid.to_owned(), key.public())];
    let expect = Expect { issuer: ISSUER, audiences: None, now: Time::EPOCH, leeway_secs: 0 };
    assert_eq!(verify(&token, &keys, TYP, &expect), Err(JoseError::Type));
    assert_eq!(signed_claims(&token, &key.public()).err(), Some(JoseError::Shape));
}

/// JWT-02. Two readers that take different ones of two equal names disagree about the token.
#[test]
fn doubled_names_are_refused() {
    for header in [
        r#"{"typ":"at+jwt","alg":"none","alg":"EdDSA","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k2","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","k\u0069d":"k1"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k1","x":{"a":1,"a":1}}"#,
    ] {
        assert_eq!(check_header(header), Some(JoseError::Shape), "{header}");
    }
    let good = good_claims().to_string();
    let rest = good.strip_suffix('}').unwrap();
    for extra in [r#""exp":9000000000"#, r#""\u0065xp":9000000000"#, r#""n":7"#, r#""x":[{"a":1,"a":2}]"#] {
        assert_eq!(check(&forge(HEADER, &format!("{rest},{extra}}}"))), Err(JoseError::Shape), "{extra}");
    }
}

/// JWT-04. CVE-2025-30204 (dots), CVE-2024-28180 (bombs).
#[test]
fn great_and_broken_texts_are_refused() {
    let token = forge(HEADER, &good_claims().to_string());
    let parts: Vec<&str> = token.split('.').collect();
    let (header, claims, signature) = (parts[0], parts[1], parts[2]);
    for text in [".".repeat(1_000_000), "a".repeat(1 << 20), format!("{token}{}", "A".repeat(JWT_BYTES_MAX))] {
        assert_eq!(check(&text), Err(JoseError::TooLong));
    }
    for text in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        ".".repeat(16_000),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{header}={claims}.{signature}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{header}.{claims}.{signature}.x"),
        format!("{header}.{claims}.x.y.z"),
        token.replacen('.', "..", 1),
    ] {
        assert!(matches!(check(&text), Err(JoseError::Shape | JoseError::Signature)), "{text}");
    }
    for header in [
        "{\"a\":".repeat(1000),
        "[".repeat(1000),
        "[]".into(),
        "7".into(),
        "\"x\"".into(),
        "null".into(),
        String::new(),
        format!("{HEADER} x"),
        format!("{HEADER}{HEADER}"),
        format!("\u{feff}{HEADER}"),
        HEADER.replace(':', "="),
    ] {
        assert_eq!(check_header(&header), Some(JoseError::Shape), "{header}");
    }
    for claims in [
        "{\"a\":".repeat(1000),
        format!("{{\"a\":{}{}}}", "[".repeat(1000), "]".repeat(1000)),
        "[]".into(),
        "7".into(),
        "null".into(),
        "\"x\"".into(),
        token.clone(),
    ] {
        assert_eq!(check(&forge(HEADER, &claims)).err(), Some(JoseError::Shape), "{claims}");
    }
    // Standard alphabet and padding are not base64url.
    let message = |claims: &str| format!("{header}.{claims}");
    for claims in [
        format!("{claims}="),
        format!("{claims}=="),
        claims.replace('e', "+"),
        claims.replace('e', "/"),
        format!("{claims} "),
    ] {
        let signature = BASE64URL_NOPAD.encode(&key(1).sign(message(&claims).as_bytes()));
        assert_eq!(check(&format!("{}.{signature}", message(&claims))), Err(JoseError::Shape), "{claims}");
    }
}

#[test]
fn a_refusal_shows_nothing_of_the_token() {
    let canary = "c4n4ry";
    let tokens = [
        forge(&HEADER.replace("k1", canary), &good_claims().to_string()),
        forge(&HEADER.replace("at+jwt", canary), &good_claims().to_string()),
        forge(HEADER, &claims_with("iss", Some("\"c4n4ry\""))),
        forge(HEADER, &claims_with("exp", Some("\"c4n4ry\""))),
        forge(HEADER, "{\"c4n4ry\":1,\"c4n4ry\":2}"),
    ];
    for token in tokens {
        let error = check(&token).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(canary));
    }
}

#[test]
fn what_is_no_json_is_not_signed() {
    struct Broken;
    impl serde::Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }
    assert_eq!(sign(&key(1), "k1", TYP, &Broken), Err(CryptoError::Shape));
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,300}") {
        prop_assert!(check(&text).is_err());
    }

    #[test]
    fn no_header_or_claims_make_the_reader_panic(
        header in "[{}\\[\\]\":,a-z0-9 ]{0,60}", claims in "[{}\\[\\]\":,a-z0-9.-]{0,80}",
    ) {
        prop_assert!(check(&forge(&header, &claims)).is_err());
        prop_assert!(check(&forge(HEADER, &claims)).is_err());
    }

    #[test]
    fn a_changed_character_is_noticed(at: prop::sample::Index, to in "[A-Za-z0-9_.-]") {
        let token = forge(HEADER, &good_claims().to_string());
        let at = at.index(token.len());
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        prop_assert_eq!(check(&changed).is_ok(), changed == token);
    }

    #[test]
    fn what_one_key_signs_another_does_not_answer_for(seed: u64, sub in "[a-z]{1,20}") {
        let random = Random::seeded(seed);
        let (mine, other) = (SigningKey::from_seed(&random.secret()), SigningKey::from_seed(&random.secret()));
        let mut claims = good_claims();
        claims["sub"] = json!(sub);
        let token = sign(&mine, "k", TYP, &claims).unwrap();
        let expect = Expect { issuer: ISSUER, audiences: None, now: Time::from_unix_secs(NOW as i64), leeway_secs: 0 };
        prop_assert_eq!(verify(&token, &[("k".into(), mine.public())], TYP, &expect).unwrap().subject, Some(sub));
        prop_assert_eq!(verify(&token, &[("k".into(), other.public())], TYP, &expect), Err(JoseError::Signature));
    }
}
