//! The rows of any mount, the built-in ones included, and what can be read off them: the one spelling of a path.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

use crate::{
    builtin::token,
    contract::{ApiOf, RowFacts},
    services::mounts::{Mount, MountTable, SYSTEM_KIND},
};

static SYSTEM_ROWS: LazyLock<Vec<Arc<RowFacts>>> = LazyLock::new(|| facts(super::api()));
static TOKEN_ROWS: LazyLock<Vec<Arc<RowFacts>>> = LazyLock::new(|| facts(token::api()));

fn facts<C>(api: ApiOf<C>) -> Vec<Arc<RowFacts>> {
    api.rows.into_iter().map(|row| row.facts).collect()
}

/// The rows of a mount. The broker holds the engines of the mounts that every broker has; their rows are known here.
pub(super) fn rows_of(mount: &Mount) -> Vec<&Arc<RowFacts>> {
    match &mount.engine {
        Some(engine) => engine.rows(),
        None if mount.record.kind == SYSTEM_KIND => SYSTEM_ROWS.iter().collect(),
        None => TOKEN_ROWS.iter().collect(),
    }
}

/// The spelling by which access to a path is judged: mount and identifiers in lower case. A path that leads nowhere is
/// its own spelling.
pub(super) fn canonical<'p>(table: &MountTable, path: &'p str) -> Cow<'p, str> {
    let (text, slash) = path.strip_suffix('/').map_or((path, ""), |text| (text, "/"));
    let Some(located) = table.locate(text) else { return Cow::Borrowed(path) };
    let rows = rows_of(&located.mount);
    let template = rows.iter().map(|row| &row.path).find(|template| template.matches(&located.rest));
    let rest = template.map_or(Cow::Borrowed(located.rest.as_str()), |template| template.canonical(&located.rest));
    Cow::Owned(format!("{}{rest}{slash}", located.mount.record.path))
}
