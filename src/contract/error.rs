//! Errors for two readers: a message for the caller and a cause for the operator's log. Neither contains a secret, a
//! token, or text from the request that may be one.

use crate::{barrier::BarrierError, blocking::Stopping};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The request is malformed or not valid: 400.
    Invalid,
    /// The caller lacks the permission: 403.
    Denied,
    /// The thing does not exist: 404.
    Missing,
    /// The path exists but does not support the operation: 405.
    Unsupported,
    /// The request conflicts with another change, or a precondition of the caller does not hold: 400 on Vault's paths.
    Conflict,
    /// The request exceeds a limit: 413.
    TooLarge,
    /// The row does not read this content type: 415.
    WrongType,
    /// Too many requests from the caller's address were refused: 429.
    TooMany,
    /// The server cannot serve the request now: 503.
    Unavailable,
    /// The server failed: 500.
    Internal,
}

impl Fault {
    /// Whether this failure counts as a refused request of an unknown caller. Failures of the server do not count. A
    /// request that came too early (429) does not count either, because that would lengthen the wait.
    pub const fn counts_as_refusal(self) -> bool {
        !matches!(self, Self::Internal | Self::Unavailable | Self::TooMany)
    }

    /// The HTTP status of each kind of failure. The audit log uses the same numbers.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid | Self::Conflict => 400,
            Self::Denied => 403,
            Self::Missing => 404,
            Self::Unsupported => 405,
            Self::TooLarge => 413,
            Self::WrongType => 415,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

/// A refused or failed request.
#[derive(Debug, Clone)]
pub struct Error {
    pub fault: Fault,
    /// The message for the caller. Empty for Vault's 404 without a message.
    pub message: String,
    /// The cause for the operator's log. It is never sent to the caller.
    pub cause: Option<String>,
    /// Whether the message is worded as a list ("1 error occurred: …"), as Vault does in its router and for token
    /// operations.
    pub is_listed: bool,
    /// How many seconds the caller should wait before it tries again.
    pub retry_after_secs: Option<u64>,
}

impl Error {
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), cause: None, is_listed: false, retry_after_secs: None }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Fault::Invalid, message)
    }

    pub fn denied() -> Self {
        Self::new(Fault::Denied, "permission denied")
    }

    /// Vault's 404 without a message.
    pub fn missing() -> Self {
        Self::new(Fault::Missing, "")
    }

    pub fn internal(cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(Fault::Internal, "internal error") }
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Fault::Unavailable, message)
    }

    /// Words the message as a list of errors, as Vault does.
    pub fn listed(self) -> Self {
        Self { is_listed: true, ..self }
    }

    pub fn caused_by(self, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// The text of the `errors` array, or `None` if the array is empty.
    pub fn text(&self) -> Option<String> {
        match (self.message.is_empty(), self.is_listed) {
            (true, _) => None,
            (false, false) => Some(self.message.clone()),
            (false, true) => Some(format!("1 error occurred:\n\t* {}\n\n", self.message)),
        }
    }
}

impl From<Stopping> for Error {
    fn from(stopping: Stopping) -> Self {
        Self::unavailable(stopping.to_string())
    }
}

impl From<BarrierError> for Error {
    fn from(error: BarrierError) -> Self {
        match error {
            BarrierError::Sealed => Self::unavailable("Vault is sealed"),
            BarrierError::Initialised => Self::invalid("Vault is already initialized"),
            // The pipeline retries a conflict. The caller sees this error only if the conflicts go on until the
            // deadline.
            BarrierError::Conflict => Self::unavailable("other requests kept changing the same records: try again"),
            BarrierError::Full(_) | BarrierError::Closed | BarrierError::GivenUp => {
                Self::unavailable(error.to_string())
            }
            BarrierError::TooManyNames | BarrierError::TooLarge => Self::new(Fault::TooLarge, error.to_string()),
            BarrierError::Integrity { .. } | BarrierError::Stopped(_) => Self::internal(error.to_string()),
        }
    }
}
