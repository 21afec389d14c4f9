//! Reads the lines of an audit file: all of them in order, or from its end backwards.

use std::{io, path::Path};

use crate::store::files::{File, Files};

/// A line as it stands in a file.
pub(crate) struct FileLine<'a> {
    pub bytes: &'a [u8],
    /// Counted from 0 where reading began.
    pub number: u64,
    /// Whether a newline ends it.
    pub is_ended: bool,
    /// The offset of its first byte.
    pub at: u64,
}

/// The bytes of a file from one offset up to another.
pub(crate) fn range(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(0)];
    let read = file.read_at(&mut bytes, from)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Hands ever longer pieces of a file's end to `find` until it returns something. A piece begins at a whole line; `find`
/// is given the offset of that line and the bytes.
pub(crate) fn from_the_end<T>(
    file: &File,
    len: u64,
    mut find: impl FnMut(u64, &[u8]) -> Option<T>,
) -> io::Result<Option<T>> {
    let mut window = WINDOW_BYTES;
    loop {
        let from = len.saturating_sub(window);
        let bytes = range(file, from, len)?;
        let skipped =
            if from == 0 { 0 } else { bytes.iter().position(|&b| b == b'\n').map_or(bytes.len(), |at| at + 1) };
        let found = find(from + skipped as u64, bytes.get(skipped..).unwrap_or(&[]));
        if found.is_some() || from == 0 {
            return Ok(found);
        }
        window = window.saturating_mul(8);
    }
}

/// Hands every line between two offsets of a file to `visit`.
pub(crate) fn lines(
    files: &Files,
    path: &Path,
    between: (u64, u64),
    visit: &mut dyn FnMut(FileLine<'_>),
) -> io::Result<()> {
    let file = files.open_read(path)?;
    let (from, to) = between;
    // `begun` is the beginning of a line whose end lies in the next chunk.
    let (mut at, mut number, mut begun) = (from, 0, Vec::new());
    while at < to {
        let chunk = range(&file, at, to.min(at + WINDOW_BYTES))?;
        if chunk.is_empty() {
            break;
        }
        let mut rest = chunk.as_slice();
        while let Some(end) = rest.iter().position(|&b| b == b'\n') {
            let (piece, after) = rest.split_at(end);
            let at = at + (chunk.len() - rest.len()) as u64 - begun.len() as u64;
            if begun.is_empty() {
                visit(FileLine { bytes: piece, number, is_ended: true, at });
            } else {
                begun.extend_from_slice(piece);
                visit(FileLine { bytes: &begun, number, is_ended: true, at });
                begun.clear();
            }
            number += 1;
            rest = after.get(1..).unwrap_or(&[]);
        }
        begun.extend_from_slice(rest);
        at += chunk.len() as u64;
    }
    if !begun.is_empty() {
        visit(FileLine { bytes: &begun, number, is_ended: false, at: at - begun.len() as u64 });
    }
    Ok(())
}

/// How much is read at once.
const WINDOW_BYTES: u64 = 1 << 20;
