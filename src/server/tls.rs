//! The TLS settings of a listener: versions, the server's certificate and key, and whether clients are asked for a
//! certificate. There is no session resumption and no early data, so that each connection proves both sides again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};

use zeroize::Zeroizing;

use super::{certificate::Certificate, client_certificate::KeyPossession};
use crate::{
    base::{pem::has_encrypted_key, time::Time},
    crypto::kdf::sha256,
};

/// The TLS settings of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    /// The path of a PEM file with the certificate, then its intermediate certificates.
    pub certificate: PathBuf,
    /// The path of a PEM file with the key in PKCS#8, PKCS#1 or SEC 1. May be the same file as `certificate`.
    pub key: PathBuf,
    pub oldest: Version,
    pub clients: Clients,
}

/// The oldest TLS version that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Version {
    Tls12,
    #[default]
    Tls13,
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) enum Clients {
    #[default]
    Unasked,
    /// A client may show any certificate whose private key it holds, or none.
    Asked,
    /// A client must show a certificate that is signed by one of the authorities in this file.
    Required(PathBuf),
}

/// Why a TLS listener cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("cannot read certificates from {}: {cause}", path.display())]
    Certificate { path: PathBuf, cause: String },
    #[error("{} holds no certificate in PEM form", path.display())]
    CertificateMissing { path: PathBuf },
    #[error("cannot read a private key from {}: {cause}", path.display())]
    Key { path: PathBuf, cause: String },
    #[error(
        "the private key in {} is encrypted, and a server cannot ask for its passphrase: decrypt it with `openssl pkey \
         -in {} -out FILE`, keep FILE at mode 0600, and name FILE as `tls_key_file`", .0.display(), .0.display()
    )]
    KeyEncrypted(PathBuf),
    #[error(
        "{} holds no private key in PEM form: name the file with `BEGIN … PRIVATE KEY` as `tls_key_file`", .0.display()
    )]
    KeyMissing(PathBuf),
    #[error("the key in {} does not belong to the certificate in {}", key.display(), certificate.display())]
    Mismatch { key: PathBuf, certificate: PathBuf },
    #[error("cannot set up TLS with {}: {cause}", path.display())]
    Setup { path: PathBuf, cause: rustls::Error },
    #[error("{} cannot be used to verify client certificates: {cause}", path.display())]
    Authority { path: PathBuf, cause: String },
}

/// What was read from the files of a listener.
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Loaded {
    pub config: Arc<ServerConfig>,
    /// When the certificate ends. `None` if that cannot be read from it.
    pub not_after: Option<Time>,
    /// A hash of all certificates and of the key.
    pub fingerprint: [u8; 32],
}

/// Sets the cryptographic provider of the process. Calling this again changes nothing.
pub(crate) fn install_provider() {
    let _was_installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

impl Tls {
    /// Reads the files and builds the TLS configuration of the listener.
    pub(crate) fn load(&self) -> Result<Loaded, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|cause| key_error(&self.key, &cause))?;
        let roots = self.clients.roots()?;
        let parts: Vec<&[u8]> = chain.iter().chain(&roots).map(AsRef::as_ref).chain([key.secret_der()]).collect();
        let fingerprint = sha256(&parts);
        let not_after = chain.first().and_then(|first| Certificate::parse(first)).map(|first| first.not_after);
        let setup = |cause| TlsError::Setup { path: self.certificate.clone(), cause };
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(self.oldest.and_later())
            .map_err(setup)?;
        let builder = match self.clients.verifier(&provider, roots)? {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|cause| match cause {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { key: self.key.clone(), certificate: self.certificate.clone() }
            }
            cause => setup(cause),
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Loaded { config: Arc::new(config), not_after, fingerprint })
    }
}

impl Version {
    fn and_later(self) -> &'static [&'static SupportedProtocolVersion] {
        const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        const NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];
        match self {
            Self::Tls12 => BOTH,
            Self::Tls13 => NEWEST,
        }
    }
}

impl Clients {
    /// The authorities that a client's certificate must be signed by. Empty if there are none.
    fn roots(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        match self {
            Self::Unasked | Self::Asked => Ok(Vec::new()),
            Self::Required(path) => certificates(path),
        }
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
        match self {
            Self::Unasked => Ok(None),
            Self::Asked => Ok(Some(KeyPossession::new(provider))),
            Self::Required(path) => {
                let refused = |cause: String| TlsError::Authority { path: path.clone(), cause };
                let mut roots = RootCertStore::empty();
                for certificate in authorities {
                    roots.add(certificate).map_err(|cause| refused(cause.to_string()))?;
                }
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                    .build()
                    .map(|verifier| Some(verifier as Arc<dyn ClientCertVerifier>))
                    .map_err(|cause| refused(cause.to_string()))
            }
        }
    }
}

/// Why a key file cannot be used. It is read once more, to tell an encrypted key from a damaged one.
fn key_error(path: &Path, cause: &pem::Error) -> TlsError {
    let text = std::fs::read(path).map(Zeroizing::new).unwrap_or_default();
    match cause {
        _ if has_encrypted_key(&text) => TlsError::KeyEncrypted(path.to_owned()),
        pem::Error::NoItemsFound => TlsError::KeyMissing(path.to_owned()),
        pem::Error::Io(cause) => TlsError::Key { path: path.to_owned(), cause: cause.to_string() },
        cause => TlsError::Key { path: path.to_owned(), cause: cause.to_string() },
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |cause: pem::Error| match cause {
        pem::Error::Io(cause) => TlsError::Certificate { path: path.to_owned(), cause: cause.to_string() },
        cause => TlsError::Certificate { path: path.to_owned(), cause: cause.to_string() },
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect();
    match chain.map_err(unreadable)? {
        chain if chain.is_empty() => Err(TlsError::CertificateMissing { path: path.to_owned() }),
        chain => Ok(chain),
    }
}
