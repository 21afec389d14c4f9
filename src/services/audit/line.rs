//! Lines of a log: where the chain stands, and the sheet on which a batch of lines is written before it goes to the file
//! in one piece. A line is `{"seq":N,"prev":"…",` and what it says; `prev` is the leaf hash of the line before.

use super::{draft::KEYLESS_TEXT, note::Parts};
use crate::{
    base::time::Time,
    crypto::{
        kdf::MacKey,
        merkle::{Frontier, Hash, leaf_hash},
    },
};

/// Where a log stands: all lines so far, as the right edge of their tree, and the hash of the last one.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// Made when the log begins, and never used again.
    pub id: String,
    /// Zeros before the first line.
    pub prev: Hash,
    pub frontier: Frontier,
}

impl Chain {
    pub fn new(id: String) -> Self {
        Self { id, prev: [0; 32], frontier: Frontier::default() }
    }

    /// How many lines the log has. The next line's `seq` is one more.
    pub const fn lines(&self) -> u64 {
        self.frontier.size()
    }

    pub fn push(&mut self, leaf: Hash) {
        self.frontier.push(leaf);
        self.prev = leaf;
    }
}

/// What a line on a sheet is, so far as its device has to know when the line is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Note,
    Torn,
    Head,
    Key,
    Gap,
    Own,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct SheetLine {
    /// Where it ends in the sheet, newline included.
    pub end: usize,
    pub leaf: Hash,
    pub kind: Kind,
}

/// Lines that were made for one write. The buffer is used again and again.
#[derive(Default)]
pub(super) struct Sheet {
    pub bytes: Vec<u8>,
    pub lines: Vec<SheetLine>,
    /// Whether the first byte is a newline that ends a torn line.
    pub ends_torn: bool,
    seq: u64,
    prev: Hash,
}

/// What the buffer keeps after a burst.
const BYTES_KEPT: usize = 1 << 20;

impl Sheet {
    /// Empties the sheet and goes on where `chain` stands.
    pub fn begin(&mut self, chain: &Chain) {
        self.bytes.clear();
        self.bytes.shrink_to(BYTES_KEPT);
        self.lines.clear();
        self.ends_torn = false;
        self.seq = chain.lines();
        self.prev = chain.prev;
    }

    /// Ends the torn line that stands last in the file.
    pub fn end_torn(&mut self) {
        self.bytes.push(b'\n');
        self.ends_torn = true;
    }

    /// Adds the line of a note. A note that was kept and cannot be read is a line that says so: nothing is left out.
    pub fn note(&mut self, note: &[u8], key: Option<&mut DeviceKey>, txn: Option<u64>) {
        let from = self.open();
        match Parts::read(note) {
            Some(parts) => self.text(&parts, key),
            None => self.bytes.extend_from_slice(b"\"type\":\"unreadable\""),
        }
        if let Some(txn) = txn {
            self.bytes.extend_from_slice(b",\"txn\":");
            self.bytes.extend_from_slice(decimal(txn, &mut [0; 20]).as_bytes());
        }
        self.close(from, Kind::Note);
    }

    /// Adds a line of the log's own, whose members are `members`.
    pub fn own(&mut self, members: &str, kind: Kind) {
        let from = self.open();
        self.bytes.extend_from_slice(members.as_bytes());
        self.close(from, kind);
    }

    fn text(&mut self, parts: &Parts<'_>, mut key: Option<&mut DeviceKey>) {
        let (mut marks, mut from) = (parts.marks.iter(), 0);
        for at in memchr::memchr_iter(0, parts.text) {
            self.bytes.extend_from_slice(parts.text.get(from..at).unwrap_or_default());
            from = at + 1;
            match (marks.next(), key.as_deref_mut()) {
                (Some(mark), Some(key)) => {
                    self.bytes.extend_from_slice(b"\"hmac-sha256:");
                    self.bytes.extend_from_slice(key.hex(mark));
                    self.bytes.push(b'"');
                }
                _ => self.bytes.extend_from_slice(KEYLESS_TEXT.as_bytes()),
            }
        }
        self.bytes.extend_from_slice(parts.text.get(from..).unwrap_or_default());
    }

    fn open(&mut self) -> usize {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(b"{\"seq\":");
        self.bytes.extend_from_slice(decimal(self.seq + 1, &mut [0; 20]).as_bytes());
        self.bytes.extend_from_slice(b",\"prev\":\"");
        self.bytes.extend_from_slice(&hex(&self.prev));
        self.bytes.extend_from_slice(b"\",");
        from
    }

    fn close(&mut self, from: usize, kind: Kind) {
        self.bytes.push(b'}');
        let leaf = leaf_hash(self.bytes.get(from..).unwrap_or(&[]));
        self.bytes.push(b'\n');
        self.lines.push(SheetLine { end: self.bytes.len(), leaf, kind });
        self.seq += 1;
        self.prev = leaf;
    }
}

/// The key under which one device hashes marks, with the hashes of marks that it has seen lately: a caller's token
/// stands in every line of his.
pub(super) struct DeviceKey {
    key: MacKey,
    /// By the mark's first byte; marks are spread evenly.
    seen: Vec<([u8; 32], [u8; 64])>,
}

impl DeviceKey {
    pub fn new(key: MacKey) -> Self {
        Self { key, seen: vec![([0; 32], [0; 64]); 256] }
    }

    fn hex(&mut self, mark: &[u8; 32]) -> &[u8; 64] {
        const NONE: &[u8; 64] = &[b'0'; 64];
        let [at, ..] = *mark;
        let Some((seen, text)) = self.seen.get_mut(usize::from(at)) else { return NONE };
        if seen != mark || *text == [0; 64] {
            *seen = *mark;
            *text = hex(&self.key.mac(&[mark]));
        }
        text
    }
}

/// A hash in lower-case hex, as `sha256sum` prints it.
pub(super) fn hex(hash: &Hash) -> [u8; 64] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble };
    let mut text = [0; 64];
    for (two, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(hash) {
        *two = [digit(byte >> 4), digit(byte & 15)];
    }
    text
}

/// The number in decimal digits, written into `digits` from behind.
pub(super) fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &str {
    let mut from = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        from = at;
        if number == 0 {
            break;
        }
    }
    digits.get(from..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or("0")
}

/// RFC 3339 in UTC, always with nine digits behind the point, so that times in a file line up and sort as text.
pub(super) fn rfc3339(time: Time, out: &mut String) {
    let secs = time.unix_secs();
    let nanos = time.unix_nanos().rem_euclid(1_000_000_000).unsigned_abs();
    let of_day = secs.rem_euclid(86_400).unsigned_abs();
    let (year, month, day) = civil(secs.div_euclid(86_400));
    padded(year, 4, out);
    for (sign, number, width) in [
        ('-', month, 2),
        ('-', day, 2),
        ('T', of_day / 3600, 2),
        (':', of_day / 60 % 60, 2),
        (':', of_day % 60, 2),
        ('.', nanos, 9),
    ] {
        out.push(sign);
        padded(number, width, out);
    }
    out.push('Z');
}

fn padded(number: u64, width: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let len = decimal(number, &mut digits).len().max(width);
    let text = digits.len().checked_sub(len).and_then(|from| digits.get(from..));
    out.push_str(text.and_then(|text| std::str::from_utf8(text).ok()).unwrap_or(""));
}

/// Year, month and day of the Gregorian calendar, counted in days since 1970-01-01. Years begin in March here, so that
/// the leap day is a year's last.
fn civil(days: i64) -> (u64, u64, u64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let days = days + 719_468; // since 0000-03-01
    let (era, day) = (days.div_euclid(DAYS_IN_400_YEARS), days.rem_euclid(DAYS_IN_400_YEARS));
    let year = (day - day / 1460 + day / 36_524 - day / (DAYS_IN_400_YEARS - 1)) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    (year.unsigned_abs(), month.unsigned_abs(), day.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for secs in (-8_000_000_000_i64..9_200_000_000).step_by(86_399 * 31) {
            let time = Time::from_unix_nanos(secs * 1_000_000_000 + 123_456_789);
            let mut text = String::new();
            rfc3339(time, &mut text);
            assert_eq!(text, time.rfc3339());
        }
    }

    #[test]
    fn hashes_are_written_in_hex() {
        let hash = std::array::from_fn(|n| n as u8 * 8 + 3);
        assert_eq!(hex(&hash), data_encoding::HEXLOWER.encode(&hash).as_bytes());
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 7, 10, 99, 65_535, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string());
        }
    }
}
