//! Keeps the newest signed checkpoint of each audit log that was verified on this machine, by public key. If a log is
//! later cut off before its kept checkpoint, the next verification fails.

use super::{config_dir::ConfigDir, error::CliError};
use crate::client::json::Json;

/// The file name is older than the word "checkpoint". It is kept because such files exist.
const FILE: &str = "audit-heads";

/// The checkpoints that are kept for a public key: for each log its id and its newest one.
pub(crate) fn all(config_dir: &ConfigDir, key: &str) -> Result<Vec<(String, String)>, CliError> {
    let all = config_dir.object(FILE)?;
    let logs = all.at(key).map(Json::as_object).unwrap_or_default().iter();
    Ok(logs.filter_map(|(log, checkpoint)| Some((log.clone(), checkpoint.as_str()?.to_owned()))).collect())
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
        let pair = |log: &str, checkpoint: &str| (log.to_owned(), checkpoint.to_owned());
        assert_eq!(all(&config_dir, "key").unwrap(), [pair("a", "2"), pair("b", "1")]);
        assert_eq!(all(&config_dir, "other").unwrap(), []);
    }
}
