//! KV version 2 keeps `secret/a` under `secret/data/a`. People often use the short path in API
//! calls and policies. This file detects that.

use super::{attempt::Attempt, explain::explain};
use crate::client::Client;

/// The segments that can follow the mount of a KV version 2 store.
const PREFIXES: [&str; 8] =
    ["data", "metadata", "delete", "undelete", "destroy", "subkeys", "detailed-metadata", "config"];

/// A path of the API below the mount of a KV version 2 store.
pub(crate) struct Kv2Path<'a> {
    /// The path of the mount, with a slash at its end.
    pub(crate) mount: &'a str,
    pub(crate) path: &'a str,
}

impl Kv2Path<'_> {
    /// The short form of the path, without `data/` or another prefix. `None` if the path has no prefix.
    pub(crate) fn without_prefix(&self) -> Option<String> {
        let (_, rest) = self.path.strip_prefix(self.mount)?.split_once('/')?;
        Some(format!("{}{rest}", self.mount)).filter(|short| short != self.path)
    }
}

/// The mount and the path that the caller probably meant. `None` unless the caller used the short path of KV version 2.
pub(crate) async fn api_path(client: &Client, attempt: &Attempt) -> Option<(String, String)> {
    let explanation = explain(client, &attempt.api_path).await.ok()?;
    let mount = explanation.mount().filter(|_| explanation.is_kv2())?;
    let path = with_prefix(mount, attempt)?;
    Some((mount.to_owned(), path))
}

/// The attempt's path with the missing prefix added. `None` if it has a prefix already.
pub(crate) fn with_prefix(mount: &str, attempt: &Attempt) -> Option<String> {
    let rest = attempt.api_path.strip_prefix(mount)?;
    let first = rest.split('/').next().unwrap_or_default();
    (!PREFIXES.contains(&first)).then(|| format!("{mount}{}/{rest}", prefix(attempt)))
}

/// The prefix for the verb of the attempt.
pub(crate) fn prefix(attempt: &Attempt) -> &'static str {
    if attempt.verb == "list" { "metadata" } else { "data" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_put_in_where_it_is_missing() {
        let read = |path: &str| with_prefix("secret/", &Attempt::new("read", path, &["read"]));
        assert_eq!(read("secret/jdm/x").as_deref(), Some("secret/data/jdm/x"));
        assert_eq!(read("secret/data/jdm/x"), None);
        assert_eq!(read("kv/x"), None);
        let list = with_prefix("secret/", &Attempt::new("list", "secret/jdm", &["list"]));
        assert_eq!(list.as_deref(), Some("secret/metadata/jdm"));
    }

    #[test]
    fn the_prefix_is_taken_out_where_it_is() {
        let short = |path| Kv2Path { mount: "secret/", path }.without_prefix();
        assert_eq!(short("secret/data/jdm/x").as_deref(), Some("secret/jdm/x"));
        assert_eq!(short("secret/x"), None);
        assert_eq!(short("kv/data/x"), None);
    }
}
