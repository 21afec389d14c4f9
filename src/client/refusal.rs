//! An error that a server answered with, and its kind. Vault's API has no error codes: some errors with the same status
//! differ only by fixed texts, which every client of Vault compares. Only this file compares them.

use super::json::Json;

/// An answer that is an error.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) kind: RefusalKind,
    pub(crate) status: u16,
    pub(crate) method: &'static str,
    pub(crate) url: String,
    /// The server's messages, unchanged.
    pub(crate) errors: Vec<String>,
    /// Whether the body was no JSON, or was empty.
    pub(crate) is_raw: bool,
    pub(crate) request_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    /// 503, because the server is sealed.
    Sealed,
    /// 403 because of the token: it is missing, expired, revoked, or was issued by another server.
    BadToken,
    /// 403, because a policy does not allow the request.
    Denied,
    NotFound,
    /// 400, because the token or the accessor that the request is about does not exist.
    NoSuchToken,
    /// A compare-and-set that did not match, or something that exists already.
    Conflict,
    /// Any other 4xx.
    Invalid,
    /// 429: too many requests.
    Busy,
    /// 5xx.
    Server,
}

// The texts that stand for error codes, as Vault, OpenBao and Strongroom send them.
const SEALED: &[&str] = &["sealed"];
const BAD_TOKEN: &[&str] = &["permission denied", "bad token", "invalid token", "missing client token"];
const NO_SUCH_TOKEN: &[&str] = &["token not found", "invalid accessor", "invalid token"];
const CONFLICT: &[&str] = &["check-and-set parameter did not match", "already in use", "already initialized"];

impl RefusalKind {
    pub(super) fn of(status: u16, errors: &[String]) -> Self {
        let holds = |codes: &[&str]| errors.iter().any(|error| codes.iter().any(|code| error.contains(code)));
        // For a token that is not accepted, the text is the whole error; for a
        // policy's refusal it is an item of a list.
        let is = |codes: &[&str]| errors.iter().any(|error| codes.contains(&error.trim()));
        match status {
            503 if holds(SEALED) => Self::Sealed,
            403 if is(BAD_TOKEN) => Self::BadToken,
            403 => Self::Denied,
            404 => Self::NotFound,
            409 => Self::Conflict,
            400 if holds(CONFLICT) => Self::Conflict,
            400 if holds(NO_SUCH_TOKEN) => Self::NoSuchToken,
            429 => Self::Busy,
            400..=499 => Self::Invalid,
            _ => Self::Server,
        }
    }
}

impl Refusal {
    /// Whether the server speaks of a bad token. It may be the caller's own, or one that the request is about.
    pub(crate) fn is_about_token(&self) -> bool {
        self.errors.iter().any(|error| matches!(error.trim(), "bad token" | "invalid token"))
    }

    /// Reads the error from the body of an answer.
    pub(super) fn new(status: u16, method: &'static str, url: String, body: Option<&Json>) -> Self {
        // A 404 may say what is wrong with a path in its warnings, as KV version 2 does at a path without `data/`.
        let said = |member: &str| body.and_then(|body| body.at(member)).map(Json::strings).unwrap_or_default();
        let errors = Some(said("errors")).filter(|errors| status != 404 || !errors.is_empty());
        let errors = errors.unwrap_or_else(|| said("warnings"));
        let request_id = body.and_then(|body| body.path(&["request_id"])).and_then(Json::as_str);
        let request_id = request_id.filter(|id| !id.is_empty()).map(str::to_owned);
        Self { kind: RefusalKind::of(status, &errors), status, method, url, errors, is_raw: body.is_none(), request_id }
    }

    /// The server's messages, joined on one line.
    pub(crate) fn message(&self) -> String {
        let messages: Vec<String> =
            self.errors.iter().map(|error| on_one_line(error)).filter(|m| !m.is_empty()).collect();
        if messages.is_empty() { format!("status {}", self.status) } else { messages.join("; ") }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message())
    }
}

/// Turns `1 error occurred:\n\t* permission denied\n\n` into `permission denied`.
fn on_one_line(error: &str) -> String {
    let lines = error.lines().map(str::trim).filter(|line| !line.is_empty() && !line.ends_with("occurred:"));
    lines.map(|line| line.trim_start_matches("* ")).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_fixed_text_name_the_kind() {
        for (status, error, kind) in [
            (503, "Vault is sealed", RefusalKind::Sealed),
            (503, "too busy", RefusalKind::Server),
            (403, "permission denied", RefusalKind::BadToken),
            (403, "1 error occurred:\n\t* permission denied\n\n", RefusalKind::Denied),
            (404, "", RefusalKind::NotFound),
            (400, "check-and-set parameter did not match the current version", RefusalKind::Conflict),
            (400, "path is already in use at approle/", RefusalKind::Conflict),
            (400, "missing role", RefusalKind::Invalid),
            (400, "token not found", RefusalKind::NoSuchToken),
            (400, "1 error occurred:\n\t* invalid accessor\n\n", RefusalKind::NoSuchToken),
            (429, "", RefusalKind::Busy),
            (500, "", RefusalKind::Server),
        ] {
            assert_eq!(RefusalKind::of(status, &[error.to_owned()]), kind, "{status} {error}");
        }
    }

    #[test]
    fn a_list_of_errors_is_one_line() {
        assert_eq!(on_one_line("1 error occurred:\n\t* permission denied\n\n"), "permission denied");
        assert_eq!(on_one_line("2 errors occurred:\n\t* a\n\t* b\n\n"), "a; b");
        assert_eq!(on_one_line("no handler for route"), "no handler for route");
    }
}
