//! Decides which servers the client trusts: those whose certificate is signed by a CA in the given file. The last
//! certificate that was refused is kept, so that the error can show it.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject},
    },
    server::ParsedCertificate,
};

use super::certificate::PresentedCertificate;
use crate::base::pem::has_encrypted_key;

/// The CAs that may sign the server's certificate.
#[derive(Clone, Default)]
pub(crate) enum Anchors {
    /// No CA: every certificate is refused.
    #[default]
    None,
    /// The PEM text of a CA file. `source` names the file's origin in errors.
    Pem { text: Vec<u8>, source: &'static str },
    /// Any certificate is accepted. Only an explicit option asks for this, and the caller warns the user.
    Anyone,
}

/// A client certificate with its chain and its key, as PEM texts.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

#[derive(Clone, Default)]
pub(crate) struct TlsSettings {
    pub(crate) anchors: Anchors,
    pub(crate) identity: Option<Identity>,
    /// The name that the certificate must be for. `None`: the host of the address.
    pub(crate) server_name: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("the CA file holds no PEM certificate")]
    NoCaCertificate,
    #[error("the CA file holds a certificate that cannot be read: {0}")]
    CaCertificate(String),
    #[error("the client certificate file holds no PEM certificate")]
    NoCertificate,
    #[error("the client key file holds no private key in PEM form: name the file with `BEGIN … PRIVATE KEY`")]
    NoKey,
    #[error(
        "the client key file is encrypted, and its passphrase is not asked for: decrypt it with `openssl pkey -in FILE \
         -out NEW`, keep NEW at mode 0600, and name NEW"
    )]
    KeyEncrypted,
    #[error("the client key does not belong to the client certificate: name the two files of one pair")]
    KeyOfAnother,
    #[error("the client certificate or its key cannot be used: {0}")]
    Identity(String),
    #[error("`{0}` is not a name that a certificate can carry")]
    ServerName(String),
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// The configuration of rustls for one server.
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) server_name: ServerName<'static>,
    pub(crate) source: &'static str,
    verifier: Arc<Verifier>,
}

impl Tls {
    pub(crate) fn new(settings: &TlsSettings, host: &str) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let setup = |error: Error| TlsError::Setup(error.to_string());
        let verifier = Arc::new(Verifier::new(&settings.anchors, provider.clone())?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(setup)?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone());
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.parse()?;
                builder.with_client_auth_cert(chain, key).map_err(|error| match error {
                    Error::InconsistentKeys(_) => TlsError::KeyOfAnother,
                    error => TlsError::Identity(error.to_string()),
                })?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = settings.server_name.as_deref().unwrap_or(host);
        let server_name = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName(name.to_owned()))?;
        let source = match settings.anchors {
            Anchors::Pem { source, .. } => source,
            Anchors::None | Anchors::Anyone => "",
        };
        Ok(Self { config: Arc::new(config), server_name, source, verifier })
    }

    /// The certificate that was last refused. `None` if none was.
    pub(crate) fn presented(&self) -> Option<PresentedCertificate> {
        self.verifier.presented.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Identity {
    fn parse(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
        let bad = |error: pem::Error| TlsError::Identity(error.to_string());
        let chain = CertificateDer::pem_slice_iter(&self.chain).collect::<Result<Vec<_>, _>>().map_err(bad)?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| match error {
            _ if has_encrypted_key(&self.key) => TlsError::KeyEncrypted,
            pem::Error::NoItemsFound => TlsError::NoKey,
            error => bad(error),
        })?;
        Ok((chain, key))
    }
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    presented: Mutex<Option<PresentedCertificate>>,
}

#[derive(Debug)]
enum Trust {
    Nobody,
    Anyone,
    Roots { roots: Arc<WebPkiServerVerifier>, given: Vec<CertificateDer<'static>> },
}

impl Verifier {
    fn new(anchors: &Anchors, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let trust = match anchors {
            Anchors::None => Trust::Nobody,
            Anchors::Anyone => Trust::Anyone,
            Anchors::Pem { text, .. } => Trust::from_pem(text, provider.clone())?,
        };
        Ok(Self { trust, provider, presented: Mutex::new(None) })
    }
}

impl Trust {
    fn from_pem(text: &[u8], provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let given = CertificateDer::pem_slice_iter(text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| TlsError::CaCertificate(error.to_string()))?;
        let mut store = RootCertStore::empty();
        let (added, _) = store.add_parsable_certificates(given.iter().cloned());
        if added == 0 {
            return Err(TlsError::NoCaCertificate);
        }
        let roots = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
            .build()
            .map_err(|error| TlsError::Setup(error.to_string()))?;
        Ok(Self::Roots { roots, given })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = match &self.trust {
            Trust::Anyone => Ok(ServerCertVerified::assertion()),
            Trust::Nobody => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
            Trust::Roots { roots, given } => {
                roots.verify_server_cert(end_entity, intermediates, name, ocsp, now).or_else(|error| {
                    // The CA file may hold a server's self-signed certificate. It is
                    // not a CA certificate, so webpki refuses it.
                    if given.iter().any(|known| known.as_ref() == end_entity.as_ref()) && !is_expired(&error) {
                        verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                        return Ok(ServerCertVerified::assertion());
                    }
                    Err(error)
                })
            }
        };
        if verdict.is_err() {
            let shown = Some(PresentedCertificate::from_der(end_entity.as_ref()));
            *self.presented.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn is_expired(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}
