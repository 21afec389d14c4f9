//! Notes of committed batches, held until every reader of them has released them. Without a journal they live in
//! memory only: a process that dies loses those not released, so a device that wants them must keep up.

use std::collections::VecDeque;

use super::batch::Sequence;

/// Bytes of notes held before batches that are not urgent are refused: a device that never catches up must not fill
/// the memory.
pub(super) const NOTES_HELD_BYTES_MAX: usize = 64 << 20;

#[derive(Default)]
pub(super) struct Notes {
    held: VecDeque<(Sequence, Vec<u8>)>,
    held_bytes: usize,
}

impl Notes {
    pub fn push(&mut self, sequence: Sequence, note: Vec<u8>) {
        self.held_bytes += note.len();
        self.held.push_back((sequence, note));
    }

    /// Notes of batches after `after`, oldest first.
    pub fn since(&self, after: Sequence) -> Vec<(Sequence, Vec<u8>)> {
        let start = self.held.partition_point(|(sequence, _)| *sequence <= after);
        self.held.iter().skip(start).cloned().collect()
    }

    /// Forgets notes of batches up to and with `up_to`.
    pub fn release(&mut self, up_to: Sequence) {
        while let Some((_, note)) = self.held.pop_front_if(|(sequence, _)| *sequence <= up_to) {
            self.held_bytes -= note.len();
        }
    }

    pub fn held_bytes(&self) -> usize {
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
