//! "Did you mean …?": the known word that is nearest to one that nobody knows.

/// The word of `known` that is at most two slips away from `word`: a letter too many, missing, wrong or swapped with
/// its neighbour. The first of the nearest; none for a word so short that anything would be near.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(WORD_CHARS_MAX + 1).collect();
    if word.len() > WORD_CHARS_MAX {
        return None;
    }
    let slips_max = SLIPS_MAX.min(word.len() / 2);
    let distances = known.iter().map(|other| (slips(&word, &other.chars().collect::<Vec<_>>()), *other));
    distances.filter(|&(slips, _)| slips <= slips_max).min_by_key(|&(slips, _)| slips).map(|(_, other)| other)
}

const SLIPS_MAX: usize = 2;
/// Longer words are no slips of a key or command.
const WORD_CHARS_MAX: usize = 64;

/// The optimal string alignment distance; case does not count.
fn slips(left: &[char], right: &[char]) -> usize {
    if left.len().abs_diff(right.len()) > SLIPS_MAX {
        return usize::MAX;
    }
    let same = |a: Option<&char>, b: Option<&char>| a.is_some_and(|a| b.is_some_and(|b| a.eq_ignore_ascii_case(b)));
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX);
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for i in 0..left.len() {
        let mut row = vec![i + 1];
        for j in 0..right.len() {
            let wrong = usize::from(!same(left.get(i), right.get(j)));
            let mut best = (at(&above, j) + wrong).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let is_swapped =
                i > 0 && j > 0 && same(left.get(i), right.get(j - 1)) && same(left.get(i - 1), right.get(j));
            if is_swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_strange_one_is_not() {
        let known = ["listener", "storage", "tls_disable", "seal", "ui", "audit"];
        for (word, expected) in [
            ("listner", Some("listener")),
            ("storgae", Some("storage")),
            ("tls_disbale", Some("tls_disable")),
            ("Seal", Some("seal")),
            ("sael", Some("seal")),
            ("auditt", Some("audit")),
            ("iu", Some("ui")),
            ("u", None),
            ("", None),
            ("telemetry", None),
            ("xxxx", None),
            (&"listener".repeat(100), None),
        ] {
            assert_eq!(nearest(word, &known), expected, "{word}");
        }
        assert_eq!(nearest("seat", &["seam", "seal", "seat"]), Some("seat"));
        assert_eq!(nearest("word", &[]), None);
    }
}
