//! KV version 2 keeps `secret/a` under `secret/data/a`. People often use the short path in API
//! calls and policies. This file detects that.

use super::attempt::Attempt;
use crate::{base::hcl, client::Client};

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

/// The mount that holds `path`. `None` if it is not KV version 2.
pub(crate) async fn mount(client: &Client, path: &str) -> Option<String> {
    let answer = client.read(&format!("sys/internal/ui/mounts/{path}")).await.ok()?;
    let is_kv2 = answer.text(&["options", "version"]) == Some("2");
    answer.text(&["path"]).filter(|_| is_kv2).map(str::to_owned)
}

/// The mount and the path that the caller probably meant. `None` unless the caller used the short path of KV version 2.
pub(crate) async fn api_path(client: &Client, attempt: &Attempt) -> Option<(String, String)> {
    let mount = mount(client, &attempt.api_path).await?;
    let path = with_prefix(&mount, attempt)?;
    Some((mount, path))
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

/// The path of the first rule of a policy that matches `path`. `None` if no rule does.
pub(crate) fn rule_for(policy: &str, path: &str) -> Option<String> {
    rules(policy).into_iter().find(|rule| covers(rule, path))
}

/// The paths of a policy's rules. Empty if the text is not HCL.
fn rules(policy: &str) -> Vec<String> {
    let Ok(body) = hcl::parse(policy) else { return Vec::new() };
    let Ok(blocks) = body.blocks("path", 1) else { return Vec::new() };
    blocks.iter().filter_map(|block| block.labels.first()).map(|path| (*path).to_owned()).collect()
}

/// Whether a rule's path matches `path`: exactly, as a prefix (`*` at the end), or with any one segment (`+`).
fn covers(rule: &str, path: &str) -> bool {
    let (rule, is_prefix) = match rule.strip_suffix('*') {
        Some(rule) => (rule, true),
        None => (rule, false),
    };
    let rule_segments: Vec<&str> = rule.split('/').collect();
    let segments: Vec<&str> = path.split('/').collect();
    if segments.len() < rule_segments.len() || (!is_prefix && segments.len() != rule_segments.len()) {
        return false;
    }
    let last = rule_segments.len() - 1;
    rule_segments.iter().zip(&segments).enumerate().all(|(at, (rule, segment))| {
        *rule == "+" || rule == segment || (is_prefix && at == last && segment.starts_with(rule))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_covers_exactly_by_prefix_and_by_segment() {
        for (rule, path, is_covered) in [
            ("secret/a", "secret/a", true),
            ("secret/a", "secret/a/b", false),
            ("secret/*", "secret/a/b", true),
            ("secret/a*", "secret/ab/c", true),
            ("secret/a*", "secret/b", false),
            ("secret/+/b", "secret/a/b", true),
            ("secret/+/b", "secret/a/c", false),
            ("secret/+/*", "secret/a/c/d", true),
            ("secret/a/*", "secret/a", false),
        ] {
            assert_eq!(covers(rule, path), is_covered, "{rule} {path}");
        }
    }

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

    #[test]
    fn the_paths_of_a_policy_are_read_from_its_text() {
        let text = "path \"secret/a\" { capabilities = [\"read\"] }\npath \"b/*\" { capabilities = [\"list\"] }";
        assert_eq!(rules(text), ["secret/a", "b/*"]);
        assert_eq!(rules("path {"), Vec::<String>::new());
        assert_eq!(rule_for(text, "b/c").as_deref(), Some("b/*"));
    }
}
