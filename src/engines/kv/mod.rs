//! Key/value secrets with versions (Vault's KV version 2): a write never overwrites, it adds a version, and the oldest
//! versions go when there are too many.
//!
//! Start with `records.rs`: the current version of a key lies in one record with all that is known of the key, so that
//! a read of the latest version is one look-up. Data stays the caller's JSON text, so that numbers stay exact.

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

use crate::contract::{Api, Host, Opaque, Result, SecretsEngine, delete, list, patch, read, write};

/// The engine; everything it knows is in its records.
pub struct Kv;

/// What the audit log shows of the answer to a read: which version it was.
const VERSION_READ: &[&str] = &[
    "metadata.created_time",
    "metadata.custom_metadata.",
    "metadata.deletion_time",
    "metadata.destroyed",
    "metadata.version",
];
/// The same of a write.
const VERSION_WRITTEN: &[&str] = &["created_time", "deletion_time", "destroyed", "version"];

/// The path of a key.
#[derive(serde::Deserialize)]
struct At {
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
                read("data", data::root, "Say that a secret is read at a path of its own."),
                write("delete/{*path}", versions::delete, "Delete the given versions; they can be undeleted."),
                write("undelete/{*path}", versions::undelete, "Make deleted versions readable again."),
                write("destroy/{*path}", versions::destroy, "Remove the data of the given versions for good."),
                read("subkeys/{*path}", subkeys::read, "Show the keys of a secret without their values."),
            ],
        )
        .with([
            list("metadata", metadata::list_root, "List the names of all secrets and folders."),
            list("metadata/{*path}", metadata::list, "List the names of secrets and folders below a folder."),
            read("metadata", data::root, "Say that metadata is read at a path of its own."),
            read("metadata/{*path}", metadata::read, "Show the versions and settings of a secret, never its data."),
            write("metadata/{*path}", metadata::write, "Set what is given of a secret's settings.")
                .exists(metadata::exists),
            patch("metadata/{*path}", metadata::patch, "Set settings and merge custom metadata (RFC 7396)."),
            delete("metadata/{*path}", metadata::delete, "Remove a secret with all its versions for good."),
            read("config", config::read, "Show the settings of this mount."),
            write("config", config::write, "Set what is given of this mount's settings."),
        ])
    }

    async fn open(_host: Host) -> Result<Self> {
        Ok(Self)
    }
}
