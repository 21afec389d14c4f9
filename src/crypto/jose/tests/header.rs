//! What the header may not decide: algorithm, key, type and extensions; and the one form of a signature.

use super::*;

/// JWT-01. CVE-2015-9235 (`none`), CVE-2016-5431 (RS256 to HS256), CVE-2022-21449 and their kin.
#[test]
fn the_header_does_not_choose_the_algorithm() {
    for alg in [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS512", "RS256", "PS256", "ES256", "ES384", "eddsa", "EDDSA",
        "Ed25519", "EdDSA ",
    ] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"{alg}","kid":"k1"}}"#);
        assert_eq!(check_header(&header), Some(JoseError::Algorithm), "{alg}");
        let unsigned = format!("{}.{}.", encode(&header), encode(&good_claims().to_string()));
        assert!(check(&unsigned).is_err(), "{alg}");
    }
    for header in [
        r#"{"typ":"at+jwt","kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":null,"kid":"k1"}"#,
        r#"{"typ":"at+jwt","alg":["EdDSA"],"kid":"k1"}"#,
        r#"{"typ":"at+jwt","ALG":"EdDSA","kid":"k1"}"#,
    ] {
        assert_eq!(check_header(header), Some(JoseError::Algorithm), "{header}");
    }
}

/// JWT-01. The public key as an HMAC secret, in every form in which a server might hold it.
#[test]
fn a_public_key_is_no_secret() {
    let public = key(1).public();
    let claims = good_claims();
    let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
    header.typ = Some(TYP.into());
    header.kid = Some("k1".into());
    for secret in [&public.as_bytes()[..], public.to_base64().as_bytes(), jwk("k1", &public).to_string().as_bytes()] {
        let token = jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(secret)).unwrap();
        assert!(check(&token).is_err());
        let (_, rest) = token.split_once('.').unwrap();
        assert!(check(&format!("{}.{rest}", encode(HEADER))).is_err());
    }
}

#[test]
fn a_signature_is_whole_and_of_the_key_that_is_named() {
    let token = forge(HEADER, &good_claims().to_string());
    let (message, signature) = token.rsplit_once('.').unwrap();
    assert!(check(&token).is_ok());
    assert_eq!(check(message), Err(JoseError::Shape));
    let zeros = BASE64URL_NOPAD.encode(&[0; 64]);
    let mut identity = [0; 64];
    identity[0] = 1;
    let identity = BASE64URL_NOPAD.encode(&identity);
    let longer = BASE64URL_NOPAD.encode(&[&BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap()[..], &[0]].concat());
    for other in ["", "A", &signature[1..], &signature[..85], &signature[..43], &longer, &zeros, &identity] {
        assert_eq!(check(&format!("{message}.{other}")), Err(JoseError::Signature), "{other}");
    }
    for other in
        [format!("{signature}A"), format!("{signature}=="), format!("{signature}."), format!("{signature}.{signature}")]
    {
        assert!(check(&format!("{message}.{other}")).is_err(), "{other}");
    }
    // k1 signed it, k2 is named; an unknown name finds nothing.
    assert_eq!(check_header(r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k2"}"#), Some(JoseError::Signature));
    assert_eq!(check_header(r#"{"typ":"at+jwt","alg":"EdDSA","kid":"k3"}"#), Some(JoseError::UnknownKey));
}

/// JWT-01. The group's order added to s gives the same signature a second form (RFC 8032 §5.1.7 refuses it).
#[test]
fn a_signature_has_one_form() {
    let token = forge(HEADER, &good_claims().to_string());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let order =
        data_encoding::HEXLOWER.decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut carry = 0;
    for (byte, add) in bytes[32..].iter_mut().zip(&order) {
        let sum = u16::from(*byte) + u16::from(*add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert_eq!(check(&format!("{message}.{}", BASE64URL_NOPAD.encode(&bytes))), Err(JoseError::Signature));
    // The last character carries four bits that mean nothing; any of them set is another text for the same bytes.
    let (rest, last) = signature.split_at(85);
    for other in (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*b"-_").map(char::from) {
        assert_eq!(check(&format!("{message}.{rest}{other}")).is_ok(), last == other.to_string(), "{other}");
    }
}

/// JWT-03.
#[test]
fn extensions_are_refused_and_hints_are_ignored() {
    let with = |extra: &str| check_header(&HEADER.replace('}', &format!(",{extra}}}")));
    for extra in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""zip":"DEF""#,
        r#""enc":"A256GCM""#,
        r#""crit":["b64"],"b64":false"#,
        r#""cty":"JWT""#,
        r#""p2c":2147483648,"enc":"A128GCM""#,
    ] {
        assert_eq!(with(extra), Some(JoseError::Extension), "{extra}");
    }
    let attacker = jwk("k1", &key(9).public());
    for extra in [
        r#""jku":"https://127.0.0.1:1/keys""#.to_owned(),
        r#""x5u":"https://127.0.0.1:1/cert""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
        format!(r#""jwk":{attacker}"#),
        r#""unheard":{"of":[1]}"#.to_owned(),
    ] {
        assert_eq!(with(&extra), None, "{extra}");
        // Signed by the key that the hint leads to, it is still refused.
        let message =
            format!("{}.{}", encode(&HEADER.replace('}', &format!(",{extra}}}"))), encode(&good_claims().to_string()));
        let signature = BASE64URL_NOPAD.encode(&key(9).sign(message.as_bytes()));
        assert_eq!(check(&format!("{message}.{signature}")), Err(JoseError::Signature), "{extra}");
    }
}

/// JWT-03.
#[test]
fn a_kid_is_looked_up_and_nothing_else() {
    let long = "k".repeat(10_000);
    for kid in ["../../k1", "k1'; DROP TABLE keys; --", "K1", "k1 ", "", "k1\\u0000", "/dev/null", &long] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#);
        assert_eq!(check_header(&header), Some(JoseError::UnknownKey), "{kid}");
    }
    for header in [
        r#"{"typ":"at+jwt","alg":"EdDSA"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":1}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":["k1"]}"#,
    ] {
        assert_eq!(check_header(header), Some(JoseError::UnknownKey), "{header}");
    }
    let token = forge(HEADER, &good_claims().to_string());
    let expect = Expect { issuer: ISSUER, audiences: None, now: Time::from_unix_secs(NOW as i64), leeway_secs: 0 };
    assert_eq!(verify(&token, &[], TYP, &expect), Err(JoseError::UnknownKey));
}

/// RFC 8725 §3.11: a token of one use is no token of another.
#[test]
fn a_type_is_met_to_the_letter() {
    for typ in ["\"JWT\"", "\"AT+JWT\"", "\"at+jwt \"", "\"application/at+jwt\"", "\"\"", "null", "1", "[\"at+jwt\"]"] {
        assert_eq!(
            check_header(&format!(r#"{{"typ":{typ},"alg":"EdDSA","kid":"k1"}}"#)),
            Some(JoseError::Type),
            "{typ}"
        );
    }
    assert_eq!(check_header(r#"{"alg":"EdDSA","kid":"k1"}"#), Some(JoseError::Type));
}
