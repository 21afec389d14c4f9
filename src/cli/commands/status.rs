//! `status`: says whether the server is sealed, and its version, in the same rows as Vault. It needs no token. The exit
//! code is 2 while the server is sealed. A store that has closed itself is an error.

use crate::{
    cli::{
        attempt::Attempt,
        diagnosis::diagnose,
        error::{CliError, Exit},
        human,
        invocation::Invocation,
        persona::Persona,
    },
    client::{Client, json::Json},
};

/// The exit code while the server is sealed, as in Vault.
const SEALED: u8 = 2;

pub(crate) async fn run(invocation: &Invocation) -> Result<u8, CliError> {
    let client = invocation.client_without_token()?;
    let attempt = Attempt::new("status", "", &[]).vault("Error checking seal status");
    let answer = match client.read("sys/seal-status").await {
        Ok(answer) => answer,
        Err(error) => {
            let mut failure = diagnose(invocation, &client, &attempt, error).await;
            if invocation.persona.is_vault() {
                // Scripts written for Vault expect exit code 2 if the server is sealed, and 1 if it could not be asked.
                failure.exit = Exit::Usage;
            }
            return Err(failure);
        }
    };
    let status = answer.data().cloned().unwrap_or(Json::Null);
    let is_sealed = status.at("sealed").and_then(Json::as_bool).unwrap_or(true);
    let is_store_closed = status.at("store_ok").and_then(Json::as_bool) == Some(false);
    let is_new = status.at("initialized").and_then(Json::as_bool) == Some(false);
    show(invocation, &client, status).await;
    if is_store_closed {
        return Err(CliError::new(Exit::Server, "the store has closed itself after a failure: no request is served")
            .why("the server's log names the cause; a disk that was full to the last byte is the usual one")
            .fix("mend the cause, restart the server, then: strongroom operator unseal"));
    }
    if is_sealed {
        invocation.out.next(if is_new { "strongroom operator init" } else { "strongroom operator unseal" });
    }
    Ok(if is_sealed { SEALED } else { 0 })
}

/// Prints a seal status, together with `ha_enabled` from `sys/leader`.
pub(crate) async fn show(invocation: &Invocation, client: &Client, mut status: Json) {
    let leader = client.read("sys/leader").await.ok().and_then(|answer| answer.body);
    let is_ha = leader.as_ref().and_then(|leader| leader.at("ha_enabled")).cloned().unwrap_or(Json::Bool(false));
    if invocation.out.is_json() {
        status.set("ha_enabled", is_ha);
        invocation.out.print_json(&status);
        return;
    }
    invocation.out.print_pairs(&rows(&status, &is_ha, invocation.persona));
}

fn rows(status: &Json, is_ha: &Json, persona: Persona) -> Vec<(String, String)> {
    let part = |name: &str| status.at(name).map_or_else(|| "n/a".to_owned(), |value| human::value("", value, persona));
    let mut rows = vec![
        ("Seal Type", part("type")),
        ("Initialized", part("initialized")),
        ("Sealed", part("sealed")),
        ("Total Shares", part("n")),
        ("Threshold", part("t")),
    ];
    if status.at("sealed").and_then(Json::as_bool) == Some(true) {
        rows.push(("Unseal Progress", format!("{}/{}", part("progress"), part("t"))));
        rows.push(("Unseal Nonce", part("nonce")));
    }
    rows.push(("Version", part("version")));
    let optional = [
        ("Strongroom Version", "strongroom_version"),
        ("Build Date", "build_date"),
        ("Commit Date", "commit_date"),
        ("Storage Type", "storage_type"),
        ("Cluster Name", "cluster_name"),
        ("Cluster ID", "cluster_id"),
    ];
    for (shown, name) in optional {
        if status.path(&[name]).is_some_and(|value| value.as_str() != Some("")) {
            rows.push((shown, part(name)));
        }
    }
    rows.push(("HA Enabled", human::value("", is_ha, persona)));
    rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::table;

    #[test]
    fn a_sealed_server_shows_its_unseal_progress() {
        let status = Json::parse(
            r#"{"type":"shamir","initialized":true,"sealed":true,"t":2,"n":3,"progress":1,"nonce":"354e","version":"1.19.0",
                "build_date":"","storage_type":"sled"}"#,
        )
        .unwrap();
        assert_eq!(
            table::pairs(&rows(&status, &Json::Bool(false), Persona::Vault)),
            "Key                Value\n---                -----\nSeal Type          shamir\nInitialized        true\n\
             Sealed             true\nTotal Shares       3\nThreshold          2\nUnseal Progress    1/2\n\
             Unseal Nonce       354e\nVersion            1.19.0\nStorage Type       sled\nHA Enabled         false\n"
        );
    }
}
