//! Why a policy said no, found out with what the caller itself may ask: its token, its capabilities on the path, and
//! those of its policies that it may read. What it may not read is left out of the answer.

use super::{
    explain::Doing,
    fault::{Exit, Fault},
};
use crate::{
    base::hcl,
    client::{Client, json::Json},
};

pub async fn denied(client: &Client, doing: &Doing) -> Fault {
    let what = format!("permission denied: {} {}", doing.verb, doing.path);
    let fault = Fault::new(Exit::Denied, what);
    let mount = kv2_mount(client, &doing.api_path).await;
    let path = match mount.as_deref().and_then(|mount| with_data(mount, doing)) {
        Some(path) => path,
        None => doing.api_path.clone(),
    };
    let (who, policies) = caller(client).await;
    let fault = fault.why(verdict(&who, &capabilities(client, &path).await, &path));
    let fault = match &mount {
        Some(mount) => trap(client, doing, (mount, &path), &policies, fault).await,
        None => fault,
    };
    let needs: Vec<String> = doing.needs.iter().map(|need| format!("{need:?}")).collect();
    let rule_path = if doing.verb == "list" { format!("{}/", path.trim_end_matches('/')) } else { path };
    fault
        .fix(format!("path \"{rule_path}\" {{ capabilities = [{}] }}", needs.join(", ")))
        .fix("in one of its policies: strongroom policy write NAME FILE")
}

/// `the token "app" (policies default, app)`, and those policies.
async fn caller(client: &Client) -> (String, Vec<String>) {
    let Ok(token) = client.read("auth/token/lookup-self").await else { return ("your token".to_owned(), Vec::new()) };
    let list = |name: &str| token.field(&[name]).map(Json::strings).unwrap_or_default();
    let mut policies = list("policies");
    policies.extend(list("identity_policies"));
    let name = token.text(&["display_name"]).unwrap_or("-");
    (format!("your token (\"{name}\", policies {})", policies.join(", ")), policies)
}

async fn capabilities(client: &Client, path: &str) -> Vec<String> {
    let body = Json::object([("paths", Json::texts([path]))]);
    let answer = client.write("sys/capabilities-self", body).await.ok();
    let found =
        answer.and_then(|answer| answer.field(&[path]).or_else(|| answer.field(&["capabilities"])).map(Json::strings));
    found.unwrap_or_default().into_iter().filter(|capability| capability != "deny").collect()
}

fn verdict(who: &str, capabilities: &[String], path: &str) -> String {
    if capabilities.is_empty() {
        format!("{who} has no rule for {path}")
    } else {
        format!("{who} may only {} {path}", capabilities.join(", "))
    }
}

/// The mount of `path`, if it is a KV version 2.
async fn kv2_mount(client: &Client, path: &str) -> Option<String> {
    let answer = client.read(&format!("sys/internal/ui/mounts/{path}")).await.ok()?;
    let is_kv2 = answer.text(&["options", "version"]) == Some("2");
    answer.text(&["path"]).filter(|_| is_kv2).map(str::to_owned)
}

/// The mount and the path that was meant, where someone asked for `secret/a` in a KV version 2.
pub async fn kv2_path(client: &Client, doing: &Doing) -> Option<(String, String)> {
    let mount = kv2_mount(client, &doing.api_path).await?;
    let path = with_data(&mount, doing)?;
    Some((mount, path))
}

/// The prefixes that a KV version 2 keeps its things under.
const KV2_PREFIXES: [&str; 8] =
    ["data", "metadata", "delete", "undelete", "destroy", "subkeys", "detailed-metadata", "config"];

/// `secret/a` with its `data/` (for a list `metadata/`) put in; `None` if it has one.
fn with_data(mount: &str, doing: &Doing) -> Option<String> {
    let rest = doing.api_path.strip_prefix(mount)?;
    let first = rest.split('/').next().unwrap_or_default();
    if KV2_PREFIXES.contains(&first) {
        return None;
    }
    let prefix = if doing.verb == "list" { "metadata" } else { "data" };
    Some(format!("{mount}{prefix}/{rest}"))
}

/// The commonest mistake: a rule written for the path as people say it, in a KV version 2. The policy is named where
/// the caller may read it; that there is such a rule is told by the capabilities alone.
async fn trap(client: &Client, doing: &Doing, (mount, path): (&str, &str), policies: &[String], fault: Fault) -> Fault {
    let prefix = if doing.verb == "list" { "metadata" } else { "data" };
    let explained = format!("{mount} is KV version 2: {}s go to {mount}{prefix}/…", doing.verb);
    let spoken =
        path.strip_prefix(mount).and_then(|rest| rest.split_once('/')).map(|(_, rest)| format!("{mount}{rest}"));
    let Some(spoken) = spoken.filter(|spoken| spoken != path) else { return fault };
    for policy in policies.iter().filter(|policy| *policy != "root") {
        let Ok(answer) = client.read(&format!("sys/policies/acl/{policy}")).await else { continue };
        let text = answer.text(&["policy"]).unwrap_or_default();
        if let Some(rule) = rules(text).into_iter().find(|rule| covers(rule, &spoken)) {
            return fault.why(format!("policy {policy} has a rule for {rule}, but {explained}"));
        }
    }
    if !capabilities(client, &spoken).await.is_empty() {
        return fault.why(format!("your policies have a rule for {spoken}, but {explained}"));
    }
    if spoken == doing.api_path { fault.why(explained) } else { fault }
}

/// The paths that a policy has rules for.
fn rules(policy: &str) -> Vec<String> {
    let Ok(body) = hcl::parse(policy) else { return Vec::new() };
    let Ok(blocks) = body.blocks("path", 1) else { return Vec::new() };
    blocks.iter().filter_map(|block| block.labels.first()).map(|path| (*path).to_owned()).collect()
}

/// Whether a rule's path covers `path`: exact, by prefix (`*` at the end), and any one segment (`+`).
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
    fn data_is_put_in_where_it_is_missing() {
        let read = |path: &str| with_data("secret/", &Doing::new("read", path, &["read"]));
        assert_eq!(read("secret/jdm/x").as_deref(), Some("secret/data/jdm/x"));
        assert_eq!(read("secret/data/jdm/x"), None);
        assert_eq!(read("kv/x"), None);
        let list = with_data("secret/", &Doing::new("list", "secret/jdm", &["list"]));
        assert_eq!(list.as_deref(), Some("secret/metadata/jdm"));
    }

    #[test]
    fn the_paths_of_a_policy_are_read_from_its_text() {
        let text = "path \"secret/a\" { capabilities = [\"read\"] }\npath \"b/*\" { capabilities = [\"list\"] }";
        assert_eq!(rules(text), ["secret/a", "b/*"]);
        assert_eq!(rules("path {"), Vec::<String>::new());
    }
}
