//! What is wrong with a configuration, where it is, and what to do. A message names keys,
//! kinds and file names, but no other values.

use std::{fmt, io, path::PathBuf};

use crate::base::{hcl::HclError, ttl::TtlError};

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{location}{problem}")]
pub(crate) struct ConfigError {
    pub location: Location,
    pub problem: Problem,
}

/// A place in the configuration, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Line {
        source: String,
        line: u32,
    },
    Source(String),
    /// The problem concerns several stanzas or files, so there is no single place.
    Several,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("cannot be read: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Syntax(String),
    #[error("unknown key `{key}`{inside}; did you mean `{nearest}`?")]
    UnknownLike { key: String, inside: String, nearest: String },
    #[error("unknown key `{key}`{inside}")]
    Unknown { key: String, inside: String },
    #[error("`{key}` is given twice, first in {first}: remove one")]
    Twice { key: String, first: String },
    #[error("`{key}` means the same as `{other}`, which is given in {first}: remove one")]
    Beside { key: &'static str, other: &'static str, first: String },
    #[error("`{key}` must be {expected}")]
    Value { key: String, expected: &'static str },
    #[error("`{key}`: {cause}")]
    Duration { key: String, cause: TtlError },
    #[error("`{stanza}` needs a kind: `{stanza} \"{example}\" {{ … }}`")]
    KindMissing { stanza: &'static str, example: &'static str },
    #[error("`{stanza} \"{kind}\"` is not supported: use {instead}")]
    NotBuilt { stanza: &'static str, kind: String, instead: &'static str },
    #[error("`{key}` is not supported: {instead}")]
    OptionNotBuilt { key: String, instead: &'static str },
    #[error("{stanza} needs `{key}`")]
    Missing { stanza: &'static str, key: &'static str },
    #[error("`{key}` is not an address to listen on: {cause}")]
    Address { key: &'static str, cause: String },
    #[error(
        "this listener has no certificate: give `tls_cert_file` and `tls_key_file`, or `tls_disable = true` for plain \
         HTTP, or run `strongroom server --data DIR`, which makes its own"
    )]
    CertificateMissing,
    #[error(
        "metrics are served without TLS: use an address of this machine such as `127.0.0.1:9142`, or set \
         `tls_disable = true` here"
    )]
    TelemetryBeyondMachine,
    #[error("`tls_require_and_verify_client_cert` needs `tls_client_ca_file`, and not `tls_disable_client_certs`")]
    ClientCertificates,
    #[error("`{0}` must be 32 bytes: raw in a file, or as hex or base64")]
    SealKey(&'static str),
    #[error("`{key}` cannot be read: {cause}")]
    SealKeyUnreadable { key: &'static str, cause: String },
    #[error("`default_lease_ttl` is longer than `max_lease_ttl`: it must not exceed it")]
    TtlOrder,
    #[error("two audit devices have the same name `{0}`: give each its own, `audit \"file\" \"name\" {{ … }}`")]
    AuditNamedTwice(String),
    #[error("two audit devices write to {}: give each a file of its own", .0.display())]
    AuditFileTwice(PathBuf),
    #[error("{} has no *.hcl and no *.json: name a folder with a configuration", .0.display())]
    FolderEmpty(PathBuf),
}

impl ConfigError {
    pub(crate) fn unreadable(path: &std::path::Path, cause: &io::Error) -> Self {
        Self { location: Location::Source(path.display().to_string()), problem: Problem::Unreadable(cause.to_string()) }
    }

    pub(crate) fn syntax(source: &str, error: HclError) -> Self {
        Self {
            location: Location::Line { source: source.to_owned(), line: error.pos.line },
            problem: Problem::Syntax(error.message),
        }
    }

    pub(crate) const fn several(problem: Problem) -> Self {
        Self { location: Location::Several, problem }
    }
}

impl Location {
    /// The place within a message: `FILE:LINE`.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::Line { source, line } => format!("{source}:{line}"),
            Self::Source(source) => source.clone(),
            Self::Several => String::from("another place"),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { source, line } => write!(f, "{source}:{line}: "),
            Self::Source(source) => write!(f, "{source}: "),
            Self::Several => Ok(()),
        }
    }
}
