//! Writes the documents that are made from the source: from the rows of all kinds, from the commands, exit codes and limits.
//! Tests compare them and never write them.
//!
//!     cargo run --example api_documents

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, text) in strongroom::api_documents().into_iter().chain(strongroom::program_documents()) {
        fs::write(root.join(path), text)?;
    }
    Ok(())
}
