//! The fields of a request: one JSON object from body, form or query, made once and read by policy, audit and handler
//! alike.

use std::collections::BTreeMap;

use crate::{
    base::json,
    contract::{Error, Fault, Fields, Operation, Result, RowFacts},
    wire::{Ask, ask::decode},
};

/// The fields, and what is to be said about those that nobody reads.
pub struct BodyFields {
    pub fields: Fields,
    pub warning: Option<String>,
}

/// Makes the fields of a request. The body counts where there is one; else the query.
pub fn read_fields(
    ask: &Ask,
    body: &[u8],
    facts: Option<&RowFacts>,
    params: &[(String, String)],
) -> Result<BodyFields> {
    if ask.operation == Operation::Patch {
        match ask.media_type.as_deref() {
            Some("application/merge-patch+json") => {}
            None | Some("") => return Err(Error::invalid("mime: no media type")),
            Some(_) => {
                return Err(Error::new(
                    Fault::WrongType,
                    "PATCH requires Content-Type of application/merge-patch+json",
                ));
            }
        }
    }
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_form = ask.media_type.as_deref() == Some("application/x-www-form-urlencoded");
    let text = match first {
        None => from_query(&ask.query)?,
        Some(b'{') => object(body)?,
        Some(_) if !is_form => match std::str::from_utf8(body).map(str::trim) {
            Ok("null") => from_query(&ask.query)?,
            _ => return Err(not_an_object()),
        },
        Some(_) => from_form(body)?,
    };
    let warning = facts.map(|facts| check_names(&text, facts, params)).transpose()?.flatten();
    Ok(BodyFields { fields: Fields(text.into()), warning })
}

fn not_an_object() -> Error {
    Error::invalid("failed to decode JSON input: the body must be one JSON object")
}

fn object(body: &[u8]) -> Result<String> {
    json::scan(body).map(str::to_owned).map_err(|error| Error::invalid(format!("failed to decode JSON input: {error}")))
}

fn from_form(body: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(body).map_err(|_| Error::invalid("the form is not UTF-8"))?;
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = decode(name).zip(decode(value)).ok_or_else(|| Error::invalid("the form does not decode"))?;
        pairs.push(decoded);
        if pairs.len() > crate::base::limits::JSON_TOKENS_MAX {
            return Err(Error::invalid("the form has too many fields"));
        }
    }
    from_query(&pairs)
}

/// One value is a text, several are a list.
fn from_query(pairs: &[(String, String)]) -> Result<String> {
    if pairs.is_empty() {
        return Ok(String::from("{}"));
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
    Ok(text)
}

/// A field that the path gives too must say the same; one that the row does not read is named in a warning.
fn check_names(text: &str, facts: &RowFacts, params: &[(String, String)]) -> Result<Option<String>> {
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
            } else if !facts.fields.iter().any(|known| *known == name) {
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
        return Err(Error::invalid(format!("field {name} differs from the path")));
    }
    unknown.sort_unstable();
    let shown: String = unknown.join(", ").chars().filter(|c| !c.is_control()).take(200).collect();
    Ok((!unknown.is_empty()).then(|| format!("Endpoint ignored these unrecognized parameters: [{shown}]")))
}
