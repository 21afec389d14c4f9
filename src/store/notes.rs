//! Notes of committed batches (audit log lines), held until they are released. There is no journal yet, so they are
//! only in memory: when the process ends, the notes that were not released are lost.

use std::collections::VecDeque;

use super::batch::Sequence;

/// Maximum number of bytes of notes (audit log lines) held in memory. Above it, batches that are not urgent are
/// refused, so that an audit device that does not keep up cannot fill the memory.
pub(super) const NOTES_HELD_BYTES_MAX: usize = 64 << 20;

#[derive(Default)]
pub(super) struct Notes {
    held: VecDeque<(Sequence, Vec<u8>)>,
    held_bytes: usize,
}

impl Notes {
    pub(crate) fn push(&mut self, sequence: Sequence, note: Vec<u8>) {
        self.held_bytes += note.len();
        self.held.push_back((sequence, note));
    }

    /// Notes of batches after `after`, oldest first.
    pub(crate) fn since(&self, after: Sequence) -> Vec<(Sequence, Vec<u8>)> {
        let start = self.held.partition_point(|(sequence, _)| *sequence <= after);
        self.held.iter().skip(start).cloned().collect()
    }

    /// Forgets the notes of batches up to and including `up_to`.
    pub(crate) fn release(&mut self, up_to: Sequence) {
        while let Some((_, note)) = self.held.pop_front_if(|(sequence, _)| *sequence <= up_to) {
            self.held_bytes -= note.len();
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_notes_are_gone_and_their_bytes_with_them() {
        let mut notes = Notes::default();
        for sequence in 1..=4 {
            notes.push(Sequence(sequence), vec![7; 10]);
        }
        notes.push(Sequence(4), vec![8; 1]);
        assert_eq!(notes.since(Sequence(3)), [(Sequence(4), vec![7; 10]), (Sequence(4), vec![8; 1])]);
        notes.release(Sequence(3));
        assert_eq!(notes.held_bytes(), 11);
        assert_eq!(notes.since(Sequence::ZERO).len(), 2);
        notes.release(Sequence(9));
        assert_eq!((notes.held_bytes(), notes.since(Sequence::ZERO).len()), (0, 0));
    }
}
