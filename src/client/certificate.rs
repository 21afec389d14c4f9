//! The certificate of a server that was not trusted, as far as an error message shows it. Nothing is decided here:
//! rustls decides whether to trust it.

use data_encoding::HEXUPPER;
use sha2::{Digest as _, Sha256};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _, x509::X509Name};

/// At most this many characters of a name are shown; the rest is cut.
const NAME_CHARS_MAX: usize = 128;

/// A certificate that a server presented. It was not verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PresentedCertificate {
    /// The subject's common name, or `-` if there is none.
    pub(crate) subject: String,
    /// The issuer's common name, or `-` if there is none.
    pub(crate) issuer: String,
    /// SHA-256 of the whole certificate, as `AB:CD:…`.
    pub(crate) fingerprint: String,
}

impl PresentedCertificate {
    /// Reads a certificate. If it cannot be parsed, its names are `-`, but the fingerprint is set.
    pub(crate) fn from_der(der: &[u8]) -> Self {
        let parsed = X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate);
        let name = |of: fn(&X509Certificate<'_>) -> String| parsed.as_ref().map_or_else(|| "-".to_owned(), of);
        let digest = HEXUPPER.encode(&Sha256::digest(der));
        let pairs: Vec<&str> = digest.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
        Self {
            subject: name(|certificate| common_name(certificate.subject())),
            issuer: name(|certificate| common_name(certificate.issuer())),
            fingerprint: pairs.join(":"),
        }
    }
}

fn common_name(name: &X509Name<'_>) -> String {
    let text = name.iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or("-");
    // The server chose this text and it goes to a terminal, so control characters are removed.
    text.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect()
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

        let shown = PresentedCertificate::from_der(leaf.der());
        assert_eq!((shown.subject.as_str(), shown.issuer.as_str()), ("strongroom", "a small CA"));
        assert_eq!(shown.fingerprint.len(), 95);
    }

    #[test]
    fn bytes_that_are_no_certificate_have_a_fingerprint_and_no_names() {
        let shown = PresentedCertificate::from_der(b"");
        assert_eq!((shown.subject.as_str(), shown.issuer.as_str()), ("-", "-"));
        // SHA-256 of nothing, FIPS 180-4.
        assert!(shown.fingerprint.starts_with("E3:B0:C4:42:"));
    }
}
