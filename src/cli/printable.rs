//! Makes text safe to print on a terminal.

use crate::client::json::is_direction_mark;

/// Removes the characters that a terminal obeys: escapes and other control characters, and marks that
/// reorder text. Line ends and tabs are kept.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_direction_mark(*c))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_removed_and_text_stays() {
        for (text, cleaned) in [
            ("a\u{1b}[2Jb", "a[2Jb"),
            ("x\u{9b}31m", "x31m"),
            ("ok\r\u{8}\u{7f}\0", "ok"),
            ("user\u{202e}txt.exe", "usertxt.exe"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("lines\n\tand ümläute ✓", "lines\n\tand ümläute ✓"),
        ] {
            assert_eq!(printable(text), cleaned);
        }
    }
}
