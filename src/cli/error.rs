//! An error of the command line: what happened, why, what to do, and the request id. Scripts tell the kinds of errors
//! apart by the exit code. When the program is called as `vault`, the error has Vault's wording and exit codes.

use std::fmt::Write as _;

use super::{persona::Persona, printable::printable};
use crate::client::json::Json;

/// The kind of an error, which decides the exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    Usage,
    /// Something on this machine that the command needs is missing or wrong: a file, a variable.
    Setup,
    Server,
    Denied,
    NotLoggedIn,
    NotFound,
    Sealed,
    Conflict,
    Integrity,
    Unreachable,
    /// An audit log that is not proved, although no line of it is wrong.
    NotProved,
}

impl Exit {
    /// All kinds, in the order of their codes.
    pub(crate) const ALL: [Self; 11] = [
        Self::Usage,
        Self::Setup,
        Self::Server,
        Self::Denied,
        Self::NotLoggedIn,
        Self::NotFound,
        Self::Sealed,
        Self::Conflict,
        Self::Integrity,
        Self::Unreachable,
        Self::NotProved,
    ];

    /// What the code means, for docs/reference/exit-codes.md.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Usage => "the command was used wrongly, or this machine does not allow it",
            Self::Setup => "a file or a variable of this machine that the command needs is missing or wrong",
            Self::Server => "the server refused the request for another reason, or failed",
            Self::Denied => "no policy of the token allows the request",
            Self::NotLoggedIn => "there is no token for this server, or it has expired or was revoked",
            Self::NotFound => "there is nothing at this path, or nothing is mounted there",
            Self::Sealed => "the server is sealed or not initialised",
            Self::Conflict => "what was to be changed has changed meanwhile, or is there already",
            Self::Integrity => "the audit log was changed, or the store is damaged",
            Self::Unreachable => "no answer came: no server listens there, or its certificate is not accepted",
            Self::NotProved => "no line of the audit log is wrong, but something is missing, so the log is not proved",
        }
    }

    pub(crate) const fn code(self, persona: Persona) -> u8 {
        match (persona, self) {
            (_, Self::Usage) | (Persona::Strongroom, Self::Setup) => 1,
            (Persona::Vault, _) | (_, Self::Server) => 2,
            (_, Self::Denied) => 3,
            (_, Self::NotLoggedIn) => 4,
            (_, Self::NotFound) => 5,
            (_, Self::Sealed) => 6,
            (_, Self::Conflict) => 7,
            (_, Self::Integrity) => 8,
            (_, Self::Unreachable) => 10,
            (_, Self::NotProved) => 11,
        }
    }

    /// The name of the kind in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Usage | Self::Setup => "usage",
            Self::Server => "server",
            Self::Denied => "permission_denied",
            Self::NotLoggedIn => "not_logged_in",
            Self::NotFound => "not_found",
            Self::Sealed => "sealed",
            Self::Conflict => "conflict",
            Self::Integrity => "integrity",
            Self::Unreachable => "unreachable",
            Self::NotProved => "not_proved",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct CliError {
    pub(crate) exit: Exit,
    details: Box<Details>,
}

#[derive(Debug, Clone, Default)]
struct Details {
    what: String,
    why: Vec<String>,
    fix: Vec<String>,
    request: Option<String>,
    /// The wording of Vault's command line. `None`: `what` is used.
    vault: Option<String>,
}

impl CliError {
    /// Makes an error. `what` says what happened.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, details: Box::new(Details { what: what.into(), ..Details::default() }) }
    }

    /// Makes an error for a wrong use of the command, or for something that this machine does not allow.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Makes an error for a file or variable of this machine that the command needs and cannot use.
    pub(crate) fn setup(what: impl Into<String>) -> Self {
        Self::new(Exit::Setup, what)
    }

    /// Adds a line about the cause.
    pub(crate) fn why(mut self, line: impl Into<String>) -> Self {
        self.details.why.push(line.into());
        self
    }

    /// Adds a line about what to do.
    pub(crate) fn fix(mut self, line: impl Into<String>) -> Self {
        self.details.fix.push(line.into());
        self
    }

    pub(crate) fn request(mut self, id: Option<&str>) -> Self {
        self.details.request = id.map(str::to_owned);
        self
    }

    /// The same error for an audit log that was shown although it could not be verified.
    pub(crate) fn unverified(self) -> Self {
        Self { exit: Exit::NotProved, ..self }
    }

    /// Sets the wording for scripts that were written for Vault.
    pub(crate) fn vault(mut self, text: impl Into<String>) -> Self {
        self.details.vault = Some(text.into());
        self
    }

    pub(crate) fn what(&self) -> &str {
        &self.details.what
    }

    /// The text of the error for standard error, with a line end and without control characters.
    pub(crate) fn render(&self, persona: Persona) -> String {
        if persona.is_vault() {
            let text = self.details.vault.as_ref().unwrap_or(&self.details.what);
            return if text.is_empty() { String::new() } else { format!("{}\n", printable(text)) };
        }
        let mut out = format!("error: {}\n", printable(&self.details.what));
        for (label, lines) in [("why", &self.details.why), ("fix", &self.details.fix)] {
            for (index, line) in lines.iter().enumerate() {
                let _ = writeln!(out, "  {}  {}", if index == 0 { label } else { "   " }, printable(line));
            }
        }
        if let Some(id) = &self.details.request {
            let _ = writeln!(out, "  request {}", printable(id));
        }
        out
    }

    /// The error as a JSON object for standard error.
    pub(crate) fn json(&self) -> Json {
        let request = self.details.request.as_ref().map_or(Json::Null, Json::text);
        Json::object([(
            "error",
            Json::object([
                ("kind", Json::text(self.exit.name())),
                ("message", Json::text(&self.details.what)),
                ("why", Json::texts(&self.details.why)),
                ("fix", Json::texts(&self.details.fix)),
                ("request_id", request),
            ]),
        )])
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> CliError {
        CliError::new(Exit::Denied, "permission denied: read secret/jdm/yahoo/account")
            .why("your token (\"jdm-app\", policies default, jdm) has no rule for secret/data/jdm/yahoo/account")
            .why("policy jdm has a rule for secret/jdm/yahoo/account")
            .fix("path \"secret/data/jdm/yahoo/account\" { capabilities = [\"read\"] }")
            .request(Some("4f1c-9d2e"))
            .vault("Error reading secret/data/jdm/yahoo/account: …")
    }

    #[test]
    fn an_error_says_what_happened_why_and_what_to_do() {
        assert_eq!(
            denied().render(Persona::Strongroom),
            "error: permission denied: read secret/jdm/yahoo/account\n  \
             why  your token (\"jdm-app\", policies default, jdm) has no rule for secret/data/jdm/yahoo/account\n       \
             policy jdm has a rule for secret/jdm/yahoo/account\n  \
             fix  path \"secret/data/jdm/yahoo/account\" { capabilities = [\"read\"] }\n  \
             request 4f1c-9d2e\n"
        );
    }

    #[test]
    fn scripts_for_vault_get_vaults_wording_and_codes() {
        assert_eq!(denied().render(Persona::Vault), "Error reading secret/data/jdm/yahoo/account: …\n");
        for (exit, ours, vaults) in [
            (Exit::Usage, 1, 1),
            (Exit::Server, 2, 2),
            (Exit::Denied, 3, 2),
            (Exit::NotLoggedIn, 4, 2),
            (Exit::NotFound, 5, 2),
            (Exit::Sealed, 6, 2),
            (Exit::Conflict, 7, 2),
            (Exit::Integrity, 8, 2),
            (Exit::Unreachable, 10, 2),
        ] {
            assert_eq!((exit.code(Persona::Strongroom), exit.code(Persona::Vault)), (ours, vaults));
        }
    }

    /// MEM-05: a server's message cannot control the terminal.
    #[test]
    fn control_characters_of_the_server_are_removed() {
        let failure = CliError::new(Exit::Server, "bad \u{1b}]0;title\u{7} name").why("\u{1b}[31mred\r");
        assert_eq!(failure.render(Persona::Strongroom), "error: bad ]0;title name\n  why  [31mred\n");
    }
}
