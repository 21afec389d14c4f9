//! The file of a device: its handle, how much of it is synced, and whether it is still the file that was opened. This
//! module knows nothing about the content of the file.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    services::audit::file_lines::range,
    store::files::{File, Files, Stat},
};

pub(crate) struct LogFile {
    files: Files,
    path: PathBuf,
    open: Option<Arc<File>>,
    /// Device and inode of the open file.
    place: (u64, u64),
    /// How many bytes the file has if nobody else writes to it.
    length: u64,
    synced_length: u64,
    /// Whether the folder entry of the file is synced, so that a power cut cannot lose a new file.
    is_name_synced: bool,
    /// Whether a sync failed. Then everything written since the last successful sync
    /// may be lost, even if it can still be read.
    is_distrusted: bool,
}

/// The result of comparing the file at the path with the open one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDisk {
    Unchanged,
    /// The path leads to the open file, but its length is not the one that we expect.
    Resized(Stat),
    /// The path leads to another file, or to no file.
    Elsewhere,
}

/// A file to be synced while others go on writing to it.
pub(crate) struct Syncable {
    file: Arc<File>,
    length: u64,
}

/// The result of a sync. `length` is the length up to which the file was to be synced.
pub(crate) struct SyncDone {
    result: io::Result<()>,
    length: u64,
}

impl Syncable {
    /// Syncs the file up to the length that it had when this value was made. Blocks.
    pub(crate) fn sync(self) -> SyncDone {
        SyncDone { result: self.file.sync_data(), length: self.length }
    }
}

impl LogFile {
    pub(crate) fn new(files: Files, path: PathBuf) -> Self {
        Self {
            files,
            path,
            open: None,
            place: (0, 0),
            length: 0,
            synced_length: 0,
            is_name_synced: false,
            is_distrusted: false,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn place(&self) -> (u64, u64) {
        self.place
    }

    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    pub(crate) const fn is_distrusted(&self) -> bool {
        self.is_distrusted
    }

    pub(crate) fn create_folder(&self) -> io::Result<()> {
        self.folder().map_or(Ok(()), |folder| self.files.create_dir_all(folder))
    }

    fn folder(&self) -> Option<&Path> {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty())
    }

    /// Opens the file at the path for appending (0600, links not followed).
    /// [`LogFile::adopt`] then makes it the device's file.
    pub(crate) fn open_path(&self) -> io::Result<(File, Stat)> {
        let file = self.files.open_append(&self.path)?;
        let stat = file.stat()?;
        Ok((file, stat))
    }

    /// Opens the file at the path for reading.
    pub(crate) fn open_read(&self) -> io::Result<File> {
        self.files.open_read(&self.path)
    }

    pub(crate) fn adopt(&mut self, (file, stat): (File, Stat)) {
        self.open = Some(Arc::new(file));
        self.place = (stat.dev, stat.inode);
        self.length = stat.len;
        self.synced_length = 0;
        self.is_name_synced = false;
    }

    /// Does the same as [`LogFile::adopt`] for a file that was open before and has
    /// not changed: what was synced still counts.
    pub(crate) fn adopt_again(&mut self, opened: (File, Stat)) {
        let synced_length = self.synced_length;
        self.adopt(opened);
        self.synced_length = synced_length;
    }

    /// The stat of the open file, wherever it is in the file system now. `None` if no file is open.
    pub(crate) fn stat_open(&self) -> io::Result<Option<Stat>> {
        self.open.as_ref().map(|file| file.stat()).transpose()
    }

    pub(crate) const fn is_place_of(&self, stat: Stat) -> bool {
        self.place.0 == stat.dev && self.place.1 == stat.inode
    }

    /// Compares the file at the path with the open file and the expected length.
    pub(crate) fn look(&self) -> io::Result<OnDisk> {
        match self.files.stat(&self.path) {
            Ok(stat) if !self.is_place_of(stat) => Ok(OnDisk::Elsewhere),
            Ok(stat) if stat.len == self.length => Ok(OnDisk::Unchanged),
            Ok(stat) => Ok(OnDisk::Resized(stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(OnDisk::Elsewhere),
            Err(error) => Err(error),
        }
    }

    /// Accepts the length that somebody else gave the file. Nothing in the file counts as synced any more.
    pub(crate) fn resized(&mut self, stat: Stat) {
        self.length = stat.len;
        self.synced_length = 0;
    }

    /// Whether the file is empty or ends in a newline.
    pub(crate) fn ends_in_newline(&self) -> io::Result<bool> {
        if self.length == 0 {
            return Ok(true);
        }
        Ok(range(&self.open_read()?, self.length - 1, self.length)? == b"\n")
    }

    /// Appends `bytes` with one call. After an error a part of them may be in the file.
    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.open.as_ref().ok_or(io::ErrorKind::NotConnected)?.write_all(bytes)
    }

    /// Renames the file to `to`, and continues in a new file at the old path. The next sync makes both names durable.
    pub(crate) fn move_to(&mut self, to: &Path) -> io::Result<()> {
        self.files.rename(&self.path, to)?;
        let opened = self.open_path()?;
        self.adopt(opened);
        Ok(())
    }

    pub(crate) const fn files(&self) -> &Files {
        &self.files
    }

    /// Adds the number of bytes that we wrote to the expected length.
    pub(crate) fn grew(&mut self, bytes: u64) {
        self.length += bytes;
    }

    /// The file, if anything in it is not synced; otherwise `None`.
    pub(crate) fn unsynced(&self) -> Option<Syncable> {
        let file = self.open.clone().filter(|_| self.synced_length < self.length)?;
        Some(Syncable { file, length: self.length })
    }

    /// Syncs the whole file.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let file = self.open.clone().ok_or(io::ErrorKind::NotConnected)?;
        self.synced(Syncable { file, length: self.length }.sync())
    }

    /// Takes the result of a sync, and syncs the folder entry of a new file too.
    pub(crate) fn synced(&mut self, done: SyncDone) -> io::Result<()> {
        let result = done.result.and_then(|()| match self.folder() {
            Some(folder) if !self.is_name_synced => self.files.sync_dir(folder),
            _ => Ok(()),
        });
        match &result {
            Ok(()) => (self.synced_length, self.is_name_synced) = (self.synced_length.max(done.length), true),
            Err(_) => self.is_distrusted = true,
        }
        result
    }

    /// Trusts the file again: a new log begins at its end, and does not depend on what is before it.
    pub(crate) fn trust_from_here(&mut self) {
        self.is_distrusted = false;
    }
}
