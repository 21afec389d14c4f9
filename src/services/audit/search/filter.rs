//! The filter of a search of the audit log.

use super::row::{Row, fits_path};
use crate::base::time::Time;

/// The conditions of a search. A request must meet all that are given; `None` means no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// A path, or the beginning of one followed by `*`. A KV path is also found
    /// if its `data/` or `metadata/` is left out.
    pub path: Option<String>,
    /// A display name, an entity id, or the hash of an accessor.
    pub caller: Option<String>,
    pub operation: Option<String>,
    /// Whether only refused requests are wanted.
    pub only_refused: bool,
    pub since: Option<Time>,
    pub until: Option<Time>,
}

impl Filter {
    pub(crate) fn is_in_range(&self, row: &Row) -> bool {
        self.since.is_none_or(|since| row.time >= since) && self.until.is_none_or(|until| row.time <= until)
    }

    /// Whether a search row meets every condition but the time.
    pub(crate) fn fits(&self, row: &Row) -> bool {
        let is_caller = |caller: &String| [&row.display_name, &row.entity_id, &row.accessor].contains(&caller);
        self.path.as_ref().is_none_or(|pattern| fits_path(pattern, &row.path))
            && self.caller.as_ref().is_none_or(is_caller)
            && self.operation.as_ref().is_none_or(|operation| *operation == row.operation)
            && (!self.only_refused || row.is_refused())
    }
}
