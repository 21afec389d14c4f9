//! The commands `server`, `dev`, `operator tls` and `operator walk`, which call `server::run` in this process.

use std::path::Path;

pub(crate) use crate::server::run::{DevOptions, KeepToken, ServerOptions};
use crate::{
    base::secret::Secret,
    cli::{
        error::{CliError, Exit},
        invocation::Invocation,
        persona::Persona,
    },
    client::json::Json,
    server::run::{self, ServerError},
};

/// Runs a server in this process until it is stopped.
pub(crate) fn run(options: ServerOptions) -> Result<u8, CliError> {
    run::run(options).map_err(failure)?;
    Ok(0)
}

/// Makes a certificate for `names`, signed by the CA of a data directory, and prints its path.
pub(crate) fn issue_certificate(invocation: &Invocation, data: &Path, names: &[String]) -> Result<(), CliError> {
    let issued = run::issue_certificate(data, names).map_err(failure)?;
    let (server, authority) = (issued.server.display().to_string(), issued.authority.display().to_string());
    let until = issued.not_after.rfc3339();
    if invocation.out.is_json() {
        invocation.out.print_json(&Json::object([
            ("certificate", Json::text(server)),
            ("ca", Json::text(authority)),
            ("names", Json::texts(issued.names)),
            ("not_after", Json::text(until)),
        ]));
        return Ok(());
    }
    let names = issued.names.into_iter().collect::<Vec<_>>().join(", ");
    let rows = [("certificate", server), ("ca", authority), ("names", names), ("not_after", until)];
    invocation.out.print_pairs(&rows.map(|(key, value)| (key.to_owned(), value)));
    invocation.out.next("wait a minute, or send the server SIGHUP: it takes the certificate while it runs");
    Ok(())
}

/// Checks the store of a stopped server, opened with its shares: each token must have
/// all its entries, and each entry its token.
pub(crate) async fn walk(invocation: &Invocation, data: &Path, shares: Vec<Secret<Vec<u8>>>) -> Result<u8, CliError> {
    let report = run::walk(data, shares).await.map_err(failure)?;
    let is_sound = report.problems.is_empty();
    invocation.out.print_json(&Json::object([
        ("tokens", Json::number(report.tokens)),
        ("problems", Json::texts(report.problems)),
    ]));
    Ok(if is_sound { 0 } else { Exit::Integrity.code(invocation.persona) })
}

fn failure(error: ServerError) -> CliError {
    let exit =
        if error.exit_code() == Exit::Integrity.code(Persona::Strongroom) { Exit::Integrity } else { Exit::Usage };
    CliError::new(exit, error.to_string())
}
