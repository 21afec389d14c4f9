//! Why a verification has no report.

use std::path::Path;

/// Why a verification has no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    #[error("cannot read `{path}`: {cause}")]
    Read { path: String, cause: std::io::Error },
    #[error("the kept checkpoint cannot be read, or it is not signed with the given key")]
    Kept,
}

pub(crate) fn read_error(path: &Path) -> impl FnOnce(std::io::Error) -> VerifyError {
    let path = path.display().to_string();
    move |cause| VerifyError::Read { path, cause }
}
