//! What several commands do with an answer of the API: check that something was found, print it, print names.

use crate::{
    cli::{
        attempt::Attempt,
        diagnosis::{diagnose, diagnose_empty},
        error::CliError,
        invocation::Invocation,
    },
    client::{ApiCall, Client, ClientError, Method, RefusalKind, ServerAnswer, json::Json},
};

/// A path for the API, without slashes and blanks at its ends.
pub(super) fn trim_path(path: &str) -> String {
    path.trim().trim_matches('/').to_owned()
}

/// Returns an answer that has data. If the data is empty, the error is the same as for a path that does not exist.
pub(super) async fn expect_found(
    invocation: &Invocation,
    client: &Client,
    attempt: &Attempt,
    answered: Result<ServerAnswer, ClientError>,
) -> Result<ServerAnswer, CliError> {
    match answered {
        // For a KV version 2 path without its `data/`, Vault answers a 404 with a warning and no data.
        Ok(answer) if answer.status == 404 && answer.data().is_none() && !invocation.persona.is_vault() => {
            Err(diagnose_empty(client, attempt, &answer).await)
        }
        Ok(answer) => Ok(answer),
        Err(error) => Err(diagnose_read(invocation, client, attempt, error).await),
    }
}

/// The error of a read or a list. Vault's command line has its own words for it.
async fn diagnose_read(invocation: &Invocation, client: &Client, attempt: &Attempt, error: ClientError) -> CliError {
    let is_missing = error.kind() == Some(RefusalKind::NotFound);
    let failure = diagnose(invocation, client, attempt, error).await;
    if is_missing { failure.vault(format!("No value found at {}", attempt.api_path)) } else { failure }
}

/// Which part of a list to show. Without it, all names are asked for at once.
#[derive(clap::Args, Debug, Default)]
pub(super) struct Page {
    /// Show at most this many names
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Show the names that come after this one: the last name of the page before
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
}

impl Page {
    fn of(&self, path: &str) -> ApiCall {
        let call = ApiCall::new(Method::List, path);
        let call = self.limit.iter().fold(call, |call, limit| call.query("limit", limit.to_string()));
        self.after.iter().fold(call, |call, after| call.query("after", after.as_str()))
    }
}

/// Whether the error is the 404 without a message, which stands for a list without names.
fn is_empty_list(error: &ClientError) -> bool {
    error.refusal().is_some_and(|refusal| refusal.kind == RefusalKind::NotFound && refusal.errors.is_empty())
}

/// Lists the names under the attempt's path and prints them.
pub(super) async fn list_names(
    invocation: &Invocation,
    client: &Client,
    attempt: &Attempt,
    page: &Page,
) -> Result<(), CliError> {
    match client.send(page.of(&attempt.api_path)).await {
        // The page behind the last name is empty, which Vault's API says with 404.
        Err(error) if page.after.is_some() && is_empty_list(&error) => {
            invocation.out.print_names(&[]);
            invocation.out.hint("no further names");
            Ok(())
        }
        Ok(answer) => {
            invocation.out.print_names(&answer.names());
            Ok(())
        }
        Err(error) => {
            let is_empty = invocation.persona.is_vault()
                && invocation.out.is_json()
                && error.kind() == Some(RefusalKind::NotFound);
            let failure = diagnose_read(invocation, client, attempt, error).await;
            if is_empty {
                // Vault's command line prints an empty object, and no error text.
                invocation.out.print_json(&Json::Object(Vec::new()));
                return Err(failure.vault(""));
            }
            Err(failure)
        }
    }
}

/// Prints the answer of a write. If the answer is empty, says that the data was written.
pub(super) fn print_written(
    invocation: &Invocation,
    answer: &ServerAnswer,
    path: &str,
    field: Option<&str>,
) -> Result<(), CliError> {
    let is_empty = answer.data().is_none() && answer.auth().is_none() && answer.wrap_info().is_none();
    if !is_empty || field.is_some() {
        return invocation.out.print_answer(answer, field);
    }
    print_done(invocation, answer, &format!("Success! Data written to: {path}"));
    Ok(())
}

/// Prints an answer's warnings, and then what was done.
pub(super) fn print_done(invocation: &Invocation, answer: &ServerAnswer, done: &str) {
    invocation.out.warn(answer);
    invocation.out.done(done);
}
