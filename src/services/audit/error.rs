//! Why a request could not be recorded in the audit log.

use super::status::DeviceStatus;

/// Why a request could not be recorded. Such a request must not be performed, or its answer must not be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuditError {
    /// A required device cannot write. For operators only: callers must not learn the path or the cause.
    #[error("audit device `{device}` cannot write `{path}` ({cause}): repair it; the server tries again every second")]
    Down { device: String, path: String, cause: String },
    #[error("no audit device can write: repair one; the server tries again every second")]
    NoDevice,
    #[error("too many audit lines wait to be written: requests are refused until the audit devices have written them")]
    Full,
    /// The audit log has no keys, because the broker is sealed.
    #[error("the audit log is sealed")]
    Sealed,
    /// The server stopped before the work could be done.
    #[error("the server is stopping")]
    Stopping,
}

impl AuditError {
    /// The error that says what is wrong with this device.
    pub(crate) fn down(status: &DeviceStatus) -> Self {
        Self::Down {
            device: status.name.clone(),
            path: status.path.display().to_string(),
            cause: status.error.clone().unwrap_or_default(),
        }
    }
}
