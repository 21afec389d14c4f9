//! Drafts in one buffer, in order, each with the sequence number of its commit.

/// A list of drafts.
#[derive(Default)]
pub(crate) struct QueuedLines {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// The position of a draft in the buffer.
#[derive(Clone, Copy)]
struct Place {
    from: usize,
    to: usize,
    txn: Option<u64>,
}

/// One draft in the list.
#[derive(Clone, Copy)]
pub(crate) struct QueuedLine<'a> {
    pub draft: &'a [u8],
    /// The store's sequence number, if the draft belongs to a commit.
    pub txn: Option<u64>,
}

impl QueuedLines {
    pub(crate) fn push(&mut self, line: QueuedLine<'_>) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(line.draft);
        self.places.push(Place { from, to: self.bytes.len(), txn: line.txn });
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = QueuedLine<'_>> {
        let line =
            |place: &Place| QueuedLine { draft: self.bytes.get(place.from..place.to).unwrap_or(&[]), txn: place.txn };
        self.places.iter().map(line)
    }

    /// Forgets the first `count` drafts.
    pub(crate) fn remove_first(&mut self, count: usize) {
        if self.places.is_empty() {
            return;
        }
        self.places.drain(..count.min(self.places.len()));
        let from = self.places.first().map_or(self.bytes.len(), |place| place.from);
        self.bytes.drain(..from);
        for place in &mut self.places {
            place.from -= from;
            place.to -= from;
        }
    }

    /// Forgets all drafts. The buffer is kept for the next ones, unless a burst made it large.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
        self.bytes.shrink_to(BYTES_KEPT);
    }
}

/// The buffer is shrunk to at most this many bytes when it is emptied.
const BYTES_KEPT: usize = 1 << 20;
