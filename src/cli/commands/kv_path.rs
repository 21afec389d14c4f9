//! Where a secret lies: people say `secret/app/db`; a KV version 2 keeps its data under `secret/data/app/db`, a
//! version 1 where people say. The server is asked which it is.

use super::generic::plain;
use crate::{
    cli::{
        explain::{Doing, explain},
        fault::{Exit, Fault},
        session::Session,
    },
    client::{Client, RefusalKind},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// With a slash at its end.
    mount: String,
    rest: String,
    pub is_v2: bool,
}

impl Secret {
    /// Asks for the mount that holds `path`, or for `mount` itself if it was named.
    pub async fn locate(
        session: &Session,
        client: &Client,
        verb: &str,
        path: &str,
        mount: Option<&str>,
    ) -> Result<Self, Fault> {
        let (path, named) = (plain(path), mount.map(plain));
        let asked = named.clone().unwrap_or_else(|| path.clone());
        let answer = match client.read(&format!("sys/internal/ui/mounts/{asked}")).await {
            Ok(answer) => answer,
            // Old servers do not know the question, and have no version 2.
            Err(error) if error.kind() == Some(RefusalKind::NotFound) => return Ok(Self::guess(path, named, false)),
            Err(error) => {
                let guess = Self::guess(path.clone(), named, true);
                let doing = Doing::new(verb, &path, needs(verb)).at(&guess.api("data")).vault("");
                let is_denied = matches!(error.kind(), Some(RefusalKind::Denied | RefusalKind::BadToken));
                let fault = explain(session, client, &doing, error).await;
                if is_denied && fault.exit == Exit::Denied {
                    return Err(fault.why(format!("or nothing is mounted at {}", guess.mount)));
                }
                return Err(fault);
            }
        };
        let is_v2 = answer.text(&["options", "version"]) == Some("2");
        let mount = match (named, answer.text(&["path"])) {
            (Some(named), _) => format!("{named}/"),
            (None, Some(mount)) => mount.to_owned(),
            (None, None) => return Ok(Self::guess(path, None, is_v2)),
        };
        let rest = if asked == path { path.strip_prefix(&mount).unwrap_or_default().to_owned() } else { path };
        Ok(Self { mount, rest, is_v2 })
    }

    /// Without the server's word the first segment is taken for the mount.
    fn guess(path: String, mount: Option<String>, is_v2: bool) -> Self {
        match (mount, path.split_once('/')) {
            (Some(mount), _) => Self { mount: format!("{mount}/"), rest: path, is_v2 },
            (None, Some((mount, rest))) => Self { mount: format!("{mount}/"), rest: rest.to_owned(), is_v2 },
            (None, None) => Self { mount: format!("{path}/"), rest: String::new(), is_v2 },
        }
    }

    /// The API's path for `kind` (`data`, `metadata`, `delete` …).
    pub fn api(&self, kind: &str) -> String {
        let path = if self.is_v2 {
            format!("{}{kind}/{}", self.mount, self.rest)
        } else {
            format!("{}{}", self.mount, self.rest)
        };
        path.trim_end_matches('/').to_owned()
    }

    /// The folder it lies in, and its name there.
    pub fn split(&self) -> (Self, &str) {
        let (folder, name) = match self.rest.rsplit_once('/') {
            Some((folder, name)) => (format!("{folder}/"), name),
            None => (String::new(), self.rest.as_str()),
        };
        (Self { mount: self.mount.clone(), rest: folder, is_v2: self.is_v2 }, name)
    }

    /// As people say it.
    pub fn spoken(&self) -> String {
        format!("{}{}", self.mount, self.rest)
    }

    /// Fails for what only a version 2 can do.
    pub fn must_be_v2(&self, what: &str) -> Result<(), Fault> {
        if self.is_v2 {
            return Ok(());
        }
        Err(Fault::usage(format!("{} is KV version 1, which has no {what}", self.mount))
            .fix("strongroom secrets enable -path=NAME kv makes one of version 2"))
    }
}

/// The capabilities of which a verb needs any.
pub fn needs(verb: &str) -> &'static [&'static str] {
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
        let secret = Secret::guess("secret/app/db".to_owned(), None, true);
        assert_eq!(secret.api("data"), "secret/data/app/db");
        assert_eq!(secret.api("metadata"), "secret/metadata/app/db");
        assert_eq!(secret.spoken(), "secret/app/db");
        let top = Secret::guess("secret".to_owned(), None, true);
        assert_eq!(top.api("metadata"), "secret/metadata");
        let named = Secret::guess("app/db".to_owned(), Some("team/kv".to_owned()), true);
        assert_eq!(named.api("data"), "team/kv/data/app/db");
        let v1 = Secret::guess("kv/a".to_owned(), None, false);
        assert_eq!(v1.api("data"), "kv/a");
        assert!(v1.must_be_v2("versions").is_err());
    }
}
