//! The input of a request: one JSON object made from body, form or query. It is made once; policies, audit log and
//! handler all read the same object.

use std::collections::BTreeMap;

use crate::{
    base::{json, limits},
    broker::{
        identity::Identity,
        request::{Body, BodyError},
        routed::{Route, Routed},
    },
    contract::{Error, Fault, Fields, Result, Verb},
};

/// The fields, and a warning about those that the API row does not have.
#[derive(Clone, Default)]
pub(super) struct Input {
    pub fields: Fields,
    pub warning: Option<String>,
}

/// Reads the body and makes the input of it. The API row and the caller decide how long the body may be. An error is
/// told only to a caller who may use the API row.
pub(super) async fn read(routed: &Routed, identity: &Identity, body: Body) -> Result<Input> {
    let bytes = match body.source {
        None => bytes::Bytes::new(),
        Some(source) => {
            let cap = cap(&routed.route, identity);
            source.read(cap).await.map_err(|error| wrong_body(error, cap))?
        }
    };
    decoded(routed, body.decode, &bytes)
}

/// Makes the input from a body that was read before the caller was known.
pub(super) fn decoded(routed: &Routed, decode: super::request::Decode, bytes: &[u8]) -> Result<Input> {
    let text = match decode(bytes)? {
        Some(text) => text,
        None => from_pairs(&routed.context.query),
    };
    let warning = check_names(&text, &routed.route)?;
    Ok(Input { fields: Fields(text.into()), warning })
}

/// Maximum number of bytes that the body may have. A longer one is refused with 413.
fn cap(route: &Route, identity: &Identity) -> usize {
    match route.facts().map(|facts| facts.verb) {
        Some(Verb::Login) => limits::BODY_LOGIN_BYTES_MAX,
        _ if !identity.is_known() => limits::BODY_ANONYMOUS_BYTES_MAX,
        _ => limits::BODY_BYTES_MAX,
    }
}

pub(super) fn wrong_body(error: BodyError, cap: usize) -> Error {
    match error {
        BodyError::TooLarge => {
            Error::new(Fault::TooLarge, format!("the request body is too large: at most {cap} bytes"))
        }
        BodyError::TooSlow | BodyError::Broken => Error::invalid(error.to_string()),
    }
}

/// Makes a JSON object of query parameters. A name with one value becomes a text, a name with several a list.
pub(crate) fn from_pairs(pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return String::from("{}");
    }
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        fields.entry(name).or_default().push(value);
    }
    let mut text = String::from("{");
    for (index, (name, values)) in fields.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        json::quote(name, &mut text);
        text.push(':');
        if let [value] = values.as_slice() {
            json::quote(value, &mut text);
            continue;
        }
        text.push('[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            json::quote(value, &mut text);
        }
        text.push(']');
    }
    text.push('}');
    text
}

/// Compares the fields of a body with its API row. A field that the path gives too must have the same value. Returns a
/// warning that names the fields that the API row does not have.
fn check_names(text: &str, route: &Route) -> Result<Option<String>> {
    let Some(facts) = route.facts() else { return Ok(None) };
    let params = route.params();
    let mut unknown = Vec::new();
    let (mut depth, mut clash) = (0_usize, None);
    let mut asked: Option<String> = None;
    let walked = json::walk(text, |event| match event {
        json::Event::ObjectStart | json::Event::ArrayStart => {
            depth += 1;
            asked = None;
        }
        json::Event::ObjectEnd | json::Event::ArrayEnd => depth = depth.saturating_sub(1),
        json::Event::Key(raw) if depth == 1 => {
            let name = json::unescape(raw);
            if params.iter().any(|(known, _)| *known == name) {
                asked = Some(name.into_owned());
            } else if !facts.input.has(&name) {
                unknown.push(name.into_owned());
            }
        }
        json::Event::String(raw) if depth == 1 => {
            if let Some(name) = asked.take() {
                let value = json::unescape(raw);
                if params.iter().any(|(known, given)| *known == name && *given != value) {
                    clash = Some(name);
                }
            }
        }
        _ => asked = None,
    });
    walked.map_err(|error| Error::invalid(error.to_string()))?;
    if let Some(name) = clash {
        return Err(Error::invalid(format!("field {name} differs from its value in the path: leave it out")));
    }
    unknown.sort_unstable();
    let shown: String = unknown.join(" ").chars().filter(|c| !c.is_control()).take(200).collect();
    Ok((!unknown.is_empty()).then(|| format!("Endpoint ignored these unrecognized parameters: [{shown}]")))
}
