//! Key/value secrets with versions (Vault's KV version 2). A write adds a version instead of overwriting the old one.
//! When a key has too many versions, the oldest ones are removed.
//!
//! Start with `records.rs`. The current version of a key is stored in the same record as the key's metadata, so a read
//! of the latest version needs one look-up. Data is stored as the caller's JSON text, so numbers stay exact.

mod config;
mod custom;
mod data;
mod input;
mod metadata;
mod patch;
mod records;
mod subkeys;
mod versions;

#[cfg(test)]
mod tests;

use crate::contract::{Api, Host, Opaque, Result, SecretsEngine, delete, list, patch, read, waits, write};

/// The engine. It has no state outside its records.
pub struct Kv;

/// The part of the answer to a read that the audit log shows: which version was read.
const VERSION_READ: &[&str] = &[
    "metadata.created_time",
    "metadata.custom_metadata.",
    "metadata.deletion_time",
    "metadata.destroyed",
    "metadata.version",
];
/// The part of the answer to a write that the audit log shows.
const VERSION_WRITTEN: &[&str] = &["created_time", "deletion_time", "destroyed", "version"];

/// The path of a key.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct At {
    /// The path of the secret, of one or more names with slashes between them. Case matters.
    path: Opaque,
}

impl SecretsEngine for Kv {
    const KIND: &'static str = "kv";

    fn api() -> Api<Self> {
        Api::new(
            "Key/value secrets: keep JSON documents under paths, with versions.",
            [
                read("data/{*path}", data::read, "Read a version of a secret, the latest unless `version` is given.")
                    .shows(VERSION_READ),
                write("data/{*path}", data::write, "Write a new version of a secret.")
                    .exists(metadata::exists)
                    .shows(VERSION_WRITTEN),
                patch("data/{*path}", data::patch, "Merge into the latest version (RFC 7396) and write the outcome.")
                    .shows(VERSION_WRITTEN),
                delete("data/{*path}", data::delete, "Delete the latest version; it can be undeleted."),
                read("data", data::root, "Explain that each secret has its own path."),
                write("delete/{*path}", versions::delete, "Delete the given versions; they can be undeleted."),
                write("undelete/{*path}", versions::undelete, "Make deleted versions readable again."),
                write("destroy/{*path}", versions::destroy, "Remove the data of the given versions for good."),
                read("subkeys/{*path}", subkeys::read, "Show the keys of a secret without their values."),
            ],
        )
        .with([
            list("metadata", waits(metadata::list_root), "List the names of all secrets and folders."),
            list("metadata/{*path}", waits(metadata::list), "List the names of secrets and folders below a folder."),
            read("metadata", data::root, "Explain that the metadata of each secret has its own path."),
            read("metadata/{*path}", metadata::read, "Show the versions and settings of a secret, never its data."),
            write("metadata/{*path}", metadata::write, "Change the given settings of a secret.")
                .exists(metadata::exists),
            patch("metadata/{*path}", metadata::patch, "Set settings and merge custom metadata (RFC 7396)."),
            delete("metadata/{*path}", metadata::delete, "Remove a secret with all its versions for good."),
            read("config", config::read, "Show the settings of this mount."),
            write("config", config::write, "Change the given settings of this mount."),
        ])
        .elsewhere(data::elsewhere)
    }

    async fn open(_host: Host) -> Result<Self> {
        Ok(Self)
    }
}
