//! Signed heads of audit logs that were found right here: the newest of each log, per key. A log that was cut behind a
//! head that we keep cannot pass again.

use super::{fault::Fault, home::Home};
use crate::client::json::Json;

const FILE: &str = "audit-heads";

/// The head kept for one log of a key.
pub fn find(home: &Home, key: &str, log: &str) -> Result<Option<String>, Fault> {
    Ok(home.object(FILE)?.path(&[key, log]).and_then(Json::as_str).map(str::to_owned))
}

/// Logs of a key of which a head is kept.
pub fn logs(home: &Home, key: &str) -> Result<Vec<String>, Fault> {
    let all = home.object(FILE)?;
    Ok(all.at(key).map(Json::as_object).unwrap_or_default().iter().map(|(log, _)| log.clone()).collect())
}

/// Keeps `head` as the newest of its log.
pub fn keep(home: &Home, key: &str, log: &str, head: &str) -> Result<(), Fault> {
    home.change(FILE, |all| {
        let mut own = all.at(key).cloned().unwrap_or(Json::Object(Vec::new()));
        own.set(log, Json::text(head));
        all.set(key, own);
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::environment::Environment;

    #[test]
    fn the_newest_head_of_each_log_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::of(&Environment::of([("STRONGROOM_HOME", dir.path().to_str().unwrap())]));
        keep(&home, "key", "a", "1").unwrap();
        keep(&home, "key", "b", "1").unwrap();
        keep(&home, "key", "a", "2").unwrap();
        assert_eq!(find(&home, "key", "a").unwrap().as_deref(), Some("2"));
        assert_eq!(find(&home, "other", "a").unwrap(), None);
        assert_eq!(logs(&home, "key").unwrap(), ["a", "b"]);
    }
}
