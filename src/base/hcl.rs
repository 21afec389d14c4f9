//! The language of configuration and policies: HCL 1 as Vault reads it, or JSON if the text begins with `{`. A text
//! becomes an [`HclBody`] of [`Item`]s in the order in which they stand. Nothing is interpolated, and a key may stand
//! twice ([`HclBody::twice`] finds it). Depth and items are limited, and reading takes time linear in the text.
//!
//! The reader is our own: Vault's files are HCL 1, while crates read HCL 2, and the limits and the messages that never
//! repeat a value are the point. Tests compare it with `hcl-edit`.

mod from_json;
mod model;
mod native;

#[cfg(test)]
mod tests;

pub use model::{Block, HclBody, HclError, Item, Pos, Value};

/// Reads a whole HCL or JSON text.
pub(crate) fn parse(text: &str) -> Result<HclBody, HclError> {
    // Some editors write a byte order mark, which has no meaning in UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') { from_json::parse(text) } else { native::parse(text) }
}
