//! `version`: ours, and as `vault` the level of Vault's API that we speak.

use crate::{
    cli::{fault::Fault, persona::Persona, session::Session},
    client::json::Json,
};

/// The level of Vault's API, as scripts compare it.
const API_VERSION: &str = "1.19.0";
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub fn print(persona: Persona) {
    println!("{}", text(persona));
}

fn text(persona: Persona) -> String {
    match persona {
        Persona::Vault => format!("Vault v{API_VERSION} (strongroom {VERSION})"),
        Persona::Strongroom => format!("strongroom {VERSION} (Vault API {API_VERSION})"),
    }
}

pub fn run(session: &Session) -> Result<u8, Fault> {
    if session.out.is_json() {
        let json = Json::object([("strongroom_version", Json::text(VERSION)), ("version", Json::text(API_VERSION))]);
        session.out.print_json(&json);
    } else {
        print(session.persona);
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_vault_the_first_word_is_vault() {
        assert!(text(Persona::Vault).starts_with("Vault v1.19.0 "));
        assert!(text(Persona::Strongroom).starts_with("strongroom "));
    }
}
