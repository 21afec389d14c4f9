//! The control lines that the file still lacks. The next flush writes them.

use super::batch::{LineBatch, LineKind};
use crate::{
    base::time::Time,
    services::audit::{
        chain::Chain,
        control::{self, Head},
    },
};

#[derive(Default)]
pub(crate) struct DueLines {
    /// Whether the last line in the file lacks its newline.
    newline: bool,
    torn: Torn,
    head: Option<Head>,
    /// The public key that a `key` line has to name. `None` if no `key` line is due.
    public_key: Option<String>,
}

/// A run of lines that were only partly written: their number and the bytes of them that are in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Torn {
    pub lines: u64,
    pub bytes: u64,
}

/// The device and the full name of its log, for the control lines that hold them.
pub(crate) struct Naming<'a> {
    pub device: &'a str,
    pub origin: Option<&'a str>,
}

impl DueLines {
    pub(crate) fn set_newline(&mut self, is_due: Newline) {
        self.newline = is_due == Newline::Missing;
    }

    pub(crate) fn set_torn(&mut self, torn: Torn) {
        self.torn = torn;
    }

    /// Adds a line to the run of torn lines: only `bytes` of its bytes got into the file.
    pub(crate) fn add_torn(&mut self, bytes: u64) {
        self.newline = true;
        self.torn = Torn { lines: self.torn.lines + 1, bytes: self.torn.bytes + bytes };
    }

    pub(crate) fn set_head(&mut self, head: Head) {
        self.head = Some(head);
    }

    pub(crate) fn set_public_key(&mut self, key: Option<String>) {
        self.public_key = key;
    }

    /// Notes that a new log begins: `head` is its first line, and torn lines of
    /// the log before it are not counted in it.
    pub(crate) fn begin_log(&mut self, head: Head) {
        self.torn = Torn::default();
        self.head = Some(head);
    }

    /// Adds all due lines to `batch`, in the order in which a reader needs them.
    pub(crate) fn add_to(&self, batch: &mut LineBatch, chain: &Chain, naming: &Naming<'_>, now: Time) {
        if self.newline {
            batch.end_torn_line();
        }
        if let Some(head) = &self.head {
            batch.add_control(&head.members(now, naming.device, chain), LineKind::Head);
        }
        if self.torn.lines > 0 {
            batch.add_control(&control::torn(now, self.torn.lines, self.torn.bytes), LineKind::Torn);
        }
        if let (Some(key), Some(origin)) = (&self.public_key, naming.origin) {
            batch.add_control(&control::key(now, origin, key), LineKind::Key);
        }
    }

    /// Notes that a line of this kind is in the file now, so that it is no longer due.
    pub(crate) fn written(&mut self, kind: LineKind) {
        match kind {
            LineKind::Torn => self.torn = Torn::default(),
            LineKind::Head => self.head = None,
            LineKind::Key => self.public_key = None,
            LineKind::Draft | LineKind::Gap | LineKind::Checkpoint | LineKind::Control => {}
        }
    }
}

/// Whether the last line in the file has its newline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Newline {
    #[default]
    Present,
    Missing,
}
