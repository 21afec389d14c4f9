//! Decodes bodies as Vault does. A body is JSON whatever its content type, or a form if the content
//! type says so. The body of a PATCH must be a merge patch. An operation without a body gets its fields
//! from the query, even if a body was sent.

use crate::{
    base::{json, limits::JSON_TOKENS_MAX},
    broker::{Decode, from_pairs},
    contract::{Error, Fault, Operation, Result},
    dialects::query::decode,
};

/// The decoder for the body of this operation. `media_type` is in lower case and without parameters.
pub(super) fn decoder(operation: Operation, media_type: Option<&str>) -> Decode {
    match (operation, media_type) {
        (Operation::Update, Some("application/x-www-form-urlencoded")) => form_or_json,
        (Operation::Update, _) | (Operation::Patch, Some("application/merge-patch+json")) => json_or_query,
        (Operation::Patch, None | Some("")) => |_| Err(Error::invalid("mime: no media type")),
        (Operation::Patch, Some(_)) => {
            |_| Err(Error::new(Fault::WrongType, "PATCH requires Content-Type of application/merge-patch+json"))
        }
        _ => |_| Ok(None),
    }
}

fn json_or_query(body: &[u8]) -> Result<Option<String>> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Ok(None),
        Some(b'{') => object(body).map(Some),
        Some(_) => match std::str::from_utf8(body).map(str::trim) {
            Ok("null") => Ok(None),
            _ => Err(not_an_object()),
        },
    }
}

fn form_or_json(body: &[u8]) -> Result<Option<String>> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Ok(None),
        Some(b'{') => object(body).map(Some),
        Some(_) => from_form(body).map(Some),
    }
}

fn not_an_object() -> Error {
    Error::invalid("failed to decode JSON input: the body must be one JSON object")
}

fn object(body: &[u8]) -> Result<String> {
    json::scan(body).map(str::to_owned).map_err(|error| Error::invalid(format!("failed to decode JSON input: {error}")))
}

fn from_form(body: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(body).map_err(|_| Error::invalid("the form is not UTF-8 text"))?;
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = decode(name)
            .zip(decode(value))
            .ok_or_else(|| Error::invalid("the form has a broken escape or is not UTF-8"))?;
        pairs.push(decoded);
        if pairs.len() > JSON_TOKENS_MAX {
            return Err(Error::invalid("the form has too many fields"));
        }
    }
    Ok(from_pairs(&pairs))
}

#[cfg(test)]
mod fuzz_tests;
