//! The boot file: all that a sealed server needs, kept outside of the store in two copies. A copy is replaced by
//! writing a new file, syncing it, renaming it and syncing the directory, so one whole copy exists at every moment. New
//! content is first proposed (`boot.new`) and replaces the old content when it is promoted.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    errors::{OpenError, StoreError},
    files::Files,
};

/// The boot file: the content in force and at most one proposal. Calls block. Open the store of the same directory
/// first: the store's lock keeps other processes away.
pub struct Boot {
    state: Mutex<State>,
    home: Home,
}

/// Where the boot file is kept.
enum Home {
    Memory,
    Directory { dir: PathBuf, files: Files },
}

#[derive(Default)]
struct State {
    current: Option<Version>,
    proposed: Option<Version>,
}

/// One version of the content. `round` grows with every proposal.
#[derive(Clone, PartialEq, Eq)]
struct Version {
    round: u64,
    content: Vec<u8>,
}

impl Boot {
    /// A boot file in memory, lost with the process.
    pub(crate) fn memory() -> Self {
        Self { state: Mutex::default(), home: Home::Memory }
    }

    /// Reads the boot file in `dir`, and creates the directory if there is none. A copy that is missing, damaged or
    /// older is written again from the other one. Two damaged copies are an error.
    pub(crate) fn open(dir: &Path, files: Files) -> Result<Self, OpenError> {
        files.create_dir_all(dir).map_err(|error| OpenError::io(dir, &error))?;
        let paths = COPIES.map(|name| dir.join(name));
        let found = [load(&files, &paths[0])?, load(&files, &paths[1])?];
        let newest = found.iter().filter_map(Found::version).max_by_key(|version| version.round).cloned();
        if newest.is_none() && found.iter().any(|found| matches!(found, Found::Damaged)) {
            return Err(OpenError::damaged(&dir.join(COPIES[0]), "no copy of the boot file is whole"));
        }
        if let Some(newest) = &newest {
            for (path, found) in paths.iter().zip(&found) {
                if found.version() != Some(newest) {
                    replace(&files, dir, path, newest).map_err(|error| OpenError::io(path, &error))?;
                }
            }
        }
        let proposed = load(&files, &dir.join(PROPOSAL))?.into_version();
        // A crash can leave the file of a proposal that was promoted already.
        let last_round = newest.as_ref().map_or(0, |version| version.round);
        let proposed = proposed.filter(|version| version.round > last_round);
        let state = Mutex::new(State { current: newest, proposed });
        Ok(Self { state, home: Home::Directory { dir: dir.to_owned(), files } })
    }

    /// The content in force; `None` before the first promotion.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().current.as_ref().map(|version| version.content.clone()))
    }

    /// Stores `content` as a proposal beside the content in force. An earlier proposal is replaced. `Ok` means durable.
    pub(crate) fn propose(&self, content: &[u8]) -> Result<(), StoreError> {
        let mut state = self.state();
        // The round must also be above that of an earlier proposal, whose promotion may have failed after one copy was
        // written.
        let round = state.current.iter().chain(&state.proposed).map(|version| version.round).max().unwrap_or(0) + 1;
        let version = Version { round, content: content.to_vec() };
        self.keep(PROPOSAL, &version)?;
        state.proposed = Some(version);
        Ok(())
    }

    /// Puts the proposal in force; does nothing if there is no proposal. `Ok` means durable. After an error the old
    /// content stays in force until the next start; then the old or the new content is in force.
    pub(crate) fn promote(&self) -> Result<(), StoreError> {
        let mut state = self.state();
        let Some(version) = state.proposed.clone() else {
            return Ok(());
        };
        for name in COPIES {
            self.keep(name, &version)?;
        }
        state.current = Some(version);
        state.proposed = None;
        if let Home::Directory { dir, files } = &self.home {
            // If the removal fails, the next start ignores the file, because its round is not above that of the copies.
            let _ = files.remove(&dir.join(PROPOSAL)).and_then(|()| files.sync_dir(dir));
        }
        Ok(())
    }

    /// The content of the proposal that was not promoted yet. `None` if there is no such proposal.
    pub(crate) fn proposed(&self) -> Option<Vec<u8>> {
        self.state().proposed.as_ref().map(|version| version.content.clone())
    }

    fn keep(&self, name: &str, version: &Version) -> Result<(), StoreError> {
        match &self.home {
            Home::Memory => Ok(()),
            Home::Directory { dir, files } => {
                let path = dir.join(name);
                replace(files, dir, &path, version)
                    .map_err(|error| StoreError::Io(format!("cannot write `{}`: {error}", path.display())))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was found where a copy of the boot file should be.
enum Found {
    Nothing,
    Damaged,
    Whole(Version),
}

impl Found {
    fn version(&self) -> Option<&Version> {
        if let Self::Whole(version) = self { Some(version) } else { None }
    }

    fn into_version(self) -> Option<Version> {
        if let Self::Whole(version) = self { Some(version) } else { None }
    }
}

fn load(files: &Files, path: &Path) -> Result<Found, OpenError> {
    match files.read(path) {
        Ok(bytes) => Ok(Version::decode(&bytes).map_or(Found::Damaged, Found::Whole)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(OpenError::io(path, &error)),
    }
}

fn replace(files: &Files, dir: &Path, path: &Path, version: &Version) -> std::io::Result<()> {
    let draft = dir.join(DRAFT);
    files.write_new(&draft, &version.encode())?;
    files.rename(&draft, path)?;
    files.sync_dir(dir)
}

impl Version {
    /// The form on disk: `magic 8 | round u64 | length u32 | CRC-32 of magic, round and content u32 | content`, little
    /// endian.
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
        let version = Self { round: u64::from_le_bytes(*round), content: content.to_vec() };
        let is_whole = magic == MAGIC
            && usize::try_from(u32::from_le_bytes(*length)) == Ok(content.len())
            && u32::from_le_bytes(*checksum) == version.checksum();
        is_whole.then_some(version)
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
