//! `version`: shows this program's version, and the version of Vault's API that it implements.

use std::io::Write as _;

use crate::{
    cli::{error::CliError, invocation::Invocation, persona::Persona},
    client::json::Json,
};

/// The version of Vault's API that this server implements. Scripts compare it.
const API_VERSION: &str = "1.19.0";
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn print(persona: Persona) {
    // An error means that nobody reads standard output.
    let _ = writeln!(std::io::stdout().lock(), "{}", text(persona));
}

fn text(persona: Persona) -> String {
    match persona {
        Persona::Vault => format!("Vault v{API_VERSION} (strongroom {VERSION})"),
        Persona::Strongroom => format!("strongroom {VERSION} (Vault API {API_VERSION})"),
    }
}

pub(crate) fn run(invocation: &Invocation) -> Result<u8, CliError> {
    if invocation.out.is_json() {
        let json = Json::object([("strongroom_version", Json::text(VERSION)), ("version", Json::text(API_VERSION))]);
        invocation.out.print_json(&json);
    } else {
        print(invocation.persona);
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
