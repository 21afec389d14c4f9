//! Writes the documents that are made from the rows of all kinds. Tests compare them and never write them.
//!
//!     cargo run --example api_documents

use std::{fs, io, path::Path};

use strongroom::broker::{KINDS, documents};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mounts = documents::usual_mounts(KINDS);
    fs::write(root.join("data/openapi.json"), documents::openapi(&mounts))?;
    fs::write(root.join("docs/reference/api.md"), documents::reference(&mounts))
}
