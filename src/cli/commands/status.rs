//! `status`: seal and version, in Vault's rows. It needs no token and ends with 2 while sealed.

use crate::{
    cli::{
        explain::{Doing, explain},
        fault::{Exit, Fault},
        human,
        persona::Persona,
        session::Session,
    },
    client::{Client, json::Json},
};

/// What a script of Vault sees while sealed, and ours too.
const SEALED: u8 = 2;

pub async fn run(session: &Session) -> Result<u8, Fault> {
    let client = session.client_without_token()?;
    let doing = Doing::new("status", "", &[]).vault("Error checking seal status");
    let answer = match client.read("sys/seal-status").await {
        Ok(answer) => answer,
        Err(error) => {
            let mut fault = explain(session, &client, &doing, error).await;
            if session.persona.is_vault() {
                // Vault tells "sealed" (2) from "could not ask" (1).
                fault.exit = Exit::Usage;
            }
            return Err(fault);
        }
    };
    let status = answer.data().cloned().unwrap_or(Json::Null);
    let is_sealed = status.at("sealed").and_then(Json::as_bool).unwrap_or(true);
    let is_new = status.at("initialized").and_then(Json::as_bool) == Some(false);
    show(session, &client, status).await;
    if is_sealed {
        session.out.next(if is_new { "strongroom operator init" } else { "strongroom operator unseal" });
    }
    Ok(if is_sealed { SEALED } else { 0 })
}

/// Prints a seal status, with what `sys/leader` adds.
pub async fn show(session: &Session, client: &Client, mut status: Json) {
    let leader = client.read("sys/leader").await.ok().and_then(|answer| answer.body);
    let is_ha = leader.as_ref().and_then(|leader| leader.at("ha_enabled")).cloned().unwrap_or(Json::Bool(false));
    if session.out.is_json() {
        status.set("ha_enabled", is_ha);
        session.out.print_json(&status);
        return;
    }
    session.out.print_pairs(&rows(&status, &is_ha, session.persona));
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
    fn a_sealed_server_shows_how_far_it_is() {
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
