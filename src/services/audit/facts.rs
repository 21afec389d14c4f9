//! What the pipeline tells the audit service about a request. The facts are
//! borrowed, and a line is made from them at once.

use std::collections::BTreeMap;

use super::draft_line::Hashed;
use crate::base::time::Time;

/// The facts of one audit log line: about a request before it is performed, or about its outcome.
#[derive(Clone, Copy, Default)]
pub(crate) struct LineFacts<'a> {
    /// True for the line of the outcome, false for the line of the request.
    pub is_response: bool,
    pub time: Time,
    pub request_id: &'a str,
    /// The operation in Vault's words: `read`, `update`, `list`, …
    pub operation: &'a str,
    pub path: &'a str,
    pub mount_type: &'a str,
    pub mount_accessor: &'a str,
    pub remote_address: &'a str,
    /// The request's data, as JSON text.
    pub data: Option<&'a str>,
    /// The caller. `None` while the caller is not known.
    pub auth: Option<AuthSource<'a>>,
    /// The decision of the policies. `None` if no policy was asked yet.
    pub decision: Option<Decision<'a>>,
    /// The HTTP status of the answer; zero for a request.
    pub status: u16,
    /// The error message that the caller gets. It is written in the clear.
    pub error: Option<&'a str>,
    /// The data of the answer, as JSON text.
    pub response_data: Option<&'a str>,
    /// The fields of `data` whose numbers and booleans are written in the clear. Each is a name, or names joined by
    /// dots (`options.cas`). Everything under such a field is included.
    pub plain_fields: &'a [&'a str],
    /// The fields of `data` that the API row has. Their names are written in the clear.
    pub known_fields: &'a [&'a str],
    /// The fields of `response_data` that the server itself writes (`metadata.version`): their texts are in the clear
    /// too. If a path ends in a dot, the name is in the clear and the value under it is not.
    pub shown_fields: &'a [&'a str],
}

/// The caller of a request: as facts that are still to be written, or as the text of an earlier line, ready to copy.
#[derive(Clone, Copy)]
pub(crate) enum AuthSource<'a> {
    Facts(AuthFacts<'a>),
    Cached(&'a CachedAuthFields),
}

impl<'a> From<AuthFacts<'a>> for AuthSource<'a> {
    fn from(facts: AuthFacts<'a>) -> Self {
        Self::Facts(facts)
    }
}

/// The caller's part of an audit log line, made once for all lines of one token.
/// It is cheaper to write than [`AuthFacts`].
pub struct CachedAuthFields {
    pub(crate) text: Box<str>,
    pub(crate) token: Option<Hashed>,
    pub(crate) accessor: Option<Hashed>,
}

/// The caller, as the token's record describes it.
#[derive(Clone, Copy)]
pub(crate) struct AuthFacts<'a> {
    pub accessor: &'a str,
    /// The token itself. Only its hash is written.
    pub client_token: &'a str,
    pub display_name: &'a str,
    pub policies: &'a [String],
    pub token_policies: &'a [String],
    /// The metadata of the token. It is written in the clear.
    pub metadata: &'a BTreeMap<String, String>,
    pub entity_id: &'a str,
    pub token_type: &'a str,
    pub remaining_uses: u64,
}

/// The policy rule that allowed or refused a request.
#[derive(Clone, Copy, Default)]
pub(crate) struct Decision<'a> {
    /// The path pattern of the rule; empty if no rule matched.
    pub rule: &'a str,
    pub policy: &'a str,
    /// The line at which the rule stands in the policy's text. Zero if it is not known.
    pub line: u32,
    pub allowed: bool,
}

/// The facts of a line that needs no key: about what happens while the broker is sealed, and about refused requests of
/// unknown callers. All fields are written in the clear.
#[derive(Clone, Copy, Default)]
pub(crate) struct PlainFacts<'a> {
    pub is_response: bool,
    pub time: Time,
    pub request_id: &'a str,
    pub operation: &'a str,
    pub path: &'a str,
    pub remote_address: &'a str,
    /// The number of a submitted unseal key share. The share itself is never written.
    pub share_index: Option<u8>,
    /// How many shares have been submitted, and how many are needed.
    pub progress: Option<(u8, u8)>,
    pub status: u16,
    /// The outcome, in a few words of the server.
    pub outcome: Option<&'a str>,
    /// How many events this line counts, if it stands for more than one.
    pub count: Option<u64>,
}

/// By when the line of a request must be in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Before the request is performed, because it may change something.
    Now,
    /// With its outcome at the latest, because the request only reads.
    WithOutcome,
}
