//! Documents made from the rows of all kinds: what a fresh server says of itself once each kind is mounted at its usual
//! path. Files in `data/` and `docs/` hold them; tests compare.

use std::sync::Arc;

use crate::{
    builtin::{system, token},
    contract::{
        Class, Kind, RowFacts,
        openapi::{self, Described, MountPaths},
    },
    services::mounts::{SYSTEM_KIND, TOKEN_KIND},
};

/// A kind at the path where it is usually mounted.
pub struct Usual {
    /// With a slash at its end.
    pub path: String,
    pub kind: &'static str,
    pub class: Class,
    pub rows: Vec<Arc<RowFacts>>,
}

impl Usual {
    fn described(&self) -> Described<'_> {
        let rows = self.rows.iter().map(AsRef::as_ref).collect();
        Described { path: &self.path, kind: self.kind, class: self.class, rows }
    }
}

/// The built-in mounts and these kinds, in the order of their paths.
pub fn usual_mounts<'k>(kinds: impl IntoIterator<Item = &'k Kind>) -> Vec<Usual> {
    let built_in = |path: &str, kind, rows| Usual { path: String::from(path), kind, class: Class::BuiltIn, rows };
    let mut all = vec![
        built_in("sys/", SYSTEM_KIND, system::api().into_facts()),
        built_in("auth/token/", TOKEN_KIND, token::api().into_facts()),
    ];
    for kind in kinds {
        let family = if kind.class == Class::Auth { "auth/" } else { "" };
        let path = format!("{family}{}/", kind.name);
        all.push(Usual { path, kind: kind.name, class: kind.class, rows: kind.facts() });
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// The OpenAPI document of these mounts, as text with indents.
pub fn openapi(mounts: &[Usual]) -> String {
    let described: Vec<Described<'_>> = mounts.iter().map(Usual::described).collect();
    format!("{:#}\n", openapi::document(&described, MountPaths::Real))
}
