//! How a caller names a record: a path for a table with sealed names, bytes for a table with plain names. Functions
//! that take a name accept each of the types that convert into [`RecordName`].

/// The name of a record within its table.
#[derive(Clone, Copy)]
pub enum RecordName<'a> {
    /// Segments, for a table with sealed names.
    Path(&'a [&'a str]),
    /// Segments with `/` between them, for a table with sealed names.
    Joined(&'a str),
    /// Bytes, for a table with plain names.
    Raw(&'a [u8]),
}

impl<'a> From<&'a str> for RecordName<'a> {
    fn from(path: &'a str) -> Self {
        Self::Joined(path)
    }
}

impl<'a> From<&'a String> for RecordName<'a> {
    fn from(path: &'a String) -> Self {
        Self::Joined(path)
    }
}

impl<'a> From<&'a [u8]> for RecordName<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Raw(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for RecordName<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Raw(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for RecordName<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Raw(bytes)
    }
}

impl<'a, const N: usize> From<&'a [&'a str; N]> for RecordName<'a> {
    fn from(path: &'a [&'a str; N]) -> Self {
        Self::Path(path)
    }
}
