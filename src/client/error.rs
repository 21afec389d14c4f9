//! What can go wrong between us and a server, in the few ways that lead to different advice. No variant holds a token
//! or a body that we sent.

use super::{address::Address, certificate::Presented, json::Json};

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("cannot reach {address}: {cause}")]
    Unreachable { address: Address, cause: String },
    #[error("no answer from {address} within {secs} s")]
    Slow { address: Address, secs: u64 },
    /// We spoke plain HTTP and the port speaks TLS.
    #[error("{0} speaks TLS, and was spoken to in plain HTTP")]
    HttpOnHttps(Address),
    /// We spoke TLS and the port speaks plain HTTP.
    #[error("{0} speaks plain HTTP, and was spoken to in TLS")]
    HttpsOnHttp(Address),
    /// No CA that we know signed what the server showed.
    #[error("the certificate of {address} is signed by a CA that is not known here")]
    UnknownCa { address: Address, presented: Option<Box<Presented>>, anchors: &'static str },
    /// Signed by a CA we know, and wrong all the same: another name, expired, revoked.
    #[error("the certificate of {address} is not acceptable: {cause}")]
    BadCertificate { address: Address, presented: Option<Box<Presented>>, cause: String },
    #[error("the TLS handshake with {address} failed: {cause}")]
    Handshake { address: Address, cause: String },
    /// The server wanted to send us, and our token, elsewhere.
    #[error("{address} redirects to {to}, which is not followed")]
    Redirected { address: Address, to: String },
    #[error("{address} did not answer as Vault's API does: {cause}")]
    NotOurs { address: Address, cause: String },
    #[error("the request cannot be sent: {0}")]
    Request(String),
    #[error("{0}")]
    Refused(Box<Refusal>),
}

/// An answer that is an error.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub status: u16,
    pub method: &'static str,
    pub url: String,
    /// The server's words, as it sent them.
    pub errors: Vec<String>,
    pub body: Option<Json>,
    pub request_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// 503 while sealed.
    Sealed,
    /// 403 because of the token itself: missing, expired, revoked, of another server.
    BadToken,
    /// 403 by policy.
    Denied,
    NotFound,
    /// A compare-and-set that did not match, or something that exists already.
    Conflict,
    /// Any other 4xx.
    Invalid,
    /// 429.
    Busy,
    /// 5xx.
    Server,
}

impl RefusalKind {
    pub fn of(status: u16, errors: &[String]) -> Self {
        let says = |text: &str| errors.iter().any(|error| error.contains(text));
        match status {
            503 if says("sealed") => Self::Sealed,
            // Vault says so in one plain line when the token is at fault, in a list of one when a policy is.
            403 if errors.iter().any(|error| {
                matches!(error.trim(), "permission denied" | "bad token" | "invalid token" | "missing client token")
            }) =>
            {
                Self::BadToken
            }
            403 => Self::Denied,
            404 => Self::NotFound,
            409 => Self::Conflict,
            400 if says("check-and-set parameter did not match")
                || says("already in use")
                || says("already initialized") =>
            {
                Self::Conflict
            }
            429 => Self::Busy,
            400..=499 => Self::Invalid,
            _ => Self::Server,
        }
    }
}

impl Refusal {
    /// The server's words on one line: the list form of one error is unfolded.
    pub fn message(&self) -> String {
        let words: Vec<String> = self.errors.iter().map(|error| unfold(error)).filter(|e| !e.is_empty()).collect();
        if words.is_empty() { format!("status {}", self.status) } else { words.join("; ") }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message())
    }
}

/// `1 error occurred:\n\t* permission denied\n\n` is `permission denied`.
fn unfold(error: &str) -> String {
    let lines = error.lines().map(str::trim).filter(|line| !line.is_empty() && !line.ends_with("occurred:"));
    lines.map(|line| line.trim_start_matches("* ")).collect::<Vec<_>>().join("; ")
}

impl ClientError {
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    pub fn kind(&self) -> Option<RefusalKind> {
        self.refusal().map(|refusal| refusal.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_words_name_the_kind() {
        for (status, error, kind) in [
            (503, "Vault is sealed", RefusalKind::Sealed),
            (503, "too busy", RefusalKind::Server),
            (403, "permission denied", RefusalKind::BadToken),
            (403, "1 error occurred:\n\t* permission denied\n\n", RefusalKind::Denied),
            (404, "", RefusalKind::NotFound),
            (400, "check-and-set parameter did not match the current version", RefusalKind::Conflict),
            (400, "path is already in use at approle/", RefusalKind::Conflict),
            (400, "missing role", RefusalKind::Invalid),
            (429, "", RefusalKind::Busy),
            (500, "", RefusalKind::Server),
        ] {
            assert_eq!(RefusalKind::of(status, &[error.to_owned()]), kind, "{status} {error}");
        }
    }

    #[test]
    fn a_list_of_one_error_is_one_line() {
        assert_eq!(unfold("1 error occurred:\n\t* permission denied\n\n"), "permission denied");
        assert_eq!(unfold("2 errors occurred:\n\t* a\n\t* b\n\n"), "a; b");
        assert_eq!(unfold("no handler for route"), "no handler for route");
    }
}
