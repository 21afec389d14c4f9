//! Whom the client trusts: the CA file it was given, and nobody else unless asked. What a server showed when it was
//! not trusted is kept, so that the error can say it.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};

use super::certificate::Presented;

/// Which CAs may vouch for the server.
#[derive(Clone, Default)]
pub enum Anchors {
    /// None: every certificate is unknown.
    #[default]
    None,
    /// The PEM text of a file, and what to call its source in an error.
    Pem { text: Vec<u8>, source: &'static str },
    /// Whoever answers is believed. Only by a named option, and the caller says so loudly.
    Anyone,
}

/// A client certificate: chain and key, as PEM texts.
#[derive(Clone)]
pub struct Identity {
    pub chain: Vec<u8>,
    pub key: Vec<u8>,
}

#[derive(Clone, Default)]
pub struct TlsSettings {
    pub anchors: Anchors,
    pub identity: Option<Identity>,
    /// The name the certificate must carry, where it is not the host of the address.
    pub server_name: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the CA file holds no PEM certificate")]
    NoCertificate,
    #[error("the CA file holds a certificate that cannot be read: {0}")]
    Certificate(String),
    #[error("the client certificate or its key cannot be used: {0}")]
    Identity(String),
    #[error("`{0}` is no name that a certificate could carry")]
    ServerName(String),
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// What rustls needs to open connections, and where it leaves what it was shown.
pub struct Tls {
    pub config: Arc<ClientConfig>,
    pub server_name: ServerName<'static>,
    pub source: &'static str,
    verifier: Arc<Verifier>,
}

impl Tls {
    pub fn new(settings: &TlsSettings, host: &str) -> Result<Self, TlsError> {
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
                builder.with_client_auth_cert(chain, key).map_err(|e| TlsError::Identity(e.to_string()))?
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

    /// The certificate that was last refused.
    pub fn presented(&self) -> Option<Presented> {
        self.verifier.presented.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Identity {
    fn parse(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
        let bad = |error: rustls::pki_types::pem::Error| TlsError::Identity(error.to_string());
        let chain = CertificateDer::pem_slice_iter(&self.chain).collect::<Result<Vec<_>, _>>().map_err(bad)?;
        Ok((chain, PrivateKeyDer::from_pem_slice(&self.key).map_err(bad)?))
    }
}

#[derive(Debug)]
struct Verifier {
    judge: Judge,
    provider: Arc<CryptoProvider>,
    presented: Mutex<Option<Presented>>,
}

#[derive(Debug)]
enum Judge {
    Nobody,
    Anyone,
    Roots { roots: Arc<WebPkiServerVerifier>, given: Vec<CertificateDer<'static>> },
}

impl Verifier {
    fn new(anchors: &Anchors, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let judge = match anchors {
            Anchors::None => Judge::Nobody,
            Anchors::Anyone => Judge::Anyone,
            Anchors::Pem { text, .. } => Judge::from_pem(text, provider.clone())?,
        };
        Ok(Self { judge, provider, presented: Mutex::new(None) })
    }
}

impl Judge {
    fn from_pem(text: &[u8], provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let given = CertificateDer::pem_slice_iter(text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| TlsError::Certificate(error.to_string()))?;
        let mut store = RootCertStore::empty();
        let (added, _) = store.add_parsable_certificates(given.iter().cloned());
        if added == 0 {
            return Err(TlsError::NoCertificate);
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
        let verdict = match &self.judge {
            Judge::Anyone => Ok(ServerCertVerified::assertion()),
            Judge::Nobody => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
            Judge::Roots { roots, given } => {
                roots.verify_server_cert(end_entity, intermediates, name, ocsp, now).or_else(|error| {
                    // A self-signed server certificate given as the CA file: that very certificate, under its name.
                    if given.iter().any(|known| known.as_ref() == end_entity.as_ref()) && !is_expired(&error) {
                        verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                        return Ok(ServerCertVerified::assertion());
                    }
                    Err(error)
                })
            }
        };
        if verdict.is_err() {
            let shown = Some(Presented::from_der(end_entity.as_ref()));
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
