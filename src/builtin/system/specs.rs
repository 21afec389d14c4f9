//! What the server says of its own API: the list of all rows, and the OpenAPI document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{rows::rows_of, state::Sys};
use crate::{
    blocking,
    contract::{
        Access, Answer, Body, Class, Flag, Result,
        openapi::{self, Described, MountPaths},
        row::Nothing,
    },
    services::mounts::Mount,
};

#[derive(Serialize)]
struct Rows {
    rows: Vec<RowShown>,
}

#[derive(Serialize)]
struct RowShown {
    verb: &'static str,
    path: String,
    mount: String,
    kind: String,
    help: &'static str,
    public: bool,
    sudo: bool,
}

pub fn rows(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    let table = call.engine.mounts.snapshot();
    let mut rows = Vec::new();
    for mount in table.all() {
        for row in rows_of(&call.engine, mount) {
            rows.push(RowShown {
                verb: row.verb.word(),
                path: row.path.to_string(),
                mount: mount.record.path.clone(),
                kind: mount.record.kind.clone(),
                help: row.help,
                public: row.is_public(),
                sudo: row.access == Access::Sudo,
            });
        }
    }
    Answer::data(&Rows { rows })
}

/// In which form the document is wanted.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Wanted {
    /// Whether the document names mounts by a parameter for each kind, such as `{kv_mount_path}`, in place of their own
    /// paths. Programs that generate clients want this.
    #[schemars(extend("plain" = true))]
    generic_mount_paths: Flag,
}

/// Answers with the OpenAPI document of the mounts below which the caller may do something. Other callers may not know
/// of these mounts, so a caller without a token gets a document without paths, as from OpenBao.
pub async fn openapi(call: Sys, _: Nothing, wanted: Wanted) -> Result<Answer> {
    let mount_paths = if wanted.generic_mount_paths.0 { MountPaths::Generic } else { MountPaths::Real };
    if call.own_token().is_none() {
        return Ok(described(&call, mount_paths));
    }
    blocking::long_read(&call.caller.turn(), move |_| Ok(described(&call, mount_paths))).await?
}

fn described(call: &Sys, mount_paths: MountPaths) -> Answer {
    let table = call.engine.mounts.snapshot();
    let acl = call.engine.policies.snapshot().acl(&call.caller.policies);
    let is_known = call.own_token().is_some();
    let may_know = |mount: &Mount| is_known && acl.allows_any_below(&mount.record.path);
    let mounts: Vec<Described<'_>> = table
        .all()
        .into_iter()
        .filter(|mount| may_know(mount))
        .map(|mount| Described {
            path: &mount.record.path,
            kind: &mount.record.kind,
            class: class_of(mount),
            rows: rows_of(&call.engine, mount).into_iter().map(AsRef::as_ref).collect(),
        })
        .collect();
    // The body is raw bytes, so that the audit log does not repeat the document with each request.
    let bytes = openapi::document(&mounts, mount_paths).to_string().into_bytes();
    Answer::new(Body::Raw { content_type: "application/json", bytes })
}

fn class_of(mount: &Mount) -> Class {
    match &mount.engine {
        Some(engine) => engine.class(),
        None => Class::BuiltIn,
    }
}
