//! `sys/seal-status`, `sys/unseal`, `sys/seal` and `sys/key-status`: tell, open and close the seal of the store.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::{Sys, System, VERSION, sender};
use crate::{
    barrier::SealStatus,
    base::secret::Secret,
    contract::{AfterAnswer, Answer, Error, Flag, Result, row::Nothing},
};

#[derive(Serialize)]
struct Status {
    #[serde(rename = "type")]
    kind: &'static str,
    initialized: bool,
    sealed: bool,
    t: u8,
    n: u8,
    progress: u8,
    nonce: String,
    version: &'static str,
    build_date: &'static str,
    commit_date: &'static str,
    migration: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_id: String,
    recovery_seal: bool,
    storage_type: &'static str,
    /// False if the store has closed itself after a failure.
    store_ok: bool,
    strongroom_version: &'static str,
}

/// The build date of the API level that we implement. Clients only display it.
const BUILD_DATE: &str = "2026-11-24T00:00:00Z";

fn shown(system: &System, status: SealStatus) -> Status {
    let is_open = !status.is_sealed;
    Status {
        // Before an init the configuration says how the store will be sealed.
        kind: if !status.is_initialised && system.lifecycle.has_static_key() { "static" } else { status.kind },
        initialized: status.is_initialised,
        sealed: status.is_sealed,
        t: status.threshold,
        n: status.shares,
        progress: status.progress,
        nonce: status.nonce,
        version: super::state::API_LEVEL,
        build_date: BUILD_DATE,
        commit_date: BUILD_DATE,
        migration: false,
        cluster_name: if is_open { status.cluster_name } else { String::new() },
        cluster_id: if is_open { status.cluster_id } else { String::new() },
        recovery_seal: false,
        storage_type: system.barrier.store().kind(),
        store_ok: system.barrier.store().is_open(),
        strongroom_version: VERSION,
    }
}

pub fn status(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    Answer::bare(&shown(&call.engine, call.engine.barrier.status()))
}

/// One share of the key.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Unseal {
    /// The share in hex or base64. Required unless `reset` is set. A reset needs it too while others are submitting
    /// shares.
    key: Option<Secret<String>>,
    /// If true, forgets the shares that were submitted so far. Alone it works if there are none, or if the last one came
    /// ten minutes ago or earlier; otherwise it needs a share in `key`.
    #[schemars(extend("plain" = true))]
    reset: Flag,
    /// Only false is supported.
    migrate: Flag,
}

pub async fn unseal(call: Sys, _: Nothing, input: Unseal) -> Result<Answer> {
    let barrier = &call.engine.barrier;
    let before = barrier.status();
    if input.migrate.0 {
        return Err(Error::invalid("migrate is not supported: a store keeps the seal that it was made with"));
    }
    if input.reset.0 {
        if !before.is_sealed {
            return Err(Error::invalid("vault is unsealed"));
        }
        return reset(&call, input.key.as_ref());
    }
    if !before.is_initialised && before.shares == 0 {
        return Err(Error::invalid("Vault is not initialized"));
    }
    let share = share(input.key.as_ref(), before.shares)?;
    if !before.is_sealed {
        return status(call, Nothing {}, Nothing {});
    }
    let from = sender(&call);
    let after = call.engine.lifecycle.submit_share(share).await.inspect_err(|error| {
        let SealStatus { progress, threshold, .. } = barrier.status();
        let why = &error.message;
        if call.engine.stranger_lines.may(call.now) {
            tracing::warn!(from, "a share was refused: {why} ({progress} of {threshold} are given)");
        }
    })?;
    if after.is_sealed {
        tracing::info!(from, "a share was given: {} of the {} that are needed", after.progress, after.threshold);
    } else {
        tracing::info!(from, "the last share that is needed was given");
    }
    Answer::bare(&shown(&call.engine, after))
}

/// Forgets the shares that were submitted so far. A share in the request is only checked: it is forgotten with the others.
fn reset(call: &Sys, key: Option<&Secret<String>>) -> Result<Answer> {
    let before = call.engine.barrier.status();
    let key = key.filter(|key| !key.expose().is_empty());
    let share = key.map(|key| share(Some(key), before.shares)).transpose()?;
    let may_log = || call.engine.stranger_lines.may(call.now);
    let after = call.engine.lifecycle.forget_shares(share.as_ref()).inspect_err(|error| {
        if may_log() {
            tracing::warn!(from = sender(call), "a reset of the unseal was refused: {}", error.message);
        }
    })?;
    if before.progress > 0 || may_log() {
        let given = before.progress;
        tracing::warn!(
            from = sender(call),
            "the {given} shares that were given so far are forgotten, as a caller asked"
        );
    }
    Answer::bare(&shown(&call.engine, after))
}

/// Decodes a share. It has 33 bytes. If the store has only one share, the share is the key itself: 32 bytes, with or
/// without a number at the end.
fn share(key: Option<&Secret<String>>, shares: u8) -> Result<Secret<Vec<u8>>> {
    let wrong = || Error::invalid("'key' must be a valid hex or base64 string");
    let text =
        key.ok_or_else(|| Error::invalid("'key' must be specified in request body as JSON, or 'reset' set to true"))?;
    let text = text.expose().trim().as_bytes();
    let decoded = HEXLOWER_PERMISSIVE.decode(text).or_else(|_| BASE64.decode(text)).map_err(|_| wrong())?;
    let mut bytes = Secret::new(decoded);
    let length = bytes.expose().len();
    match (shares, length) {
        (1, 33) => bytes.expose_mut().truncate(32),
        (1, 32) | (_, 33) => {}
        _ => return Err(wrong()),
    }
    Ok(bytes)
}

/// Asks the pipeline to seal the store. It does so once it has written the audit log line of this answer.
pub fn seal(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    tracing::info!(from = sender(&call), by = %call.caller.display_name, "a seal is asked for");
    Ok(Answer { after: AfterAnswer::Seal, ..Answer::done() })
}

#[derive(Serialize)]
struct KeyStatus {
    term: u32,
    install_time: String,
    encryptions: u64,
}

pub fn key_status(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    let (term, began) = call.unit().keys().term()?;
    // Random 192-bit nonces need no counter of encryptions.
    Answer::flat(&KeyStatus { term, install_time: began.rfc3339(), encryptions: 0 })
}
