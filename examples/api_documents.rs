//! Writes the documents that are made from the rows of all kinds. Tests compare them and never write them.
//!
//!     cargo run --example api_documents

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, text) in strongroom::api_documents() {
        fs::write(root.join(path), text)?;
    }
    Ok(())
}
