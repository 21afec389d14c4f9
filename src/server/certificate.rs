//! The two things that the listener itself wants from a certificate: its public key, and when it ends. A reader of
//! DER that walks to those fields and judges nothing else, because clients in the field show certificates that
//! stricter readers refuse (X.509 v1, expired, self-signed).

use crate::base::time::Time;

/// Parts of a certificate, lent from its bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    pub not_after: Time,
    /// The inside of the key's `AlgorithmIdentifier`.
    pub algorithm: &'a [u8],
    /// The bits of the public key.
    pub key: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads RFC 5280 §4.1's `Certificate` as far as the key. `None` for anything that has another shape.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
        let (certificate, []) = tagged(der, SEQUENCE)? else { return None };
        let (mut fields, _signature) = tagged(certificate, SEQUENCE)?;
        if let Some((_version, rest)) = tagged(fields, VERSION) {
            fields = rest;
        }
        let (_serial, fields) = tagged(fields, INTEGER)?;
        let (_algorithm, fields) = tagged(fields, SEQUENCE)?;
        let (_issuer, fields) = tagged(fields, SEQUENCE)?;
        let (validity, fields) = tagged(fields, SEQUENCE)?;
        let (_subject, fields) = tagged(fields, SEQUENCE)?;
        let (key_and_algorithm, _extensions) = tagged(fields, SEQUENCE)?;
        let (algorithm, key) = tagged(key_and_algorithm, SEQUENCE)?;
        let (bits, []) = tagged(key, BIT_STRING)? else { return None };
        // The first byte says how many bits of the last one are unused: none, for a key.
        let [0, key @ ..] = bits else { return None };
        let (_, _not_before, rest) = element(validity)?;
        let (tag, not_after, []) = element(rest)? else { return None };
        Some(Self { not_after: moment(tag, not_after)?, algorithm, key })
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The inside of the next element if it has this tag, and what follows it.
fn tagged(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, ..)| *found == tag).map(|(_, inside, rest)| (inside, rest))
}

/// Tag, inside and rest. Lengths of up to three bytes: a certificate of 16 MiB does not come this far.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((*tag, inside, rest))
}

/// RFC 5280 §4.1.2.5: `YYMMDDHHMMSSZ` up to 2049, else `YYYYMMDDHHMMSSZ`.
fn moment(tag: u8, text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let full = match tag {
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let digits = full.strip_suffix('Z').filter(|digits| digits.len() == 14)?;
    let part = |from: usize, to: usize| digits.get(from..to);
    Time::parse_rfc3339(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_and_end_are_found() {
        let key = rcgen::KeyPair::generate().unwrap();
        for (year, text) in [(2031, "2031-02-03T00:00:00Z"), (2051, "2051-02-03T00:00:00Z")] {
            let mut params = rcgen::CertificateParams::new(["a.test".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 2, 3);
            let certificate = params.self_signed(&key).unwrap();
            let parsed = Certificate::parse(certificate.der()).unwrap();
            assert_eq!(parsed.key, key.public_key_raw());
            assert_eq!(parsed.not_after.rfc3339(), text);
            assert_eq!(parsed.algorithm, &*rustls_pki_types::alg_id::ECDSA_P256);
        }
    }

    #[test]
    fn whatever_is_cut_short_is_none() {
        let certificate = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap().cert;
        let der = certificate.der();
        assert!((0..der.len()).all(|end| Certificate::parse(&der[..end]).is_none()));
        let longer = [der.as_ref(), &[0]].concat();
        assert_eq!(Certificate::parse(&longer), None);
    }

    #[test]
    fn times_have_one_form() {
        let read = |tag, text: &str| moment(tag, text.as_bytes()).map(Time::rfc3339);
        assert_eq!(read(UTC_TIME, "491231235959Z").unwrap(), "2049-12-31T23:59:59Z");
        assert_eq!(read(UTC_TIME, "990102030405Z").unwrap(), "1999-01-02T03:04:05Z");
        assert_eq!(read(GENERALIZED_TIME, "20500101000000Z").unwrap(), "2050-01-01T00:00:00Z");
        for (tag, text) in [
            (UTC_TIME, "4912312359Z"),
            (UTC_TIME, "491231235959+0100"),
            (UTC_TIME, "49133123595äZ"),
            (4, "491231235959Z"),
        ] {
            assert_eq!(read(tag, text), None, "{text}");
        }
    }
}
