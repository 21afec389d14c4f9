//! The file of a device: its handle, what of it is synced, and whether it is still the file that was opened. Nothing
//! here knows what stands in it.

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
    /// Whether the file's name in its folder is durable.
    is_name_synced: bool,
    /// Whether a sync failed: what was written since the sync before may be lost, whatever the file shows.
    is_distrusted: bool,
}

/// What a look at the disk finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDisk {
    Unchanged,
    /// The same file, with another length than ours.
    Resized(Stat),
    /// The path leads to another file, or to none.
    Elsewhere,
}

/// A file to be synced while others go on writing to it.
pub(crate) struct Syncable {
    file: Arc<File>,
    length: u64,
}

/// What came of it.
pub(crate) struct SyncDone {
    result: io::Result<()>,
    length: u64,
}

impl Syncable {
    /// Blocks until the file is on disk up to the length it had.
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

    /// Opens what the path leads to now, for appending (0600, links not followed). [`LogFile::adopt`] makes it ours.
    pub(crate) fn open_path(&self) -> io::Result<(File, Stat)> {
        let file = self.files.open_append(&self.path)?;
        let stat = file.stat()?;
        Ok((file, stat))
    }

    /// Opens what the path leads to now, for reading.
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

    /// As [`LogFile::adopt`], for the file that was ours before and has not changed: what was synced still is.
    pub(crate) fn adopt_again(&mut self, opened: (File, Stat)) {
        let synced_length = self.synced_length;
        self.adopt(opened);
        self.synced_length = synced_length;
    }

    /// What the open file is now, whatever its path leads to.
    pub(crate) fn stat_open(&self) -> io::Result<Option<Stat>> {
        self.open.as_ref().map(|file| file.stat()).transpose()
    }

    pub(crate) const fn is_place_of(&self, stat: Stat) -> bool {
        self.place.0 == stat.dev && self.place.1 == stat.inode
    }

    /// Compares the file at the path with what we know of it.
    pub(crate) fn look(&self) -> io::Result<OnDisk> {
        match self.files.stat(&self.path) {
            Ok(stat) if !self.is_place_of(stat) => Ok(OnDisk::Elsewhere),
            Ok(stat) if stat.len == self.length => Ok(OnDisk::Unchanged),
            Ok(stat) => Ok(OnDisk::Resized(stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(OnDisk::Elsewhere),
            Err(error) => Err(error),
        }
    }

    /// Accepts that somebody else changed the length.
    pub(crate) fn resized(&mut self, stat: Stat) {
        self.length = stat.len;
        self.synced_length = 0;
    }

    /// Whether the file is empty or its last line is ended.
    pub(crate) fn ends_in_newline(&self) -> io::Result<bool> {
        if self.length == 0 {
            return Ok(true);
        }
        Ok(range(&self.open_read()?, self.length - 1, self.length)? == b"\n")
    }

    /// Appends with one call. After an error a part of `bytes` may be in the file.
    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.open.as_ref().ok_or(io::ErrorKind::NotConnected)?.write_all(bytes)
    }

    /// Counts bytes of ours that are in the file.
    pub(crate) fn grew(&mut self, bytes: u64) {
        self.length += bytes;
    }

    /// The file, if anything in it is not synced.
    pub(crate) fn unsynced(&self) -> Option<Syncable> {
        let file = self.open.clone().filter(|_| self.synced_length < self.length)?;
        Some(Syncable { file, length: self.length })
    }

    /// Syncs the whole file.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let file = self.open.clone().ok_or(io::ErrorKind::NotConnected)?;
        self.synced(Syncable { file, length: self.length }.sync())
    }

    /// Takes account of a sync, and makes the name of a new file durable too.
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

    /// A new log begins behind what cannot be trusted.
    pub(crate) fn trust_from_here(&mut self) {
        self.is_distrusted = false;
    }
}
