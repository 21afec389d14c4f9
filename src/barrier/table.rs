//! What a module stores, said once: a number, the type of the records and the form of their names.

use std::marker::PhantomData;

/// A record is CBOR with numbered fields: small, and a field can be added later.
pub trait Record: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> {}

impl<T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>> Record for T {}

/// How the names of a table stand on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Path segments, each sealed: whatever a caller chose.
    Sealed,
    /// Bytes as they are: times, random ids, keyed hashes.
    Plain,
}

/// A table of records of type `T`; its number is unique within a mount.
pub struct Table<T> {
    pub id: u8,
    pub form: Form,
    record: PhantomData<fn() -> T>,
}

impl<T> Table<T> {
    /// A table whose names are chosen by callers.
    pub const fn sealed(id: u8) -> Self {
        Self { id, form: Form::Sealed, record: PhantomData }
    }

    /// A table whose names are times, random ids or keyed hashes.
    pub const fn plain(id: u8) -> Self {
        Self { id, form: Form::Plain, record: PhantomData }
    }
}

/// An entry of a listing: a record, or a folder with records below it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Name {
    pub text: String,
    pub is_folder: bool,
}

impl Name {
    /// As Vault lists it: a folder ends in a slash.
    pub fn listed(self) -> String {
        if self.is_folder { self.text + "/" } else { self.text }
    }
}
