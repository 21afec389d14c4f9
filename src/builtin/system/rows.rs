//! The rows of any mount, the built-in ones included, and what can be read off them: the one spelling of a path.

use std::{borrow::Cow, sync::Arc};

use super::state::System;
use crate::{
    contract::RowFacts,
    services::mounts::{Mount, MountTable, SYSTEM_KIND},
};

/// The rows of a mount. The broker holds the engines of the mounts that every broker has; their rows are known here.
pub(super) fn rows_of<'r>(system: &'r System, mount: &'r Mount) -> Vec<&'r Arc<RowFacts>> {
    match &mount.engine {
        Some(engine) => engine.rows(),
        None if mount.record.kind == SYSTEM_KIND => system.system_rows.iter().collect(),
        None => system.token_rows.iter().collect(),
    }
}

/// The spelling by which access to a path is judged: mount and identifiers in lower case. A path that leads nowhere is
/// its own spelling.
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
