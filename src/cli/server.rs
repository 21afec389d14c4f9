//! The door to the server floor: what `server`, `dev` and `operator tls` hand over, and its errors as ours.

use std::path::Path;

pub use crate::server::run::{DevOptions, ServerOptions};
use crate::{
    base::secret::Secret,
    cli::{
        fault::{Exit, Fault},
        session::Session,
    },
    client::json::Json,
    server::run::{self, ServerError},
};

/// Runs a server in this process until it is told to stop.
pub fn run(options: ServerOptions) -> Result<u8, Fault> {
    run::run(options).map_err(fault)?;
    Ok(0)
}

/// Makes a certificate for `names`, signed by the CA of a data directory.
pub fn issue_certificate(session: &Session, data: &Path, names: &[String]) -> Result<(), Fault> {
    let issued = run::issue_certificate(data, names).map_err(fault)?;
    let (server, authority) = (issued.server.display().to_string(), issued.authority.display().to_string());
    let until = issued.not_after.rfc3339();
    if session.out.is_json() {
        session.out.print_json(&Json::object([
            ("certificate", Json::text(server)),
            ("ca", Json::text(authority)),
            ("names", Json::texts(issued.names)),
            ("not_after", Json::text(until)),
        ]));
        return Ok(());
    }
    let names = issued.names.into_iter().collect::<Vec<_>>().join(", ");
    let rows = [("certificate", server), ("ca", authority), ("names", names), ("not_after", until)];
    session.out.print_pairs(&rows.map(|(key, value)| (key.to_owned(), value)));
    session.out.next("restart the server, which serves with it from then on");
    Ok(())
}

/// Walks a stopped server's store with its shares: whether every token has all its entries and none stands alone.
pub async fn walk(session: &Session, data: &Path, shares: Vec<Secret<Vec<u8>>>) -> Result<u8, Fault> {
    let report = run::walk(data, shares).await.map_err(fault)?;
    let is_sound = report.problems.is_empty();
    session.out.print_json(&Json::object([
        ("tokens", Json::number(report.tokens)),
        ("problems", Json::texts(report.problems)),
    ]));
    Ok(if is_sound { 0 } else { Exit::Integrity.code(session.persona) })
}

fn fault(error: ServerError) -> Fault {
    let exit = if error.exit_code() == 8 { Exit::Integrity } else { Exit::Usage };
    Fault::new(exit, error.to_string())
}
