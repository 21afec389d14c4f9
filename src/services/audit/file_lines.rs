//! Reads the lines of an audit file, either all of them in order or from the end backwards.

use std::{io, path::Path};

use crate::store::files::{File, Files};

/// An audit log line as it stands in a file.
pub(crate) struct FileLine<'a> {
    pub bytes: &'a [u8],
    /// The number of the line, counted from 0 where reading began.
    pub number: u64,
    /// Whether the line ends in a newline.
    pub is_ended: bool,
    /// The offset of the line's first byte in the file.
    pub at: u64,
}

/// The bytes of a file from one offset up to another. Fewer if the file ends before.
pub(crate) fn range(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(0)];
    let read = file.read_at(&mut bytes, from)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Gives ever longer pieces of the end of a file to `find` until it returns something. Each piece begins at
/// the beginning of a line. `find` gets the offset of that line and the bytes from there on. Returns `None`
/// if `find` found nothing in the whole file.
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

/// Gives every line between two offsets of a file to `visit`.
pub(crate) fn lines(
    files: &Files,
    path: &Path,
    between: (u64, u64),
    visit: &mut dyn FnMut(FileLine<'_>),
) -> io::Result<()> {
    let file = files.open_read(path)?;
    let (from, to) = between;
    // `begun` is the beginning of a line that ends in the next chunk.
    let (mut at, mut number, mut begun) = (from, 0, Vec::new());
    let mut buffer = vec![0; usize::try_from(WINDOW_BYTES.min(to.saturating_sub(from))).unwrap_or(0)];
    while at < to {
        let wanted = usize::try_from(to - at).unwrap_or(usize::MAX).min(buffer.len());
        let read = file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), at)?;
        let chunk = buffer.get(..read).unwrap_or_default();
        if chunk.is_empty() {
            break;
        }
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
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

/// The number of bytes that are read at once. Reading from the end begins with it and reads more if that is not enough.
const WINDOW_BYTES: u64 = 1 << 20;
