//! What the pipeline tells the audit service about a request: borrowed facts, from which a line is made at once.

use std::collections::BTreeMap;

use super::draft_line::Hashed;
use crate::base::time::Time;

/// A request before it is performed, or its outcome.
#[derive(Clone, Copy, Default)]
pub(crate) struct LineFacts<'a> {
    /// Whether this is the outcome.
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
    /// The caller, once it is known.
    pub auth: Option<AuthSource<'a>>,
    /// What decided, once it was judged.
    pub decision: Option<Decision<'a>>,
    /// The HTTP status of the answer; zero for a request.
    pub status: u16,
    /// The error message that the caller gets. It is written in the clear.
    pub error: Option<&'a str>,
    /// The answer's data, as JSON text.
    pub response_data: Option<&'a str>,
    /// The fields of `data` whose numbers and booleans are written in the clear: a name, or names joined by dots
    /// (`options.cas`). Everything under such a field is included.
    pub plain_fields: &'a [&'a str],
    /// The fields of `response_data` that the server itself writes (`metadata.version`): their texts are clear too. If a
    /// path ends in a dot, the name is clear and what is under it is not.
    pub shown_fields: &'a [&'a str],
}

/// The caller, in either form.
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

/// The caller's part of a line, made once for all lines of one token. It is cheaper to write than [`AuthFacts`].
pub struct CachedAuthFields {
    pub(crate) text: Box<str>,
    pub(crate) token: Option<Hashed>,
    pub(crate) accessor: Option<Hashed>,
}

/// The caller.
#[derive(Clone, Copy)]
pub(crate) struct AuthFacts<'a> {
    pub accessor: &'a str,
    /// The token itself. Only its hash is written.
    pub client_token: &'a str,
    pub display_name: &'a str,
    pub policies: &'a [String],
    pub token_policies: &'a [String],
    /// Written in the clear.
    pub metadata: &'a BTreeMap<String, String>,
    pub entity_id: &'a str,
    pub token_type: &'a str,
    pub remaining_uses: u64,
}

/// The rule that allowed or refused.
#[derive(Clone, Copy, Default)]
pub(crate) struct Decision<'a> {
    /// The path pattern of the rule; empty if no rule matched.
    pub rule: &'a str,
    pub policy: &'a str,
    /// The line of the rule in the policy's text; zero if that is not known.
    pub line: u32,
    pub allowed: bool,
}

/// A line that needs no key: for what happens while the broker is sealed, and for refusals of unknown callers. All its
/// fields are written in the clear.
#[derive(Clone, Copy, Default)]
pub(crate) struct PlainFacts<'a> {
    pub is_response: bool,
    pub time: Time,
    pub request_id: &'a str,
    pub operation: &'a str,
    pub path: &'a str,
    pub remote_address: &'a str,
    /// The number of a submitted share; never the share itself.
    pub share_index: Option<u8>,
    /// How many shares were submitted, and how many are needed.
    pub progress: Option<(u8, u8)>,
    pub status: u16,
    /// The outcome, in a few words of the server.
    pub outcome: Option<&'a str>,
    /// How many events this line counts, if it stands for more than one.
    pub count: Option<u64>,
}

/// When the line of a request must be in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Before the request is performed, because it may change something.
    Now,
    /// With its outcome at the latest, because the request only reads.
    WithOutcome,
}
