//! An error that teaches: what happened, why, what to do next, and the request id last. Its exit code tells a script
//! which of ten things it was; to scripts of Vault it is told in Vault's words and codes.

use std::fmt::Write as _;

use super::{persona::Persona, terminal::clean};
use crate::client::json::Json;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    Usage,
    Server,
    Denied,
    NotLoggedIn,
    NotFound,
    Sealed,
    Conflict,
    Integrity,
    Partial,
    Unreachable,
}

impl Exit {
    pub const fn code(self, persona: Persona) -> u8 {
        match (persona, self) {
            (_, Self::Usage) => 1,
            (Persona::Vault, _) | (_, Self::Server) => 2,
            (_, Self::Denied) => 3,
            (_, Self::NotLoggedIn) => 4,
            (_, Self::NotFound) => 5,
            (_, Self::Sealed) => 6,
            (_, Self::Conflict) => 7,
            (_, Self::Integrity) => 8,
            (_, Self::Partial) => 9,
            (_, Self::Unreachable) => 10,
        }
    }

    /// The word for it in JSON.
    const fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Server => "server",
            Self::Denied => "permission_denied",
            Self::NotLoggedIn => "not_logged_in",
            Self::NotFound => "not_found",
            Self::Sealed => "sealed",
            Self::Conflict => "conflict",
            Self::Integrity => "integrity",
            Self::Partial => "partly_done",
            Self::Unreachable => "unreachable",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Fault {
    pub exit: Exit,
    told: Box<Told>,
}

#[derive(Debug, Clone, Default)]
struct Told {
    what: String,
    why: Vec<String>,
    fix: Vec<String>,
    request: Option<String>,
    /// What Vault's command line would have said.
    vault: Option<String>,
}

impl Fault {
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, told: Box::new(Told { what: what.into(), ..Told::default() }) }
    }

    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    pub fn why(mut self, line: impl Into<String>) -> Self {
        self.told.why.push(line.into());
        self
    }

    pub fn fix(mut self, line: impl Into<String>) -> Self {
        self.told.fix.push(line.into());
        self
    }

    pub fn request(mut self, id: Option<&str>) -> Self {
        self.told.request = id.map(str::to_owned);
        self
    }

    pub fn vault(mut self, text: impl Into<String>) -> Self {
        self.told.vault = Some(text.into());
        self
    }

    pub fn what(&self) -> &str {
        &self.told.what
    }

    /// As text for standard error, with a line end. Control characters never come through.
    pub fn render(&self, persona: Persona) -> String {
        if persona.is_vault() {
            let text = self.told.vault.as_ref().unwrap_or(&self.told.what);
            return if text.is_empty() { String::new() } else { format!("{}\n", clean(text)) };
        }
        let mut out = format!("error: {}\n", clean(&self.told.what));
        for (label, lines) in [("why", &self.told.why), ("fix", &self.told.fix)] {
            for (index, line) in lines.iter().enumerate() {
                let _ = writeln!(out, "  {}  {}", if index == 0 { label } else { "   " }, clean(line));
            }
        }
        if let Some(id) = &self.told.request {
            let _ = writeln!(out, "  request {}", clean(id));
        }
        out
    }

    /// As one JSON object for standard error.
    pub fn json(&self) -> Json {
        let request = self.told.request.as_ref().map_or(Json::Null, Json::text);
        Json::object([(
            "error",
            Json::object([
                ("kind", Json::text(self.exit.word())),
                ("message", Json::text(&self.told.what)),
                ("why", Json::texts(&self.told.why)),
                ("fix", Json::texts(&self.told.fix)),
                ("request_id", request),
            ]),
        )])
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> Fault {
        Fault::new(Exit::Denied, "permission denied: read secret/jdm/yahoo/account")
            .why("your token (\"jdm-app\", policies default, jdm) has no rule for secret/data/jdm/yahoo/account")
            .why("policy jdm has a rule for secret/jdm/yahoo/account")
            .fix("path \"secret/data/jdm/yahoo/account\" { capabilities = [\"read\"] }")
            .request(Some("4f1c-9d2e"))
            .vault("Error reading secret/data/jdm/yahoo/account: …")
    }

    #[test]
    fn an_error_says_what_why_what_to_do_and_the_request_last() {
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
    fn scripts_of_vault_hear_vaults_words_and_codes() {
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
            (Exit::Partial, 9, 2),
            (Exit::Unreachable, 10, 2),
        ] {
            assert_eq!((exit.code(Persona::Strongroom), exit.code(Persona::Vault)), (ours, vaults));
        }
    }

    /// MEM-05: what a server says cannot drive the terminal.
    #[test]
    fn control_characters_of_the_server_do_not_come_through() {
        let fault = Fault::new(Exit::Server, "bad \u{1b}]0;title\u{7} name").why("\u{1b}[31mred\r");
        assert_eq!(fault.render(Persona::Strongroom), "error: bad ]0;title name\n  why  [31mred\n");
    }
}
