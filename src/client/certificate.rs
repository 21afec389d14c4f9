//! What a server showed us when we could not trust it: enough of the certificate to say so in an error. This reader
//! decides nothing; rustls does.

use data_encoding::HEXUPPER;
use sha2::{Digest as _, Sha256};

/// A certificate as it was presented, not verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presented {
    /// The subject's common name, or `-`.
    pub subject: String,
    /// The issuer's common name, or `-`.
    pub issuer: String,
    /// SHA-256 of the whole certificate, `AB:CD:…`.
    pub fingerprint: String,
}

impl Presented {
    pub fn from_der(der: &[u8]) -> Self {
        let (issuer, subject) = names(der).unwrap_or((None, None));
        let digest = HEXUPPER.encode(&Sha256::digest(der));
        let pairs: Vec<&str> = digest.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
        let or_dash = |name: Option<String>| name.unwrap_or_else(|| "-".to_owned());
        Self { subject: or_dash(subject), issuer: or_dash(issuer), fingerprint: pairs.join(":") }
    }
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// 2.5.4.3, commonName.
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];

/// Issuer and subject of a certificate (RFC 5280 §4.1): serial and signature algorithm before, validity between.
fn names(der: &[u8]) -> Option<(Option<String>, Option<String>)> {
    let (_, certificate, _) = element(der)?;
    let (_, body, _) = element(certificate)?;
    let (tag, _, after_version) = element(body)?;
    let fields = if tag == 0xa0 { after_version } else { body };
    let (_, _, rest) = element(fields)?;
    let (_, _, rest) = element(rest)?;
    let (_, issuer, rest) = element(rest)?;
    let (_, _, rest) = element(rest)?;
    let (_, subject, _) = element(rest)?;
    Some((common_name(issuer), common_name(subject)))
}

fn common_name(mut sets: &[u8]) -> Option<String> {
    while let Some((SET, set, rest)) = element(sets) {
        sets = rest;
        let Some((SEQUENCE, pair, _)) = element(set) else { continue };
        if let Some(value) = pair.strip_prefix(COMMON_NAME) {
            let (_, text, _) = element(value)?;
            return Some(String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).take(128).collect());
        }
    }
    None
}

/// One DER element: tag, content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        let bytes = rest.get(..count).filter(|_| (1..=4).contains(&count))?;
        let len = bytes.iter().fold(0_usize, |len, byte| (len << 8) | usize::from(*byte));
        (len, rest.get(count..)?)
    };
    Some((tag, rest.get(..len)?, rest.get(len..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_says_who_it_is_and_who_signed_it() {
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "Example");
        params.distinguished_name.push(rcgen::DnType::CommonName, "a small CA");
        let issuer = rcgen::Issuer::new(params, ca_key);
        let mut leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        leaf.distinguished_name = rcgen::DistinguishedName::new();
        leaf.distinguished_name.push(rcgen::DnType::CommonName, "strong\u{1b}room");
        let leaf = leaf.signed_by(&rcgen::KeyPair::generate().unwrap(), &issuer).unwrap();

        let shown = Presented::from_der(leaf.der());
        assert_eq!((shown.subject.as_str(), shown.issuer.as_str()), ("strongroom", "a small CA"));
        assert_eq!(shown.fingerprint.len(), 95);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(der in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = Presented::from_der(&der);
        }
    }
}
