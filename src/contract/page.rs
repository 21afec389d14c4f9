//! Which part of a list a caller asks for, as OpenBao's lists take it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{base::limits::LIST_NAMES_MAX, contract::Int};

/// The input of a list.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct ListPage {
    /// Lists only the names after this one.
    pub(super) after: Option<String>,
    /// Lists at most this many names. 0, absent or above 100,000 means all; a list of more than 100,000 names is
    /// refused.
    limit: Option<Int>,
}

impl ListPage {
    /// How many names are wanted at most. `None` means all of them.
    pub(super) fn limit(&self) -> Option<usize> {
        let limit = usize::try_from(self.limit?.0).ok()?;
        (1..=LIST_NAMES_MAX).contains(&limit).then_some(limit)
    }

    /// Cuts this page out of `names`, which must be in order already.
    pub fn of(&self, mut names: Vec<String>) -> Vec<String> {
        if let Some(after) = &self.after {
            names.retain(|name| name > after);
        }
        names.truncate(self.limit().unwrap_or(usize::MAX));
        names
    }
}
