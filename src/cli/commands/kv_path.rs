//! Finds the secret that a `kv` command means. People write `secret/app/db`; KV version 2 keeps the data under
//! `secret/data/app/db`, version 1 under the path as written. The server says which version a mount has.

use super::answers::trim_path;
use crate::{
    cli::{
        attempt::Attempt,
        diagnosis::{dead_token, diagnose},
        error::{CliError, Exit},
        explain::{Explanation, explain},
        invocation::Invocation,
    },
    client::{Client, RefusalKind},
};

/// The arguments that name a secret.
#[derive(clap::Args, Debug)]
pub(crate) struct SecretArgs {
    /// The secret: MOUNT/PATH, or PATH with -mount
    pub(super) path: String,
    /// Where the store is mounted, if PATH does not begin with it
    #[arg(long, value_name = "PATH")]
    pub(super) mount: Option<String>,
}

impl SecretArgs {
    /// Opens the secret: the client, the secret's path, and the attempt to do
    /// `verb` with its `kind` (`data`, `metadata`).
    pub(super) async fn open(
        self,
        invocation: &mut Invocation,
        verb: &str,
        kind: &str,
    ) -> Result<(Client, KvPath, Attempt), CliError> {
        let client = invocation.client()?;
        let secret = KvPath::locate(invocation, &client, verb, &self).await?;
        let attempt = Attempt::new(verb, &secret.user_path(), needs(verb)).at(&secret.api_path(kind));
        Ok((client, secret, attempt))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KvVersion {
    One,
    Two,
}

/// The path of a secret: its mount, and the path below the mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KvPath {
    /// The path of the mount, with a slash at its end.
    mount: String,
    rest: String,
    version: KvVersion,
}

impl KvPath {
    /// Asks the server for the mount that holds the path, or for the mount that was named.
    async fn locate(invocation: &Invocation, client: &Client, verb: &str, args: &SecretArgs) -> Result<Self, CliError> {
        let (path, named) = (trim_path(&args.path), args.mount.as_deref().map(trim_path));
        let asked = named.clone().unwrap_or_else(|| path.clone());
        if !invocation.persona.is_vault() {
            match (explain(client, &asked).await, client.token()) {
                (Ok(explanation), _) => return Ok(Self::explained(&explanation, path, named)),
                (Err(error), Some(token)) if error.kind() == Some(RefusalKind::BadToken) => {
                    let request = error.refusal().and_then(|refusal| refusal.request_id.as_deref());
                    return Err(dead_token(invocation, token).request(request));
                }
                // The server does not explain.
                (Err(_), _) => {}
            }
        }
        let answer = match client.read(&format!("sys/internal/ui/mounts/{asked}")).await {
            Ok(answer) => answer,
            // Old servers do not have this path, and no KV version 2 either.
            Err(error) if error.kind() == Some(RefusalKind::NotFound) => {
                return Ok(Self::guess(path, named, KvVersion::One));
            }
            Err(error) => {
                let guess = Self::guess(path.clone(), named, KvVersion::Two);
                let attempt = Attempt::new(verb, &path, needs(verb)).at(&guess.api_path("data")).vault("");
                let is_denied = matches!(error.kind(), Some(RefusalKind::Denied | RefusalKind::BadToken));
                let failure = diagnose(invocation, client, &attempt, error).await;
                if is_denied && failure.exit == Exit::Denied {
                    return Err(failure.why(format!("or nothing is mounted at {}", guess.mount)));
                }
                return Err(failure);
            }
        };
        let version = if answer.text(&["options", "version"]) == Some("2") { KvVersion::Two } else { KvVersion::One };
        let mount = match (named, answer.text(&["path"])) {
            (Some(named), _) => format!("{named}/"),
            (None, Some(mount)) => mount.to_owned(),
            (None, None) => return Ok(Self::guess(path, None, version)),
        };
        let rest = if asked == path { path.strip_prefix(&mount).unwrap_or_default().to_owned() } else { path };
        Ok(Self { mount, rest, version })
    }

    /// Locates the path by what the server says of it. A mount that the caller may not know is guessed: then the server
    /// refuses the request itself, and the audit log has what was tried.
    fn explained(explanation: &Explanation, path: String, named: Option<String>) -> Self {
        let Some(mount) = explanation.mount() else { return Self::guess(path, named, KvVersion::Two) };
        let version = if explanation.is_kv2() { KvVersion::Two } else { KvVersion::One };
        if let Some(named) = named {
            return Self { mount: format!("{named}/"), rest: path, version };
        }
        let rest = path.strip_prefix(mount).unwrap_or_default().to_owned();
        Self { mount: mount.to_owned(), rest, version }
    }

    /// Guesses the mount: the one that was named, or else the first segment of the path.
    fn guess(path: String, mount: Option<String>, version: KvVersion) -> Self {
        match (mount, path.split_once('/')) {
            (Some(mount), _) => Self { mount: format!("{mount}/"), rest: path, version },
            (None, Some((mount, rest))) => Self { mount: format!("{mount}/"), rest: rest.to_owned(), version },
            (None, None) => Self { mount: format!("{path}/"), rest: String::new(), version },
        }
    }

    pub(super) fn is_v2(&self) -> bool {
        self.version == KvVersion::Two
    }

    /// The path of the API for `kind` (`data`, `metadata`, `delete` …).
    pub(super) fn api_path(&self, kind: &str) -> String {
        let path = match self.version {
            KvVersion::Two => format!("{}{kind}/{}", self.mount, self.rest),
            KvVersion::One => self.user_path(),
        };
        path.trim_end_matches('/').to_owned()
    }

    /// The path as people write it, without `data/`.
    pub(super) fn user_path(&self) -> String {
        format!("{}{}", self.mount, self.rest)
    }

    /// The folder that holds the secret, and the secret's name there.
    pub(super) fn split(&self) -> (Self, &str) {
        let (folder, name) = match self.rest.rsplit_once('/') {
            Some((folder, name)) => (format!("{folder}/"), name),
            None => (String::new(), self.rest.as_str()),
        };
        (Self { mount: self.mount.clone(), rest: folder, version: self.version }, name)
    }

    /// Fails if the store has version 1. `what` names the thing that only version 2 has.
    pub(super) fn require_v2(&self, what: &str) -> Result<(), CliError> {
        if self.is_v2() {
            return Ok(());
        }
        Err(CliError::usage(format!("{} is KV version 1, which has no {what}", self.mount))
            .fix("to mount a store of version 2: strongroom secrets enable -path=NAME kv"))
    }
}

/// The capabilities that allow `verb`. Any one of them is enough.
fn needs(verb: &str) -> &'static [&'static str] {
    match verb {
        "list" => &["list"],
        "write" => &["create", "update"],
        "patch" => &["patch"],
        "delete" => &["delete"],
        "update" | "undelete" | "destroy" => &["update"],
        _ => &["read"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_2_keeps_data_and_metadata_apart() {
        let secret = KvPath::guess("secret/app/db".to_owned(), None, KvVersion::Two);
        assert_eq!(secret.api_path("data"), "secret/data/app/db");
        assert_eq!(secret.api_path("metadata"), "secret/metadata/app/db");
        assert_eq!(secret.user_path(), "secret/app/db");
        let top = KvPath::guess("secret".to_owned(), None, KvVersion::Two);
        assert_eq!(top.api_path("metadata"), "secret/metadata");
        let named = KvPath::guess("app/db".to_owned(), Some("team/kv".to_owned()), KvVersion::Two);
        assert_eq!(named.api_path("data"), "team/kv/data/app/db");
    }

    #[test]
    fn a_version_1_has_one_path_and_no_versions() {
        let v1 = KvPath::guess("kv/a".to_owned(), None, KvVersion::One);
        assert_eq!(v1.api_path("data"), "kv/a");
        assert!(v1.require_v2("versions").is_err());
    }
}
