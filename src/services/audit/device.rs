//! One device: a file, the log in it, and what the file still lacks. Whoever holds the desk calls these; nothing here
//! waits for anything but the file system.

use std::{path::PathBuf, sync::Arc};

use super::{
    line::{Chain, DeviceKey, Kind, Sheet},
    missed::{Item, Missed},
    own,
    sign::word,
};
use crate::{
    base::time::Time,
    crypto::{merkle::leaf_hash, note::Checkpoint},
    store::files::{File, Files, Stat},
};

/// A file device as the configuration names it.
#[derive(Clone, Debug)]
pub struct DeviceConfig {
    pub name: String,
    pub path: PathBuf,
    /// Whether requests are refused while this device cannot write.
    pub required: bool,
    /// Whether a line is synced before its request is answered.
    pub sync_always: bool,
}

/// How a device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its file has every line.
    Up,
    /// It can write again, and lacks lines still.
    Behind,
    /// Its file could not be opened, written or synced.
    Down,
}

/// A device as `sys/audit` and health show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceStatus {
    pub name: String,
    pub path: PathBuf,
    pub required: bool,
    pub state: State,
    /// What went wrong: operation and cause, for operators.
    pub error: Option<String>,
}

pub(super) struct Device {
    pub config: DeviceConfig,
    pub files: Files,
    pub state: State,
    pub error: Option<String>,
    /// When to try again, while down.
    pub retry_at: Time,
    pub file: Option<Arc<File>>,
    /// Where the open file lies: device and inode.
    pub place: (u64, u64),
    /// Bytes that the file has if nobody else touches it.
    pub length: u64,
    /// Of these, how many are synced.
    pub synced_length: u64,
    /// Whether the file's name is durable.
    pub is_entry_synced: bool,
    /// A sync failed: what was written since the one before may be lost, whatever the file shows.
    pub is_distrusted: bool,
    /// `None` until the file has been opened once.
    pub chain: Option<Chain>,
    pub key: Option<DeviceKey>,
    /// `<cluster>/<log id>`, once the device has been told.
    pub prefix: Option<String>,
    pub sheet: Sheet,
    /// Whether the sheet holds what a failed write tried.
    pub has_attempt: bool,
    pub owed: Owed,
    pub missed: Missed,
    pub checkpoint: Option<Checkpoint>,
    pub checkpoint_at: Time,
    /// Lines that the log had after its newest signed head.
    pub checkpoint_lines: u64,
    pub fed: Fed,
    /// Lines that the log had when this process opened it.
    pub lines_at_open: u64,
    /// Whether a head kept elsewhere agrees with the file, as far as the start could see.
    pub kept_agrees: Option<bool>,
}

/// The log's own lines that the file lacks.
#[derive(Default)]
pub(super) struct Owed {
    pub newline: bool,
    /// Torn lines and their bytes.
    pub torn: (u64, u64),
    pub head: Option<Head>,
    /// The public key to print.
    pub key: Option<String>,
}

pub(super) struct Head {
    pub reason: &'static str,
    pub last_note: Option<String>,
    pub old: Option<(String, u64)>,
}

/// How far the journal's notes are known to have their lines.
#[derive(Default)]
pub(super) struct Fed {
    /// All changes up to this sequence have theirs.
    pub sequence: u64,
    /// Whatever belongs to later changes stands behind this line.
    pub line: u64,
    /// As `sequence`, once that is synced.
    pub synced: u64,
    /// Sequence and line that become the above once every request of this epoch has its outcome.
    pub next: Option<(u64, u64, u64)>,
}

impl Device {
    pub fn new(config: DeviceConfig, files: Files) -> Self {
        Self {
            config,
            files,
            state: State::Down,
            error: None,
            retry_at: Time::EPOCH,
            file: None,
            place: (0, 0),
            length: 0,
            synced_length: 0,
            is_entry_synced: false,
            is_distrusted: false,
            chain: None,
            key: None,
            prefix: None,
            sheet: Sheet::default(),
            has_attempt: false,
            owed: Owed::default(),
            missed: Missed::default(),
            checkpoint: None,
            checkpoint_at: Time::EPOCH,
            checkpoint_lines: 0,
            fed: Fed::default(),
            lines_at_open: 0,
            kept_agrees: None,
        }
    }

    pub fn status(&self) -> DeviceStatus {
        let DeviceConfig { name, path, required, .. } = self.config.clone();
        DeviceStatus { name, path, required, state: self.state, error: self.error.clone() }
    }

    /// The log's full name: `<cluster>/<log id>.<the log's own>/<device>`.
    pub fn origin(&self) -> Option<String> {
        let (prefix, chain) = (self.prefix.as_ref()?, self.chain.as_ref()?);
        Some(format!("{prefix}.{}/{}", chain.id, word(&self.config.name)))
    }

    pub fn lines(&self) -> u64 {
        self.chain.as_ref().map_or(0, Chain::lines)
    }

    /// Writes the lines of all `items` with one call. `false` where the device does not have them now; it keeps them.
    pub fn write(&mut self, bytes: &[u8], items: &[Item]) -> bool {
        let chain = self.chain.as_ref().filter(|_| self.state == State::Up);
        if let Some(chain) = chain {
            self.sheet.begin(chain);
            for item in items {
                self.sheet.note(item.of(bytes), self.key.as_mut(), item.txn);
            }
            if self.write_sheet() {
                return true;
            }
            // All of them are kept, so that what got in can be settled against them.
            for item in items {
                self.missed.keep(item.of(bytes), item.txn);
            }
            return false;
        }
        for item in items {
            self.missed.add(item.of(bytes), item.txn);
        }
        false
    }

    /// Writes lines of the log's own.
    pub fn write_own(&mut self, members: &[&str]) -> bool {
        let Some(chain) = &self.chain else { return false };
        self.sheet.begin(chain);
        for members in members {
            self.sheet.own(members, Kind::Own);
        }
        self.write_sheet()
    }

    /// Writes everything that is owed and missed, and is up again.
    pub fn pay(&mut self, now: Time) -> bool {
        let Some(chain) = &self.chain else { return false };
        let origin = self.origin();
        let (sheet, owed) = (&mut self.sheet, &self.owed);
        sheet.begin(chain);
        if owed.newline {
            sheet.end_torn();
        }
        if let Some(head) = &owed.head {
            let old = head.old.as_ref().map(|(log, lines)| own::Old { log, lines: *lines });
            let members = own::head(now, &self.config.name, chain, head.reason, (head.last_note.as_deref(), old));
            sheet.own(&members, Kind::Head);
        }
        if owed.torn.0 > 0 {
            sheet.own(&own::torn(now, owed.torn.0, owed.torn.1), Kind::Torn);
        }
        if let (Some(key), Some(origin)) = (&owed.key, &origin) {
            sheet.own(&own::key(now, origin, key), Kind::Key);
        }
        for item in &self.missed.items {
            sheet.note(item.of(&self.missed.bytes), self.key.as_mut(), item.txn);
        }
        for gap in &mut self.missed.gaps {
            sheet.own(&gap.members(now), Kind::Gap);
        }
        if !sheet.bytes.is_empty() && !self.write_sheet() {
            return false;
        }
        (self.state, self.error) = (State::Up, None);
        true
    }

    /// Hands the sheet to the file.
    fn write_sheet(&mut self) -> bool {
        let Some(file) = &self.file else { return false };
        match file.write_all(&self.sheet.bytes) {
            Ok(()) => {
                self.settle(self.sheet.bytes.len());
                true
            }
            Err(error) => {
                self.has_attempt = true;
                self.fail("write", &error);
                false
            }
        }
    }

    /// Takes account of the first `written` bytes of the sheet: they are in the file. A line of which only a part got
    /// in is a leaf of the tree as it stands there; it is never cut back.
    pub fn settle(&mut self, written: usize) {
        let Some(chain) = &mut self.chain else { return };
        self.has_attempt = false;
        self.length += written as u64;
        let mut whole_until = usize::from(self.sheet.ends_torn).min(written);
        if whole_until > 0 {
            self.owed.newline = false;
        }
        let mut notes = 0;
        // A line that lacks nothing but its newline is whole.
        for line in self.sheet.lines.iter().take_while(|line| line.end <= written + 1) {
            chain.push(line.leaf);
            whole_until = line.end.min(written);
            self.owed.newline = line.end > written;
            match line.kind {
                Kind::Note => notes += 1,
                Kind::Torn => self.owed.torn = (0, 0),
                Kind::Head => self.owed.head = None,
                Kind::Key => self.owed.key = None,
                Kind::Gap => self.missed.settle_gap(),
                Kind::Own => {}
            }
        }
        if !self.missed.items.is_empty() {
            self.missed.settle(notes);
        }
        let part = self.sheet.bytes.get(whole_until..written).unwrap_or(&[]);
        if !part.is_empty() {
            chain.push(leaf_hash(part));
            self.owed.newline = true;
            self.owed.torn = (self.owed.torn.0 + 1, self.owed.torn.1 + part.len() as u64);
        }
    }

    /// The device is down from here on, until it could be opened and written again.
    pub fn fail(&mut self, operation: &str, error: &std::io::Error) {
        let text = format!("{operation} failed: {error}");
        if self.error.as_ref() != Some(&text) {
            tracing::error!(device = self.config.name, path = %self.config.path.display(), "audit device down: {text}");
        }
        (self.state, self.error) = (State::Down, Some(text));
    }

    /// Sees a file as it is on the disk now.
    pub fn adopt(&mut self, file: File, stat: Stat) {
        self.file = Some(Arc::new(file));
        self.place = (stat.dev, stat.inode);
        self.length = stat.len;
        self.synced_length = 0;
        self.is_entry_synced = false;
    }
}
