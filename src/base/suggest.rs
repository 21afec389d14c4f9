//! "Did you mean …?": the known word that is nearest to an unknown one.

/// The word of `known` that is nearest to `word`, at most two edits away. An edit is a letter added, missing, wrong or
/// swapped with its neighbour; case does not count. Of several nearest words, the first is returned. `None` if no word
/// is near enough. A word of up to three letters allows fewer edits, because any word would be near it.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let chars = word.chars().count();
    if chars > WORD_CHARS_MAX {
        return None;
    }
    let edits_max = EDITS_MAX.min(chars / 2);
    let word = word.to_lowercase();
    let distances = known.iter().map(|other| (strsim::osa_distance(&word, &other.to_lowercase()), *other));
    distances.filter(|&(edits, _)| edits <= edits_max).min_by_key(|&(edits, _)| edits).map(|(_, other)| other)
}

const EDITS_MAX: usize = 2;
/// Maximum number of characters of a word that gets a suggestion. No key or command is longer.
const WORD_CHARS_MAX: usize = 64;

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
