//! The path of an API row, as an API writes it: `role/{role_name:ident}/secret-id`.
//!
//! The kind of a parameter follows its name. An `ident` names something whose case does not matter (a policy, a mount,
//! an AppRole role). Routing converts it to lower case before the path is authorized or recorded, so each thing has one
//! spelling everywhere. A parameter without a kind keeps its case. `{*path}` takes the rest of the path.

use std::{borrow::Cow, fmt};

/// A row's path and the kinds of its parameters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Template {
    /// The path without kinds: `role/{role_name}/secret-id`. It is the route pattern, and documents show it.
    pattern: String,
    /// The positions of the segments that are identifiers.
    idents: Vec<usize>,
    /// Every segment from this position on is an identifier.
    ident_rest: Option<usize>,
}

impl Template {
    pub fn new(text: &'static str) -> Self {
        let mut template = Self { pattern: String::with_capacity(text.len()), idents: Vec::new(), ident_rest: None };
        for (index, segment) in text.split('/').enumerate() {
            if index > 0 {
                template.pattern.push('/');
            }
            let Some(name) = segment.strip_suffix(":ident}") else {
                template.pattern.push_str(segment);
                continue;
            };
            template.pattern.push_str(name);
            template.pattern.push('}');
            if name.starts_with("{*") {
                template.ident_rest = Some(index);
            } else {
                template.idents.push(index);
            }
        }
        template
    }

    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// The names of the parameters, in their order.
    #[cfg(test)]
    pub fn params(&self) -> impl Iterator<Item = &str> {
        let segments = self.pattern.split('/');
        segments.filter_map(|segment| Some(segment.strip_prefix('{')?.strip_suffix('}')?.trim_start_matches('*')))
    }

    /// Whether the segment at this position is an identifier.
    fn is_ident(&self, index: usize) -> bool {
        self.idents.contains(&index) || self.ident_rest.is_some_and(|from| index >= from)
    }

    /// Whether the path has a parameter whose case does not matter.
    pub fn has_idents(&self) -> bool {
        !self.idents.is_empty() || self.ident_rest.is_some()
    }

    /// Whether this template matches a path within the mount.
    pub fn matches(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        for part in self.pattern.split('/') {
            match segments.next() {
                Some(segment) if part.starts_with("{*") => return !segment.is_empty(),
                Some(segment) if part.starts_with('{') => {
                    if segment.is_empty() {
                        return false;
                    }
                }
                Some(segment) if segment == part => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }

    /// The canonical spelling of a path that this template matches: identifiers in lower case.
    pub fn canonical<'p>(&self, path: &'p str) -> Cow<'p, str> {
        if !self.has_idents() || !path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Borrowed(path);
        }
        let segments = path.split('/').enumerate().map(|(index, segment)| {
            if self.is_ident(index) { Cow::Owned(segment.to_ascii_lowercase()) } else { Cow::Borrowed(segment) }
        });
        Cow::Owned(segments.collect::<Vec<_>>().join("/"))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_lower_cased_and_nothing_else_is() {
        for (template, path, canonical) in [
            ("role/{name:ident}/secret-id", "role/Admin/secret-id", "role/admin/secret-id"),
            ("role/{name:ident}/secret-id", "role/admin/secret-id", "role/admin/secret-id"),
            ("roles/{name}", "roles/Admin", "roles/Admin"),
            ("mounts/{*path:ident}", "mounts/Team/Secret/tune", "mounts/team/secret/tune"),
            ("data/{*path}", "data/Team/Secret", "data/Team/Secret"),
        ] {
            assert_eq!(Template::new(template).canonical(path), canonical, "{template}");
        }
        assert_eq!(Template::new("a/{b:ident}/{*c:ident}").as_str(), "a/{b}/{*c}");
    }

    #[test]
    fn a_template_matches_its_own_paths_alone() {
        for (template, path, is_match) in [
            ("role/{name:ident}/secret-id", "role/Admin/secret-id", true),
            ("role/{name:ident}/secret-id", "role/Admin/role-id", false),
            ("role/{name:ident}/secret-id", "role/Admin", false),
            ("role/{name:ident}", "role/Admin/secret-id", false),
            ("role", "role", true),
            ("data/{*path}", "data/a/b/c", true),
            ("data/{*path}", "data", false),
        ] {
            assert_eq!(Template::new(template).matches(path), is_match, "{template} {path}");
        }
    }
}
