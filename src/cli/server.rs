//! The door to the server floor: what `server`, `dev`, `operator tls` and `operator walk` hand over.

use std::path::Path;

pub use crate::server::run::{DevOptions, ServerOptions};

use super::{
    fault::{Exit, Fault},
    session::Session,
};
use crate::{
    base::secret::Secret,
    server::run::{self, ServerError},
};

pub fn run(options: ServerOptions) -> Result<u8, Fault> {
    run::run(options).map(|()| 0).map_err(|error| told(&error))
}

pub fn issue_certificate(session: &Session, data: &str, names: &[String]) -> Result<(), Fault> {
    let issued = run::issue_certificate(Path::new(data), names).map_err(|error| told(&error))?;
    let pairs = [
        ("certificate_and_key", issued.server.display().to_string()),
        ("authority", issued.authority.display().to_string()),
        ("ends", issued.not_after.rfc3339()),
    ];
    session.out.print_pairs(&pairs.map(|(name, value)| (name.to_owned(), value)));
    Ok(())
}

/// Walks a stopped server's store with its shares: whether every token has all its entries and none stands alone.
pub fn walk(session: &Session, data: &str, shares: Vec<Secret<Vec<u8>>>) -> Result<u8, Fault> {
    let report = run::walk(Path::new(data), shares).map_err(|error| told(&error))?;
    let text = serde_json::json!({ "tokens": report.tokens, "problems": report.problems }).to_string();
    session.out.print(&text);
    if report.problems.is_empty() { Ok(0) } else { Ok(8) }
}

fn told(error: &ServerError) -> Fault {
    let exit = if error.exit_code() == 8 { Exit::Integrity } else { Exit::Usage };
    Fault::new(exit, error.to_string())
}
