//! The patterns `text*` of a rule set: the longest text that a path begins with, found by one binary search. The texts
//! that are prefixes of others form chains, and the search lands on the chain that has the answer.

/// Prefixes in the order of their bytes, each with the index of its rule.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    text: Box<str>,
    rule: usize,
    /// The longest entry that is a proper prefix of this one.
    parent: Option<usize>,
}

impl Prefixes {
    /// `texts` in any order; of equal ones the first stays.
    pub(super) fn new(mut texts: Vec<(Box<str>, usize)>) -> Self {
        texts.sort();
        texts.dedup_by(|later, earlier| later.0 == earlier.0);
        let mut entries: Vec<Entry> = Vec::with_capacity(texts.len());
        for (text, rule) in texts {
            let mut parent = entries.len().checked_sub(1);
            while let Some(entry) = parent.and_then(|index| entries.get(index)) {
                if text.starts_with(&*entry.text) {
                    break;
                }
                parent = entry.parent;
            }
            entries.push(Entry { text, rule, parent });
        }
        Self { entries }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The rule of the longest prefix of `path`.
    pub(super) fn longest(&self, path: &str) -> Option<usize> {
        // Every prefix of `path` sorts at or before it, and all that sorts between the two begins with that prefix:
        // the last entry that is not greater than `path` has every prefix of it among its ancestors.
        let mut index = self.entries.partition_point(|entry| *entry.text <= *path).checked_sub(1)?;
        let shared = self.entries.get(index).map_or(0, |entry| shared_bytes(&entry.text, path));
        loop {
            let entry = self.entries.get(index)?;
            if entry.text.len() <= shared {
                return Some(entry.rule);
            }
            index = entry.parent?;
        }
    }
}

fn shared_bytes(left: &str, right: &str) -> usize {
    left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_is_found_wherever_it_sorts() {
        let texts = ["", "a", "a/", "a/b", "a/b/c", "ab", "b/", "é"];
        let prefixes = Prefixes::new(texts.iter().enumerate().rev().map(|(i, text)| ((*text).into(), i)).collect());
        for path in ["", "a", "a0", "a/", "a/a", "a/b", "a/b/", "a/b/c", "a/b/cz", "a/c", "ab", "abc", "b", "b/x", "z"]
        {
            let expected = (0..texts.len()).filter(|&i| path.starts_with(texts[i])).max_by_key(|&i| texts[i].len());
            assert_eq!(prefixes.longest(path), expected, "{path}");
        }
        assert_eq!(prefixes.longest("éa"), Some(7));
        assert_eq!(prefixes.longest("ê"), Some(0));
    }

    #[test]
    fn without_a_prefix_there_is_none() {
        assert_eq!(Prefixes::new(Vec::new()).longest("a"), None);
        assert_eq!(Prefixes::new(vec![("b".into(), 0), ("b/c".into(), 1)]).longest("a"), None);
        assert_eq!(Prefixes::new(vec![("b".into(), 0), ("b/c".into(), 1)]).longest("c"), None);
    }
}
