//! The pages of docs/reference that describe the program itself: its commands, its exit codes and its limits. They are
//! made from the source, so that none of them can be forgotten; a test compares the files.

mod cells;
mod commands;
mod exit_codes;
mod limits;

use super::commands::tree;

/// The pages, each with its path in the project.
pub fn files() -> [(&'static str, String); 3] {
    [
        ("docs/reference/cli.md", commands::page(&tree())),
        ("docs/reference/exit-codes.md", exit_codes::page()),
        ("docs/reference/limits.md", limits::page()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_about_the_program_are_written_down() {
        for (path, made) in files() {
            let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            let written = std::fs::read_to_string(file).unwrap_or_default();
            if written != made {
                let diff = similar::TextDiff::from_lines(&written, &made);
                let changes = diff.unified_diff().header(path, "the source").to_string();
                panic!("write {path} anew with `cargo run --example api_documents`:\n{changes}");
            }
        }
    }
}
