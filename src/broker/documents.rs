//! Documents made from the API rows of all kinds of mounts. They describe a fresh server with each kind mounted at its
//! usual path. Files in `data/` and `docs/` hold them; tests compare.

use std::sync::Arc;

use super::kinds::KINDS;
use crate::{
    builtin::{system, token},
    contract::{
        ApiOf, Class, Kind, RowFacts,
        openapi::{self, Described, MountPaths},
        reference,
    },
    services::mounts::{SYSTEM_KIND, TOKEN_KIND},
};

/// The documents, each with its path in the project.
pub fn files() -> [(&'static str, String); 2] {
    let mounts = usual_mounts(KINDS);
    [("data/openapi.json", openapi(&mounts)), ("docs/reference/api.md", reference(&mounts))]
}

/// A kind of mount at the path where it is usually mounted.
pub struct Usual {
    /// The path, with a slash at its end.
    pub path: String,
    pub kind: &'static str,
    pub class: Class,
    pub summary: &'static str,
    pub rows: Vec<Arc<RowFacts>>,
}

impl Usual {
    fn described(&self) -> Described<'_> {
        let rows = self.rows.iter().map(AsRef::as_ref).collect();
        Described { path: &self.path, kind: self.kind, class: self.class, rows }
    }
}

/// The built-in mounts and mounts of these kinds, in the order of their paths.
pub(crate) fn usual_mounts<'k>(kinds: impl IntoIterator<Item = &'k Kind>) -> Vec<Usual> {
    let mut all = vec![built_in("sys/", SYSTEM_KIND, system::api()), built_in("auth/token/", TOKEN_KIND, token::api())];
    for kind in kinds {
        let family = if kind.class == Class::Auth { "auth/" } else { "" };
        let path = format!("{family}{}/", kind.name);
        let (summary, rows) = (kind.summary(), kind.facts());
        all.push(Usual { path, kind: kind.name, class: kind.class, summary, rows });
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn built_in<C>(path: &str, kind: &'static str, api: ApiOf<C>) -> Usual {
    let summary = api.summary;
    Usual { path: path.to_owned(), kind, class: Class::BuiltIn, summary, rows: api.into_facts() }
}

/// The OpenAPI document of these mounts, as indented text.
pub fn openapi(mounts: &[Usual]) -> String {
    let described: Vec<Described<'_>> = mounts.iter().map(Usual::described).collect();
    format!("{:#}\n", openapi::document(&described, MountPaths::Real))
}

/// The API reference of these mounts, as Markdown.
pub fn reference(mounts: &[Usual]) -> String {
    let sections = mounts.iter().map(|mount| reference::section(&mount.described(), mount.summary));
    [String::from(ABOUT_REFERENCE)].into_iter().chain(sections).collect::<Vec<_>>().join("\n")
}

const ABOUT_REFERENCE: &str = "\
# API

Made from the rows by `cargo run --example api_documents`; change the comments in the source, not this page.

All paths stand below `/v1/`, and a mount may have another path than its usual one, which is shown here. A row is asked
with a method: `read` with GET, `list` with LIST or with GET and `list=true`, `write` and `login` with POST or PUT,
`patch` with PATCH, `delete` with DELETE. `write` and `login` read their fields from a JSON object or a form, `patch` from
`application/merge-patch+json`, all others from the query. A whole number, a duration and true or false may also be sent as
text, and a list as one text with commas; a duration is a number of seconds, or a text such as `30s`, `5m`, `1h30m`.

The same as OpenAPI: `GET /v1/sys/internal/specs/openapi`, which shows a caller the mounts below which it may do something
and shows nobody else any; `data/openapi.json` is that document for all kinds. What is answered is what Vault answers:
[compatibility](compatibility.md).
";
