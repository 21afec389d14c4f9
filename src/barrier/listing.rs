//! The names directly below a folder, read from the store slice by slice.
//!
//! Names are sealed, so the store has them in the order of their ciphertext, while a listing and its `after` follow the
//! order of the plain names. A page therefore looks at every name of its folder once. It opens them a slice at a time
//! and keeps only those that can still be part of the page, so its memory is that of the page and not of the folder.
//! An index in plain order would make a page cheaper and would show a stolen store how the names are sorted.
//!
//! A walk blocks until it is done. Opening a name takes half a microsecond (measured in crypto/siv.rs) and reading its
//! key from the store comes on top, so callers run a walk on the blocking pool.

use std::collections::BinaryHeap;

use crate::{
    barrier::{
        errors::BarrierError,
        keys::Keys,
        record_key::{MountId, RecordKey},
        table::Name,
    },
    base::limits::LIST_NAMES_MAX,
    blocking::Awaited,
    store::Store,
};

/// Which part of a listing is wanted.
#[derive(Clone, Copy, Default)]
pub struct Page<'a> {
    /// The page holds only names after this one, in the form and order of [`Name::listed`]. `None` begins at the first
    /// name.
    pub after: Option<&'a str>,
    /// The page holds at most so many names, the first ones. With `None` it holds all names; more than
    /// [`LIST_NAMES_MAX`] are then an error.
    pub limit: Option<usize>,
    /// Ends the walk early once nobody waits for it.
    pub awaited: Option<&'a Awaited>,
}

/// A walk over the names of one folder.
pub(super) struct Listing<'u> {
    keys: &'u Keys,
    store: &'u Store,
    mount: &'u MountId,
    folder: RecordKey,
    from: Vec<u8>,
    to: Vec<u8>,
}

impl<'u> Listing<'u> {
    pub(crate) fn new(keys: &'u Keys, store: &'u Store, mount: &'u MountId, folder: RecordKey) -> Self {
        let (from, to) = folder.below();
        Self { keys, store, mount, folder, from, to }
    }

    /// The names of the page, in order.
    pub(crate) fn page(mut self, page: Page<'_>) -> Result<Vec<Name>, BarrierError> {
        // The greatest name of the page lies on top: it is dropped when a smaller name needs its place.
        let mut kept: BinaryHeap<Name> = BinaryHeap::new();
        while let Some(slice) = self.next_slice()? {
            if page.awaited.is_some_and(Awaited::is_given_up) {
                return Err(BarrierError::GivenUp);
            }
            for name in slice {
                if page.after.is_some_and(|after| !name.is_after(after)) {
                    continue;
                }
                kept.push(name);
                match page.limit {
                    Some(limit) if kept.len() > limit => drop(kept.pop()),
                    None if kept.len() > LIST_NAMES_MAX => return Err(BarrierError::TooManyNames),
                    _ => {}
                }
            }
        }
        Ok(kept.into_sorted_vec())
    }

    /// The names under the next [`SLICE_KEYS`] keys of the store, in a meaningless order. `None` at the end of the
    /// folder.
    fn next_slice(&mut self) -> Result<Option<Vec<Name>>, BarrierError> {
        let keys = self.store.keys(&self.from, &self.to, SLICE_KEYS)?;
        let Some(last) = keys.last() else { return Ok(None) };
        let mut folder_end: Option<Vec<u8>> = None;
        // The keys are borrowed for the slice, not for the walk: a seal need not wait for the end of a long listing.
        let names = self.keys.with_names(self.mount, |key| {
            let mut names = Vec::new();
            for full in &keys {
                // A folder is one name, however many records lie below it.
                if folder_end.as_ref().is_some_and(|end| full < end) {
                    continue;
                }
                let child = self.folder.child(full)?;
                names.push(Name { text: child.open(key)?, is_folder: child.is_folder() });
                if child.is_folder() {
                    folder_end = Some(child.record_key().after());
                }
            }
            Ok(names)
        })?;
        self.from = folder_end.filter(|end| end > last).unwrap_or_else(|| [last, &[0][..]].concat());
        Ok(Some(names))
    }
}

/// Maximum number of keys that are taken from the store at once. Their names open within a fraction of a millisecond.
const SLICE_KEYS: usize = 256;
