//! Takes the file work of unseal and seal off the async workers.

use super::error::AuditError;

/// Runs `work` on the blocking pool. It runs to its end even if the caller goes away. `Err`: the runtime stops before the
/// work has begun. A panic in `work` continues in the caller.
pub(crate) async fn on_blocking_pool<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AuditError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(AuditError::Stopping),
    }
}
