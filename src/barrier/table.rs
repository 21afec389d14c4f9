//! A table: what a module stores, declared once by a number, the type of the records and the form of their names.

use std::{cmp::Ordering, marker::PhantomData};

/// A record is CBOR with numbered fields: small, and a field can be added later.
pub trait Record: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> {}

impl<T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>> Record for T {}

/// How the names of a table's records are written on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameForm {
    /// Path segments, each sealed: for names that callers choose.
    Sealed,
    /// Bytes as they are: for times, random ids and keyed hashes.
    Plain,
}

/// A table of records of type `T`; its number is unique within a mount.
pub struct Table<T> {
    pub id: u8,
    pub form: NameForm,
    record: PhantomData<fn() -> T>,
}

impl<T> Table<T> {
    /// A table whose names are chosen by callers.
    pub(crate) const fn sealed(id: u8) -> Self {
        Self { id, form: NameForm::Sealed, record: PhantomData }
    }

    /// A table whose names are times, random ids or keyed hashes.
    pub(crate) const fn plain(id: u8) -> Self {
        Self { id, form: NameForm::Plain, record: PhantomData }
    }
}

/// An entry of a listing: a record, or a folder with records below it. Names are ordered as they are listed, so
/// `a-b` comes before the folder `a/`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    pub text: String,
    pub is_folder: bool,
}

impl Name {
    /// The name as Vault lists it: a folder ends in a slash.
    pub(crate) fn listed(self) -> String {
        if self.is_folder { self.text + "/" } else { self.text }
    }

    /// Whether this name comes after `listed` in a listing.
    pub(super) fn is_after(&self, listed: &str) -> bool {
        self.listed_bytes().cmp(listed.bytes()).is_gt()
    }

    fn listed_bytes(&self) -> impl Iterator<Item = u8> {
        self.text.bytes().chain(self.is_folder.then_some(b'/'))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.listed_bytes().cmp(other.listed_bytes())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
