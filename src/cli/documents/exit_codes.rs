//! docs/reference/exit-codes.md, made from [`Exit`].

use std::fmt::Write as _;

use crate::cli::{error::Exit, persona::Persona};

const HEAD: &str = "\
# Exit codes

Made from the source by `cargo run --example api_documents`; change the table there, not this page.

The last column is the code where the program is called through a link named `vault` or `bao`. With `-format=json` the
error on standard error is a JSON object, and `error.kind` is the word of the second column.

| code | kind | what it means | as `vault` |
|---|---|---|---|
| 0 | | done | 0 |
";

const TAIL: &str = "
`status` ends with 0 if the store is open, with 2 if it is sealed, not initialised, or closed after a failure.

`server` and `dev` end with 0 after SIGINT or SIGTERM, with 8 if a file of the store is damaged or a part of it is gone,
and with 1 for every other reason not to start.

As `vault`, 127 means that no command was named.
";

pub(super) fn page() -> String {
    let mut text = String::from(HEAD);
    for exit in Exit::ALL {
        let (ours, vaults) = (exit.code(Persona::Strongroom), exit.code(Persona::Vault));
        let _ = writeln!(text, "| {ours} | `{}` | {} | {vaults} |", exit.name(), exit.meaning());
    }
    text + TAIL
}
