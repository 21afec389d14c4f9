//! What changes between two texts, line by line: the lines taken out and put in, with two lines around them.

/// Lines beyond which no differences are looked for; the whole text counts as replaced.
const LINES_MAX: usize = 2_000;
/// Lines shown around a change.
const CONTEXT: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Same,
    Out,
    In,
}

/// `- old`, `+ new` and `  same` lines; empty if the texts have the same lines.
pub fn lines(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let marked = mark(&old, &new);
    let near = |at: usize| {
        let from = at.saturating_sub(CONTEXT);
        marked.iter().skip(from).take(CONTEXT * 2 + 1 - (CONTEXT - (at - from))).any(|(mark, _)| *mark != Mark::Same)
    };
    let mut out = String::new();
    let mut skipped = false;
    for (at, (mark, text)) in marked.iter().enumerate() {
        if !near(at) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) && !out.is_empty() {
            out.push_str("  …\n");
        }
        let sign = match mark {
            Mark::Same => ' ',
            Mark::Out => '-',
            Mark::In => '+',
        };
        out.push_str(format!("{sign} {text}").trim_end());
        out.push('\n');
    }
    out
}

/// The longest common subsequence, by the textbook's table.
fn mark<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Mark, &'a str)> {
    if old.len() > LINES_MAX || new.len() > LINES_MAX {
        let taken = old.iter().map(|line| (Mark::Out, *line));
        return taken.chain(new.iter().map(|line| (Mark::In, *line))).collect();
    }
    let width = new.len() + 1;
    let mut longest = vec![0_u16; (old.len() + 1) * width];
    let cell = |table: &[u16], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let value = if a == b {
                cell(&longest, i + 1, j + 1) + 1
            } else {
                cell(&longest, i + 1, j).max(cell(&longest, i, j + 1))
            };
            if let Some(slot) = longest.get_mut(i * width + j) {
                *slot = value;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut marked = Vec::new();
    loop {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b => {
                marked.push((Mark::Same, *a));
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), b) if b.is_none() || cell(&longest, i + 1, j) >= cell(&longest, i, j + 1) => {
                marked.push((Mark::Out, *a));
                i += 1;
            }
            (_, Some(b)) => {
                marked.push((Mark::In, *b));
                j += 1;
            }
            _ => return marked,
        }
    }
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
    fn far_changes_are_parted_and_equal_texts_give_nothing() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9";
        assert_eq!(lines(old, "0\n2\n3\n4\n5\n6\n7\n8\n0"), "- 1\n+ 0\n  2\n  3\n  …\n  7\n  8\n- 9\n+ 0\n");
        assert_eq!(lines(old, old), "");
        assert_eq!(lines("", "a"), "+ a\n");
    }

    /// Splits a line of `|` between the texts' lines, each `a` or `b`.
    fn check_reads_off(old: &str, new: &str) {
        let (old, new): (Vec<&str>, Vec<&str>) = (old.split('|').collect(), new.split('|').collect());
        let marked = mark(&old, &new);
        let without =
            |mark: Mark| marked.iter().filter(|(is, _)| *is != mark).map(|(_, line)| *line).collect::<Vec<_>>();
        assert_eq!(without(Mark::In), old);
        assert_eq!(without(Mark::Out), new);
    }

    proptest::proptest! {
        #[test]
        fn both_texts_can_be_read_off(old in "[ab|]{0,16}", new in "[ab|]{0,16}") {
            check_reads_off(&old, &new);
        }
    }
}
