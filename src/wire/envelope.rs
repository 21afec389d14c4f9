//! Answers as Vault writes them: the envelope whose keys are all always there, the older flat and bare forms, errors.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use serde_json::json;

use crate::{
    base::json,
    contract::{Answer, Body, Error, Granted},
    wire::{Response, code, fault_code},
};

/// Bytes of an envelope around its data.
const ENVELOPE_BYTES: usize = 256;

/// Writes an answer. A login must have become a granted token by now.
pub fn render(answer: &Answer, request_id: &str, mount_kind: &str) -> Response {
    let status = answer.status.unwrap_or(code(&answer.body));
    match &answer.body {
        Body::Data(data) | Body::Missing(data) => {
            respond(status, envelope(request_id, mount_kind, Parts { data: Some(data), ..Parts::of(answer) }))
        }
        Body::Flat(data) => respond(
            status,
            envelope(request_id, mount_kind, Parts { data: Some(data), is_flat: true, ..Parts::of(answer) }),
        ),
        Body::Bare(text) => respond(status, format!("{text}\n")),
        Body::Raw { content_type, bytes } => {
            let headers = vec![
                (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            Response { status, headers, body: Bytes::from(bytes.clone()) }
        }
        Body::Auth(granted) => {
            let auth = auth_json(granted);
            respond(status, envelope(request_id, mount_kind, Parts { auth: Some(&auth), ..Parts::of(answer) }))
        }
        Body::Login(_) => respond(500, String::from("{\"errors\":[\"internal error\"]}\n")),
        Body::Done if answer.warnings.is_empty() => Response::json(204, Bytes::new()),
        Body::Done => respond(200, envelope(request_id, mount_kind, Parts::of(answer))),
    }
}

#[derive(Default)]
struct Parts<'a> {
    data: Option<&'a str>,
    auth: Option<&'a str>,
    warnings: &'a [String],
    /// The data's keys stand at the top level too.
    is_flat: bool,
}

impl<'a> Parts<'a> {
    fn of(answer: &'a Answer) -> Self {
        Self { warnings: &answer.warnings, ..Self::default() }
    }
}

fn envelope(request_id: &str, mount_kind: &str, parts: Parts<'_>) -> String {
    let data = parts.data.unwrap_or("null");
    let mut text = String::with_capacity(ENVELOPE_BYTES + data.len() + parts.auth.map_or(0, str::len));
    text.push_str("{\"request_id\":\"");
    text.push_str(request_id);
    text.push_str("\",\"lease_id\":\"\",\"renewable\":false,\"lease_duration\":0,\"data\":");
    text.push_str(data);
    text.push_str(",\"wrap_info\":null,\"warnings\":");
    push_warnings(&mut text, parts.warnings);
    text.push_str(",\"auth\":");
    text.push_str(parts.auth.unwrap_or("null"));
    if !mount_kind.is_empty() {
        text.push_str(",\"mount_type\":");
        json::quote(mount_kind, &mut text);
    }
    // The data is an object of ours: what stands between its braces can stand here too.
    if parts.is_flat
        && let Some(inner) =
            data.strip_prefix('{').and_then(|data| data.strip_suffix('}')).filter(|inner| !inner.is_empty())
    {
        text.push(',');
        text.push_str(inner);
    }
    text.push_str("}\n");
    text
}

fn push_warnings(text: &mut String, warnings: &[String]) {
    if warnings.is_empty() {
        text.push_str("null");
        return;
    }
    text.push('[');
    for (index, warning) in warnings.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        json::quote(warning, text);
    }
    text.push(']');
}

/// The `auth` object of an envelope.
pub fn auth_json(granted: &Granted) -> String {
    let metadata = if granted.metadata.is_empty() { serde_json::Value::Null } else { json!(granted.metadata) };
    let mut auth = json!({
        "accessor": granted.accessor,
        "policies": granted.policies,
        "token_policies": granted.token_policies,
        "metadata": metadata,
        "lease_duration": granted.lease,
        "renewable": granted.is_renewable,
        "entity_id": granted.entity_id,
        "token_type": granted.kind,
        "orphan": granted.is_orphan,
        "mfa_requirement": null,
        "num_uses": granted.num_uses,
    });
    if let Some(fields) = auth.as_object_mut() {
        if !granted.identity_policies.is_empty() {
            fields.insert(String::from("identity_policies"), json!(granted.identity_policies));
        }
        let token = granted.token.expose();
        fields.insert(String::from("client_token"), json!(token));
    }
    auth.to_string()
}

fn respond(status: u16, text: String) -> Response {
    Response::json(status, text)
}

/// Writes an error. The cause stays here.
pub fn render_error(error: &Error) -> Response {
    let errors: Vec<String> = error.text().into_iter().collect();
    let mut response = respond(fault_code(error.fault), format!("{}\n", json!({ "errors": errors })));
    if fault_code(error.fault) == 503 {
        response.headers.push((HeaderName::from_static("retry-after"), HeaderValue::from_static("5")));
    }
    response
}
