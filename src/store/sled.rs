//! The index on sled 0.34.7: one tree, whole slices by `apply_batch`, then `flush` and a sync through a descriptor of
//! our own, because sled's flush is no fsync. After a kill of the process it is right; after a power cut it need not
//! be, which is what the journal will be for.

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
    committer::panic_text,
    errors::{OpenError, StoreError},
    files::{File, Files, Lock},
    index::{Record, Seen, Slice},
    sled_form::{self as form, HEAD_KEY, Head, Stored},
    value::{Value, tag_of},
};
use crate::base::time::Time;

pub(super) struct SledIndex {
    db: Db,
    /// The file that sled flushes into without syncing it.
    data: File,
    dir: PathBuf,
    files: Files,
    /// Files of large pages (long keys make some) that are synced; sled never does it.
    blobs: Mutex<BTreeSet<String>>,
    /// Dropped last: fields are dropped in the order of their declaration.
    _lock: Lock,
}

impl SledIndex {
    /// Opens or creates the index in `dir/sled`, alone: `dir/lock` is held for as long as it lives.
    pub fn open(dir: &Path, files: Files) -> Result<(Self, Head), OpenError> {
        files.create_dir_all(dir).map_err(|error| OpenError::io(dir, &error))?;
        let lock = take_lock(dir, &files)?;
        let path = dir.join("sled");
        let db = open_db(&path)?;
        sync_dirs(dir, &path, &files).map_err(|error| OpenError::io(&path, &error))?;
        let data = files.open_read(&path.join("db")).map_err(|error| OpenError::io(&path, &error))?;
        let index = Self { db, data, dir: dir.to_owned(), files, blobs: Mutex::default(), _lock: lock };
        let head = guard(|| index.first_head()).map_err(|error| OpenError::damaged(&path, error.to_string()))?;
        Ok((index, head))
    }

    /// The head of an index that was used before, or a new one in one that was just made. A marker beside the index
    /// tells them apart, lest an index that lost everything passes for a fresh one.
    fn first_head(&self) -> Result<Head, StoreError> {
        let marker = self.dir.join(MARKER);
        let is_fresh = !self.files.exists(&marker);
        match self.db.get(HEAD_KEY).map_err(failed)? {
            Some(bytes) => {
                let head = Head::decode(&bytes).ok_or_else(|| damaged("its head is not one"))?;
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
            None => Err(damaged("it has lost its head")),
        }
    }

    fn leave_marker(&self, marker: &Path) -> Result<(), StoreError> {
        let left = self.files.write_new(marker, b"sled 0.34\n").and_then(|()| self.files.sync_dir(&self.dir));
        left.map_err(|error| StoreError::Io(format!("cannot write `{}`: {error}", marker.display())))
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        guard(|| self.read(&form::record_key(key)))
    }

    pub fn scan(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Record>, StoreError> {
        guard(|| {
            let mut records = Vec::new();
            for item in self.range(from, to) {
                if records.len() >= limit {
                    break;
                }
                let (full_key, bytes) = item.map_err(failed)?;
                let value = match form::decode(&bytes).ok_or_else(|| damaged("a record has no form"))? {
                    Stored::Inline(value) => Some(Value::page(value)),
                    Stored::Chunked(_) => self.read(&full_key)?,
                };
                records.extend(form::key_of_record(&full_key).map(<[u8]>::to_vec).zip(value));
            }
            Ok(records)
        })
    }

    pub fn keys(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        guard(|| {
            let keys = self.range(from, to).keys().take(limit).map(|key| {
                let key = key.map_err(failed)?;
                form::key_of_record(&key).map(<[u8]>::to_vec).ok_or_else(|| damaged("a record lies among others"))
            });
            keys.collect()
        })
    }

    pub fn peek(&self, key: &[u8]) -> Result<Option<Seen>, StoreError> {
        guard(|| {
            let Some(bytes) = self.db.get(form::record_key(key)).map_err(failed)? else {
                return Ok(None);
            };
            match form::decode(&bytes).ok_or_else(|| damaged("a record has no form"))? {
                Stored::Inline(value) => {
                    Ok(Some(Seen { tag: tag_of(&value), len_bytes: value.len(), born: super::index::Birth::default() }))
                }
                Stored::Chunked(seen) => Ok(Some(seen)),
            }
        })
    }

    /// Puts whole batches and the new head into the tree at once.
    pub fn apply(&self, slice: Slice) -> Result<(), StoreError> {
        let mut batch = ::sled::Batch::default();
        for change in slice.changes {
            if let Some(before) = change.before.filter(|seen| form::is_chunked(change.key.len(), seen.len_bytes)) {
                for index in 0..form::chunk_count(before.len_bytes) {
                    batch.remove(&form::chunk_key(before.born, index));
                }
            }
            let key = form::record_key(&change.key);
            match change.new {
                None => batch.remove(key),
                Some(new) if form::is_chunked(change.key.len(), new.len()) => {
                    for (index, chunk) in (0..).zip(form::chunks(&new)) {
                        batch.insert(&form::chunk_key(change.born, index), chunk);
                    }
                    let seen = Seen { tag: tag_of(&new), len_bytes: new.len(), born: change.born };
                    batch.insert(key, form::encode_chunked(&seen));
                }
                Some(new) => batch.insert(key, form::encode_inline(&new)),
            }
        }
        batch.insert(HEAD_KEY, Head { sequence: slice.sequence, time: slice.time }.encode());
        self.db.apply_batch(batch).map_err(failed)
    }

    /// Never `flush_async`: it deadlocks from seven calls on.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(failed)?;
        self.sync_files().map_err(|error| StoreError::Io(format!("cannot sync `{}`: {error}", self.dir.display())))
    }

    fn sync_files(&self) -> io::Result<()> {
        let blobs = self.dir.join("sled/blobs");
        let mut synced = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let found: BTreeSet<String> = self.files.names(&blobs)?.into_iter().collect();
        if found != *synced {
            for name in found.difference(&synced) {
                // sled removes them when it has no use for them any more, also just now.
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

    pub fn lacks_room(&self) -> Option<String> {
        // A file system that does not tell its room is taken to have some.
        let room = self.files.room(&self.dir).ok()?;
        let reserve = RESERVE_BYTES.min(room.total_bytes / RESERVE_PART);
        (room.free_bytes < reserve).then(|| self.dir.display().to_string())
    }

    /// The value of a record; joined anew when a write came between its head and its chunks.
    fn read(&self, full_key: &[u8]) -> Result<Option<Value>, StoreError> {
        let mut last: Option<Seen> = None;
        loop {
            let Some(bytes) = self.db.get(full_key).map_err(failed)? else {
                return Ok(None);
            };
            match form::decode(&bytes).ok_or_else(|| damaged("a record has no form"))? {
                Stored::Inline(value) => return Ok(Some(Value::page(value))),
                Stored::Chunked(seen) => {
                    if let Some(joined) = self.join(&seen)? {
                        return Ok(Some(Value::shared(Arc::from(joined))));
                    }
                    // Its chunks go only together with the record that names them.
                    if last.replace(seen) == Some(seen) {
                        return Err(damaged("a chunk of a value is missing"));
                    }
                }
            }
        }
    }

    fn join(&self, seen: &Seen) -> Result<Option<Vec<u8>>, StoreError> {
        let mut joined = Vec::with_capacity(seen.len_bytes);
        for index in 0..form::chunk_count(seen.len_bytes) {
            let chunk: Option<IVec> = self.db.get(form::chunk_key(seen.born, index)).map_err(failed)?;
            let Some(chunk) = chunk else {
                return Ok(None);
            };
            joined.extend(form::part_of(&chunk, &seen.tag).ok_or_else(|| damaged("a chunk is of another value"))?);
        }
        if joined.len() == seen.len_bytes { Ok(Some(joined)) } else { Err(damaged("a value has another length")) }
    }

    fn range(&self, from: &[u8], to: &[u8]) -> ::sled::Iter {
        // sled turns a range that ends before it begins into a panic.
        let to = to.max(from);
        self.db.range(form::record_key(from)..form::record_key(to))
    }
}

fn take_lock(dir: &Path, files: &Files) -> Result<Lock, OpenError> {
    let path = dir.join("lock");
    let mut taken = files.lock(&path);
    for _ in 0..LOCK_TRIES {
        // A child of ours between fork and exec, or a process that is just ending, has it for a moment more.
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
fn open_db(path: &Path) -> Result<Db, OpenError> {
    for _ in 0..LINGER_TRIES {
        // The flusher of sled stays on: it is also what gives space back to the log.
        let config =
            Config::new().path(path).cache_capacity(CACHE_BYTES).mode(Mode::LowSpace).flush_every_ms(Some(500));
        match catch_unwind(AssertUnwindSafe(|| config.use_compression(false).open())) {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(error)) if is_lingering(&error) => thread::sleep(LINGER_PAUSE),
            Ok(Err(::sled::Error::Io(error))) => return Err(OpenError::io(path, &error)),
            Ok(Err(error)) => return Err(OpenError::damaged(path, error.to_string())),
            Err(panic) => return Err(OpenError::damaged(path, panic_text(&*panic))),
        }
    }
    Err(OpenError::Locked { path: path.display().to_string(), holder: String::from(" although `lock` was free") })
}

/// After a drop sled's own lock stays for some milliseconds, until its threads are gone.
fn is_lingering(error: &::sled::Error) -> bool {
    matches!(error, ::sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
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
        ::sled::Error::Corruption { .. } => StoreError::Damaged(error.to_string()),
        error => StoreError::Io(error.to_string()),
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(what.to_owned())
}

/// A hint that sled measures in bytes on disk; resident memory grows to a few times as much.
const CACHE_BYTES: u64 = 16 << 20;
/// Free bytes that ordinary batches leave alone, and what part of a small file system is enough.
const RESERVE_BYTES: u64 = 256 << 20;
const RESERVE_PART: u64 = 20;
/// Stands beside the index once it has a head.
const MARKER: &str = "sled.made";
const LOCK_TRIES: usize = 12;
const LINGER_TRIES: usize = 80;
const LINGER_PAUSE: Duration = Duration::from_millis(25);
