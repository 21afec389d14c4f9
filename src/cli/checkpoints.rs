//! Keeps the newest signed checkpoint of each audit log that was verified on this machine, by public key. If a log is
//! later cut off before its kept checkpoint, the next verification fails.

use super::{config_dir::ConfigDir, error::CliError};
use crate::client::json::Json;

/// The file name is older than the word "checkpoint". It is kept because such files exist.
const FILE: &str = "audit-heads";

/// The checkpoint that is kept for one log of a public key. `None` if there is none.
pub(crate) fn find(config_dir: &ConfigDir, key: &str, log: &str) -> Result<Option<String>, CliError> {
    Ok(config_dir.object(FILE)?.path(&[key, log]).and_then(Json::as_str).map(str::to_owned))
}

/// The ids of the logs of a public key that have a kept checkpoint.
pub(crate) fn logs(config_dir: &ConfigDir, key: &str) -> Result<Vec<String>, CliError> {
    let all = config_dir.object(FILE)?;
    Ok(all.at(key).map(Json::as_object).unwrap_or_default().iter().map(|(log, _)| log.clone()).collect())
}

/// Keeps `checkpoint` as the newest one of its log.
pub(crate) fn keep(config_dir: &ConfigDir, key: &str, log: &str, checkpoint: &str) -> Result<(), CliError> {
    config_dir.change(FILE, |all| {
        let mut own = all.at(key).cloned().unwrap_or(Json::Object(Vec::new()));
        own.set(log, Json::text(checkpoint));
        all.set(key, own);
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::environment::Environment;

    #[test]
    fn the_newest_checkpoint_of_each_log_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let config_dir = ConfigDir::of(&Environment::of([("STRONGROOM_HOME", dir.path().to_str().unwrap())]));
        keep(&config_dir, "key", "a", "1").unwrap();
        keep(&config_dir, "key", "b", "1").unwrap();
        keep(&config_dir, "key", "a", "2").unwrap();
        assert_eq!(find(&config_dir, "key", "a").unwrap().as_deref(), Some("2"));
        assert_eq!(find(&config_dir, "other", "a").unwrap(), None);
        assert_eq!(logs(&config_dir, "key").unwrap(), ["a", "b"]);
    }
}
