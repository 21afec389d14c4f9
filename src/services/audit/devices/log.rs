//! The log in a file: its chain, the control lines that are due, the drafts that wait, and the write itself. It
//! accounts for every byte that gets into the file, even after a write that failed half way.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use data_encoding::HEXLOWER;

use super::{
    batch::{LineBatch, LineKind},
    due::{DueLines, Naming, Newline},
    file::LogFile,
    scan::{Scan, scan},
    unwritten::Unwritten,
};
use crate::{
    base::time::Time,
    crypto::{kdf::sha256, merkle::leaf_hash, note::Checkpoint},
    services::audit::{chain::Chain, control::Head, file_lines::range, keys::DeviceHasher, queued::QueuedLines},
    store::files::Stat,
};

pub(crate) struct Log {
    file: LogFile,
    /// The hash chain. `None` until the file has been opened once.
    chain: Option<Chain>,
    /// Hashes the values in lines under the key of this device. `None` while sealed.
    hasher: Option<DeviceHasher>,
    batch: LineBatch,
    /// Whether the last write failed. Then a part of its batch may be in the file.
    has_failed_write: bool,
    due: DueLines,
    unwritten: Unwritten,
}

impl Log {
    pub(crate) fn new(file: LogFile) -> Self {
        Self {
            file,
            chain: None,
            hasher: None,
            batch: LineBatch::default(),
            has_failed_write: false,
            due: DueLines::default(),
            unwritten: Unwritten::default(),
        }
    }

    pub(crate) const fn file(&self) -> &LogFile {
        &self.file
    }

    pub(crate) fn file_mut(&mut self) -> &mut LogFile {
        &mut self.file
    }

    pub(crate) const fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    pub(crate) fn lines(&self) -> u64 {
        self.chain.as_ref().map_or(0, Chain::lines)
    }

    pub(crate) const fn has_keys(&self) -> bool {
        self.hasher.is_some()
    }

    /// From now on the values in lines are hashed. The next flush names the public key.
    pub(crate) fn attach_keys(&mut self, hasher: DeviceHasher, public_key: String) {
        self.hasher = Some(hasher);
        self.due.set_public_key(Some(public_key));
    }

    pub(crate) fn forget_keys(&mut self) {
        self.hasher = None;
        self.due.set_public_key(None);
    }

    /// Whether drafts wait for this device.
    pub(crate) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Keeps drafts that cannot be written now for the next flush. If too many wait already, they are only counted.
    pub(crate) fn postpone(&mut self, lines: &QueuedLines) {
        lines.iter().for_each(|line| self.unwritten.add(line));
    }

    /// Keeps drafts for the next flush, however many there are.
    pub(crate) fn keep(&mut self, lines: &QueuedLines) {
        lines.iter().for_each(|line| self.unwritten.keep(line));
    }

    /// Writes the lines of all drafts with one call. After an error all drafts are kept, until it is
    /// known which of their lines are in the file.
    pub(crate) fn append(&mut self, lines: &QueuedLines) -> io::Result<()> {
        let Some(chain) = &self.chain else { return Err(io::ErrorKind::NotConnected.into()) };
        self.batch.begin(chain);
        for line in lines.iter() {
            self.batch.add_draft(line, self.hasher.as_mut());
        }
        let written = self.write_batch();
        if written.is_err() {
            self.keep(lines);
        }
        written
    }

    /// Writes one control line.
    pub(crate) fn append_control(&mut self, members: &str) -> io::Result<()> {
        let Some(chain) = &self.chain else { return Err(io::ErrorKind::NotConnected.into()) };
        self.batch.begin(chain);
        self.batch.add_control(members, LineKind::Control);
        self.write_batch()
    }

    /// Writes all control lines that are due and all drafts that wait, with one call.
    pub(crate) fn flush(&mut self, naming: &Naming<'_>, now: Time) -> io::Result<()> {
        let Some(chain) = &self.chain else { return Err(io::ErrorKind::NotConnected.into()) };
        self.batch.begin(chain);
        self.due.add_to(&mut self.batch, chain, naming, now);
        self.unwritten.add_to(&mut self.batch, self.hasher.as_mut(), now);
        if self.batch.bytes().is_empty() { Ok(()) } else { self.write_batch() }
    }

    fn write_batch(&mut self) -> io::Result<()> {
        match self.file.append(self.batch.bytes()) {
            Ok(()) => {
                self.settle(self.batch.bytes().len());
                Ok(())
            }
            Err(error) => {
                self.has_failed_write = true;
                Err(error)
            }
        }
    }

    /// Accounts for the first `written` bytes of the batch, which are in the file. The written part of a line that was
    /// only partly written becomes a leaf of the tree and stays in the file.
    fn settle(&mut self, written: usize) {
        let Some(chain) = &mut self.chain else { return };
        self.has_failed_write = false;
        self.file.grew(written as u64);
        let mut whole_until = self.batch.newline_bytes(written);
        if whole_until > 0 {
            self.due.set_newline(Newline::Present);
        }
        let mut drafts = 0;
        // A line that lacks only its newline counts as complete.
        for line in self.batch.lines().iter().take_while(|line| line.end <= written + 1) {
            chain.push(line.leaf);
            whole_until = line.end.min(written);
            self.due.set_newline(if line.end > written { Newline::Missing } else { Newline::Present });
            self.due.written(line.kind);
            match line.kind {
                LineKind::Draft => drafts += 1,
                LineKind::Gap => self.unwritten.gap_written(),
                LineKind::Torn | LineKind::Head | LineKind::Key | LineKind::Control => {}
            }
        }
        self.unwritten.drafts_written(drafts);
        let part = self.batch.bytes().get(whole_until..written).unwrap_or(&[]);
        if !part.is_empty() {
            chain.push(leaf_hash(part));
            self.due.add_torn(part.len() as u64);
        }
    }

    /// Finds out how much of a failed write is in the file, and accounts for it. `stat` is the stat of the file now.
    pub(crate) fn settle_failed_write(&mut self, stat: Stat) -> io::Result<()> {
        if !self.has_failed_write {
            return Ok(());
        }
        let length = self.file.length();
        let written = usize::try_from(stat.len.saturating_sub(length)).ok();
        let tried = written.and_then(|written| self.batch.bytes().get(..written));
        let found = match self.file.open_read() {
            Ok(file) if file.stat()? == stat => range(&file, length, stat.len)?,
            // The file has been moved or deleted, so it can only be judged by its length.
            _ => tried.unwrap_or(&[]).to_vec(),
        };
        match tried.filter(|tried| **tried == *found).map(<[u8]>::len) {
            Some(written) => self.settle(written),
            // Somebody else wrote these bytes. The caller compares the lengths, finds that out and begins a new log.
            None => self.has_failed_write = false,
        }
        Ok(())
    }

    /// Opens the file for the first time. If the log in it can be continued, `chain` is set afterwards; otherwise the
    /// caller must begin a new log. Blocks: reads the end of the file.
    pub(crate) fn open(&mut self, sidecar: Option<&Checkpoint>) -> io::Result<Scan> {
        self.file.create_folder()?;
        let opened = self.file.open_path()?;
        let len = opened.1.len;
        let mut found = if len == 0 { Scan::default() } else { scan(&self.file.open_read()?, len, sidecar)? };
        self.file.adopt(opened);
        self.chain = found.chain.take();
        if self.chain.is_some() {
            self.due.set_newline(found.newline);
            self.due.set_torn(found.torn);
        } else {
            self.find_newline()?;
        }
        Ok(found)
    }

    /// Begins a new log at the end of the file. Drafts that wait go into the new log.
    pub(crate) fn begin(&mut self, head: Head, now: Time) {
        let old = head.old.or_else(|| self.chain.as_ref().map(|chain| (chain.id().to_owned(), chain.lines())));
        self.chain = Some(Chain::new(self.new_id(now)));
        self.has_failed_write = false;
        self.due.begin_log(Head { old, ..head });
        self.file.trust_from_here();
    }

    /// Makes an id that no other log has: a hash of the time, the file, the process and a counter.
    fn new_id(&self, now: Time) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let beginning = format!("{:?} {:?} {} {count}", now.unix_nanos(), self.file.place(), std::process::id());
        let hash = sha256(&[beginning.as_bytes(), self.file.path().as_os_str().as_encoded_bytes()]);
        HEXLOWER.encode(hash.first_chunk::<6>().unwrap_or(&[0; 6]))
    }

    /// Continues the log with a `head` line before all other lines.
    pub(crate) fn continue_with(&mut self, head: Head) {
        self.due.set_head(head);
    }

    /// Sets whether the last line in the file has its newline. A missing one is written with the next flush.
    pub(crate) fn set_newline(&mut self, newline: Newline) {
        self.due.set_newline(newline);
    }

    /// Does the same as [`Log::set_newline`], after looking into the file.
    pub(crate) fn find_newline(&mut self) -> io::Result<()> {
        let is_present = self.file.ends_in_newline()?;
        self.due.set_newline(if is_present { Newline::Present } else { Newline::Missing });
        Ok(())
    }
}
