//! Tables in the form of Vault's tools: a line under the column heads, and four blanks between columns.

/// Lays out rows under the column heads. The last column is not padded.
pub(crate) fn columns(heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heads.iter().map(|head| width(head)).collect();
    for row in rows {
        for (at, cell) in widths.iter_mut().zip(row) {
            *at = (*at).max(width(cell));
        }
    }
    let mut out = String::new();
    line(&mut out, &widths, heads.iter().copied());
    let rules: Vec<String> = heads.iter().map(|head| "-".repeat(width(head))).collect();
    line(&mut out, &widths, rules.iter().map(String::as_str));
    for row in rows {
        line(&mut out, &widths, row.iter().map(String::as_str));
    }
    out
}

fn line<'a>(out: &mut String, widths: &[usize], cells: impl Iterator<Item = &'a str>) {
    let mut text = String::new();
    for (cell, wide) in cells.zip(widths) {
        text.push_str(cell);
        let blanks = (wide + 4).saturating_sub(width(cell));
        text.extend(std::iter::repeat_n(' ', blanks));
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

/// A table with the columns `Key` and `Value`.
pub(crate) fn pairs(rows: &[(String, String)]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|(key, value)| vec![key.clone(), value.clone()]).collect();
    columns(&["Key", "Value"], &rows)
}

/// A heading between equal signs, as wide as the first columns of the table below it.
pub(crate) fn title(text: &str, keys: &[(String, String)]) -> String {
    let longest = keys.iter().map(|(key, _)| width(key)).max().unwrap_or(0);
    framed(text, longest + 9)
}

/// A heading between equal signs, `total` characters wide. Each side has at least two signs.
pub(crate) fn framed(text: &str, total: usize) -> String {
    let signs = match total.saturating_sub(width(text) + 2) {
        0 => 2,
        signs => signs.div_ceil(2),
    };
    format!("{0} {text} {0}\n", "=".repeat(signs))
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn keys_and_values_stand_four_blanks_apart() {
        let text = pairs(&rows(&[("created_time", "2026"), ("x", "1")]));
        assert_eq!(text, "Key             Value\n---             -----\ncreated_time    2026\nx               1\n");
    }

    /// The expected widths are those of OpenBao's command line.
    #[test]
    fn headings_are_as_wide_as_vaults() {
        assert_eq!(framed("Secret Path", "secret/data/a/b".len()), "= Secret Path =\n");
        assert_eq!(framed("Secret Path", "secret/data/j".len()), "== Secret Path ==\n");
        assert_eq!(framed("Metadata Path", "secret/metadata/a/b".len()), "== Metadata Path ==\n");
        assert_eq!(title("Metadata", &rows(&[("custom_metadata", "")])), "======= Metadata =======\n");
        assert_eq!(title("Data", &rows(&[("x", "")])), "== Data ==\n");
        assert_eq!(title("Data", &rows(&[("big", "")])), "=== Data ===\n");
        assert_eq!(title("Version 1", &rows(&[("deletion_time", "")])), "====== Version 1 ======\n");
    }
}
