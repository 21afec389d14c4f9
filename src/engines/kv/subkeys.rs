//! Shows the keys of a secret without their values: for callers who may know that a password exists, but not the
//! password.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    At, Kv,
    data::{self, Opened},
    patch::{members, within_limits},
};
use crate::{
    base::json,
    contract::{Answer, Body, Call, Error, Int, Result},
};

/// Which version to show, and how deep.
#[derive(Deserialize, JsonSchema)]
pub struct Ask {
    /// The number of the version. 0 or absent means the latest.
    #[serde(default)]
    version: Option<Int>,
    /// How many levels to show. 0 or absent means all.
    #[serde(default)]
    depth: Option<Int>,
}

pub fn read(call: Call<Kv>, at: At, ask: Ask) -> Result<Answer> {
    let levels = match ask.depth {
        None | Some(Int(0)) => u64::MAX,
        Some(Int(depth)) => u64::try_from(depth).map_err(|_| Error::invalid("depth must not be negative"))?,
    };
    let Opened { metadata, document } = data::open(&call, &at.path.0, ask.version)?;
    let Some(document) = document else {
        return Ok(Answer::new(Body::Missing(format!(r#"{{"metadata":{metadata},"subkeys":null}}"#))));
    };
    let text = document.0.expose();
    let keys = names_only(text, levels)?;
    Ok(Answer::new(Body::Data(format!(r#"{{"metadata":{metadata},"subkeys":{keys}}}"#))))
}

/// The names in a document: at most `levels` levels of objects, with every other value replaced by null.
fn names_only(text: &str, levels: u64) -> Result<String> {
    if text == "null" {
        return Ok(text.to_owned());
    }
    within_limits(text)?;
    let mut out = String::with_capacity(text.len());
    strip(text, levels, &mut out)?;
    Ok(if out == "null" { "{}".to_owned() } else { out })
}

/// Appends the names of an object to `out`, or null if the object is empty. The depth of the recursion is limited by
/// `within_limits`.
fn strip(text: &str, levels: u64, out: &mut String) -> Result<()> {
    let members = members(text)?;
    if members.is_empty() {
        out.push_str("null");
        return Ok(());
    }
    for (index, (name, value)) in members.into_iter().enumerate() {
        out.push(if index == 0 { '{' } else { ',' });
        json::quote(&name, out);
        out.push(':');
        if levels > 1 && value.get().starts_with('{') {
            strip(value.get(), levels - 1, out)?;
        } else {
            out.push_str("null");
        }
    }
    out.push('}');
    Ok(())
}
