//! Finds all texts of a set that are prefixes of a path, with one binary search. Each text links to the longest other
//! text that is its prefix. The search finds where the chain of links to all answers begins.

use std::collections::BTreeMap;

/// Texts in byte order, each with a value.
#[derive(Debug)]
pub(super) struct Prefixes<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    text: Box<str>,
    value: T,
    /// The longest entry that is a proper prefix of this one.
    parent: Option<usize>,
}

impl<T> Prefixes<T> {
    pub(super) fn new(texts: BTreeMap<Box<str>, T>) -> Self {
        let mut entries: Vec<Entry<T>> = Vec::with_capacity(texts.len());
        for (text, value) in texts {
            let mut parent = entries.len().checked_sub(1);
            while let Some(entry) = parent.and_then(|index| entries.get(index)) {
                if text.starts_with(&*entry.text) {
                    break;
                }
                parent = entry.parent;
            }
            entries.push(Entry { text, value, parent });
        }
        Self { entries }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The values of the texts that are prefixes of `path`, longest first, each with the length of its text.
    pub(super) fn of<'a>(&'a self, path: &str) -> impl Iterator<Item = (usize, &'a T)> {
        // Every prefix of `path` sorts at or before it, and every text between the two begins with that prefix. So the
        // last entry that is not greater than `path` has every prefix of `path` among its ancestors.
        let last = self.entries.partition_point(|entry| *entry.text <= *path).checked_sub(1);
        let mut next = last.and_then(|index| self.entries.get(index));
        let shared = next.map_or(0, |entry| shared_bytes(&entry.text, path));
        std::iter::from_fn(move || {
            loop {
                let entry = next?;
                next = entry.parent.and_then(|index| self.entries.get(index));
                if entry.text.len() <= shared {
                    return Some((entry.text.len(), &entry.value));
                }
            }
        })
    }
}

impl<T> Default for Prefixes<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

fn shared_bytes(left: &str, right: &str) -> usize {
    left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str], path: &str) -> Vec<String> {
        let texts = texts.iter().map(|text| ((*text).into(), (*text).to_owned())).collect();
        Prefixes::new(texts)
            .of(path)
            .map(|(length, text)| {
                assert_eq!(length, text.len());
                text.clone()
            })
            .collect()
    }

    #[test]
    fn all_prefixes_are_found_wherever_they_sort() {
        let texts = ["", "a", "a/", "a/b", "a/b/c", "ab", "b/", "é"];
        for path in
            ["", "a", "a0", "a/", "a/a", "a/b", "a/b/", "a/b/c", "a/b/cz", "a/c", "abc", "b", "b/x", "z", "éa", "ê"]
        {
            let mut expected: Vec<_> = texts.iter().filter(|text| path.starts_with(**text)).collect();
            expected.reverse();
            assert!(of(&texts, path).iter().eq(expected), "{path}");
        }
    }

    #[test]
    fn without_a_prefix_there_is_none() {
        assert!(of(&[], "a").is_empty());
        assert!(of(&["b", "b/c"], "a").is_empty());
        assert!(of(&["b", "b/c"], "c").is_empty());
    }
}
