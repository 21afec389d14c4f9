//! What the server says about the caller's rights on a path. It is one request of its own, `sys/internal/explain`, so that
//! the questions of the command line do not stand in the audit log as attempts of its user.

use crate::client::{Client, ClientError, ServerAnswer, json::Json};

/// What the server says about a path.
pub(crate) struct Explanation(ServerAnswer);

/// Asks the server. An error of the kind `BadToken` means that the server does not know the token; with another error it
/// is a server that does not explain.
pub(crate) async fn explain(client: &Client, path: &str) -> Result<Explanation, ClientError> {
    let answer = client.read(&format!("sys/internal/explain/{path}")).await?;
    Ok(Explanation(answer))
}

/// Whether the caller may do something that nobody asked the command line to do, such as a look at what will be replaced. A
/// refusal of it would stand in the audit log as the caller's. Where a server does not explain, it is tried.
pub(crate) async fn may(client: &Client, capability: &str, path: &str) -> bool {
    let Ok(explanation) = explain(client, path).await else { return true };
    explanation.capabilities(path).iter().any(|held| held == capability || held == "root")
}

impl Explanation {
    /// A text such as `your token ("app", policies default, app)`.
    pub(crate) fn caller(&self) -> String {
        let policies = self.0.field(&["policies"]).map(Json::strings).unwrap_or_default().join(", ");
        format!("your token (\"{}\", policies {policies})", self.0.text(&["display_name"]).unwrap_or("-"))
    }

    /// The path of the mount, with a slash at its end. `None` if there is none that the caller may know.
    pub(crate) fn mount(&self) -> Option<&str> {
        self.0.text(&["mount", "path"])
    }

    pub(crate) fn is_kv2(&self) -> bool {
        self.0.text(&["mount", "options", "version"]) == Some("2")
    }

    /// The mounts that the caller may know, if the path lies below none of them.
    pub(crate) fn mounts(&self) -> Vec<String> {
        self.0.field(&["mounts"]).map(Json::strings).unwrap_or_default()
    }

    /// What the caller may do with the path, or with one that is often mistaken for it.
    pub(crate) fn capabilities(&self, path: &str) -> Vec<String> {
        let held = self.0.field(&["capabilities", path]).map(Json::strings).unwrap_or_default();
        held.into_iter().filter(|capability| capability != "deny").collect()
    }

    /// The policy and the path of the rule that decides. `None` if there is none that the caller may read.
    pub(crate) fn rule(&self, path: &str) -> Option<(&str, &str)> {
        Some((self.0.text(&["rules", path, "policy"])?, self.0.text(&["rules", path, "path"])?))
    }
}
