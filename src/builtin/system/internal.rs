//! What command lines and login pages ask about mounts, and the list of all rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Sys, mounts::Shown};
use crate::{
    base::path::CanonicalPath,
    contract::{Answer, Error, Fault, Opaque, Result, row::Nothing},
};

#[derive(Deserialize)]
pub struct At {
    path: Opaque,
}

#[derive(Serialize)]
struct Visible<'a> {
    auth: BTreeMap<&'a str, Shown<'a>>,
    secret: BTreeMap<&'a str, Shown<'a>>,
}

/// The mounts below which the caller may do something. No mount can be made visible to nobody yet.
pub async fn visible_mounts(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    let services = &call.engine.services;
    let table = services.mounts.load();
    let mut visible = Visible { auth: BTreeMap::new(), secret: BTreeMap::new() };
    if call.caller.credential().is_some() {
        let acl = services.policies.load().acl(&call.caller.policies);
        for mount in table.all().into_iter().filter(|mount| acl.allows_any_below(&mount.record.path)) {
            match mount.record.path.strip_prefix("auth/") {
                Some(path) => visible.auth.insert(path, Shown::of(mount, false)),
                None => visible.secret.insert(&mount.record.path, Shown::of(mount, false)),
            };
        }
    }
    Answer::data(&visible)
}

/// Asks for a token, but for no policy on its own path: any right below the mount is enough.
pub async fn mount_of(call: Sys, at: At, _: Nothing) -> Result<Answer> {
    if call.caller.credential().is_none() {
        return Err(Error::denied());
    }
    let services = &call.engine.services;
    let asked = at.path.0;
    let refused = || {
        let text = format!(
            "preflight capability check returned 403, please ensure client's policies grant access to path \"{asked}/\""
        );
        Error::new(Fault::Denied, text)
    };
    let path = CanonicalPath::parse(&format!("/{asked}")).map_err(|_| refused())?;
    let located = services.mounts.load().locate(&path).ok_or_else(refused)?;
    let acl = services.policies.load().acl(&call.caller.policies);
    if !acl.allows_any_below(&located.mount.record.path) {
        return Err(refused());
    }
    Answer::data(&Shown::of(&located.mount, true))
}

#[derive(Serialize)]
struct Rows {
    rows: Vec<RowShown>,
}

#[derive(Serialize)]
struct RowShown {
    verb: &'static str,
    path: &'static str,
    mount: String,
    kind: String,
    help: &'static str,
    public: bool,
    sudo: bool,
}

pub async fn rows(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    let table = call.engine.services.mounts.load();
    let mut rows = Vec::new();
    for mount in table.all() {
        for row in mount.opened.rows() {
            rows.push(RowShown {
                verb: row.verb.word(),
                path: row.path,
                mount: mount.record.path.clone(),
                kind: mount.record.kind.clone(),
                help: row.help,
                public: row.is_public,
                sudo: row.is_sudo,
            });
        }
    }
    Answer::data(&Rows { rows })
}
