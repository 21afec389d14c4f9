//! The types that real and faulty files share: a call that changes something, and what the system says of a file.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// Identity and length of a file. If another process renames or replaces the file, `dev` and `inode` differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub dev: u64,
    pub inode: u64,
    pub len: u64,
}

/// Room of the file system that holds a path, as an unprivileged writer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

impl Stat {
    pub(super) fn of(data: &fs::Metadata) -> Self {
        Self { dev: data.dev(), inode: data.ino(), len: data.len() }
    }
}

/// A call that changes something on disk, as the faulty files see it.
#[cfg_attr(not(test), expect(dead_code, reason = "only the faulty form looks inside"))]
#[derive(Clone, Copy, Debug)]
pub(super) enum Call<'a> {
    Create(&'a Path),
    CreateDir(&'a Path),
    Rename(&'a Path, &'a Path),
    Remove(&'a Path),
    SyncDir(&'a Path),
    Sync(Option<u64>, &'a Path),
}
