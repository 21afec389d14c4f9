//! What the pipeline tells the audit service about a request: borrowed facts, from which a note is made at once.

use std::collections::BTreeMap;

use super::note::Hashed;
use crate::base::time::Time;

/// A request before it is performed, or its outcome.
#[derive(Clone, Copy, Default)]
pub struct Entry<'a> {
    /// Whether this is the outcome.
    pub is_response: bool,
    pub time: Time,
    pub request_id: &'a str,
    /// `read`, `update`, `list`, … in Vault's words.
    pub operation: &'a str,
    pub path: &'a str,
    pub mount_type: &'a str,
    pub mount_accessor: &'a str,
    pub remote_address: &'a str,
    /// What was asked for, as JSON text.
    pub data: Option<&'a str>,
    /// The caller, once it is known.
    pub auth: Option<Who<'a>>,
    /// What decided, once it was judged.
    pub decision: Option<Decision<'a>>,
    /// The HTTP status of the answer; zero for a request.
    pub status: u16,
    /// The caller's error message; written clear.
    pub error: Option<&'a str>,
    /// What was answered, as JSON text.
    pub response_data: Option<&'a str>,
    /// The fields of `data` whose numbers and booleans are written clear: a name, or names joined by dots
    /// (`options.cas`). Whatever lies under a named field counts too.
    pub plain_fields: &'a [&'a str],
    /// The fields of `response_data` that are our own words (`metadata.version`): their texts are clear too. A path that
    /// ends in a dot makes the name clear and not what is under it.
    pub shown_fields: &'a [&'a str],
}

/// Who asks, in either form.
#[derive(Clone, Copy)]
pub enum Who<'a> {
    Facts(AuthFacts<'a>),
    Badge(&'a Badge),
}

impl<'a> From<AuthFacts<'a>> for Who<'a> {
    fn from(facts: AuthFacts<'a>) -> Self {
        Self::Facts(facts)
    }
}

/// Who asks, as all lines of one token say it: made once, and cheaper to write than [`AuthFacts`].
pub struct Badge {
    pub(crate) text: Box<str>,
    pub(crate) token: Option<Hashed>,
    pub(crate) accessor: Option<Hashed>,
}

/// Who asks.
#[derive(Clone, Copy)]
pub struct AuthFacts<'a> {
    pub accessor: &'a str,
    /// The token itself. It is hashed here and goes no further.
    pub client_token: &'a str,
    pub display_name: &'a str,
    pub policies: &'a [String],
    pub token_policies: &'a [String],
    /// Written clear.
    pub metadata: &'a BTreeMap<String, String>,
    pub entity_id: &'a str,
    pub token_type: &'a str,
    pub remaining_uses: u64,
}

/// The rule that allowed or refused.
#[derive(Clone, Copy, Default)]
pub struct Decision<'a> {
    /// The path pattern of the rule; empty where no rule matched.
    pub rule: &'a str,
    pub policy: &'a str,
    /// Where the rule stands in the policy's text; zero where that is not known.
    pub line: u32,
    pub allowed: bool,
}

/// A line that needs no key: what happens while the broker is sealed, and what is refused before anybody is known.
/// All its fields are fixed, plain words.
#[derive(Clone, Copy, Default)]
pub struct PlainEntry<'a> {
    pub is_response: bool,
    pub time: Time,
    pub request_id: &'a str,
    pub operation: &'a str,
    pub path: &'a str,
    pub remote_address: &'a str,
    /// The number of a share that was handed in; never the share.
    pub share_index: Option<u8>,
    /// Shares given and shares needed.
    pub progress: Option<(u8, u8)>,
    pub status: u16,
    /// How it ended, in a few words of ours.
    pub outcome: Option<&'a str>,
    /// How many such events this line stands for, where they are sampled.
    pub count: Option<u64>,
}

/// How soon a request's line has to leave the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// At once: the request may change something.
    Now,
    /// With its outcome, or with whatever is written before: the request only reads.
    WithOutcome,
}
