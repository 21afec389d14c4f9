//! The cells of a table in Markdown.

/// A text as the cell of a table: on one line, and without the sign that ends a cell.
pub(super) fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
