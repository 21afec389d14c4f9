//! What went wrong, for two readers: a message for the caller and a cause for the operator's log. Neither holds a
//! secret, a token or the input's own text where that may be one.

use crate::barrier::BarrierError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The words for a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The request itself is wrong: 400.
    Invalid,
    /// The caller may not: 403.
    Denied,
    /// There is no such thing: 404.
    Missing,
    /// The path exists, the operation on it does not: 405.
    Unsupported,
    /// Two changes meet, or a precondition of the caller's does not hold: 400 on Vault's paths.
    Conflict,
    /// More than a limit allows: 413.
    TooLarge,
    /// The body is of a type that the row does not read: 415.
    WrongType,
    /// The caller's address has been refused too often: 429.
    TooMany,
    /// Not now: 503.
    Unavailable,
    /// Our own failure: 500.
    Internal,
}

impl Fault {
    /// Whether a stranger pays for it. Our own failures are not its fault, and a wait that was asked for grows no longer
    /// by asking again.
    pub const fn counts_as_refusal(self) -> bool {
        !matches!(self, Self::Internal | Self::Unavailable | Self::TooMany)
    }

    /// The one table from failures to the status of an answer, in HTTP's numbers, which the audit log shares.
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

/// A refusal or a failure.
#[derive(Debug, Clone)]
pub struct Error {
    pub fault: Fault,
    /// What the caller reads; empty for Vault's bare 404.
    pub message: String,
    /// What the operator reads; never sent.
    pub cause: Option<String>,
    /// Vault words errors of its router and of token operations as a list ("1 error occurred: …").
    pub is_listed: bool,
    /// How many seconds the caller should wait before it asks again.
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

    /// Vault's 404 without a word.
    pub fn missing() -> Self {
        Self::new(Fault::Missing, "")
    }

    pub fn internal(cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(Fault::Internal, "internal error") }
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Fault::Unavailable, message)
    }

    /// Words the message as Vault's lists of errors are worded.
    pub fn listed(self) -> Self {
        Self { is_listed: true, ..self }
    }

    pub fn caused_by(self, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// The text of the `errors` array, or `None` for an empty array.
    pub fn text(&self) -> Option<String> {
        match (self.message.is_empty(), self.is_listed) {
            (true, _) => None,
            (false, false) => Some(self.message.clone()),
            (false, true) => Some(format!("1 error occurred:\n\t* {}\n\n", self.message)),
        }
    }
}

impl From<BarrierError> for Error {
    fn from(error: BarrierError) -> Self {
        match error {
            BarrierError::Sealed => Self::unavailable("Vault is sealed"),
            // The caller sees this only when a request has met others until its deadline: the pipeline tries again.
            BarrierError::Conflict => {
                Self::unavailable("this request met others that changed the same records: try again")
            }
            BarrierError::Full(_) => Self::unavailable(error.to_string()),
            BarrierError::TooLarge => Self::new(Fault::TooLarge, "a value is larger than a record may be"),
            BarrierError::Integrity { .. } | BarrierError::Stopped(_) => Self::internal(error.to_string()),
        }
    }
}
