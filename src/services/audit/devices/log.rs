//! The log in a file: its chain, the control lines that are due, the drafts that wait, and the write itself. It takes
//! account of every byte that gets into the file, also of a write that failed half way.

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
    /// `None` until the file has been opened once.
    chain: Option<Chain>,
    /// `None` while sealed.
    hasher: Option<DeviceHasher>,
    batch: LineBatch,
    /// Whether a write failed: a part of the batch may be in the file.
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

    /// From now on values are hashed; the public key is named with the next flush.
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

    /// Keeps drafts that cannot be written now, or counts them if too many wait.
    pub(crate) fn postpone(&mut self, lines: &QueuedLines) {
        lines.iter().for_each(|line| self.unwritten.add(line));
    }

    /// Keeps drafts for the next flush, however many there are.
    pub(crate) fn keep(&mut self, lines: &QueuedLines) {
        lines.iter().for_each(|line| self.unwritten.keep(line));
    }

    /// Writes the lines of all drafts with one call. After an error it keeps all of them, so that what got in can be
    /// settled against them.
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

    /// Writes everything that is due and everything that waits, with one call.
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

    /// Takes account of the first `written` bytes of the batch: they are in the file. A line of which only a part got in
    /// is a leaf of the tree in that form; it is never cut back.
    fn settle(&mut self, written: usize) {
        let Some(chain) = &mut self.chain else { return };
        self.has_failed_write = false;
        self.file.grew(written as u64);
        let mut whole_until = self.batch.newline_bytes(written);
        if whole_until > 0 {
            self.due.set_newline(Newline::Present);
        }
        let mut drafts = 0;
        // A line that lacks only its newline is whole.
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

    /// Takes account of what a failed write left in the file, which is `stat` now.
    pub(crate) fn settle_failed_write(&mut self, stat: Stat) -> io::Result<()> {
        if !self.has_failed_write {
            return Ok(());
        }
        let length = self.file.length();
        let written = usize::try_from(stat.len.saturating_sub(length)).ok();
        let tried = written.and_then(|written| self.batch.bytes().get(..written));
        let found = match self.file.open_read() {
            Ok(file) if file.stat()? == stat => range(&file, length, stat.len)?,
            // The file has another name by now, and can only be judged by its length.
            _ => tried.unwrap_or(&[]).to_vec(),
        };
        match tried.filter(|tried| **tried == *found).map(<[u8]>::len) {
            Some(written) => self.settle(written),
            // Somebody else wrote it. The caller compares the lengths, finds that out and begins a new log.
            None => self.has_failed_write = false,
        }
        Ok(())
    }

    /// Opens the file for the first time, and continues the log in it if that is possible: then there is a chain
    /// afterwards. Blocks while the end of the file is read.
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

    /// Begins a new log where the file ends. Drafts that wait go into the new log.
    pub(crate) fn begin(&mut self, head: Head, now: Time) {
        let old = head.old.or_else(|| self.chain.as_ref().map(|chain| (chain.id().to_owned(), chain.lines())));
        self.chain = Some(Chain::new(self.new_id(now)));
        self.has_failed_write = false;
        self.due.begin_log(Head { old, ..head });
        self.file.trust_from_here();
    }

    /// An id that no other log has: the moment, place and number of its beginning, hashed.
    fn new_id(&self, now: Time) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let beginning = format!("{:?} {:?} {} {count}", now.unix_nanos(), self.file.place(), std::process::id());
        let hash = sha256(&[beginning.as_bytes(), self.file.path().as_os_str().as_encoded_bytes()]);
        HEXLOWER.encode(hash.first_chunk::<6>().unwrap_or(&[0; 6]))
    }

    /// Continues the log with a `head` line first.
    pub(crate) fn continue_with(&mut self, head: Head) {
        self.due.set_head(head);
    }

    /// Drafts whether the last line in the file is ended.
    pub(crate) fn set_newline(&mut self, newline: Newline) {
        self.due.set_newline(newline);
    }

    /// As [`Log::set_newline`], by a look into the file.
    pub(crate) fn find_newline(&mut self) -> io::Result<()> {
        let is_present = self.file.ends_in_newline()?;
        self.due.set_newline(if is_present { Newline::Present } else { Newline::Missing });
        Ok(())
    }
}
