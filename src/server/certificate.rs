//! Reads a few things from a certificate: its public key, when it is valid, and who issued it. Nothing else is checked, because clients
//! in the field have certificates that a verifier refuses (X.509 v1, expired, self-signed).

use std::borrow::Cow;

use x509_parser::{
    asn1_rs::Any,
    prelude::{FromDer as _, X509Certificate},
};

use crate::base::time::Time;

/// The parts of a certificate that the server needs. They borrow from its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Certificate<'a> {
    pub(crate) not_before: Time,
    pub(crate) not_after: Time,
    /// The name of whoever issued it, in DER.
    pub(crate) issuer: &'a [u8],
    /// The name of its owner, in DER.
    pub(crate) subject: &'a [u8],
    /// The content of the public key's `AlgorithmIdentifier`, in DER.
    pub(crate) algorithm: &'a [u8],
    /// The bits of the public key.
    pub(crate) key: Cow<'a, [u8]>,
}

impl<'a> Certificate<'a> {
    /// Parses a certificate in DER. `None` if the bytes are not exactly one certificate.
    pub(crate) fn parse(der: &'a [u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        let tbs = certificate.tbs_certificate;
        let key_info = tbs.subject_pki;
        if !rest.is_empty() || key_info.subject_public_key.unused_bits != 0 {
            return None;
        }
        // RFC 5280 §4.1: SubjectPublicKeyInfo begins with the algorithm. rustls compares its bytes.
        let (_, sequence) = Any::from_der(key_info.raw).ok()?;
        let (_, algorithm) = Any::from_der(sequence.data).ok()?;
        Some(Self {
            not_before: Time::from_unix_secs(tbs.validity.not_before.timestamp()),
            not_after: Time::from_unix_secs(tbs.validity.not_after.timestamp()),
            issuer: tbs.issuer.as_raw(),
            subject: tbs.subject.as_raw(),
            algorithm: algorithm.data,
            key: key_info.subject_public_key.data,
        })
    }
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
            assert_eq!(*parsed.key, *key.public_key_raw());
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
}
