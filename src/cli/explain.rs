//! From what went wrong to an error that teaches. Cause and advice are computed from what the caller may see (its own
//! token, its own policies, the seal's status), so nothing leaks that the server would not have said.

use super::{
    denied,
    fault::{Exit, Fault},
    session::Session,
    tokens,
};
use crate::client::{Answer, Client, ClientError, Presented, Refusal, RefusalKind, json::Json};

/// What was being done, in the words of an error.
#[derive(Clone, Debug)]
pub struct Doing {
    /// `read`, `list`, `write`.
    pub verb: String,
    /// As the caller wrote it.
    pub path: String,
    /// As the API has it, where it differs.
    pub api_path: String,
    /// Capabilities of which any would have done.
    pub needs: &'static [&'static str],
    /// The words that Vault's command line puts before the error.
    pub vault: String,
}

impl Doing {
    pub fn new(verb: &str, path: &str, needs: &'static [&'static str]) -> Self {
        let gerund = match verb {
            "read" => "reading",
            "list" => "listing",
            "write" => "writing data to",
            "delete" => "deleting",
            "patch" => "patching",
            _ => return Self { vault: format!("Error: {verb} {path}"), ..Self::bare(verb, path, needs) },
        };
        Self { vault: format!("Error {gerund} {path}"), ..Self::bare(verb, path, needs) }
    }

    fn bare(verb: &str, path: &str, needs: &'static [&'static str]) -> Self {
        Self { verb: verb.to_owned(), path: path.to_owned(), api_path: path.to_owned(), needs, vault: String::new() }
    }

    pub fn at(mut self, api_path: &str) -> Self {
        self.vault = self.vault.replace(&self.path, api_path);
        api_path.clone_into(&mut self.api_path);
        self
    }

    pub fn vault(mut self, text: impl Into<String>) -> Self {
        self.vault = text.into();
        self
    }
}

/// Turns an error of the client into one for the caller; asks the server what it may to find the cause.
pub async fn explain(session: &Session, client: &Client, doing: &Doing, error: ClientError) -> Fault {
    let vault = vault_words(&doing.vault, &error);
    let Some(refusal) = error.refusal() else { return connection(session, &error).vault(vault) };
    let fault = if session.persona.is_vault() {
        Fault::new(Exit::Server, refusal.message())
    } else {
        match refusal.kind {
            RefusalKind::Sealed => sealed(client).await,
            RefusalKind::BadToken => bad_token(session, client, doing).await,
            RefusalKind::Denied => denied::denied(client, doing).await,
            RefusalKind::NotFound => not_found(doing, refusal),
            RefusalKind::Conflict => {
                Fault::new(Exit::Conflict, format!("{}: {} {}", refusal.message(), doing.verb, doing.path))
            }
            RefusalKind::Busy => Fault::new(Exit::Server, format!("the server is busy: {} {}", doing.verb, doing.path))
                .why("it limits how many requests come from one place")
                .fix("wait a moment and try again"),
            RefusalKind::Invalid | RefusalKind::Server => {
                let fault = Fault::new(Exit::Server, format!("{}: {} {}", refusal.message(), doing.verb, doing.path));
                kv2_trap(client, doing, fault).await
            }
        }
    };
    fault.request(refusal.request_id.as_deref()).vault(vault)
}

/// As Vault's command line words it.
fn vault_words(doing: &str, error: &ClientError) -> String {
    let before = if doing.is_empty() { String::new() } else { format!("{doing}: ") };
    let Some(refusal) = error.refusal() else { return format!("{before}{error}") };
    let heading =
        if refusal.errors.len() == 1 && !refusal.errors.iter().any(String::is_empty) || refusal.errors.len() > 1 {
            "Errors"
        } else {
            "Raw Message"
        };
    let errors: Vec<String> = refusal.errors.iter().map(|error| format!("* {error}")).collect();
    format!(
        "{before}Error making API request.\n\nURL: {} {}\nCode: {}. {heading}:\n\n{}",
        refusal.method,
        refusal.url,
        refusal.status,
        errors.join("\n")
    )
}

async fn sealed(client: &Client) -> Fault {
    let status = client.read("sys/seal-status").await.ok();
    sealed_fault(status.as_ref())
}

fn sealed_fault(status: Option<&Answer>) -> Fault {
    let number = |name: &str| status.and_then(|status| status.field(&[name])).and_then(Json::as_u64);
    if status.and_then(|status| status.field(&["initialized"])).and_then(Json::as_bool) == Some(false) {
        return Fault::new(Exit::Sealed, "the server is not initialised")
            .why("it has no keys yet, and holds nothing")
            .fix("strongroom operator init");
    }
    let (given, needed) = (number("progress").unwrap_or(0), number("t"));
    let fault = match needed {
        Some(needed) => Fault::new(Exit::Sealed, format!("the server is sealed: {given} of {needed} shares given")),
        None => Fault::new(Exit::Sealed, "the server is sealed"),
    };
    fault
        .why("sealed, it has no key to what it holds; that is so after every start")
        .fix("strongroom operator unseal        (asks for a share, once for each share that is missing)")
}

async fn bad_token(session: &Session, client: &Client, doing: &Doing) -> Fault {
    let Some(token) = client.token() else { return session.not_logged_in() };
    // A server may word a refusal by policy the same way; one that knows the token says who it is.
    match client.read("auth/token/lookup-self").await {
        Ok(_) => return denied::denied(client, doing).await,
        Err(error) if error.kind() == Some(RefusalKind::Denied) => return denied::denied(client, doing).await,
        Err(_) => {}
    }
    let source = session.token_source.as_ref().map(tokens::Source::words).unwrap_or_default();
    let what = format!("{} does not accept your token", session.address);
    let fault = Fault::new(Exit::NotLoggedIn, what.clone());
    if let Some(other) = tokens::belongs_elsewhere(&session.home, &session.address, token) {
        return fault
            .why(format!("the token ({source}) is of another server: {other}"))
            .fix(format!("--address={other}, or log in here: strongroom login"));
    }
    let fault = fault.why(format!("the token ({source}) has expired, was revoked, or is of another server"));
    match &session.token_source {
        Some(tokens::Source::Variable(name)) => fault.fix(format!("unset {name}, then: strongroom login")),
        _ => fault.fix("strongroom login"),
    }
}

fn not_found(doing: &Doing, refusal: &Refusal) -> Fault {
    let fault = Fault::new(Exit::NotFound, format!("nothing found: {} {}", doing.verb, doing.path));
    if refusal.errors.is_empty() { fault } else { fault.why(refusal.message()) }
}

/// Nothing but warnings came.
pub async fn empty(client: &Client, doing: &Doing, answer: &Answer) -> Fault {
    let fault = Fault::new(Exit::NotFound, format!("nothing found: {} {}", doing.verb, doing.path));
    match denied::kv2_path(client, doing).await {
        Some((mount, path)) => fault
            .why(format!("{mount} is KV version 2: {}s go to {path}", doing.verb))
            .fix(format!("strongroom kv get {}, or: strongroom read {path}", doing.path)),
        None => answer.warnings().into_iter().fold(fault, Fault::why),
    }
}

/// A read of `secret/a` in a KV version 2 is a question about the API's inside that people ask by mistake.
async fn kv2_trap(client: &Client, doing: &Doing, fault: Fault) -> Fault {
    match denied::kv2_path(client, doing).await {
        Some((mount, path)) => fault.why(format!("{mount} is KV version 2: {}s go to {path}", doing.verb)),
        None => fault,
    }
}

/// Errors of the way there, which no server has worded.
pub fn connection(session: &Session, error: &ClientError) -> Fault {
    let what = error.to_string();
    match error {
        ClientError::Unreachable { address, .. } => Fault::new(Exit::Unreachable, what)
            .why("no server listens there, or something in between drops the connection")
            .fix(format!(
                "strongroom status --address={address}        (another address: --address, or STRONGROOM_ADDR)"
            ))
            .fix("to start one here: strongroom dev"),
        ClientError::Slow { .. } => Fault::new(Exit::Unreachable, what).fix("--timeout=2m waits longer"),
        ClientError::HttpOnHttps(address) => Fault::new(Exit::Unreachable, what)
            .why("the address begins with http://")
            .fix(format!("--address={}", address.swapped()))
            .fix(format!("for good: export STRONGROOM_ADDR={}", address.swapped())),
        ClientError::HttpsOnHttp(address) => Fault::new(Exit::Unreachable, what)
            .why("the address begins with https://; a server started with -dev or tls_disable has no TLS")
            .fix(format!("--address={}", address.swapped()))
            .fix(format!("for good: export STRONGROOM_ADDR={}", address.swapped())),
        ClientError::UnknownCa { presented, anchors, .. } => unknown_ca(session, what, presented.as_deref(), anchors),
        ClientError::BadCertificate { presented, .. } => {
            let fault = shown(Fault::new(Exit::Unreachable, what), presented.as_deref());
            fault
                .fix("use an address whose host is in the certificate, or --tls-server-name=NAME")
                .fix("an expired one is renewed when the server starts")
        }
        ClientError::Handshake { .. } => Fault::new(Exit::Unreachable, what),
        ClientError::Redirected { to, .. } => Fault::new(Exit::Server, what)
            .why("following it would show your token to another server")
            .fix(format!("if you trust it: --address={}", origin(to))),
        ClientError::NotOurs { .. } => {
            Fault::new(Exit::Server, what).why("something else listens on this port, or stands in between")
        }
        ClientError::Request(_) => Fault::usage(what),
        ClientError::Refused(refusal) => Fault::new(Exit::Server, refusal.message()),
    }
}

fn unknown_ca(session: &Session, what: String, presented: Option<&Presented>, anchors: &str) -> Fault {
    let fault = shown(Fault::new(Exit::Unreachable, what), presented);
    let fault = match anchors {
        "" => fault.why("no CA is given or pinned for this address"),
        anchors => fault.why(format!("{anchors} did not sign it: another server answers, or it has a new CA")),
    };
    fault
        .fix("--ca-cert=FILE, or: export STRONGROOM_CACERT=FILE        (`server --data DIR` keeps it in DIR/tls)")
        .fix(format!("strongroom login --address={} --ca-cert=FILE remembers it for this address", session.address))
}

fn shown(fault: Fault, presented: Option<&Presented>) -> Fault {
    match presented {
        Some(shown) => fault
            .why(format!("it showed a certificate for \"{}\", signed by \"{}\"", shown.subject, shown.issuer))
            .why(format!("SHA-256 {}", shown.fingerprint)),
        None => fault,
    }
}

fn origin(url: &str) -> &str {
    url.find("/v1/").and_then(|at| url.get(..at)).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::{environment::Environment, persona::Persona, session::Globals, terminal::Terminal},
        client::Address,
    };

    fn session() -> Session {
        let nobody = Terminal { input: false, output: false, errors: false };
        let environment = Environment::of([("STRONGROOM_ADDR", "https://h:8200")]);
        Session::open(Globals::default(), Persona::Strongroom, environment, nobody).unwrap()
    }

    fn told(error: &ClientError) -> String {
        connection(&session(), error).render(Persona::Strongroom)
    }

    #[test]
    fn a_port_of_the_other_scheme_is_told_with_the_right_address() {
        let plain = Address::parse("http://h:8200").unwrap();
        assert_eq!(
            told(&ClientError::HttpOnHttps(plain)),
            "error: http://h:8200 speaks TLS, and was spoken to in plain HTTP\n  \
             why  the address begins with http://\n  \
             fix  --address=https://h:8200\n       \
             for good: export STRONGROOM_ADDR=https://h:8200\n"
        );
        let tls = Address::parse("https://h:8200").unwrap();
        assert!(told(&ClientError::HttpsOnHttp(tls)).contains("fix  --address=http://h:8200\n"));
    }

    #[test]
    fn an_unknown_ca_is_told_with_what_was_shown() {
        let presented = Presented {
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
            told(&error),
            "error: the certificate of https://h:8200 is signed by a CA that is not known here\n  \
             why  it showed a certificate for \"strongroom\", signed by \"strongroom CA 4f1c\"\n       \
             SHA-256 AB:CD\n       \
             no CA is given or pinned for this address\n  \
             fix  --ca-cert=FILE, or: export STRONGROOM_CACERT=FILE        (`server --data DIR` keeps it in DIR/tls)\n       \
             strongroom login --address=https://h:8200 --ca-cert=FILE remembers it for this address\n"
        );
    }

    #[test]
    fn a_sealed_server_says_how_many_shares_are_missing() {
        let status = |text: &str| Answer { status: 200, body: Some(Json::parse(text).unwrap()) };
        let sealed = sealed_fault(Some(&status(r#"{"initialized":true,"sealed":true,"t":3,"n":5,"progress":1}"#)));
        assert_eq!((sealed.what(), sealed.exit), ("the server is sealed: 1 of 3 shares given", Exit::Sealed));
        let empty = sealed_fault(Some(&status(r#"{"initialized":false,"sealed":true,"t":0,"n":0,"progress":0}"#)));
        assert_eq!(empty.what(), "the server is not initialised");
    }

    #[test]
    fn vaults_words_are_vaults() {
        let error = ClientError::Refused(Box::new(Refusal {
            kind: RefusalKind::Denied,
            status: 403,
            method: "GET",
            url: "http://h:1/v1/secret/data/x".to_owned(),
            errors: vec!["1 error occurred:\n\t* permission denied\n\n".to_owned()],
            body: None,
            request_id: None,
        }));
        assert_eq!(
            vault_words("Error reading secret/data/x", &error),
            "Error reading secret/data/x: Error making API request.\n\nURL: GET http://h:1/v1/secret/data/x\n\
             Code: 403. Errors:\n\n* 1 error occurred:\n\t* permission denied\n\n"
        );
    }
}
