//! The index in sled 0.34.7: one tree, to which `apply_batch` applies each slice as a whole. sled's `flush` does not
//! call fsync, so we sync the file afterwards through a file descriptor of our own. After a kill of the process the
//! index is right. After a power cut it can be damaged; only a journal will prevent that.

use std::{
    collections::BTreeSet,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use ::sled::{Config, Db, IVec, Mode};

use super::{
    batch::Sequence,
    change::{Record, Slice, Summary, WriteId},
    errors::{OpenError, StoreError, panic_text},
    files::{File, Files, Lock},
    sled_form::{self as form, HEAD_KEY, Head, Stored},
    tag::tag_of,
    value::StoredValue,
};
use crate::base::time::Time;

pub(super) struct SledIndex {
    db: Db,
    /// The file that sled flushes into without syncing it.
    data: File,
    dir: PathBuf,
    files: Files,
    /// The files of large pages that we have synced. Long keys make such files, and sled never syncs them.
    blobs: Mutex<BTreeSet<String>>,
    /// Declared last, so that it is dropped last.
    _lock: Lock,
}

impl SledIndex {
    /// Opens or creates the index in `dir/sled`. No other process can use it meanwhile: the index holds `dir/lock` for
    /// as long as it lives. Also returns the head record, which says what the last commit was.
    pub(crate) fn open(dir: &Path, files: Files) -> Result<(Self, Head), OpenError> {
        files.create_dir_all(dir).map_err(|error| OpenError::io(dir, &error))?;
        let lock = take_lock(dir, &files)?;
        let path = dir.join("sled");
        let db = open_db(&path, &files)?;
        sync_dirs(dir, &path, &files).map_err(|error| OpenError::io(&path, &error))?;
        let data = files.open_read(&path.join("db")).map_err(|error| OpenError::io(&path, &error))?;
        let index = Self { db, data, dir: dir.to_owned(), files, blobs: Mutex::default(), _lock: lock };
        let head = guard(|| index.first_head()).map_err(|error| OpenError::damaged(&path, error.to_string()))?;
        Ok((index, head))
    }

    /// The head record of an index that was used before, or a first head record for a new index. A marker file beside
    /// the index tells the two apart. Without the marker, an index that lost everything would look new.
    fn first_head(&self) -> Result<Head, StoreError> {
        let marker = self.dir.join(MARKER);
        let is_fresh = !self.files.exists(&marker);
        match self.db.get(HEAD_KEY).map_err(failed)? {
            Some(bytes) => {
                let head = Head::decode(&bytes).ok_or_else(|| damaged("its head record has an unknown form"))?;
                if is_fresh {
                    self.leave_marker(&marker)?;
                }
                Ok(head)
            }
            None if is_fresh && self.db.iter().next().is_none() => {
                let head = Head { sequence: Sequence::ZERO, time: Time::EPOCH };
                self.apply(Slice { changes: Vec::new(), sequence: head.sequence, time: head.time })?;
                self.sync()?;
                self.leave_marker(&marker)?;
                Ok(head)
            }
            None => Err(damaged("its head record is missing")),
        }
    }

    fn leave_marker(&self, marker: &Path) -> Result<(), StoreError> {
        let left = self.files.write_new(marker, b"sled 0.34\n").and_then(|()| self.files.sync_dir(&self.dir));
        left.map_err(|error| StoreError::Io(format!("cannot write `{}`: {error}", marker.display())))
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<StoredValue>, StoreError> {
        guard(|| self.read(&form::record_key(key)))
    }

    pub(crate) fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Record>, StoreError> {
        guard(|| {
            let mut records = Vec::new();
            for item in self.range(from, to) {
                if records.len() >= limit {
                    break;
                }
                let (full_key, bytes) = item.map_err(failed)?;
                let value = match form::decode(&bytes).ok_or_else(|| damaged("a record has an unknown form"))? {
                    Stored::Inline(value) => Some(StoredValue::page(value)),
                    Stored::Chunked(_) => self.read(&full_key)?,
                };
                records.extend(form::key_of_record(&full_key).map(<[u8]>::to_vec).zip(value));
            }
            Ok(records)
        })
    }

    pub(crate) fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        guard(|| {
            let keys = self.range(from, to).keys().take(limit).map(|key| {
                let key = key.map_err(failed)?;
                form::key_of_record(&key)
                    .map(<[u8]>::to_vec)
                    .ok_or_else(|| damaged("a key that is not of a record lies among records"))
            });
            keys.collect()
        })
    }

    pub(crate) fn peek(&self, key: &[u8]) -> Result<Option<Summary>, StoreError> {
        guard(|| {
            let Some(bytes) = self.db.get(form::record_key(key)).map_err(failed)? else {
                return Ok(None);
            };
            match form::decode(&bytes).ok_or_else(|| damaged("a record has an unknown form"))? {
                Stored::Inline(value) => {
                    Ok(Some(Summary { tag: tag_of(&value), len_bytes: value.len(), made_by: WriteId::default() }))
                }
                Stored::Chunked(seen) => Ok(Some(seen)),
            }
        })
    }

    /// Applies a slice: writes the changes of its batches and the new head record into the tree, atomically.
    pub(crate) fn apply(&self, slice: Slice) -> Result<(), StoreError> {
        let mut batch = ::sled::Batch::default();
        for change in slice.changes {
            if let Some(before) = change.before.filter(|seen| form::is_chunked(change.key.len(), seen.len_bytes)) {
                for index in 0..form::chunk_count(before.len_bytes) {
                    batch.remove(&form::chunk_key(before.made_by, index));
                }
            }
            let key = form::record_key(&change.key);
            match change.new {
                None => batch.remove(key),
                Some(new) if form::is_chunked(change.key.len(), new.len()) => {
                    for (index, chunk) in (0..).zip(form::chunks(&new)) {
                        batch.insert(&form::chunk_key(change.made_by, index), chunk);
                    }
                    let seen = Summary { tag: tag_of(&new), len_bytes: new.len(), made_by: change.made_by };
                    batch.insert(key, form::encode_chunked(&seen));
                }
                Some(new) => batch.insert(key, form::encode_inline(&new)),
            }
        }
        batch.insert(HEAD_KEY, Head { sequence: slice.sequence, time: slice.time }.encode());
        self.db.apply_batch(batch).map_err(failed)
    }

    /// Makes all applied slices durable. Does not use `flush_async`, which deadlocks from the seventh call on.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(failed)?;
        self.sync_files().map_err(|error| StoreError::Io(format!("cannot sync `{}`: {error}", self.dir.display())))
    }

    fn sync_files(&self) -> io::Result<()> {
        let blobs = self.dir.join("sled/blobs");
        let mut synced = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let found: BTreeSet<String> = self.files.names(&blobs)?.into_iter().collect();
        if found != *synced {
            for name in found.difference(&synced) {
                // sled may have removed the file since it was listed.
                match self.files.open_read(&blobs.join(name)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    file => file?.sync_data()?,
                }
            }
            self.files.sync_dir(&blobs)?;
            *synced = found;
        }
        self.data.sync_data()
    }

    pub(crate) fn size_bytes(&self) -> Option<u64> {
        guard(|| self.db.size_on_disk().map_err(failed)).ok()
    }

    pub(crate) fn lacks_room(&self) -> Option<String> {
        // If the file system does not tell its free room, it is assumed to have enough.
        let room = self.files.room(&self.dir).ok()?;
        let reserve = RESERVE_BYTES.min(room.total_bytes / RESERVE_PART);
        (room.free_bytes < reserve).then(|| self.dir.display().to_string())
    }

    /// The value of a record; `None` if there is no such record. If a write replaced its chunks meanwhile, the record
    /// is read again.
    fn read(&self, full_key: &[u8]) -> Result<Option<StoredValue>, StoreError> {
        let mut last: Option<Summary> = None;
        loop {
            let Some(bytes) = self.db.get(full_key).map_err(failed)? else {
                return Ok(None);
            };
            match form::decode(&bytes).ok_or_else(|| damaged("a record has an unknown form"))? {
                Stored::Inline(value) => return Ok(Some(StoredValue::page(value))),
                Stored::Chunked(seen) => {
                    if let Some(joined) = self.join(&seen)? {
                        return Ok(Some(StoredValue::shared(Arc::from(joined))));
                    }
                    // Chunks are deleted in the same batch as the record that names them, so a record that is
                    // unchanged must have its chunks.
                    if last.replace(seen) == Some(seen) {
                        return Err(damaged("a chunk of a value is missing"));
                    }
                }
            }
        }
    }

    fn join(&self, seen: &Summary) -> Result<Option<Vec<u8>>, StoreError> {
        let mut joined = Vec::with_capacity(seen.len_bytes);
        for index in 0..form::chunk_count(seen.len_bytes) {
            let chunk: Option<IVec> = self.db.get(form::chunk_key(seen.made_by, index)).map_err(failed)?;
            let Some(chunk) = chunk else {
                return Ok(None);
            };
            joined.extend(form::part_of(&chunk, &seen.tag).ok_or_else(|| damaged("a chunk belongs to another value"))?);
        }
        if joined.len() == seen.len_bytes {
            Ok(Some(joined))
        } else {
            Err(damaged("a value does not have the length that its record says"))
        }
    }

    fn range(&self, from: &[u8], to: &[u8]) -> ::sled::Iter {
        // sled panics on a range that ends before it begins.
        let to = to.max(from);
        self.db.range(form::record_key(from)..form::record_key(to))
    }
}

fn take_lock(dir: &Path, files: &Files) -> Result<Lock, OpenError> {
    let path = dir.join("lock");
    let mut taken = files.lock(&path);
    for _ in 0..LOCK_TRIES {
        // A child between fork and exec, or a process that is ending, can hold the lock for a moment longer.
        if taken.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            thread::sleep(LINGER_PAUSE);
            taken = files.lock(&path);
        }
    }
    taken.map_err(|error| {
        if error.kind() != io::ErrorKind::WouldBlock {
            return OpenError::io(&path, &error);
        }
        let process = files.read(&path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let holder = process.filter(|id| !id.is_empty()).map_or(String::new(), |id| format!(" by process {id}"));
        OpenError::Locked { path: dir.display().to_string(), holder }
    })
}

/// Opens sled, which panics on some damage.
fn open_db(path: &Path, files: &Files) -> Result<Db, OpenError> {
    for _ in 0..LINGER_TRIES {
        // sled's own flusher stays on, because it also gives space back to sled's log.
        let config =
            Config::new().path(path).cache_capacity(CACHE_BYTES).mode(Mode::LowSpace).flush_every_ms(Some(500));
        match catch_unwind(AssertUnwindSafe(|| config.use_compression(false).open())) {
            Ok(Ok(db)) => return Ok(db),
            // sled locks its data file and lets go of it some milliseconds after a drop, when its threads have ended.
            // Its error has no code for this, so the lock itself is asked.
            Ok(Err(::sled::Error::Io(_))) if files.is_locked(&path.join("db")) => thread::sleep(LINGER_PAUSE),
            Ok(Err(::sled::Error::Io(error))) => return Err(OpenError::io(path, &error)),
            Ok(Err(error)) => return Err(OpenError::damaged(path, error.to_string())),
            Err(panic) => return Err(OpenError::damaged(path, panic_text(&*panic))),
        }
    }
    Err(OpenError::Locked { path: path.display().to_string(), holder: String::from(" although `lock` was free") })
}

/// sled creates files without syncing the directories that name them.
fn sync_dirs(dir: &Path, path: &Path, files: &Files) -> io::Result<()> {
    files.sync_dir(path)?;
    let blobs = path.join("blobs");
    if files.exists(&blobs) {
        files.sync_dir(&blobs)?;
    }
    files.sync_dir(dir)
}

/// Turns a panic of sled into an error.
fn guard<T>(act: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| Err(StoreError::Damaged(panic_text(&*panic))))
}

fn failed(error: ::sled::Error) -> StoreError {
    match error {
        // sled's own words are those of a debugger.
        ::sled::Error::Corruption { at: Some(at), .. } => {
            damaged(&format!("what was read at {at} is not what was written"))
        }
        ::sled::Error::Corruption { at: None, .. } => damaged("what was read is not what was written"),
        error => StoreError::Io(error.to_string()),
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(what.to_owned())
}

/// Size of sled's cache: a hint that sled measures in bytes on disk. Resident memory grows to a few times as much.
const CACHE_BYTES: u64 = 16 << 20;
/// Free bytes on the disk that only urgent batches may use, but at most one in [`RESERVE_PART`] bytes of the file
/// system.
const RESERVE_BYTES: u64 = 256 << 20;
const RESERVE_PART: u64 = 20;
/// The marker file, which is created beside the index once the index has a head record.
const MARKER: &str = "sled.made";
const LOCK_TRIES: usize = 12;
const LINGER_TRIES: usize = 80;
const LINGER_PAUSE: Duration = Duration::from_millis(25);
