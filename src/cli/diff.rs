//! The lines that differ between two texts, with two lines of context around them.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// The number of equal lines shown before and after a change.
const CONTEXT: usize = 2;
/// The smallest difference is searched for at most this long. After that, a larger difference is shown.
const SEARCH_SECS_MAX: u64 = 1;

/// The difference as lines `- old`, `+ new` and `  same`. Empty if the texts have the same lines.
pub(crate) fn lines(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let diff = TextDiff::configure().timeout(Duration::from_secs(SEARCH_SECS_MAX)).diff_slices(&old, &new);
    let mut out = String::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            out.push_str("  …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            out.push_str(format!("{sign} {}", change.value()).trim_end());
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_are_shown_with_two_around_them() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh";
        let new = "a\nb\nc\nD\ne\nf\ng\nh\ni";
        assert_eq!(lines(old, new), "  b\n  c\n- d\n+ D\n  e\n  f\n  g\n  h\n+ i\n");
    }

    #[test]
    fn distant_changes_are_separated() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9";
        assert_eq!(lines(old, "0\n2\n3\n4\n5\n6\n7\n8\n0"), "- 1\n+ 0\n  2\n  3\n  …\n  7\n  8\n- 9\n+ 0\n");
    }

    #[test]
    fn equal_lines_give_nothing_whatever_ends_them() {
        assert_eq!(lines("a\nb\n", "a\r\nb"), "");
        assert_eq!(lines("", "a"), "+ a\n");
    }
}
