//! Checks a service token as another service would: offline, from a JWKS file alone, without asking Strongroom.
//!
//! `verify_offline --jwks FILE --issuer URL --audience AUD < token` prints the claims as JSON. It ends with 1 and says
//! why when the token does not stand. Nothing here knows Strongroom: copy it into a service and it works.

use std::{error::Error, io::Read, process::ExitCode};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;

/// How far two clocks may disagree.
const LEEWAY_SECS: u64 = 30;

fn main() -> ExitCode {
    match run() {
        Ok(claims) => {
            println!("{claims:#}");
            ExitCode::SUCCESS
        }
        Err(cause) => {
            eprintln!("error: the token does not verify: {cause}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Value, Box<dyn Error>> {
    let keys: JwkSet = serde_json::from_slice(&std::fs::read(flag("jwks")?)?)?;
    let mut token = String::new();
    std::io::stdin().read_to_string(&mut token)?;
    verify(token.trim(), &keys, &flag("issuer")?, &flag("audience")?)
}

fn verify(token: &str, keys: &JwkSet, issuer: &str, audience: &str) -> Result<Value, Box<dyn Error>> {
    let header = decode_header(token)?;
    // RFC 9068 §4: the type says that this is an access token and not, say, an ID token of the same issuer.
    if !header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case("at+jwt")) {
        return Err("its type is not `at+jwt`".into());
    }
    let kid = header.kid.ok_or("it names no key")?;
    let key = keys.find(&kid).ok_or("its key is not in the JWKS file: fetch the file again")?;
    // The algorithm is ours to say, never the token's: RFC 8725 §3.1.
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.leeway = LEEWAY_SECS;
    Ok(decode::<Value>(token, &DecodingKey::from_jwk(key)?, &rules)?.claims)
}

/// The value of `--name`.
fn flag(name: &str) -> Result<String, Box<dyn Error>> {
    let long = format!("--{name}");
    let mut arguments = std::env::args();
    arguments.find(|argument| *argument == long);
    Ok(arguments.next().ok_or_else(|| format!("{long} is missing"))?)
}
