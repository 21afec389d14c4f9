//! The one way to the file system: real files, and in tests files that lose, tear or refuse writes. Files are private
//! (0600, directories 0700), symbolic links are not followed, and child processes inherit no open file.

mod call;
#[cfg(test)]
pub mod faulty;
#[cfg(test)]
mod faulty_tests;

use std::{
    fs, io,
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::Path,
};

use self::call::Call;
pub use self::call::{FileKind, Protection, Room, Stat};
#[cfg(test)]
use self::faulty::Faults;

/// The way to the file system. Cheap to clone. Every call blocks.
#[derive(Clone, Default)]
pub struct Files {
    #[cfg(test)]
    faults: Option<Faults>,
}

/// An open file. Only appends and [`File::read_to_end`] move its position.
pub struct File {
    inner: fs::File,
    #[cfg(test)]
    path: std::path::PathBuf,
    /// The id of the content in the model of the faulty files; `None` for a file that was opened for reading.
    #[cfg(test)]
    id: Option<u64>,
    #[cfg(test)]
    faults: Option<Faults>,
}

/// An exclusive lock on a file, held until this value is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: fs::File,
}

impl Files {
    /// The machine's files.
    pub fn real() -> Self {
        Self::default()
    }

    /// Files that fail as told through the returned handle. Underneath they are real files, so that code that does not
    /// use this type, such as sled, sees the same content. A power cut is simulated by rewriting the files.
    #[cfg(test)]
    pub fn faulty() -> (Self, Faults) {
        let faults = Faults::default();
        (Self { faults: Some(faults.clone()) }, faults)
    }

    /// Opens a file for appending, and creates it if it does not exist.
    pub fn open_append(&self, path: &Path) -> io::Result<File> {
        self.create(path, fs::OpenOptions::new().append(true).create(true))
    }

    pub fn open_read(&self, path: &Path) -> io::Result<File> {
        let file = only_regular(fs::OpenOptions::new().read(true).custom_flags(safe_flags()).open(path)?)?;
        Ok(File {
            inner: file,
            #[cfg(test)]
            path: path.to_owned(),
            #[cfg(test)]
            id: None,
            #[cfg(test)]
            faults: self.faults.clone(),
        })
    }

    /// Creates a file and opens it for appending. Fails if the file exists.
    pub fn create_new(&self, path: &Path) -> io::Result<File> {
        self.create(path, fs::OpenOptions::new().append(true).create_new(true))
    }

    /// Reads the whole content of a file.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_read(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes a file from its beginning and syncs its content. A file that exists at `path` is replaced. The directory
    /// entry is durable only after [`Files::sync_dir`].
    pub fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.exists(path) {
            self.remove(path)?;
        }
        let file = self.create_new(path)?;
        file.write_all(bytes)?;
        file.sync_data()
    }

    /// Renames a file. A file that has the new name is replaced. The change is durable after [`Files::sync_dir`].
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Call::Rename(from, to), || fs::rename(from, to))
    }

    /// Makes creations, renames and removals in `dir` durable.
    pub fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step(Call::SyncDir(dir), || fs::File::open(dir)?.sync_all())
    }

    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(Call::Remove(path), || fs::remove_file(path))
    }

    /// Removes `dir` and everything in it.
    pub fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.step(Call::Remove(dir), || fs::remove_dir_all(dir))
    }

    /// Whether something stands at `path`. False also if that cannot be found out.
    pub fn exists(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok()
    }

    /// Creates `dir` and the missing directories above it. Only their owner can enter them.
    pub fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        self.step(Call::CreateDir(dir), || fs::DirBuilder::new().recursive(true).mode(0o700).create(dir))
    }

    /// Names of the entries of `dir`, sorted.
    pub fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Identity and length of the file at `path` now. It need not be the file that was opened there before.
    pub fn stat(&self, path: &Path) -> io::Result<Stat> {
        fs::symlink_metadata(path).map(|data| Stat::of(&data))
    }

    /// Who may do what with the file or directory at `path`. A link is not followed.
    pub fn protection(&self, path: &Path) -> io::Result<Protection> {
        fs::symlink_metadata(path).map(|data| Protection::of(&data))
    }

    /// The path without links.
    pub fn real_path(&self, path: &Path) -> io::Result<std::path::PathBuf> {
        fs::canonicalize(path)
    }

    /// The free and total room of the file system that holds `path`.
    pub fn room(&self, path: &Path) -> io::Result<Room> {
        #[cfg(test)]
        if let Some(room) = self.faults.as_ref().and_then(|faults| faults.room_of(path)) {
            return Ok(room);
        }
        let found = rustix::fs::statvfs(path)?;
        let unit = found.f_frsize;
        Ok(Room { free_bytes: found.f_bavail.saturating_mul(unit), total_bytes: found.f_blocks.saturating_mul(unit) })
    }

    /// Takes the lock at `path` (`flock`) without waiting; `WouldBlock` means that somebody holds it. Our process id is
    /// written into the file, so that others can name the holder.
    pub fn lock(&self, path: &Path) -> io::Result<Lock> {
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let mut file = file.custom_flags(safe_flags()).open(path)?;
        file.try_lock().map_err(io::Error::from)?;
        file.set_len(0)?;
        write!(file, "{}", std::process::id())?;
        Ok(Lock { _file: file })
    }

    /// Whether somebody holds a lock (`flock`) on the file at `path`.
    pub fn is_locked(&self, path: &Path) -> bool {
        let tried = fs::File::open(path).map(|file| file.try_lock());
        matches!(tried, Ok(Err(fs::TryLockError::WouldBlock)))
    }

    fn create(&self, path: &Path, options: &mut fs::OpenOptions) -> io::Result<File> {
        let open = || options.mode(FILE_MODE).custom_flags(safe_flags()).open(path).and_then(only_regular);
        let file = self.step(Call::Create(path), open)?;
        Ok(File {
            inner: file,
            #[cfg(test)]
            path: path.to_owned(),
            #[cfg(test)]
            id: self.faults.as_ref().and_then(|faults| faults.id_of(path)),
            #[cfg(test)]
            faults: self.faults.clone(),
        })
    }

    /// Every call that changes something goes through here.
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "the faulty files are asked here"))]
    fn step<T>(&self, call: Call<'_>, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        #[cfg(test)]
        if let Some(faults) = &self.faults {
            return faults.step(call, act);
        }
        let _ = call;
        act()
    }
}

impl File {
    /// Appends all of `bytes`. After an error a part of them may stand in the file.
    pub fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if let Some(faults) = &self.faults {
            return faults.write(self.id, &self.path, &self.inner, bytes);
        }
        (&self.inner).write_all(bytes)
    }

    /// Appends the rest of the file to `bytes`, from where the last such call ended, or from the beginning at the first
    /// call. Returns how many bytes were read.
    pub fn read_to_end(&self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        (&self.inner).read_to_end(bytes)
    }

    /// Fills `bytes` from `offset`. Returns how many bytes were read: fewer than asked for only at the end of the file.
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.inner.read_at(rest, offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// `fdatasync`. After an error it must not be tried again: the kernel may have dropped what it could not write.
    pub fn sync_data(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(faults) = &self.faults {
            return faults.step(Call::Sync(self.id, &self.path), || self.inner.sync_data());
        }
        self.inner.sync_data()
    }

    pub fn stat(&self) -> io::Result<Stat> {
        self.inner.metadata().map(|data| Stat::of(&data))
    }
}

/// Symbolic links are not followed, and opening a FIFO does not wait for whoever holds its other end.
fn safe_flags() -> i32 {
    i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits()).unwrap_or(0)
}

/// Refuses what is no regular file. A FIFO or a device would take what is written and keep nothing.
fn only_regular(file: fs::File) -> io::Result<fs::File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// The mode of files that we create: only their owner can read and write them.
const FILE_MODE: u32 = 0o600;
