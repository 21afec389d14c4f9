//! The boot file: all that a sealed server needs. It stands outside of the store in two copies, each replaced by
//! write-new, sync, rename, directory sync, so that one whole copy is there at every moment. A new content is first
//! proposed (`boot.new`) and takes the place of the old one only when it is promoted.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    errors::{OpenError, StoreError},
    files::Files,
};

/// Holds one content and at most one proposal. Calls block. Who opens the file form has the store of the same
/// directory open, whose lock keeps other processes away.
pub struct Boot {
    state: Mutex<State>,
    home: Home,
}

/// The closed set of places where it is kept.
enum Home {
    Memory,
    Directory { dir: PathBuf, files: Files },
}

#[derive(Default)]
struct State {
    current: Option<Copy>,
    proposed: Option<Copy>,
}

/// A content with its place in the order of all contents of this boot file.
#[derive(Clone, PartialEq, Eq)]
struct Copy {
    round: u64,
    content: Vec<u8>,
}

impl Boot {
    /// A boot file that is gone with the process.
    pub fn memory() -> Self {
        Self { state: Mutex::default(), home: Home::Memory }
    }

    /// Reads what stands in `dir`, which it creates if need be. A copy that is missing, damaged or older is written
    /// anew from the other one; two damaged ones are an error.
    pub fn open(dir: &Path, files: Files) -> Result<Self, OpenError> {
        files.create_dir_all(dir).map_err(|error| OpenError::io(dir, &error))?;
        let paths = COPIES.map(|name| dir.join(name));
        let found = [load(&files, &paths[0])?, load(&files, &paths[1])?];
        let newest = found.iter().filter_map(Found::copy).max_by_key(|copy| copy.round).cloned();
        if newest.is_none() && found.iter().any(|found| matches!(found, Found::Damaged)) {
            return Err(OpenError::damaged(&dir.join(COPIES[0]), "no copy of the boot file is whole"));
        }
        if let Some(newest) = &newest {
            for (path, found) in paths.iter().zip(&found) {
                if found.copy() != Some(newest) {
                    replace(&files, dir, path, newest).map_err(|error| OpenError::io(path, &error))?;
                }
            }
        }
        let proposed = load(&files, &dir.join(PROPOSAL))?.into_copy();
        // A proposal that was promoted just before a crash is no proposal any more.
        let last_round = newest.as_ref().map_or(0, |copy| copy.round);
        let proposed = proposed.filter(|copy| copy.round > last_round);
        let state = Mutex::new(State { current: newest, proposed });
        Ok(Self { state, home: Home::Directory { dir: dir.to_owned(), files } })
    }

    /// The content in force; `None` before the first promotion.
    pub fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().current.as_ref().map(|copy| copy.content.clone()))
    }

    /// Keeps `content` beside the one in force, in place of an earlier proposal. `Ok` means durable.
    pub fn propose(&self, content: &[u8]) -> Result<(), StoreError> {
        let mut state = self.state();
        // Above an earlier proposal too: a promotion of it may have failed half way, with one copy written.
        let round = state.current.iter().chain(&state.proposed).map(|copy| copy.round).max().unwrap_or(0) + 1;
        let copy = Copy { round, content: content.to_vec() };
        self.keep(PROPOSAL, &copy)?;
        state.proposed = Some(copy);
        Ok(())
    }

    /// Puts the proposal in force; without one nothing happens. `Ok` means durable. After an error the old or the new
    /// content is in force at the next start, and until then the old one.
    pub fn promote(&self) -> Result<(), StoreError> {
        let mut state = self.state();
        let Some(copy) = state.proposed.clone() else {
            return Ok(());
        };
        for name in COPIES {
            self.keep(name, &copy)?;
        }
        state.current = Some(copy);
        state.proposed = None;
        if let Home::Directory { dir, files } = &self.home {
            // What is left of it says itself that it is promoted: its round is not above that of the copies.
            let _ = files.remove(&dir.join(PROPOSAL)).and_then(|()| files.sync_dir(dir));
        }
        Ok(())
    }

    /// The content that was proposed last and neither promoted nor replaced.
    pub fn proposed(&self) -> Option<Vec<u8>> {
        self.state().proposed.as_ref().map(|copy| copy.content.clone())
    }

    fn keep(&self, name: &str, copy: &Copy) -> Result<(), StoreError> {
        match &self.home {
            Home::Memory => Ok(()),
            Home::Directory { dir, files } => {
                let path = dir.join(name);
                replace(files, dir, &path, copy)
                    .map_err(|error| StoreError::Io(format!("cannot write `{}`: {error}", path.display())))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands at the place of a copy.
enum Found {
    Nothing,
    Damaged,
    Whole(Copy),
}

impl Found {
    fn copy(&self) -> Option<&Copy> {
        if let Self::Whole(copy) = self { Some(copy) } else { None }
    }

    fn into_copy(self) -> Option<Copy> {
        if let Self::Whole(copy) = self { Some(copy) } else { None }
    }
}

fn load(files: &Files, path: &Path) -> Result<Found, OpenError> {
    match files.read(path) {
        Ok(bytes) => Ok(Copy::decode(&bytes).map_or(Found::Damaged, Found::Whole)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(OpenError::io(path, &error)),
    }
}

fn replace(files: &Files, dir: &Path, path: &Path, copy: &Copy) -> std::io::Result<()> {
    let draft = dir.join(DRAFT);
    files.write_new(&draft, &copy.encode())?;
    files.rename(&draft, path)?;
    files.sync_dir(dir)
}

impl Copy {
    /// `magic 8 | round u64 | length u32 | CRC-32 of all else u32 | content`, little endian.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.content.len());
        bytes.extend(MAGIC);
        bytes.extend(self.round.to_le_bytes());
        bytes.extend((self.content.len() as u32).to_le_bytes());
        bytes.extend(self.checksum().to_le_bytes());
        bytes.extend(&self.content);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (round, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (checksum, content) = rest.split_first_chunk::<4>()?;
        let copy = Self { round: u64::from_le_bytes(*round), content: content.to_vec() };
        let is_whole = magic == MAGIC
            && usize::try_from(u32::from_le_bytes(*length)) == Ok(content.len())
            && u32::from_le_bytes(*checksum) == copy.checksum();
        is_whole.then_some(copy)
    }

    fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(MAGIC);
        hasher.update(&self.round.to_le_bytes());
        hasher.update(&self.content);
        hasher.finalize()
    }
}

const COPIES: [&str; 2] = ["boot.a", "boot.b"];
const PROPOSAL: &str = "boot.new";
const DRAFT: &str = "boot.draft";
const MAGIC: &[u8; 8] = b"SRBOOT\x00\x01";
const HEADER_BYTES: usize = 24;
