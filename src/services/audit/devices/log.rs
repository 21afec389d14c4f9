//! The log in a file: its chain, the control lines that are due, the drafts that wait, and the write itself. It
//! accounts for every byte that gets into the file, even after a write that failed half way.

use std::{
    collections::HashSet,
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
    services::audit::{
        chain::Chain,
        control::Head,
        draft_line::{DraftLine, DraftParts},
        file_lines::range,
        keys::DeviceKeys,
        queued::{QueuedLine, QueuedLines},
        request_id::RequestId,
        wording::keyless_draft_of,
    },
    store::files::Stat,
};

pub(crate) struct Log {
    file: LogFile,
    /// The hash chain. `None` until the file has been opened once.
    chain: Option<Chain>,
    /// The lines of the next write. It holds the keys of this device.
    batch: LineBatch,
    /// The requests that the final checkpoint names and whose outcomes have not come yet. Those outcomes are written while
    /// there are no keys, unless the request changed something. All other lines that need keys wait.
    under_way: HashSet<RequestId>,
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
            batch: LineBatch::default(),
            under_way: HashSet::new(),
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
        self.batch.keys().is_some()
    }

    /// From now on the values in lines are hashed, and lines have MACs. The next flush names the public key, and writes
    /// the lines that have waited for the keys.
    pub(crate) fn attach_keys(&mut self, keys: DeviceKeys, public_key: String) {
        self.batch.set_keys(Some(keys));
        self.under_way.clear();
        self.unwritten.wait_no_longer();
        self.due.set_public_key(Some(public_key));
    }

    /// The keys of this device. `None` while sealed.
    pub(crate) const fn keys(&self) -> Option<&DeviceKeys> {
        self.batch.keys()
    }

    pub(crate) fn forget_keys(&mut self) {
        self.batch.set_keys(None);
        self.unwritten.wait_for_keys(is_plain);
        self.due.set_public_key(None);
    }

    /// Notes which requests a final checkpoint names. Their outcomes may be written without keys.
    pub(crate) fn set_under_way(&mut self, requests: &[RequestId]) {
        self.under_way = requests.iter().copied().collect();
    }

    /// The drafts that the next flush writes.
    pub(crate) fn kept_drafts(&self) -> impl Iterator<Item = DraftParts<'_>> {
        self.unwritten.drafts()
    }

    /// Whether drafts wait for this device.
    pub(crate) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Keeps drafts that cannot be written now for the next flush. If too many wait already, they are only counted.
    pub(crate) fn postpone(&mut self, lines: &QueuedLines) {
        for line in lines.iter() {
            if self.has_keys() || is_plain(line.draft) {
                self.unwritten.add(line);
            } else {
                self.unwritten.add_waiting(line);
            }
        }
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
        if self.has_keys() {
            lines.iter().for_each(|line| self.batch.add_draft(line));
            return self.write_drafts(lines);
        }
        let mut keyless = QueuedLines::default();
        for line in lines.iter() {
            if is_plain(line.draft) {
                keyless.push(line);
            } else if let Some(draft) = self.late_outcome(line) {
                keyless.push(QueuedLine { draft: draft.as_bytes(), txn: None });
            } else {
                self.unwritten.add_waiting(line);
            }
        }
        keyless.iter().for_each(|line| self.batch.add_draft(line));
        if keyless.is_empty() { Ok(()) } else { self.write_drafts(&keyless) }
    }

    /// Writes the batch, which holds the lines of `drafts`. After an error they are kept.
    fn write_drafts(&mut self, drafts: &QueuedLines) -> io::Result<()> {
        let written = self.write_batch();
        if written.is_err() {
            self.keep(drafts);
        }
        written
    }

    /// The draft that is written in place of this one while there are no keys: that of a request that was under way at
    /// the seal. A change waits for the keys, because the store keeps its outcome.
    fn late_outcome(&mut self, line: QueuedLine<'_>) -> Option<DraftLine> {
        let parts = DraftParts::read(line.draft).filter(|parts| parts.is_response() && line.txn.is_none())?;
        if self.under_way.remove(&parts.id) { keyless_draft_of(line.draft) } else { None }
    }

    /// Writes one control line.
    pub(crate) fn append_control(&mut self, members: &str, kind: LineKind) -> io::Result<()> {
        let Some(chain) = &self.chain else { return Err(io::ErrorKind::NotConnected.into()) };
        self.batch.begin(chain);
        self.batch.add_control(members, kind);
        self.write_batch()
    }

    /// Writes all control lines that are due and all drafts that wait, with one call.
    pub(crate) fn flush(&mut self, naming: &Naming<'_>, now: Time) -> io::Result<()> {
        let Some(chain) = &self.chain else { return Err(io::ErrorKind::NotConnected.into()) };
        self.batch.begin(chain);
        self.due.add_to(&mut self.batch, chain, naming, now);
        self.unwritten.add_to(&mut self.batch, now);
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
                LineKind::Torn | LineKind::Head | LineKind::Key | LineKind::Checkpoint | LineKind::Control => {}
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

/// Whether the line of a draft needs no keys.
fn is_plain(draft: &[u8]) -> bool {
    DraftParts::read(draft).is_none_or(|parts| parts.is_plain())
}
