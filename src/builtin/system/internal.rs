//! `sys/internal/ui/mounts`: what command lines and login pages ask about mounts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    mounts::{Shown, WithPath},
    state::Sys,
};
use crate::contract::{Answer, Error, Fault, Opaque, Result, row::Nothing};

#[derive(Deserialize, JsonSchema)]
pub struct At {
    /// A path below some mount.
    path: Opaque,
}

#[derive(Serialize)]
struct Visible<'a> {
    auth: BTreeMap<&'a str, Shown<'a>>,
    secret: BTreeMap<&'a str, Shown<'a>>,
}

/// Lists the mounts below which the caller may do something. Without a token the lists are empty: making a mount
/// visible to everybody is not supported.
pub fn visible_mounts(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    let table = call.engine.mounts.snapshot();
    let mut visible = Visible { auth: BTreeMap::new(), secret: BTreeMap::new() };
    if call.own_token().is_some() {
        let acl = call.engine.policies.snapshot().acl(&call.caller.policies);
        for mount in table.all().into_iter().filter(|mount| acl.allows_any_below(&mount.record.path)) {
            match mount.record.path.strip_prefix("auth/") {
                Some(path) => visible.auth.insert(path, Shown::of(mount, WithPath::No)),
                None => visible.secret.insert(&mount.record.path, Shown::of(mount, WithPath::No)),
            };
        }
    }
    Answer::data(&visible)
}

/// Shows the mount of a path. The caller needs a token, but no policy for this path: any permission below the mount is
/// enough.
pub fn mount_of(call: Sys, at: At, _: Nothing) -> Result<Answer> {
    if call.own_token().is_none() {
        return Err(Error::denied());
    }
    let asked = at.path.0;
    let refused = || {
        let text = format!(
            "preflight capability check returned 403, please ensure client's policies grant access to path \"{asked}/\""
        );
        Error::new(Fault::Denied, text)
    };
    // The path was decoded when the request was read, so it must not be decoded again.
    let located = call.engine.mounts.snapshot().locate(&asked).ok_or_else(refused)?;
    let acl = call.engine.policies.snapshot().acl(&call.caller.policies);
    if !acl.allows_any_below(&located.mount.record.path) {
        return Err(refused());
    }
    Answer::data(&Shown::of(&located.mount, WithPath::Yes))
}
