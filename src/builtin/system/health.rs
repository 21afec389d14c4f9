//! `sys/health` with Vault's status codes, and `sys/leader` for a server without a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::{API_LEVEL, Sys, VERSION};
use crate::contract::{Answer, Error, Flag, Int, Result, row::Nothing};

#[derive(Serialize)]
struct Health {
    initialized: bool,
    sealed: bool,
    standby: bool,
    performance_standby: bool,
    replication_performance_mode: &'static str,
    replication_dr_mode: &'static str,
    server_time_utc: i64,
    version: &'static str,
    enterprise: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_id: String,
    audit_ok: bool,
    store_ok: bool,
    strongroom_version: &'static str,
}

/// Which status code to answer in which state.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Codes {
    /// The status code of a server that is open: 200 to 599, 200 if absent. If its store has closed itself after a
    /// failure, the status code is 503 all the same.
    #[schemars(with = "Option<Int>")]
    activecode: Option<String>,
    /// Accepted and not used: this server is never a standby. 200 to 599.
    #[schemars(with = "Option<Int>")]
    standbycode: Option<String>,
    /// Accepted and not used: this server is never a secondary. 200 to 599.
    #[schemars(with = "Option<Int>")]
    drsecondarycode: Option<String>,
    /// Accepted and not used: this server is never a performance standby. 200 to 599.
    #[schemars(with = "Option<Int>")]
    performancestandbycode: Option<String>,
    /// The status code of a server that is sealed: 200 to 599, 503 if absent.
    #[schemars(with = "Option<Int>")]
    sealedcode: Option<String>,
    /// The status code of a server that is not initialised: 200 to 599, 501 if absent.
    #[schemars(with = "Option<Int>")]
    uninitcode: Option<String>,
    /// Accepted and not used: this server has no cluster. 200 to 599.
    #[schemars(with = "Option<Int>")]
    haunhealthycode: Option<String>,
    /// Accepted and not used: this server has no cluster. 200 to 599.
    #[schemars(with = "Option<Int>")]
    removedcode: Option<String>,
    /// Accepted and not used: this server is never a standby.
    #[schemars(with = "Option<Flag>")]
    standbyok: Option<String>,
    /// Accepted and not used: this server is never a standby.
    #[schemars(with = "Option<Flag>")]
    perfstandbyok: Option<String>,
}

pub fn health(call: Sys, _: Nothing, codes: Codes) -> Result<Answer> {
    let status = call.engine.barrier.status();
    let store_ok = call.engine.barrier.store().is_open();
    let (asked, usual) = match (status.is_initialised, status.is_sealed) {
        (false, _) => (&codes.uninitcode, 501),
        (true, true) => (&codes.sealedcode, 503),
        (true, false) if !store_ok => (&None, 503),
        (true, false) => (&codes.activecode, 200),
    };
    let is_open = !status.is_sealed;
    let modes = if is_open { "disabled" } else { "unknown" };
    let health = Health {
        initialized: status.is_initialised,
        sealed: status.is_sealed,
        standby: status.is_sealed,
        performance_standby: false,
        replication_performance_mode: modes,
        replication_dr_mode: modes,
        server_time_utc: call.now.unix_secs(),
        version: API_LEVEL,
        enterprise: false,
        cluster_name: if is_open { status.cluster_name } else { String::new() },
        cluster_id: if is_open { status.cluster_id } else { String::new() },
        audit_ok: call.engine.audit.is_ready(),
        store_ok,
        strongroom_version: VERSION,
    };
    // The fields for other states are parsed too, so that an invalid status code is refused.
    for other in [
        &codes.standbycode,
        &codes.drsecondarycode,
        &codes.performancestandbycode,
        &codes.haunhealthycode,
        &codes.removedcode,
        &codes.activecode,
        &codes.sealedcode,
        &codes.uninitcode,
    ] {
        code(other.as_deref(), 200)?;
    }
    Ok(Answer::bare(&health)?.with_status(code(asked.as_deref(), usual)?))
}

/// Reads a status code, which must be one that HTTP sends with a body. `usual` if the request has none. As in Vault, a
/// text that is not a number gets an empty list of errors.
fn code(text: Option<&str>, usual: u16) -> Result<u16> {
    let Some(text) = text else { return Ok(usual) };
    let code: u16 = text.parse().map_err(|_| Error::invalid(""))?;
    if (200..=599).contains(&code) {
        Ok(code)
    } else {
        Err(Error::invalid("the status code must be between 200 and 599"))
    }
}

#[derive(Serialize)]
struct Leader {
    ha_enabled: bool,
    is_self: bool,
    active_time: &'static str,
    leader_address: &'static str,
    leader_cluster_address: &'static str,
    performance_standby: bool,
    performance_standby_last_remote_wal: u64,
}

pub fn leader(call: Sys, _: Nothing, _: Nothing) -> Result<Answer> {
    if call.engine.barrier.status().is_sealed {
        return Err(Error::unavailable("Vault is sealed"));
    }
    Answer::bare(&Leader {
        ha_enabled: false,
        is_self: false,
        active_time: "0001-01-01T00:00:00Z",
        leader_address: "",
        leader_cluster_address: "",
        performance_standby: false,
        performance_standby_last_remote_wal: 0,
    })
}
