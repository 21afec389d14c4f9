//! Finds out what happened to a log whose chain breaks. The first line that does not fit is rarely the one that was
//! changed: a changed line still follows the line before it, but the line after it holds the hash of the original.

use super::{
    report::{Defect, Problem},
    suspects::{Place, Seen, Suspects},
};

pub(crate) fn diagnose(log: &str, suspects: &Suspects) -> Option<Problem> {
    let expected = suspects.before.lines() + 1;
    let first = suspects.seen.first()?;
    let next = suspects.seen.get(1);
    let at = |place: &Place, line: u64, what: Defect| {
        Some(Problem { log: log.to_owned(), line, file: place.0.to_path_buf(), file_line: place.1, what })
    };
    let Some((seq, prev)) = first.start else { return at(&first.place, expected, Defect::Edited) };
    let next_seq = next.and_then(|next| next.start).map(|(seq, _)| seq);
    // The line holds the hash of the line before it, so it is in its place and was edited itself.
    if prev == *suspects.before.prev() {
        return at(&first.place, expected, Defect::Edited);
    }
    if seq == expected {
        return if is_before_edited(suspects, first, next) {
            at(&suspects.place_before, expected - 1, Defect::Edited)
        } else {
            at(&first.place, expected, Defect::Edited)
        };
    }
    // Only the number was edited, because the next line has the number that comes after it.
    if next_seq == Some(expected + 1) {
        return at(&first.place, expected, Defect::Edited);
    }
    if seq < expected {
        return at(&first.place, seq, Defect::Doubled);
    }
    if next_seq == Some(expected) {
        return at(&first.place, seq, Defect::Moved);
    }
    let elsewhere = suspects.seen.iter().find(|seen| seen.start.is_some_and(|(seq, _)| seq == expected));
    match elsewhere {
        Some(seen) => at(&seen.place, expected, Defect::Moved),
        None => at(&first.place, expected, Defect::Removed { until: seq - 1 }),
    }
}

/// Whether the line before the break was edited, and not the line at the break. The line at the break is as it was
/// written if its own checkpoint or the next line shows that.
fn is_before_edited(suspects: &Suspects, first: &Seen, next: Option<&Seen>) -> bool {
    if let Some(checkpoint) = &first.checkpoint {
        return checkpoint.root != suspects.before.root();
    }
    // Without a next line, the two cases cannot be told apart.
    next.and_then(|next| next.start).is_none_or(|(_, next_prev)| next_prev == first.leaf)
}
