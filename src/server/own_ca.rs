//! The server's own certificate authority (CA), which `server --data DIR` uses. Its key lies under `DIR/tls`. The
//! server certificate is valid for 90 days, and is renewed if fewer than 30 days are left or if it is not valid yet: the
//! clock was wrong when it was made. `operator tls` makes a certificate for other names. A certificate of another
//! authority that somebody put in its place is kept while it is valid.
//!
//! ```text
//! tls/ca.pem       what clients trust (VAULT_CACERT)
//! tls/ca-key.pem   the authority's key
//! tls/server.pem   the server's certificate and key, replaced as one file
//! tls/names        the names in the server's certificate, one a line
//! ```

use std::{
    collections::BTreeSet,
    io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{certificate::Certificate, private_file};
use crate::{
    base::{time::Time, ttl::Ttl},
    store::Files,
};

/// A server certificate, and the authority that clients must trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issued {
    /// The path of a PEM file with the server's certificate and its key.
    pub server: PathBuf,
    /// The path of a PEM file with the authority's certificate.
    pub authority: PathBuf,
    pub names: BTreeSet<String>,
    /// When the certificate expires.
    pub not_after: Time,
    /// Whether the certificate was made by this call.
    pub is_new: bool,
}

/// Why a certificate could not be made or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaError {
    #[error("`{0}` is neither a host name nor an IP address: a certificate cannot be made for it")]
    Name(String),
    #[error("{}: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error(
        "{} exists without {}: restore the missing file, or remove both to make a new authority, which clients must then trust",
        there.display(),
        missing.display()
    )]
    Half { there: PathBuf, missing: PathBuf },
    #[error("{} is damaged: restore a copy, or remove ca.pem and ca-key.pem to make a new authority", path.display())]
    Damaged { path: PathBuf },
    #[error("cannot make a certificate: {0}")]
    Making(#[from] rcgen::Error),
}

/// Makes sure that `data` has an authority, and a server certificate for this machine, for `names` and for the names of
/// the last certificate. A new certificate is made only if that is needed. `now` is the wall clock's time, by which
/// clients judge.
pub(crate) fn ensure(data: &Path, names: &[String], now: Time, files: &Files) -> Result<Issued, CaError> {
    let paths = Paths::at(data, files);
    let known = paths.names()?;
    let wanted: BTreeSet<String> = wanted(names)?.into_iter().chain(known.iter().cloned()).collect();
    let authority = paths.authority()?;
    if let (Some(authority), Some(server)) = (&authority, paths.server()?) {
        let is_valid = server.not_before <= now && now < server.not_after;
        let is_ours = server.issuer == authority.subject;
        let is_fresh = wanted == known && authority.is_valid_at(now) && now.plus(RENEW_BELOW) < server.not_after;
        if is_valid && (!is_ours || is_fresh) {
            return Ok(paths.issued(wanted, server.not_after));
        }
    }
    paths.issue(wanted, now)
}

/// Makes a new server certificate for this machine and `names`. An existing authority is kept.
pub(crate) fn issue(data: &Path, names: &[String], now: Time, files: &Files) -> Result<Issued, CaError> {
    Paths::at(data, files).issue(wanted(names)?, now)
}

/// How long the authority is valid: ten years, so that nobody has to renew it.
const AUTHORITY_TTL: Ttl = Ttl::from_hours(24 * 3_650);
const SERVER_TTL: Ttl = Ttl::from_hours(24 * 90);
const RENEW_BELOW: Ttl = Ttl::from_hours(24 * 30);
/// How far back a certificate begins. A client whose clock is slow by less than this accepts a new certificate.
const BACKDATED: Ttl = Ttl::from_hours(24);

/// The authority: its key, and what its certificate says.
struct Authority {
    key: KeyPair,
    subject: Vec<u8>,
    not_before: Time,
    not_after: Time,
}

impl Authority {
    fn is_valid_at(&self, now: Time) -> bool {
        self.not_before <= now && now < self.not_after
    }
}

/// What the server's certificate says.
struct Server {
    issuer: Vec<u8>,
    not_before: Time,
    not_after: Time,
}

/// The paths of the authority's files.
struct Paths<'a> {
    files: &'a Files,
    authority: PathBuf,
    authority_key: PathBuf,
    server: PathBuf,
    names: PathBuf,
    folder: PathBuf,
}

impl<'a> Paths<'a> {
    fn at(data: &Path, files: &'a Files) -> Self {
        let folder = data.join("tls");
        Self {
            files,
            authority: folder.join("ca.pem"),
            authority_key: folder.join("ca-key.pem"),
            server: folder.join("server.pem"),
            names: folder.join("names"),
            folder,
        }
    }

    fn issued(&self, names: BTreeSet<String>, not_after: Time) -> Issued {
        Issued { server: self.server.clone(), authority: self.authority.clone(), names, not_after, is_new: false }
    }

    fn issue(&self, names: BTreeSet<String>, now: Time) -> Result<Issued, CaError> {
        self.files.create_dir_all(&self.folder).map_err(|cause| failed(&self.folder, cause))?;
        let authority_key = match self.authority()? {
            Some(authority) if authority.is_valid_at(now) => authority.key,
            // With the same key and name, it is the same authority with other dates.
            Some(authority) => self.write_authority(authority.key, now)?,
            None => self.write_authority(KeyPair::generate()?, now)?,
        };
        let authority = authority_params(&authority_key, now)?;
        let issuer = Issuer::from_params(&authority, &authority_key);
        let key = KeyPair::generate()?;
        let not_after = now.plus(SERVER_TTL);
        let certificate = server_params(&names, now, not_after)?.signed_by(&key, &issuer)?;
        let pem = zeroize::Zeroizing::new(format!("{}{}", certificate.pem(), key.serialize_pem()));
        let list: String = names.iter().flat_map(|name| [name, "\n"]).collect();
        self.write(&self.names, list.as_bytes())?;
        self.write(&self.server, pem.as_bytes())?;
        // The end is rounded to midnight, so it is read back from the certificate.
        let not_after = self.server()?.map_or(not_after, |server| server.not_after);
        Ok(Issued { is_new: true, ..self.issued(names, not_after) })
    }

    fn write_authority(&self, key: KeyPair, now: Time) -> Result<KeyPair, CaError> {
        let certificate = authority_params(&key, now)?.self_signed(&key)?;
        let pem = zeroize::Zeroizing::new(key.serialize_pem());
        self.write(&self.authority_key, pem.as_bytes())?;
        self.write(&self.authority, certificate.pem().as_bytes())?;
        Ok(key)
    }

    /// `None` if there is no authority yet.
    fn authority(&self) -> Result<Option<Authority>, CaError> {
        let half =
            |there: &PathBuf, missing: &PathBuf| CaError::Half { there: there.clone(), missing: missing.clone() };
        let (pem, key) = match (self.read(&self.authority)?, self.read(&self.authority_key)?) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(half(&self.authority, &self.authority_key)),
            (None, Some(_)) => return Err(half(&self.authority_key, &self.authority)),
            (Some(pem), Some(key)) => (pem, zeroize::Zeroizing::new(key)),
        };
        let damaged = |path: &PathBuf| CaError::Damaged { path: path.clone() };
        let key = KeyPair::from_pem(&key).map_err(|_| damaged(&self.authority_key))?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| damaged(&self.authority))?;
        let certificate = Certificate::parse(&der).ok_or_else(|| damaged(&self.authority))?;
        if *certificate.key != *key.public_key_raw() {
            return Err(damaged(&self.authority_key));
        }
        let Certificate { not_before, not_after, subject, .. } = certificate;
        Ok(Some(Authority { key, subject: subject.to_vec(), not_before, not_after }))
    }

    fn read(&self, path: &Path) -> Result<Option<String>, CaError> {
        private_file::read(self.files, path).map_err(|cause| failed(path, cause))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), CaError> {
        private_file::replace(self.files, path, bytes).map_err(|cause| failed(path, cause))
    }

    /// `None` if there is no server certificate that can be read.
    fn server(&self) -> Result<Option<Server>, CaError> {
        let Some(pem) = self.read(&self.server)?.map(zeroize::Zeroizing::new) else { return Ok(None) };
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok();
        Ok(der.and_then(|der| {
            let Certificate { not_before, not_after, issuer, .. } = Certificate::parse(&der)?;
            Some(Server { issuer: issuer.to_vec(), not_before, not_after })
        }))
    }

    fn names(&self) -> Result<BTreeSet<String>, CaError> {
        let list = self.read(&self.names)?.unwrap_or_default();
        list.lines().map(name).collect()
    }
}

/// The names that every machine has, and `names`.
fn wanted(names: &[String]) -> Result<BTreeSet<String>, CaError> {
    ["localhost", "127.0.0.1", "::1"].into_iter().chain(names.iter().map(String::as_str)).map(name).collect()
}

/// A host name in lower case, or an address in its shortest form. Wildcards are refused.
fn name(text: &str) -> Result<String, CaError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if text.len() <= 253 && text.split('.').all(is_label) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(CaError::Name(text.to_owned()))
    }
}

/// The authority's certificate without its key. It is the same each time, so it need not be read back for signing.
fn authority_params(key: &KeyPair, now: Time) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::new(Vec::new())?;
    let id = params.key_identifier(key);
    let short = data_encoding::HEXLOWER.encode(id.get(..4).unwrap_or_default());
    params.distinguished_name = common_name(&format!("Strongroom own authority {short}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, before(now), now.plus(AUTHORITY_TTL));
    Ok(params)
}

fn server_params(names: &BTreeSet<String>, now: Time, not_after: Time) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name = common_name("Strongroom");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, before(now), not_after);
    Ok(params)
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

fn before(now: Time) -> Time {
    Time::from_unix_secs(now.unix_secs() - BACKDATED.as_secs() as i64)
}

/// Sets when a certificate begins and ends. Both are at midnight, because rcgen takes dates.
fn set_validity(params: &mut CertificateParams, from: Time, to: Time) {
    let ((from_year, from_month, from_day), (year, month, day)) = (date(from), date(to));
    params.not_before = rcgen::date_time_ymd(from_year, from_month, from_day);
    params.not_after = rcgen::date_time_ymd(year, month, day);
}

/// Year, month and day in UTC.
fn date(at: Time) -> (i32, u8, u8) {
    let at = jiff::Timestamp::from_second(at.unix_secs()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = jiff::tz::Offset::UTC.to_datetime(at).date();
    (date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
}

fn failed(path: &Path, cause: io::Error) -> CaError {
    CaError::File { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn start() -> Time {
        Time::parse_rfc3339("2026-11-24T12:00:00Z").unwrap()
    }

    fn have(data: &Path, names: &[String], now: Time) -> Result<Issued, CaError> {
        ensure(data, names, now, &Files::real())
    }

    fn days(days: u64) -> Ttl {
        Ttl::from_hours(24 * days)
    }

    #[test]
    fn a_certificate_is_made_once_and_renewed_when_it_nears_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let first = have(dir.path(), &[], start()).unwrap();
        assert!(first.is_new);
        assert_eq!(first.names, BTreeSet::from(["localhost", "127.0.0.1", "::1"].map(str::to_owned)));
        assert_eq!(first.not_after.rfc3339(), "2027-02-22T00:00:00Z");
        assert!(!have(dir.path(), &[], start().plus(days(59))).unwrap().is_new);
        let authority = fs::read(&first.authority).unwrap();
        let renewed = have(dir.path(), &[], start().plus(days(61))).unwrap();
        assert!(renewed.is_new && renewed.not_after > first.not_after);
        assert_eq!(fs::read(&renewed.authority).unwrap(), authority);
    }

    /// U3: the clock was ahead when the certificates were made, and is right again.
    #[test]
    fn u3_certificates_that_are_not_valid_yet_are_made_again_by_the_same_authority() {
        let dir = tempfile::tempdir().unwrap();
        let ahead = have(dir.path(), &[], start().plus(days(200))).unwrap();
        let key = fs::read(dir.path().join("tls/ca-key.pem")).unwrap();
        let again = have(dir.path(), &[], start()).unwrap();
        assert!(again.is_new && again.not_after < ahead.not_after);
        assert_eq!(fs::read(dir.path().join("tls/ca-key.pem")).unwrap(), key);
        for file in [&again.server, &again.authority] {
            let der = CertificateDer::from_pem_slice(&fs::read(file).unwrap()).unwrap();
            assert!(Certificate::parse(&der).unwrap().not_before <= start(), "{}", file.display());
        }
        assert!(!have(dir.path(), &[], start()).unwrap().is_new);
    }

    #[test]
    fn u3_a_certificate_of_somebody_else_is_kept_while_it_is_valid() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let own = have(dir.path(), &[], start()).unwrap();
        let foreign = fs::read(have(other.path(), &[], start()).unwrap().server).unwrap();
        fs::write(&own.server, &foreign).unwrap();
        for (day, is_kept) in [(0, true), (89, true), (91, false)] {
            let found = have(dir.path(), &["other.example".to_owned()], start().plus(days(day))).unwrap();
            assert_eq!(fs::read(&own.server).unwrap() == foreign, is_kept, "day {day}");
            assert_eq!(found.is_new, !is_kept, "day {day}");
        }
    }

    #[test]
    fn names_are_kept_at_renewal() {
        let dir = tempfile::tempdir().unwrap();
        have(dir.path(), &[], start()).unwrap();
        let named =
            issue(dir.path(), &["Vault.Example".to_owned(), "10.0.0.1".to_owned()], start(), &Files::real()).unwrap();
        assert!(named.names.contains("vault.example") && named.names.contains("10.0.0.1"));
        assert!(!have(dir.path(), &[], start()).unwrap().is_new);
        assert_eq!(have(dir.path(), &[], start().plus(days(80))).unwrap().names, named.names);
        assert!(have(dir.path(), &["other.example".to_owned()], start()).unwrap().is_new);
    }

    #[test]
    fn keys_are_readable_by_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let issued = have(dir.path(), &[], start()).unwrap();
        for path in [issued.server, dir.path().join("tls/ca-key.pem")] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_missing_and_a_wrong_authority_key_are_named() {
        let dir = tempfile::tempdir().unwrap();
        have(dir.path(), &[], start()).unwrap();
        let key = dir.path().join("tls/ca-key.pem");
        fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(matches!(have(dir.path(), &[], start()), Err(CaError::Damaged { path }) if path == key));
        fs::remove_file(&key).unwrap();
        assert!(matches!(have(dir.path(), &[], start()), Err(CaError::Half { missing, .. }) if missing == key));
    }

    #[test]
    fn a_name_is_a_host_or_an_address() {
        for bad in ["", "*.example", "a..b", "-a", "a b", "ä.example", "https://a", "a/b"] {
            assert!(matches!(name(bad), Err(CaError::Name(_))), "{bad}");
        }
        assert_eq!(name("0:0:0:0:0:0:0:1").unwrap(), "::1");
    }
}
