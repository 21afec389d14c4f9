//! How a device gets its file: at the start, after a failure, and when somebody moved, emptied or replaced it. A log is
//! gone on with where that can be done without ever signing two heads that disagree; else a new one begins, whose first
//! line names the old.

use std::{
    io,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use data_encoding::HEXLOWER;

use super::{
    device::{Device, Head, Owed, State},
    line::Chain,
    read::range,
    scan::{Scan, scan},
};
use crate::{
    base::time::Time,
    crypto::{kdf::sha256, note::Checkpoint},
    store::files::{File, Stat},
};

impl Device {
    /// Opens the file for the first time, or tries again after a failure. Afterwards the device is behind, until it has
    /// paid what it owes, or down with the cause of today.
    pub fn bring_up(&mut self, now: Time) -> bool {
        let opened = if self.chain.is_none() { self.open(now) } else { self.reopen(now) };
        match opened {
            Ok(()) => self.state = State::Behind,
            Err(error) => self.fail("open", &error),
        }
        self.state == State::Behind
    }

    fn open(&mut self, now: Time) -> io::Result<()> {
        let path = &self.config.path;
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            self.files.create_dir_all(dir)?;
        }
        let file = self.files.open_append(path)?;
        let stat = file.stat()?;
        let kept = self.kept_beside();
        let found = if stat.len == 0 {
            Scan::default()
        } else {
            scan(&self.files.open_read(path)?, stat.len, kept.as_ref().map(|head| (head.size, head.root)))?
        };
        self.adopt(file, stat);
        self.owed.newline = found.needs_newline;
        self.checkpoint = found.checkpoint;
        if let Some(chain) = found.chain {
            self.owed.torn = found.torn;
            (self.fed.sequence, self.fed.line) = (found.fed, found.fed_line);
            self.kept_agrees = found.kept_agrees;
            self.checkpoint_lines = self.checkpoint.as_ref().map_or(0, |head| head.size + 1);
            self.lines_at_open = chain.lines();
            self.chain = Some(chain);
            if found.torn.0 > 0 {
                tracing::warn!(device = self.config.name, lines = found.torn.0, "audit file ends in a torn line");
            }
        } else {
            self.owed.newline = !self.ends_in_newline()?;
            let reason = if stat.len > 0 { "damaged" } else { "new" };
            let old = kept.filter(|_| self.checkpoint.is_none()).map(|head| (log_of(&head.origin), head.size + 1));
            self.restart(reason, old, now);
        }
        Ok(())
    }

    /// Opens the file anew after a failure, and settles what of the failed write is in it.
    fn reopen(&mut self, now: Time) -> io::Result<()> {
        let file = self.files.open_append(&self.config.path)?;
        let stat = file.stat()?;
        let is_same = self.place == (stat.dev, stat.inode);
        if self.is_distrusted {
            // The kernel may have dropped what it could not sync; what the file shows now proves nothing.
            self.adopt(file, stat);
            self.owed.newline = !self.ends_in_newline()?;
            self.restart("sync failed", None, now);
        } else if is_same {
            self.settle_attempt(stat)?;
            let (length, synced) = (self.length, self.synced_length);
            self.adopt(file, stat);
            if length == stat.len {
                self.synced_length = synced;
            } else {
                self.resized(length, now)?;
            }
        } else {
            if let Some(old) = self.file.as_ref().map(|file| file.stat()) {
                self.settle_attempt(old?)?;
            }
            self.adopt(file, stat);
            self.moved(now)?;
        }
        Ok(())
    }

    /// Whether the file is still the one that was opened, and as long as it should be. If not, says so loudly and goes
    /// on where it can.
    pub fn watch(&mut self, now: Time) {
        let stat = match self.files.stat(&self.config.path) {
            Ok(stat) => Some(stat),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return self.fail("stat", &error),
        };
        match stat {
            Some(stat) if self.place == (stat.dev, stat.inode) && stat.len == self.length => return,
            Some(stat) if self.place == (stat.dev, stat.inode) => {
                let length = self.length;
                self.length = stat.len;
                if let Err(error) = self.resized(length, now) {
                    return self.fail("read", &error);
                }
            }
            _ => {
                // What was written lately is in the old file, whatever it is called now.
                self.write_own(&[&super::own::tail(now, "moved")]);
                if let Some(Err(error)) = self.file.as_ref().map(|file| file.sync_data()) {
                    self.is_distrusted = true;
                    return self.fail("sync", &error);
                }
                let opened =
                    self.files.open_append(&self.config.path).and_then(|file| file.stat().map(|stat| (file, stat)));
                let adopted = opened.and_then(|(file, stat)| {
                    self.adopt(file, stat);
                    self.moved(now)
                });
                if let Err(error) = adopted {
                    return self.fail("open", &error);
                }
            }
        }
        self.pay(now);
    }

    /// The file has another length than what we wrote: `expected` bytes.
    fn resized(&mut self, expected: u64, now: Time) -> io::Result<()> {
        self.owed.newline = !self.ends_in_newline()?;
        self.synced_length = 0;
        if self.length < expected {
            tracing::error!(device = self.config.name, "audit file was truncated by somebody else");
            self.owed.head = Some(self.next_head("truncated"));
        } else {
            tracing::error!(device = self.config.name, "audit file was written by somebody else");
            self.restart("written by others", None, now);
        }
        Ok(())
    }

    fn moved(&mut self, now: Time) -> io::Result<()> {
        tracing::warn!(device = self.config.name, "audit file was moved or deleted: going on in a new one");
        self.owed.newline = false;
        self.owed.head = Some(self.next_head("moved"));
        if self.length > 0 {
            self.owed.newline = !self.ends_in_newline()?;
            self.restart("replaced", None, now);
        }
        Ok(())
    }

    /// Takes account of what a failed write left in the file.
    fn settle_attempt(&mut self, stat: Stat) -> io::Result<()> {
        if !self.has_attempt {
            return Ok(());
        }
        let written = stat.len.saturating_sub(self.length);
        let tried = usize::try_from(written).ok().and_then(|written| self.sheet.bytes.get(..written));
        let found = match self.files.open_read(&self.config.path) {
            Ok(file) if file.stat()? == stat => range(&file, self.length, stat.len)?,
            // The file has another name by now, and can be judged by its length alone.
            _ => tried.unwrap_or(&[]).to_vec(),
        };
        match tried {
            Some(tried) if tried == found => self.settle(tried.len()),
            // Not what we wrote: `resized` sees to it.
            _ => self.has_attempt = false,
        }
        Ok(())
    }

    /// Begins a new log where the file ends. Lines that the old one lacks go into the new one.
    pub fn restart(&mut self, reason: &'static str, old: Option<(String, u64)>, now: Time) {
        let head = self.next_head(reason);
        let old = old.or_else(|| self.chain.as_ref().map(|chain| (chain.id.clone(), chain.lines())));
        if old.is_some() {
            tracing::error!(device = self.config.name, "a new audit log begins: {reason}");
        }
        self.chain = Some(Chain::new(self.new_id(now)));
        (self.checkpoint, self.checkpoint_lines, self.has_attempt, self.is_distrusted) = (None, 0, false, false);
        (self.lines_at_open, self.kept_agrees) = (0, None);
        (self.fed.line, self.fed.next) = (0, None);
        let key = self.owed.key.take();
        self.owed = Owed { newline: self.owed.newline, torn: (0, 0), head: Some(Head { old, ..head }), key };
    }

    fn next_head(&self, reason: &'static str) -> Head {
        Head { reason, last_note: self.checkpoint.as_ref().map(Checkpoint::text), old: None }
    }

    /// A name that no other log has: the moment, place and number of its beginning, hashed.
    fn new_id(&self, now: Time) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let place = format!("{:?} {:?} {} {count}", now.unix_nanos(), self.place, std::process::id());
        let hash = sha256(&[place.as_bytes(), self.config.path.as_os_str().as_encoded_bytes()]);
        HEXLOWER.encode(hash.first_chunk::<6>().unwrap_or(&[0; 6]))
    }

    fn ends_in_newline(&self) -> io::Result<bool> {
        if self.length == 0 {
            return Ok(true);
        }
        let file: File = self.files.open_read(&self.config.path)?;
        Ok(range(&file, self.length - 1, self.length)? == b"\n")
    }

    /// The file beside the log in which its newest signed head is kept.
    pub fn beside(&self) -> PathBuf {
        let mut name = self.config.path.clone().into_os_string();
        name.push(".checkpoint");
        PathBuf::from(name)
    }

    pub fn kept_beside(&self) -> Option<Checkpoint> {
        let bytes = self.files.read(&self.beside()).ok()?;
        Checkpoint::parse(std::str::from_utf8(&bytes).ok()?).ok()
    }
}

/// The log's own name in an origin: `<cluster>/<log id>.<name>/<device>`.
pub(super) fn log_of(origin: &str) -> String {
    let id = origin.split('/').nth(1).unwrap_or("");
    id.rsplit('.').next().unwrap_or("").to_owned()
}
