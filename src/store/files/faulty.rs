//! Fault injection: files that fail as a test tells them. The files are real. A model beside them knows which names and
//! bytes a power cut may lose, and [`Faults::power_cut`] puts the directory into one of the states that it could leave.
//! It is our own, because the model must know which calls of ours make what durable.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::call::{Call, Room};

/// Controls the files of [`Files::faulty`](super::Files::faulty). Clones share the state.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

/// What fails a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No space: creations, writes (half of the bytes get in) and syncs fail, and there is no free room.
    Full,
    /// The device fails: every call does.
    Broken,
    /// Mounted read-only: every call but a sync fails.
    ReadOnly,
}

/// How much of the unsynced changes a power cut loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing: all changes had reached the disk.
    Nothing,
    /// All changes.
    Everything,
    /// Any part, chosen by this seed: each name and each write is kept or lost, and a kept write may be torn.
    Some(u64),
}

#[derive(Default)]
struct Plan {
    calls: u64,
    crash_at: Option<u64>,
    fail_at: Option<(u64, Fault)>,
    is_dead: bool,
    broken: BTreeMap<PathBuf, Fault>,
    rooms: BTreeMap<PathBuf, Room>,
    model: Model,
}

/// A model of the disk: what is durable, and what has happened since the last sync.
#[derive(Default)]
struct Model {
    contents: BTreeMap<u64, Content>,
    /// Names as processes see them.
    live: BTreeMap<PathBuf, u64>,
    /// Names as a power cut leaves them, for every name that was touched.
    durable: BTreeMap<PathBuf, Option<u64>>,
    changes: Vec<Change>,
    next_id: u64,
}

#[derive(Default)]
struct Content {
    synced: Vec<u8>,
    writes: Vec<Vec<u8>>,
}

#[derive(Clone)]
enum Change {
    Name(PathBuf, u64),
    Gone(PathBuf),
    Moved(PathBuf, PathBuf, u64),
}

impl Faults {
    /// Calls that change something, so far.
    pub(crate) fn calls(&self) -> u64 {
        self.plan(|plan| plan.calls)
    }

    /// Simulates a crash at the `n`-th call from the beginning (1 is the first). That call and all later ones fail; if
    /// it is a write, half of its bytes are written.
    pub(crate) fn crash_at(&self, n: u64) {
        self.plan(|plan| plan.crash_at = Some(n));
    }

    /// The `n`-th call from now (1 is the next) fails once.
    pub(crate) fn fail_nth(&self, n: u64, fault: Fault) {
        self.plan(|plan| plan.fail_at = Some((plan.calls + n, fault)));
    }

    /// From now on calls on `path`, or on what lies beneath it, fail.
    pub(crate) fn break_path(&self, path: &Path, fault: Fault) {
        self.plan(|plan| plan.broken.insert(path.to_owned(), fault));
    }

    pub(crate) fn mend_path(&self, path: &Path) {
        self.plan(|plan| plan.broken.remove(path));
    }

    /// Makes [`super::Files::room`] return this room for `path` and everything beneath it.
    pub(crate) fn set_room(&self, path: &Path, free_bytes: u64, total_bytes: u64) {
        self.plan(|plan| plan.rooms.insert(path.to_owned(), Room { free_bytes, total_bytes }));
    }

    /// Simulates a power cut that loses `loss`, and a restart: the directory then holds what the next process finds.
    /// Files that were opened before the cut lose all further writes.
    pub(crate) fn power_cut(&self, loss: Loss) {
        self.plan(|plan| {
            plan.model.cut(loss);
            plan.crash_at = None;
            plan.is_dead = false;
        });
    }

    pub(super) fn room_of(&self, path: &Path) -> Option<Room> {
        self.plan(|plan| {
            let is_full = |(at, fault): (&PathBuf, &Fault)| *fault == Fault::Full && at.starts_with(path);
            if plan.fault_on(path) == Some(Fault::Full) || plan.broken.iter().any(is_full) {
                return Some(Room { free_bytes: 0, total_bytes: 1 << 40 });
            }
            plan.rooms.iter().rev().find(|(at, _)| path.starts_with(at)).map(|(_, room)| *room)
        })
    }

    pub(super) fn id_of(&self, path: &Path) -> Option<u64> {
        self.plan(|plan| plan.model.live.get(path).copied())
    }

    pub(super) fn step<T>(&self, call: Call<'_>, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.plan(|plan| {
            if let Some(fault) = plan.next_fault(call_path(call), need_of(call)) {
                return Err(error_of(fault));
            }
            plan.model.adopt(call);
            let done = act()?;
            plan.model.record(call);
            Ok(done)
        })
    }

    pub(super) fn write(&self, id: Option<u64>, path: &Path, mut file: &fs::File, bytes: &[u8]) -> io::Result<()> {
        self.plan(|plan| {
            let was_dead = plan.is_dead;
            let fault = plan.next_fault(path, Need::Room);
            let is_torn = fault == Some(Fault::Full) || (plan.is_dead && !was_dead);
            let part = match fault {
                None => bytes,
                Some(_) if is_torn => &bytes[..bytes.len() / 2],
                Some(_) => &[],
            };
            file.write_all(part)?;
            if let Some(content) = id.and_then(|id| plan.model.contents.get_mut(&id)) {
                content.writes.push(part.to_vec());
            }
            fault.map_or(Ok(()), |fault| Err(error_of(fault)))
        })
    }

    fn plan<T>(&self, act: impl FnOnce(&mut Plan) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Plan {
    /// Counts a call, and returns the fault that it meets, if any.
    fn next_fault(&mut self, path: &Path, need: Need) -> Option<Fault> {
        self.calls += 1;
        if self.is_dead || self.crash_at == Some(self.calls) {
            self.is_dead = true;
            return Some(Fault::Broken);
        }
        if let Some((_, fault)) = self.fail_at.take_if(|(at, _)| *at == self.calls) {
            return Some(fault);
        }
        self.fault_on(path).filter(|fault| *fault != Fault::Full || need == Need::Room)
    }

    fn fault_on(&self, path: &Path) -> Option<Fault> {
        self.broken.iter().find(|(at, _)| path.starts_with(at)).map(|(_, fault)| *fault)
    }
}

impl Model {
    /// Reads what stands at the names of `call` before the call: that content counts as durable.
    fn adopt(&mut self, call: Call<'_>) {
        let names: &[&Path] = match call {
            Call::Create(path) | Call::Remove(path) => &[path],
            Call::Rename(from, to) => &[from, to],
            Call::CreateDir(_) | Call::SyncDir(_) | Call::Sync(..) => &[],
        };
        for path in names {
            if self.durable.contains_key(*path) {
                continue;
            }
            let id = fs::read(path).ok().map(|synced| self.add(Content { synced, writes: Vec::new() }));
            self.durable.insert(path.to_path_buf(), id);
            if let Some(id) = id {
                self.live.insert(path.to_path_buf(), id);
            }
        }
    }

    fn add(&mut self, content: Content) -> u64 {
        self.next_id += 1;
        self.contents.insert(self.next_id, content);
        self.next_id
    }

    fn record(&mut self, call: Call<'_>) {
        match call {
            Call::Create(path) => {
                if !self.live.contains_key(path) {
                    let id = self.add(Content::default());
                    self.live.insert(path.to_owned(), id);
                    self.changes.push(Change::Name(path.to_owned(), id));
                }
            }
            Call::Remove(path) => {
                self.live.remove(path);
                self.changes.push(Change::Gone(path.to_owned()));
            }
            Call::Rename(from, to) => {
                if let Some(id) = self.live.remove(from) {
                    self.live.insert(to.to_owned(), id);
                    self.changes.push(Change::Moved(from.to_owned(), to.to_owned(), id));
                }
            }
            Call::SyncDir(dir) => {
                let (done, open) =
                    self.changes.drain(..).partition(|change: &Change| change.path().parent() == Some(dir));
                self.changes = open;
                let done: Vec<Change> = done;
                for change in &done {
                    change.apply(&mut self.durable);
                }
            }
            Call::Sync(id, _) => {
                if let Some(content) = id.and_then(|id| self.contents.get_mut(&id)) {
                    content.synced.extend(content.writes.drain(..).flatten());
                }
            }
            // Directories are taken as durable at once; only files are judged.
            Call::CreateDir(_) => {}
        }
    }

    fn cut(&mut self, loss: Loss) {
        let mut dice = Dice::of(loss);
        let mut names = std::mem::take(&mut self.durable);
        self.changes.iter().filter(|_| dice.keeps()).for_each(|change| change.apply(&mut names));
        let contents = std::mem::take(&mut self.contents);
        let kept: BTreeMap<u64, Vec<u8>> = contents.into_iter().map(|(id, content)| (id, dice.cut(content))).collect();
        *self = Self { next_id: self.next_id, ..Self::default() };
        for (path, id) in names {
            let _ = fs::remove_file(&path);
            if let Some(bytes) = id.and_then(|id| kept.get(&id)) {
                fs::write(&path, bytes).expect("a test directory is writable");
            }
        }
    }
}

impl Change {
    fn path(&self) -> &Path {
        match self {
            Self::Name(path, _) | Self::Gone(path) | Self::Moved(_, path, _) => path,
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Option<u64>>) {
        match self {
            Self::Name(path, id) => names.insert(path.clone(), Some(*id)),
            Self::Gone(path) => names.insert(path.clone(), None),
            Self::Moved(from, to, id) => {
                names.insert(from.clone(), None);
                names.insert(to.clone(), Some(*id))
            }
        };
    }
}

/// Decides whether an unsynced change is kept: always, never, or at random by SplitMix64.
struct Dice {
    loss: Loss,
    state: u64,
}

impl Dice {
    fn of(loss: Loss) -> Self {
        Self { loss, state: if let Loss::Some(seed) = loss { seed } else { 0 } }
    }

    fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn keeps(&mut self) -> bool {
        match self.loss {
            Loss::Nothing => true,
            Loss::Everything => false,
            Loss::Some(_) => self.roll().is_multiple_of(2),
        }
    }

    /// What is left of a file. A lost write before a kept one becomes zeros; a torn write ends in zeros.
    fn cut(&mut self, content: Content) -> Vec<u8> {
        let mut bytes = content.synced;
        let mut end = bytes.len();
        for mut write in content.writes {
            if self.keeps() {
                if matches!(self.loss, Loss::Some(_)) && self.roll().is_multiple_of(3) && !write.is_empty() {
                    let torn_at = usize::try_from(self.roll()).unwrap_or(0) % write.len();
                    write[torn_at..].fill(0);
                }
                bytes.extend(write);
                end = bytes.len();
            } else {
                bytes.extend(std::iter::repeat_n(0, write.len()));
            }
        }
        bytes.truncate(end);
        bytes
    }
}

fn call_path(call: Call<'_>) -> &Path {
    match call {
        Call::Create(path)
        | Call::CreateDir(path)
        | Call::Rename(_, path)
        | Call::Remove(path)
        | Call::SyncDir(path)
        | Call::Sync(_, path) => path,
    }
}

/// Whether a call needs free room on the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Room,
    Nothing,
}

fn need_of(call: Call<'_>) -> Need {
    if let Call::Remove(_) = call { Need::Nothing } else { Need::Room }
}

fn error_of(fault: Fault) -> io::Error {
    io::Error::from_raw_os_error(match fault {
        Fault::Full => rustix::io::Errno::NOSPC.raw_os_error(),
        Fault::Broken => rustix::io::Errno::IO.raw_os_error(),
        Fault::ReadOnly => rustix::io::Errno::ROFS.raw_os_error(),
    })
}
