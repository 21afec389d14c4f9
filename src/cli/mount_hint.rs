//! Detects a path below which nothing is mounted, from the mounts that the caller may see. A server says little about such
//! a path: some requests get 404, others 403.

use super::{
    attempt::Attempt,
    error::{CliError, Exit},
    explain::{Explanation, explain},
};
use crate::{base::suggest::nearest, client::Client};

/// Paths that some servers have, whatever is mounted. Of these nothing is said.
const BUILT_IN: [&str; 4] = ["sys/", "auth/token/", "identity/", "cubbyhole/"];

/// The error for a path below which nothing is mounted. `None` if something is, or if the caller may not know.
pub(super) async fn no_mount(client: &Client, attempt: &Attempt) -> Option<CliError> {
    no_mount_of(&explain(client, &attempt.api_path).await.ok()?, attempt)
}

/// The same, from what the server has said about the path.
pub(super) fn no_mount_of(explanation: &Explanation, attempt: &Attempt) -> Option<CliError> {
    let mut mounts = explanation.mounts();
    let path = format!("{}/", attempt.api_path.trim_matches('/'));
    mounts.retain(|mount| !BUILT_IN.contains(&mount.as_str()));
    let is_below = |mount: &&str| path.starts_with(*mount);
    if mounts.is_empty() || mounts.iter().map(String::as_str).chain(BUILT_IN).any(|mount| is_below(&mount)) {
        return None;
    }
    Some(error(attempt, &asked_mount(&path), &mounts))
}

/// The mount that the path asks for, as far as one can tell: its first segment, or the two of an auth method.
pub(super) fn asked_mount(path: &str) -> String {
    let segments = if path.starts_with("auth/") { 2 } else { 1 };
    path.split_inclusive('/').take(segments).collect()
}

fn error(attempt: &Attempt, asked: &str, mounts: &[String]) -> CliError {
    let what = format!("nothing is mounted at {asked}: {} {}", attempt.verb, attempt.path);
    let failure = CliError::new(Exit::NotFound, what);
    let known: Vec<&str> = mounts.iter().map(|mount| mount.trim_end_matches('/')).collect();
    let failure = match nearest(asked.trim_end_matches('/'), &known) {
        Some(near) => failure.fix(format!("did you mean {near}/?")),
        None => failure,
    };
    let list = if asked.starts_with("auth/") { "auth" } else { "secrets" };
    failure.fix(format!("to see what is mounted: strongroom {list} list"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::persona::Persona;

    #[test]
    fn u11_a_mistyped_mount_is_named_with_its_neighbour() {
        let mounts = ["secret/".to_owned(), "auth/approle/".to_owned()];
        for (path, asked, fix) in [
            ("secrte/data/app", "secrte/", "did you mean secret/?"),
            ("auth/aprole/login", "auth/aprole/", "did you mean auth/approle/?"),
            ("kv/app", "kv/", "to see what is mounted: strongroom secrets list"),
        ] {
            let attempt = Attempt::new("read", path, &["read"]);
            let text = error(&attempt, &asked_mount(&format!("{path}/")), &mounts).render(Persona::Strongroom);
            assert!(text.starts_with(&format!("error: nothing is mounted at {asked}: read {path}\n")), "{text}");
            assert!(text.contains(&format!("fix  {fix}\n")), "{text}");
        }
    }
}
