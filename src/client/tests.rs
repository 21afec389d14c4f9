//! The client against servers that behave, and servers that do not.

use std::time::Duration;

use super::{
    Address, Anchors, ApiCall, Client, ClientError, Method, RefusalKind, Settings, TlsSettings,
    fake::{Certificates, Fake, Route},
    json::Json,
};
use crate::base::secret::Secret;

fn client(address: &str, anchors: Anchors) -> Client {
    Client::new(Settings {
        address: Address::parse(address).unwrap(),
        tls: TlsSettings { anchors, ..TlsSettings::default() },
        token: Some(Secret::text("srs.canary")),
        namespace: None,
        wrap_ttl: None,
        timeout: Duration::from_secs(5),
    })
    .unwrap()
}

fn pem(text: &str) -> Anchors {
    Anchors::Pem { text: text.as_bytes().to_vec(), source: "the CA file that was given" }
}

const OK: &[Route] = &[
    Route("GET /v1/secret/data/a ", 200, r#"{"request_id":"r","data":{"data":{"n":1.50}}}"#),
    Route("POST /v1/secret/data/a ", 200, r#"{"request_id":"r","data":{"version":1}}"#),
    Route("GET /v1/gone ", 404, r#"{"request_id":"r","data":{"data":null,"metadata":{"version":1}}}"#),
    Route("GET /v1/text ", 200, "hello"),
    Route("PUT /v1/done ", 204, ""),
];

#[tokio::test]
async fn requests_share_a_connection_and_show_the_token() {
    let fake = Fake::plain(OK).await;
    let client = client(&fake.address, Anchors::None);
    let read = client.read("secret/data/a").await.unwrap();
    assert_eq!(read.field(&["data", "n"]), Some(&Json::number("1.50")));
    client.write("secret/data/a", Json::object([("data", Json::Null)])).await.unwrap();
    assert_eq!(client.send(ApiCall::new(Method::Put, "done")).await.unwrap().body, None);
    let asked = fake.asked();
    assert_eq!(asked.iter().filter(|line| *line == "connect").count(), 1);
    assert!(asked[1].contains("x-vault-token: srs.canary\r\n") && asked[1].contains("x-vault-request: true\r\n"));
    assert!(asked[2].ends_with("\r\n\r\n{\"data\":null}"));
}

#[tokio::test]
async fn a_404_with_data_is_an_answer_and_one_without_is_not() {
    let fake = Fake::plain(OK).await;
    let client = client(&fake.address, Anchors::None);
    assert_eq!(client.read("gone").await.unwrap().status, 404);
    assert_eq!(client.read("nowhere").await.unwrap_err().kind(), Some(RefusalKind::NotFound));
    assert!(matches!(client.read("text").await, Err(ClientError::NotVaultApi { .. })));
}

/// MEM-05: a redirect to another host never carries the token.
#[tokio::test]
async fn a_redirect_elsewhere_is_not_followed_and_one_within_is() {
    let other = Fake::plain(OK).await;
    let to: &'static str = format!("{}/v1/secret/data/a", other.address).leak();
    let routes: &'static [Route] = vec![
        Route("GET /v1/away ", 307, to),
        Route("GET /v1/within ", 307, "/v1/secret/data/a"),
        Route("GET /v1/loop ", 307, "/v1/loop"),
        OK[0],
    ]
    .leak();
    let fake = Fake::plain(routes).await;
    let client = client(&fake.address, Anchors::None);
    assert!(matches!(client.read("away").await, Err(ClientError::Redirected { to: at, .. }) if at == to));
    assert_eq!(other.asked(), Vec::<String>::new());
    assert!(client.read("within").await.is_ok());
    assert!(matches!(client.read("loop").await, Err(ClientError::Redirected { .. })));
}

#[tokio::test]
async fn tls_needs_the_ca_or_the_very_certificate() {
    let certificates = Certificates::make(&["127.0.0.1"]);
    let fake = Fake::tls(OK, &certificates).await;
    for anchors in [pem(&certificates.ca_pem), pem(&certificates.server_pem), Anchors::Anyone] {
        assert!(client(&fake.address, anchors).read("secret/data/a").await.is_ok());
    }
    for anchors in [Anchors::None, pem(&Certificates::make(&["127.0.0.1"]).ca_pem)] {
        match client(&fake.address, anchors).read("secret/data/a").await {
            Err(ClientError::UnknownCa { presented: Some(shown), .. }) => {
                assert_eq!((shown.subject.as_str(), shown.issuer.as_str()), ("a server", "a small CA"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_acceptable() {
    let certificates = Certificates::make(&["elsewhere.example"]);
    let fake = Fake::tls(OK, &certificates).await;
    for anchors in [pem(&certificates.ca_pem), pem(&certificates.server_pem)] {
        let answered = client(&fake.address, anchors).read("secret/data/a").await;
        assert!(matches!(answered, Err(ClientError::BadCertificate { .. })), "{answered:?}");
    }
    let named = TlsSettings {
        anchors: pem(&certificates.ca_pem),
        server_name: Some("elsewhere.example".to_owned()),
        ..TlsSettings::default()
    };
    let client = Client::new(Settings {
        address: Address::parse(&fake.address).unwrap(),
        tls: named,
        token: None,
        namespace: None,
        wrap_ttl: None,
        timeout: Duration::from_secs(5),
    });
    assert!(client.unwrap().read("secret/data/a").await.is_ok());
}

#[tokio::test]
async fn a_port_of_the_other_scheme_is_noticed() {
    let certificates = Certificates::make(&["127.0.0.1"]);
    let (tls, plain) = (Fake::tls(OK, &certificates).await, Fake::plain(OK).await);
    let as_http = tls.address.replace("https:", "http:");
    assert!(matches!(client(&as_http, Anchors::None).read("x").await, Err(ClientError::HttpOnHttps(_))));
    let as_https = plain.address.replace("http:", "https:");
    assert!(matches!(client(&as_https, Anchors::None).read("x").await, Err(ClientError::HttpsOnHttp(_))));
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client(&format!("http://{free}"), Anchors::None).read("x").await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot reach http://{free}: connection refused"));
}
