//! The types that real and faulty files share: a call that changes something, and what the system says of a file.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// Identity and length of a file. If another process renames or replaces the file, `dev` and `inode` differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub dev: u64,
    pub inode: u64,
    pub len: u64,
}

/// Who may do what with a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// The permission bits, with the sticky bit.
    pub mode: u32,
    /// The user id of the owner.
    pub owner: u32,
    pub kind: FileKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    File,
    Directory,
    Link,
    /// A FIFO, a device or a socket.
    Other,
}

impl Protection {
    pub(super) fn of(data: &fs::Metadata) -> Self {
        let kind = match data.file_type() {
            kind if kind.is_file() => FileKind::File,
            kind if kind.is_dir() => FileKind::Directory,
            kind if kind.is_symlink() => FileKind::Link,
            _ => FileKind::Other,
        };
        Self { mode: data.mode() & 0o7777, owner: data.uid(), kind }
    }
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
