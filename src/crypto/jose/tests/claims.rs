//! Dates, audience and issuer.

use super::*;

/// JWT-02. CVE-2026-25537: `exp` of another JSON type was taken as absent.
#[test]
fn dates_are_whole_seconds_or_nothing() {
    for name in ["exp", "nbf", "iat"] {
        for value in [
            "\"1800000300\"",
            "1800000300.0",
            "1800000000.5",
            "18e8",
            "1e400",
            "-1",
            "-0",
            "-1800000300",
            "[1800000300]",
            "[]",
            "{}",
            "null",
            "true",
            "9223372036854775808",
            "18446744073709551616",
            "9223372037",
        ] {
            let refused = check_claim(name, Some(value));
            assert!(matches!(refused, Some(JoseError::Claim(_) | JoseError::Shape)), "{name} {value} {refused:?}");
        }
    }
    assert_eq!(check_claim("exp", None), Some(JoseError::Claim("exp")));
    assert_eq!((check_claim("nbf", None), check_claim("iat", None)), (None, None));
    assert_eq!(check_claim("exp", Some("9223372036")), None);
}

#[test]
fn a_token_lives_from_nbf_to_exp_and_leeway_is_a_minute_at_most() {
    let token = forge(HEADER, &good_claims().to_string());
    for (now, leeway, verdict) in [
        (NOW + 299, 0, None),
        (NOW + 300, 0, Some(JoseError::Expired)),
        (NOW + 329, 30, None),
        (NOW + 330, 30, Some(JoseError::Expired)),
        (NOW + 359, 60, None),
        (NOW + 360, 60, Some(JoseError::Expired)),
        (NOW + 360, 3_600, Some(JoseError::Expired)),
        (NOW + 360, u64::MAX, Some(JoseError::Expired)),
        (NOW - 1, 0, Some(JoseError::Early)),
        (NOW - 60, 60, None),
        (NOW - 61, u64::MAX, Some(JoseError::Early)),
        (0, 60, Some(JoseError::Early)),
        (9_300_000_000, 60, Some(JoseError::Expired)),
    ] {
        assert_eq!(verify_for(&token, None, now, leeway).err(), verdict, "{now} {leeway}");
    }
    for name in ["nbf", "iat"] {
        assert_eq!(check_claim(name, Some("1800000061")), Some(JoseError::Early), "{name}");
        assert_eq!(check_claim(name, Some("1800000060")), None, "{name}");
    }
}

/// JWT-02. CVE-2024-5798: an audience given as one text was compared with a list by its characters.
#[test]
fn an_audience_is_met_exactly() {
    for value in [r#""ledger""#, r#"["ledger"]"#, r#"["x","billing"]"#] {
        assert_eq!(check_claim("aud", Some(value)), None, "{value}");
    }
    for value in [
        r#""ledge""#,
        r#""ledgers""#,
        r#""LEDGER""#,
        r#"" ledger""#,
        r#""ledger ""#,
        r#""ledger\u0000""#,
        r#""billing,ledger""#,
        r#"["x"]"#,
        r#"["ledger/"]"#,
        r#""*""#,
    ] {
        assert_eq!(check_claim("aud", Some(value)), Some(JoseError::Audience), "{value}");
    }
    for value in [
        r#""""#,
        "[]",
        r#"["ledger",""]"#,
        r#"["ledger",1]"#,
        "null",
        "1",
        "{}",
        r#"{"ledger":1}"#,
        r#"[["ledger"]]"#,
        "true",
    ] {
        assert_eq!(check_claim("aud", Some(value)), Some(JoseError::Claim("aud")), "{value}");
    }
    assert_eq!(check_claim("aud", None), Some(JoseError::Claim("aud")));
    let token = forge(HEADER, &good_claims().to_string());
    assert!(verify_for(&token, None, NOW, 0).is_ok());
    assert_eq!(verify_for(&token, Some(&[]), NOW, 0), Err(JoseError::Audience));
    assert_eq!(verify_for(&token, Some(&audiences(&[""])), NOW, 0), Err(JoseError::Audience));
    let without = forge(HEADER, &claims_with("aud", None));
    assert_eq!(verify_for(&without, None, NOW, 0), Err(JoseError::Claim("aud")));
}

#[test]
fn an_issuer_is_met_to_the_letter() {
    for value in [format!("{ISSUER}/"), ISSUER.to_uppercase(), ISSUER[1..].to_owned(), "x".into(), format!("{ISSUER} ")]
    {
        assert_eq!(check_claim("iss", Some(&format!("\"{value}\""))), Some(JoseError::Issuer), "{value}");
    }
    for value in
        [Some(String::from("null")), Some(format!("[\"{ISSUER}\"]")), Some("\"\"".into()), Some("7".into()), None]
    {
        assert_eq!(check_claim("iss", value.as_deref()), Some(JoseError::Claim("iss")), "{value:?}");
    }
    for (name, value) in [("sub", "7"), ("sub", "null"), ("sub", "\"\""), ("jti", "[]"), ("jti", "1")] {
        assert!(
            matches!(check_claim(name, Some(value)), Some(JoseError::Claim(claim)) if claim == name),
            "{name} {value}"
        );
    }
}
