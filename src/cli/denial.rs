//! Explains why a policy refused a request, from one answer of the server about the caller's own rights on the path.

use super::{
    attempt::Attempt,
    error::{CliError, Exit},
    explain::{Explanation, explain},
    kv2_hint::{self, Kv2Path},
    mount_hint,
};
use crate::client::{Client, Refusal};

/// The error for a request that was refused with 403. If a policy refused it, names the rule that would allow it.
pub(crate) async fn diagnose_denial(client: &Client, attempt: &Attempt, refusal: &Refusal) -> CliError {
    match explain(client, &attempt.api_path).await {
        Ok(explanation) => explained(&explanation, attempt, refusal),
        Err(_) => with_rule(denied(attempt), attempt, &attempt.api_path),
    }
}

fn denied(attempt: &Attempt) -> CliError {
    CliError::new(Exit::Denied, format!("permission denied: {} {}", attempt.verb, attempt.path))
}

/// The same, from what the server has said about the path.
pub(crate) fn explained(explanation: &Explanation, attempt: &Attempt, refusal: &Refusal) -> CliError {
    let mount = explanation.mount().filter(|_| explanation.is_kv2());
    let with_prefix = mount.and_then(|mount| kv2_hint::with_prefix(mount, attempt));
    let path = with_prefix.unwrap_or_else(|| attempt.api_path.clone());
    let held = explanation.capabilities(&path);
    if held.iter().any(|capability| capability == "root" || attempt.needs.contains(&capability.as_str()))
        && let Some(cause) = other_cause(explanation, attempt, refusal)
    {
        return cause;
    }
    if held.iter().any(|capability| capability == "root") {
        return CliError::new(Exit::Server, format!("{}: {} {}", refusal.message(), attempt.verb, attempt.path))
            .why("your token may do everything: the server refuses this for another reason");
    }
    let failure = denied(attempt).why(verdict(&explanation.caller(), &held, &path));
    let failure = match mount {
        Some(mount) => kv2_rule(explanation, attempt, &Kv2Path { mount, path: &path }, failure),
        None => failure,
    };
    let failure = match explanation.mount() {
        None => failure.why(format!("or nothing is mounted at {}", mount_hint::asked_mount(&format!("{path}/")))),
        Some(_) => failure,
    };
    with_rule(failure, attempt, &path)
}

/// Adds the rule that would allow the attempt.
fn with_rule(failure: CliError, attempt: &Attempt, path: &str) -> CliError {
    let needs: Vec<String> = attempt.needs.iter().map(|need| format!("{need:?}")).collect();
    let rule_path = if attempt.verb == "list" { format!("{}/", path.trim_end_matches('/')) } else { path.to_owned() };
    failure
        .fix(format!("path \"{rule_path}\" {{ capabilities = [{}] }}", needs.join(", ")))
        .fix("in one of its policies: strongroom policy write NAME FILE")
}

/// The error for a request that the caller's policies allow and the server refused, if the cause is known.
fn other_cause(explanation: &Explanation, attempt: &Attempt, refusal: &Refusal) -> Option<CliError> {
    let missing = mount_hint::no_mount_of(explanation, attempt);
    missing.or_else(|| refusal.is_about_token().then(|| no_such_token(attempt)))
}

/// The error for a token or an accessor that a request is about, and that the server does not know.
pub(crate) fn no_such_token(attempt: &Attempt) -> CliError {
    CliError::new(Exit::NotFound, format!("no such token: {} {}", attempt.verb, attempt.path))
        .why("it has expired, was revoked, is mistyped, or belongs to another server")
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
fn kv2_rule(explanation: &Explanation, attempt: &Attempt, kv2: &Kv2Path<'_>, failure: CliError) -> CliError {
    let mount = kv2.mount;
    let version = format!("{mount} is KV version 2: {}s go to {mount}{}/…", attempt.verb, kv2_hint::prefix(attempt));
    let Some(short) = kv2.without_prefix() else { return failure };
    if let Some((policy, rule)) = explanation.rule(&short) {
        return failure.why(format!("policy {policy} has a rule for {rule}, but {version}"));
    }
    if !explanation.capabilities(&short).is_empty() {
        return failure.why(format!("your policies have a rule for {short}, but {version}"));
    }
    if short == attempt.api_path { failure.why(version) } else { failure }
}
