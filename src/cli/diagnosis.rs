//! Turns an error of the client into one that says what happened, why, and what to do. It finds
//! the cause with questions that the caller itself may ask (its own token, its own policies,
//! the seal's status), so that nothing leaks.

use super::{
    attempt::Attempt,
    connection_error::connection_error,
    denial::{self, diagnose_denial, no_such_token},
    error::{CliError, Exit},
    explain::explain,
    invocation::Invocation,
    kv2_hint, mount_hint, tokens,
};
use crate::{
    base::secret::Secret,
    client::{Client, ClientError, Refusal, RefusalKind, ServerAnswer, json::Json},
};

/// Turns an error of the client into one for the user. May ask the server further questions to find the cause.
pub(crate) async fn diagnose(
    invocation: &Invocation,
    client: &Client,
    attempt: &Attempt,
    error: ClientError,
) -> CliError {
    let vault = vault_words(&attempt.vault, &error);
    let Some(refusal) = error.refusal() else { return connection_error(&invocation.address, &error).vault(vault) };
    let failure = if invocation.persona.is_vault() {
        CliError::new(Exit::Server, refusal.message())
    } else {
        diagnose_refusal(invocation, client, attempt, refusal).await
    };
    failure.request(refusal.request_id.as_deref()).vault(vault)
}

async fn diagnose_refusal(invocation: &Invocation, client: &Client, attempt: &Attempt, refusal: &Refusal) -> CliError {
    let Attempt { verb, path, .. } = attempt;
    match refusal.kind {
        RefusalKind::Sealed => sealed(client).await,
        RefusalKind::BadToken => bad_token(invocation, client, attempt, refusal).await,
        RefusalKind::Denied => diagnose_denial(client, attempt, refusal).await,
        RefusalKind::NotFound => not_found(client, attempt, refusal).await,
        RefusalKind::NoSuchToken => no_such_token(attempt),
        RefusalKind::Conflict => CliError::new(Exit::Conflict, format!("{}: {verb} {path}", refusal.message())),
        RefusalKind::Busy => CliError::new(Exit::Server, format!("the server is busy: {verb} {path}"))
            .why("it limits how many requests it takes from one address")
            .fix("wait a moment and try again"),
        RefusalKind::Invalid | RefusalKind::Server => {
            let failure = CliError::new(Exit::Server, format!("{}: {verb} {path}", refusal.message()));
            match kv2_hint::api_path(client, attempt).await {
                Some((mount, path)) => failure.why(format!("{mount} is KV version 2: {verb}s go to {path}")),
                None => failure,
            }
        }
    }
}

/// The error in the words of Vault's command line.
fn vault_words(attempt: &str, error: &ClientError) -> String {
    let before = if attempt.is_empty() { String::new() } else { format!("{attempt}: ") };
    let Some(refusal) = error.refusal() else { return format!("{before}{error}") };
    let heading = if refusal.is_raw { "Raw Message" } else { "Errors" };
    let errors: Vec<String> = refusal.errors.iter().map(|error| format!("* {error}")).collect();
    format!(
        "{before}Error making API request.\n\nURL: {} {}\nCode: {}. {heading}:\n\n{}",
        refusal.method,
        refusal.url,
        refusal.status,
        errors.join("\n")
    )
}

async fn sealed(client: &Client) -> CliError {
    let status = client.read("sys/seal-status").await.ok();
    sealed_error(status.as_ref())
}

fn sealed_error(status: Option<&ServerAnswer>) -> CliError {
    let number = |name: &str| status.and_then(|status| status.field(&[name])).and_then(Json::as_u64);
    if status.and_then(|status| status.field(&["initialized"])).and_then(Json::as_bool) == Some(false) {
        return CliError::new(Exit::Sealed, "the server is not initialised")
            .why("it has no keys and no data yet")
            .fix("strongroom operator init");
    }
    let (given, needed) = (number("progress").unwrap_or(0), number("t"));
    let failure = match needed {
        Some(needed) => CliError::new(Exit::Sealed, format!("the server is sealed: {given} of {needed} shares given")),
        None => CliError::new(Exit::Sealed, "the server is sealed"),
    };
    failure
        .why("a sealed server cannot decrypt its data; every server is sealed after a start")
        .fix("strongroom operator unseal        (asks for one share; run it once for each missing share)")
}

async fn bad_token(invocation: &Invocation, client: &Client, attempt: &Attempt, refusal: &Refusal) -> CliError {
    let Some(token) = client.token() else { return invocation.not_logged_in() };
    // The same words are used for a token that the request is about, and by some servers if a policy refused the
    // request. Only a server that knows the caller's token explains.
    if let Ok(explanation) = explain(client, &attempt.api_path).await {
        return denial::explained(&explanation, attempt, refusal);
    }
    dead_token(invocation, token)
}

/// The error for a token that the server does not know.
pub(crate) fn dead_token(invocation: &Invocation, token: &Secret<String>) -> CliError {
    let address = &invocation.address;
    let name = match &invocation.token_source {
        Some(source) => format!("the token ({})", source.words()),
        None => "the given token".to_owned(),
    };
    let failure = CliError::new(Exit::NotLoggedIn, format!("{address} does not accept your token"));
    if let Some(other) = tokens::belongs_elsewhere(&invocation.config_dir, address, token) {
        return failure
            .why(format!("{name} belongs to another server: {other}"))
            .fix(format!("--address={other}, or log in here: strongroom login"));
    }
    let failure = failure.why(format!("{name} has expired, was revoked, or belongs to another server"));
    match &invocation.token_source {
        Some(tokens::Source::Variable(name)) => failure.fix(format!("unset {name}, then: strongroom login")),
        _ => failure.fix("strongroom login"),
    }
}

async fn not_found(client: &Client, attempt: &Attempt, refusal: &Refusal) -> CliError {
    let failure = nothing_found(attempt);
    if refusal.errors.is_empty() {
        return failure;
    }
    // Only about a path does the server say more than that there is nothing.
    if let Some(nothing_mounted) = mount_hint::no_mount(client, attempt).await {
        return nothing_mounted;
    }
    match kv2_hint::api_path(client, attempt).await {
        Some((mount, path)) => failure.why(format!("{mount} is KV version 2: {}s go to {path}", attempt.verb)),
        None => failure.why(refusal.message()),
    }
}

fn nothing_found(attempt: &Attempt) -> CliError {
    CliError::new(Exit::NotFound, format!("nothing found: {} {}", attempt.verb, attempt.path))
}

/// The error for an answer that has warnings but no data.
pub(crate) async fn diagnose_empty(client: &Client, attempt: &Attempt, answer: &ServerAnswer) -> CliError {
    let failure = nothing_found(attempt);
    match kv2_hint::api_path(client, attempt).await {
        Some((mount, path)) => failure
            .why(format!("{mount} is KV version 2: {}s go to {path}", attempt.verb))
            .fix(format!("strongroom kv get {}, or: strongroom read {path}", attempt.path)),
        None => answer.warnings().into_iter().fold(failure, CliError::why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_server_says_how_many_shares_are_missing() {
        let status = |text: &str| ServerAnswer { status: 200, body: Some(Json::parse(text).unwrap()) };
        let sealed = sealed_error(Some(&status(r#"{"initialized":true,"sealed":true,"t":3,"n":5,"progress":1}"#)));
        assert_eq!((sealed.what(), sealed.exit), ("the server is sealed: 1 of 3 shares given", Exit::Sealed));
        let empty = sealed_error(Some(&status(r#"{"initialized":false,"sealed":true,"t":0,"n":0,"progress":0}"#)));
        assert_eq!(empty.what(), "the server is not initialised");
    }

    #[test]
    fn vaults_wording_is_kept() {
        let error = |errors: &[&str]| {
            ClientError::Refused(Box::new(Refusal {
                kind: RefusalKind::Denied,
                status: 403,
                method: "GET",
                url: "http://h:1/v1/secret/data/x".to_owned(),
                errors: errors.iter().map(|error| (*error).to_owned()).collect(),
                is_raw: errors.is_empty(),
                request_id: None,
            }))
        };
        assert_eq!(
            vault_words("Error reading secret/data/x", &error(&["1 error occurred:\n\t* permission denied\n\n"])),
            "Error reading secret/data/x: Error making API request.\n\nURL: GET http://h:1/v1/secret/data/x\n\
             Code: 403. Errors:\n\n* 1 error occurred:\n\t* permission denied\n\n"
        );
        assert!(vault_words("", &error(&[])).contains("Code: 403. Raw Message:\n\n"));
        assert!(vault_words("", &error(&[""])).contains("Code: 403. Errors:\n\n"));
    }
}
