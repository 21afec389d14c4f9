//! Errors on the way to a server, for which no server has sent a message: unreachable, TLS, redirects, foreign answers.

use super::error::{CliError, Exit};
use crate::client::{Address, ClientError, PresentedCertificate};

/// The error for the user, with causes and advice. `own` is the address for which the user asked.
pub(crate) fn connection_error(own: &Address, error: &ClientError) -> CliError {
    let what = error.to_string();
    let unreachable = || CliError::new(Exit::Unreachable, error.to_string());
    match error {
        ClientError::Unreachable { address, .. } => {
            let failure = unreachable()
                .why("no server listens there, or something in between drops the connection")
                .fix("another address: --address, or STRONGROOM_ADDR");
            if !is_this_machine(address) {
                return failure;
            }
            failure
                .fix("if the server should run here: its log says why it ended; start it as it was started before")
                .fix("without a server yet: strongroom server --data DIR, or for experiments: strongroom dev")
        }
        ClientError::UnknownHost { host, .. } => unreachable()
            .why(format!("no name server and no file of this machine knows `{host}`"))
            .fix("check the name for typing errors; another address: --address, or STRONGROOM_ADDR"),
        ClientError::Slow { .. } => unreachable().fix("--timeout=2m waits longer"),
        ClientError::HttpOnHttps(address) => {
            other_scheme(unreachable().why("the address begins with http://"), address)
        }
        ClientError::HttpsOnHttp(address) => other_scheme(
            unreachable()
                .why("the address begins with https://, but a server started with -dev or tls_disable has no TLS"),
            address,
        ),
        ClientError::UnknownCa { presented, anchors, .. } => {
            unknown_ca(own, show_certificate(unreachable(), presented.as_deref()), anchors)
        }
        ClientError::BadCertificate { presented, .. } => show_certificate(unreachable(), presented.as_deref())
            .fix("use an address whose host is in the certificate, or --tls-server-name=NAME")
            .fix("if it has expired: restart the server, which then renews it"),
        ClientError::ClientCertificateRequired(_) => unreachable()
            .why("the server accepts only clients with a certificate from a CA that it knows")
            .fix("--client-cert=FILE --client-key=FILE"),
        ClientError::ClientCertificateRefused { .. } => unreachable()
            .why("it may have expired, or be signed by a CA that the server does not know")
            .fix("--client-cert=FILE --client-key=FILE, signed by a CA in the server's `tls_client_ca_file`"),
        ClientError::Closed { .. } => unreachable()
            .why("it stopped, or it demands a client certificate")
            .fix("if it demands one: --client-cert=FILE --client-key=FILE")
            .fix(format!("to see whether it runs: strongroom status --address={own}")),
        ClientError::Handshake { .. } => unreachable()
            .why("server and client found no way to speak TLS: an old version, or a proxy in between")
            .fix("the server's log says why it refused; `tls_min_version = \"tls12\"` lets older clients in"),
        ClientError::Redirected { to, .. } => CliError::new(Exit::Server, what)
            .why("following the redirect would show your token to another server")
            .fix(format!("if you trust that server: --address={}", origin(to))),
        ClientError::NotVaultApi { .. } => {
            CliError::new(Exit::Server, what).why("another program listens on this port, or a proxy answers")
        }
        ClientError::Request(_) => CliError::usage(what),
        ClientError::Refused(refusal) => CliError::new(Exit::Server, refusal.message()),
    }
}

fn is_this_machine(address: &Address) -> bool {
    let host = address.host();
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn other_scheme(failure: CliError, address: &Address) -> CliError {
    let other = address.with_other_scheme();
    failure.fix(format!("--address={other}")).fix(format!("permanently: export STRONGROOM_ADDR={other}"))
}

fn unknown_ca(own: &Address, failure: CliError, anchors: &str) -> CliError {
    let failure = match anchors {
        "" => failure.why("no CA is given or pinned for this address"),
        anchors => {
            failure.why(format!("{anchors} did not sign it: another server answers, or the server has a new CA"))
        }
    };
    failure
        .fix("--ca-cert=FILE, or: export STRONGROOM_CACERT=FILE        (`server --data DIR` keeps the file in DIR/tls)")
        .fix(format!("strongroom login --address={own} --ca-cert=FILE remembers the CA for this address"))
}

fn show_certificate(failure: CliError, presented: Option<&PresentedCertificate>) -> CliError {
    match presented {
        Some(shown) => failure
            .why(format!("it showed a certificate for \"{}\", signed by \"{}\"", shown.subject, shown.issuer))
            .why(format!("SHA-256 {}", shown.fingerprint)),
        None => failure,
    }
}

fn origin(url: &str) -> &str {
    url.find("/v1/").and_then(|at| url.get(..at)).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::persona::Persona;

    fn render(error: &ClientError) -> String {
        let own = Address::parse("https://h:8200").unwrap();
        connection_error(&own, error).render(Persona::Strongroom)
    }

    #[test]
    fn a_port_of_the_other_scheme_is_named_with_the_right_address() {
        let plain = Address::parse("http://h:8200").unwrap();
        assert_eq!(
            render(&ClientError::HttpOnHttps(plain)),
            "error: http://h:8200 speaks TLS, but the request was plain HTTP\n  \
             why  the address begins with http://\n  \
             fix  --address=https://h:8200\n       \
             permanently: export STRONGROOM_ADDR=https://h:8200\n"
        );
        let tls = Address::parse("https://h:8200").unwrap();
        assert!(render(&ClientError::HttpsOnHttp(tls)).contains("fix  --address=http://h:8200\n"));
    }

    #[test]
    fn an_unknown_ca_is_named_with_the_certificate() {
        let presented = PresentedCertificate {
            subject: "strongroom".into(),
            issuer: "strongroom CA 4f1c".into(),
            fingerprint: "AB:CD".into(),
        };
        let error = ClientError::UnknownCa {
            address: Address::parse("https://h:8200").unwrap(),
            presented: Some(Box::new(presented)),
            anchors: "",
        };
        assert_eq!(
            render(&error),
            "error: the certificate of https://h:8200 is signed by a CA that is not known here\n  \
             why  it showed a certificate for \"strongroom\", signed by \"strongroom CA 4f1c\"\n       \
             SHA-256 AB:CD\n       \
             no CA is given or pinned for this address\n  \
             fix  --ca-cert=FILE, or: export STRONGROOM_CACERT=FILE        (`server --data DIR` keeps the file in DIR/tls)\n       \
             strongroom login --address=https://h:8200 --ca-cert=FILE remembers the CA for this address\n"
        );
    }

    /// `strongroom dev` was advised where a production server was down.
    #[test]
    fn u22_a_server_elsewhere_is_not_started_here() {
        let unreachable = |address: &str| {
            let address = Address::parse(address).unwrap();
            render(&ClientError::Unreachable { address, cause: "connection refused".to_owned() })
        };
        assert!(!unreachable("https://vault.example.com:8200").contains("strongroom dev"));
        let here = unreachable("https://127.0.0.1:8200");
        let at = |text: &str| here.find(text).unwrap_or(usize::MAX);
        assert!(at("its log says why it ended") < at("for experiments: strongroom dev"), "{here}");
    }

    #[test]
    fn u22_a_name_without_an_address_is_told_from_a_server_that_is_down() {
        let address = Address::parse("https://vault.invalid:8200").unwrap();
        let error =
            ClientError::UnknownHost { address, host: "vault.invalid".to_owned(), cause: "not known".to_owned() };
        let text = render(&error);
        assert!(text.contains("has no address") && !text.contains("listens"), "{text}");
    }

    #[test]
    fn a_redirect_names_the_origin_to_trust() {
        let own = Address::parse("https://h:8200").unwrap();
        let error = ClientError::Redirected { address: own, to: "https://other:8200/v1/x".to_owned() };
        assert!(render(&error).contains("--address=https://other:8200\n"));
    }
}
