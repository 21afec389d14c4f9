//! Explains why a policy refused a request. The explanation comes from questions that the caller itself may ask: its
//! token, its capabilities on the path, and those of its policies that it may read.

use super::{
    attempt::Attempt,
    error::{CliError, Exit},
    kv2_hint::{self, Kv2Path},
    mount_hint,
};
use crate::client::{Client, Refusal, json::Json};

/// The error for a request that was refused with 403. If a policy refused it, names the rule that would allow it.
pub(crate) async fn diagnose_denial(client: &Client, attempt: &Attempt, refusal: &Refusal) -> CliError {
    let failure = CliError::new(Exit::Denied, format!("permission denied: {} {}", attempt.verb, attempt.path));
    let mount = kv2_hint::mount(client, &attempt.api_path).await;
    let path = match mount.as_deref().and_then(|mount| kv2_hint::with_prefix(mount, attempt)) {
        Some(path) => path,
        None => attempt.api_path.clone(),
    };
    let held = capabilities(client, &path).await;
    if held.iter().any(|capability| capability == "root" || attempt.needs.contains(&capability.as_str()))
        && let Some(cause) = other_cause(client, attempt, refusal).await
    {
        return cause;
    }
    if held.iter().any(|capability| capability == "root") {
        return CliError::new(Exit::Server, format!("{}: {} {}", refusal.message(), attempt.verb, attempt.path))
            .why("your token may do everything: the server refuses this for another reason");
    }
    let (who, policies) = caller(client).await;
    let failure = failure.why(verdict(&who, &held, &path));
    let failure = match &mount {
        Some(mount) => kv2_rule(client, attempt, &Kv2Path { mount, path: &path }, &policies, failure).await,
        None => failure,
    };
    let needs: Vec<String> = attempt.needs.iter().map(|need| format!("{need:?}")).collect();
    let rule_path = if attempt.verb == "list" { format!("{}/", path.trim_end_matches('/')) } else { path };
    failure
        .fix(format!("path \"{rule_path}\" {{ capabilities = [{}] }}", needs.join(", ")))
        .fix("in one of its policies: strongroom policy write NAME FILE")
}

/// The error for a request that the caller's policies allow and the server refused, if the cause is known.
async fn other_cause(client: &Client, attempt: &Attempt, refusal: &Refusal) -> Option<CliError> {
    let missing = mount_hint::no_mount(client, attempt).await;
    missing.or_else(|| refusal.is_about_token().then(|| no_such_token(attempt)))
}

/// The error for a token or an accessor that a request is about, and that the server does not know.
pub(crate) fn no_such_token(attempt: &Attempt) -> CliError {
    CliError::new(Exit::NotFound, format!("no such token: {} {}", attempt.verb, attempt.path))
        .why("it has expired, was revoked, is mistyped, or belongs to another server")
}

/// A text such as `your token ("app", policies default, app)`, and the names of those policies.
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

/// Adds the most common mistake to the error, if it was made: in KV version 2, a rule for the path without `data/`. The
/// policy is named only if the caller may read it. Otherwise the capabilities alone show that there is such a rule.
async fn kv2_rule(
    client: &Client,
    attempt: &Attempt,
    kv2: &Kv2Path<'_>,
    policies: &[String],
    failure: CliError,
) -> CliError {
    let mount = kv2.mount;
    let explanation =
        format!("{mount} is KV version 2: {}s go to {mount}{}/…", attempt.verb, kv2_hint::prefix(attempt));
    let Some(short) = kv2.without_prefix() else { return failure };
    for policy in policies.iter().filter(|policy| *policy != "root") {
        let Ok(answer) = client.read(&format!("sys/policies/acl/{policy}")).await else { continue };
        let text = answer.text(&["policy"]).unwrap_or_default();
        if let Some(rule) = kv2_hint::rule_for(text, &short) {
            return failure.why(format!("policy {policy} has a rule for {rule}, but {explanation}"));
        }
    }
    if !capabilities(client, &short).await.is_empty() {
        return failure.why(format!("your policies have a rule for {short}, but {explanation}"));
    }
    if short == attempt.api_path { failure.why(explanation) } else { failure }
}
