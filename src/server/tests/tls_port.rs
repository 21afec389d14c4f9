//! A TLS port.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};

use super::stand::{SHORT, Stand, patient, read_all, read_one};
use crate::{
    base::time::{Clock, Time},
    server::{
        limits::Limits,
        own_ca,
        tls::{Clients, Tls, TlsError, Version, install_provider},
    },
    store::Files,
};

struct Port {
    stand: Stand,
    authority: CertificateDer<'static>,
    _dir: tempfile::TempDir,
}

fn port(limits: Limits, oldest: Version, clients: Clients) -> Port {
    install_provider();
    let dir = tempfile::tempdir().unwrap();
    let issued = own_ca::ensure(dir.path(), &[], Clock::system(Time::EPOCH).now(), &Files::real()).unwrap();
    let tls = Tls { certificate: issued.server.clone(), key: issued.server, oldest, clients };
    let stand = Stand::tls(limits, tls.load().unwrap().config);
    Port { stand, authority: CertificateDer::from_pem_file(issued.authority).unwrap(), _dir: dir }
}

impl Port {
    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        roots
    }

    fn client(&self) -> ClientConfig {
        ClientConfig::builder().with_root_certificates(self.roots()).with_no_client_auth()
    }

    fn connect(&self, config: ClientConfig, name: &str) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(session, self.stand.connect());
        stream.write_all(b"GET /v1/shown HTTP/1.1\r\nHost: a\r\n\r\n")?;
        stream.flush()?;
        Ok(stream)
    }
}

#[test]
fn clients_that_trust_our_authority_are_served_by_every_name_of_the_machine() {
    let port = port(patient(), Version::Tls13, Clients::Unasked);
    for name in ["localhost", "127.0.0.1", "::1"] {
        let mut stream = port.connect(port.client(), name).unwrap();
        assert!(read_one(&mut stream).ends_with("None"));
        assert_eq!(stream.conn.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    }
    assert!(port.connect(port.client(), "other.example").is_err());
}

#[test]
fn tls_1_2_is_spoken_only_where_it_is_named() {
    let old = |port: &Port| {
        ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
            .with_root_certificates(port.roots())
            .with_no_client_auth()
    };
    let newest = port(patient(), Version::Tls13, Clients::Unasked);
    assert!(newest.connect(old(&newest), "localhost").is_err());
    let both = port(patient(), Version::Tls12, Clients::Unasked);
    assert!(read_one(&mut both.connect(old(&both), "localhost").unwrap()).starts_with("HTTP/1.1 200"));
}

#[test]
fn any_certificate_is_handed_up_whose_key_the_client_holds_and_none_will_do() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let port = port(patient(), Version::Tls12, Clients::Asked);
        assert!(read_one(&mut port.connect(port.client(), "localhost").unwrap()).ends_with("None"));
        let mut params = rcgen::CertificateParams::new(vec!["client".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let expired = params.self_signed(&key).unwrap();
        let shown = |key: &rcgen::KeyPair| {
            let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
            let resolver = Shows(Arc::new(rustls::sign::CertifiedKey::new(
                vec![expired.der().clone()],
                rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap(),
            )));
            ClientConfig::builder_with_protocol_versions(&[version])
                .with_root_certificates(port.roots())
                .with_client_cert_resolver(Arc::new(resolver))
        };
        let answer = read_one(&mut port.connect(shown(&key), "localhost").unwrap());
        assert!(answer.ends_with(&format!("Some({})", expired.der().len())), "{answer}");
        let mut stolen = Vec::new();
        let other = rcgen::KeyPair::generate().unwrap();
        let read = port.connect(shown(&other), "localhost").and_then(|mut stream| stream.read_to_end(&mut stolen));
        assert!(read.is_err() && stolen.is_empty());
    }
}

#[derive(Debug)]
struct Shows(Arc<rustls::sign::CertifiedKey>);

impl rustls::client::ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn plain_http_is_told_that_this_is_https() {
    let port = port(patient(), Version::Tls13, Clients::Unasked);
    let answer = port.stand.say("GET /v1/sys/health HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.ends_with("Client sent an HTTP request to an HTTPS server.\n"), "{answer}");
}

#[test]
fn a_slow_hello_is_cut_off() {
    let port = port(Limits { handshake: SHORT, ..patient() }, Version::Tls13, Clients::Unasked);
    assert_eq!(read_all(&mut port.stand.connect()), "");
    let mut slow = port.stand.connect();
    slow.write_all(&[0x16, 3, 1]).unwrap();
    assert_eq!(read_all(&mut slow), "");
    assert!(port.connect(port.client(), "localhost").is_ok());
}

#[test]
fn files_that_do_not_serve_are_named() {
    install_provider();
    let dir = tempfile::tempdir().unwrap();
    let issued = own_ca::ensure(dir.path(), &[], Clock::system(Time::EPOCH).now(), &Files::real()).unwrap();
    let load = |certificate: &Path, key: &Path| {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Tls { certificate, key, oldest: Version::Tls13, clients: Clients::Unasked }.load().unwrap_err()
    };
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    assert!(matches!(load(Path::new("/none"), &issued.server), TlsError::Certificate { .. }));
    assert!(matches!(load(&empty, &issued.server), TlsError::CertificateMissing { .. }));
    assert!(matches!(load(&issued.server, &empty), TlsError::KeyMissing(_)));
    assert!(matches!(load(&issued.server, Path::new("/none")), TlsError::Key { .. }));
    assert!(matches!(load(&issued.server, &dir.path().join("tls/ca-key.pem")), TlsError::Mismatch { .. }));
}
