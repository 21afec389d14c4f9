//! Hashes, numbers and times as the lines of the log spell them. Each is written without an allocation, because every
//! line holds several of them.

use data_encoding::HEXLOWER;

use crate::{base::time::Time, crypto::merkle::Hash};

/// The name of a line's last member, its MAC, as far as the quote that begins the text. Before it stands all that the MAC
/// covers.
pub(crate) const MAC_MEMBER: &str = ",\"mac\":\"";

/// A hash in lower-case hex, as `sha256sum` prints it.
pub(crate) fn hex(hash: &Hash) -> [u8; 64] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble };
    let mut text = [0; 64];
    for (two, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(hash) {
        *two = [digit(byte >> 4), digit(byte & 15)];
    }
    text
}

pub(crate) fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let is_whole = HEXLOWER.decode_len(text.len()) == Ok(hash.len());
    (is_whole && HEXLOWER.decode_mut(text.as_bytes(), &mut hash).is_ok()).then_some(hash)
}

/// The number in decimal digits, written into `digits` from its end.
pub(crate) fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &str {
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

/// RFC 3339 in UTC, always with nine digits after the point, so that times in a file line up and sort as text.
pub(crate) fn rfc3339(time: Time, out: &mut String) {
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

/// Year, month and day of the Gregorian calendar for a number of days since 1970-01-01. The calculation starts each year
/// in March, so that a leap day is the last day of its year.
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
        let text = hex(&hash);
        assert_eq!(text, HEXLOWER.encode(&hash).as_bytes());
        assert_eq!(unhex(std::str::from_utf8(&text).unwrap()), Some(hash));
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 7, 10, 99, 65_535, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string());
        }
    }
}
