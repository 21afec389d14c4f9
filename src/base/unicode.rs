//! Characters that a reader cannot see, or that move the text around them. They are refused in names and escaped in
//! output: control characters, line and paragraph separators, and the general category Cf of Unicode 16.0.

/// Whether `c` is a control (Cc), a format character (Cf), or a line or paragraph separator (Zl, Zp).
pub(crate) fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
        return true;
    }
    let code = u32::from(c);
    let next = FORMAT.partition_point(|&(_, last)| last < code);
    FORMAT.get(next).is_some_and(|&(first, _)| first <= code)
}

/// First and last code point of each run of format characters, in order.
const FORMAT: [(u32, u32); 21] = [
    (0x00ad, 0x00ad),
    (0x0600, 0x0605),
    (0x061c, 0x061c),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x180e, 0x180e),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x2064),
    (0x2066, 0x206f),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffb),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0001, 0xe0001),
    (0xe0020, 0xe007f),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_known_at_the_edges_of_their_runs() {
        for (first, last) in FORMAT {
            assert!(is_hidden(char::from_u32(first).unwrap()) && is_hidden(char::from_u32(last).unwrap()), "{first:x}");
        }
        for c in ['\0', '\n', '\u{7f}', '\u{85}', '\u{9f}', '\u{2028}', '\u{2029}', '\u{200d}', '\u{202e}'] {
            assert!(is_hidden(c), "{c:?}");
        }
        for c in [' ', 'a', '~', 'é', 'ü', '日', '\u{a0}', '\u{2010}', '\u{2065}', '\u{2070}', '🗝', '\u{fe0f}'] {
            assert!(!is_hidden(c), "{c:?}");
        }
    }
}
