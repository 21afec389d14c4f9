//! The rows of any mount, including the built-in ones, and the canonical spelling of a path, which follows from the
//! rows.

use std::{borrow::Cow, sync::Arc};

use super::state::System;
use crate::{
    contract::RowFacts,
    services::mounts::{Mount, MountTable, SYSTEM_KIND},
};

/// What the API rows of a mount declare. The broker holds the engines of the built-in mounts, so the rows of these
/// mounts are kept in [`System`].
pub(super) fn rows_of<'r>(system: &'r System, mount: &'r Mount) -> Vec<&'r Arc<RowFacts>> {
    match &mount.engine {
        Some(engine) => engine.rows(),
        None if mount.record.kind == SYSTEM_KIND => system.system_rows.iter().collect(),
        None => system.token_rows.iter().collect(),
    }
}

/// The canonical spelling of a path, with mount and identifiers in lower case. Access rules apply to this spelling. A
/// path below no mount is returned unchanged.
pub(super) fn canonical<'p>(system: &System, table: &MountTable, path: &'p str) -> Cow<'p, str> {
    let (text, slash) = path.strip_suffix('/').map_or((path, ""), |text| (text, "/"));
    let Some(located) = table.locate(text) else { return Cow::Borrowed(path) };
    let rows = rows_of(system, &located.mount);
    let template = rows.iter().map(|row| &row.path).find(|template| template.matches(&located.rest));
    let rest = template.map_or(Cow::Borrowed(located.rest.as_str()), |template| template.canonical(&located.rest));
    let mount = located.mount.record.path.trim_end_matches('/');
    let separator = if rest.is_empty() { "" } else { "/" };
    Cow::Owned(format!("{mount}{separator}{rest}{slash}"))
}
