//! Renders answers and errors as Vault does: the envelope, which always has all its
//! keys, and the older flat and bare forms.

use axum::{body::Body as HttpBody, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::{
    base::json,
    contract::{Answer, Body, Error},
};

/// The bytes that an envelope has around its data, for the size of its buffer.
const ENVELOPE_BYTES: usize = 256;

/// Renders an answer. A login must have been turned into a granted token before.
pub(super) fn render(answer: &Answer, request_id: &str, mount_kind: &str) -> Response {
    let status = answer.status();
    match &answer.body {
        Body::Data(data) | Body::Missing(data) => {
            respond(status, envelope(request_id, mount_kind, Parts { data: Some(data), ..Parts::of(answer) }))
        }
        Body::Flat(data) => respond(
            status,
            envelope(request_id, mount_kind, Parts { data: Some(data), is_flat: true, ..Parts::of(answer) }),
        ),
        Body::Bare(text) => respond(status, format!("{text}\n")),
        Body::Raw { content_type, bytes } => response(status, content_type, bytes.clone()),
        Body::Auth(granted) => {
            let auth = granted.to_json();
            respond(status, envelope(request_id, mount_kind, Parts { auth: Some(&auth), ..Parts::of(answer) }))
        }
        Body::Login(_) => respond(500, String::from("{\"errors\":[\"internal error\"]}\n")),
        Body::Done if answer.warnings.is_empty() => respond(status, String::new()),
        Body::Done => respond(200, envelope(request_id, mount_kind, Parts::of(answer))),
    }
}

#[derive(Default)]
struct Parts<'a> {
    data: Option<&'a str>,
    auth: Option<&'a str>,
    warnings: &'a [String],
    /// Whether the data's keys are repeated at the top level.
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
    // The data is an object that we wrote: what stands between its braces can be copied here too.
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

fn respond(status: u16, text: String) -> Response {
    response(status, "application/json", text)
}

/// An HTTP response with `no-store`, as every response of the API.
fn response(status: u16, content_type: &'static str, body: impl Into<HttpBody>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The seconds after which a client should ask again if the answer is 503.
const RETRY_AFTER_SECS: u64 = 5;

/// Renders an error. Its cause is not shown to the client.
pub(super) fn render_error(error: &Error) -> Response {
    let status = error.fault.status();
    let mut response = render_refusal(status, error.text());
    let wait = error.retry_after_secs.or((status == 503).then_some(RETRY_AFTER_SECS));
    if let Some(secs) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    response
}

/// Renders an error with the HTTP status `status`. If `message` is `None`, the list of errors is empty.
pub(super) fn render_refusal(status: u16, message: Option<String>) -> Response {
    let errors: Vec<String> = message.into_iter().collect();
    respond(status, format!("{}\n", json!({ "errors": errors })))
}
