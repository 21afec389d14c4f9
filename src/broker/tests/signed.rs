//! A way in that the house was made ready for: an auth method that recognises signed requests, body included, and that can
//! also be logged in to. Both uses of it, directly and as the first half of a chain, are tested here.

use hmac::{Hmac, KeyInit as _, Mac as _};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::{
    base::ttl::Ttl,
    contract::{
        Answer, Api, AuthMethod, Call, Credential, Error, Form, Host, IssuedToken, Login, LoginOrigin, NeedsBody,
        Recognises, Renewal, Result, ShownCredential, Table, login, row::Nothing, waits, write,
    },
};

/// An auth method for tests: one key, `k`, whose secret is `test`. It can be ended.
pub(in crate::broker) struct Signed;

/// The keys that were ended.
const ENDED: Table<Ended> = Table::sealed(1);

#[derive(minicbor::Encode, minicbor::Decode)]
struct Ended {}

impl AuthMethod for Signed {
    const KIND: &'static str = "signed";
    const RECOGNISES: &'static [Recognises] = &[Recognises { form: Form::Signature, body: NeedsBody::Yes }];

    fn api() -> Api<Self> {
        Api::new(
            "Signed requests, for tests.",
            [
                login("login", log_in, "Log in with the name of a key."),
                write("contended", waits(meet_others), "Meet another request, whenever it is tried."),
                write("end", end, "End the key."),
            ],
        )
    }

    async fn open(_: Host) -> Result<Self> {
        Ok(Self)
    }

    async fn renew(_: Call<Self>, _: IssuedToken) -> Result<Renewal> {
        Ok(Renewal { ttl: Ttl::from_secs(60), max_ttl: Ttl::from_secs(60), period: Ttl::ZERO })
    }

    async fn recognise(call: Call<Self>, shown: ShownCredential<'_>) -> Result<Option<Login>> {
        let Credential::Signature(signature) = shown.credential else { return Ok(None) };
        if signature.key_id != "k" || call.store.has(&ENDED, "k")? {
            return Ok(None);
        }
        let expected = sign(&signature.signed_head, shown.body, &signature.signed_tail);
        if expected != signature.signature {
            return Err(Error::denied());
        }
        Ok(Some(caller()))
    }
}

fn sign(head: &str, body: &[u8], tail: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"test").unwrap();
    mac.update(head.as_bytes());
    mac.update(&Sha256::digest(body));
    mac.update(tail.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn caller() -> Login {
    Login {
        origin: LoginOrigin { principal: [1; 16], ..LoginOrigin::default() },
        alias: "k".into(),
        display_name: "signed-k".into(),
        policies: vec!["signer".into()],
        ..Login::default()
    }
}

#[derive(Deserialize, JsonSchema)]
struct Input {
    /// The name of a key.
    key: Option<String>,
}

fn log_in(_: Call<Signed>, _: Nothing, input: Input) -> Result<Answer> {
    if input.key.as_deref() == Some("k") { Ok(Answer::login(caller())) } else { Err(Error::denied()) }
}

fn end(call: Call<Signed>, _: Nothing, _: Nothing) -> Result<Answer> {
    call.store.put(&ENDED, "k", &Ended {})?;
    Ok(Answer::done())
}

/// Whatever it reads has changed.
async fn meet_others(call: Call<Signed>, _: Nothing, _: Nothing) -> Result<Answer> {
    tokio::task::yield_now().await;
    Err(call.store.conflict())
}

mod used {
    use futures_util::future::join_all;
    use serde_json::{Value, json};

    use super::sign;
    use crate::{
        base::ttl::Ttl,
        broker::{
            chain::Chain,
            tests::{Reply, Rig, request},
        },
        contract::{Credential, Signature},
    };

    const POLICY: &str = r#"
        path "secret/data/mine/*" { capabilities = ["create", "update", "read"] }
        path "auth/signed/contended" { capabilities = ["update"] }"#;

    async fn rig() -> Rig {
        let rig = Rig::open().await;
        assert_eq!(rig.root("POST", "sys/auth/signed", json!({"type": "signed"})).await.status, 204);
        assert_eq!(rig.root("POST", "sys/policies/acl/signer", json!({ "policy": POLICY })).await.status, 204);
        rig
    }

    /// A request whose signature covers `signed_body` and which sends `body`.
    async fn signed(rig: &Rig, path: &str, signed_body: &Value, body: Value) -> Reply {
        let (head, tail) = (format!("POST /{path} "), " end".to_owned());
        let signature = sign(&head, signed_body.to_string().as_bytes(), &tail);
        let credential =
            Credential::Signature(Signature { key_id: "k".into(), signed_head: head, signed_tail: tail, signature });
        let request = crate::broker::Request { credential: Some(credential), ..request("", "POST", path, body) };
        Reply::from(rig.broker.handle(request).await)
    }

    #[tokio::test]
    async fn a_signed_request_is_its_own_login() {
        let rig = rig().await;
        let body = json!({"data": {"a": 1}});
        assert_eq!(signed(&rig, "secret/data/mine/a", &body, body.clone()).await.status, 200);
        assert_eq!(rig.root("GET", "secret/data/mine/a", json!(null)).await.body["data"]["data"]["a"], 1);
        let lines = rig.audit_lines();
        let line = lines.iter().find(|line| line["request"]["path"] == "secret/data/mine/a").unwrap();
        assert_eq!(
            (&line["auth"]["display_name"], &line["auth"]["policies"]),
            (&json!("signed-k"), &json!(["default", "signer"]))
        );
        assert!(!line["auth"]["entity_id"].as_str().unwrap().is_empty());
        // The same principal is the same entity the next time.
        signed(&rig, "secret/data/mine/b", &body, body.clone()).await;
        let lines = rig.audit_lines();
        let next = lines.iter().find(|line| line["request"]["path"] == "secret/data/mine/b").unwrap();
        assert_eq!(next["auth"]["entity_id"], line["auth"]["entity_id"]);
    }

    #[tokio::test]
    async fn a_body_that_was_changed_on_the_way_is_refused() {
        let rig = rig().await;
        let sent = json!({"data": {"a": 2}});
        let refused = signed(&rig, "secret/data/mine/a", &json!({"data": {"a": 1}}), sent).await;
        assert_eq!(refused.status, 403);
        assert_eq!(rig.root("GET", "secret/data/mine/a", json!(null)).await.status, 404);
    }

    #[tokio::test]
    async fn a_recognised_caller_has_its_policies_and_no_more() {
        let rig = rig().await;
        let body = json!({"data": {"a": 1}});
        assert_eq!(signed(&rig, "secret/data/other", &body, body.clone()).await.status, 403);
        assert_eq!(rig.root("GET", "secret/data/other", json!(null)).await.status, 404);
    }

    async fn chained(rig: &Rig, key: &str, path: &str) -> Reply {
        let login = request("", "POST", "auth/signed/login", json!({ "key": key }));
        let then = request("", "POST", path, json!({"data": {"a": 1}}));
        Reply::from(rig.broker.handle_chain(Chain { login, then }).await)
    }

    #[tokio::test]
    async fn a_chain_performs_the_second_request_as_the_one_who_logged_in() {
        let rig = rig().await;
        assert_eq!(chained(&rig, "k", "secret/data/mine/a").await.status, 200);
        assert_eq!(rig.root("GET", "secret/data/mine/a", json!(null)).await.body["data"]["data"]["a"], 1);
        let lines = rig.audit_lines();
        let id = &lines.iter().find(|line| line["request"]["path"] == "auth/signed/login").unwrap()["request"]["id"];
        let of: Vec<_> = lines.iter().filter(|line| line["request"]["id"] == *id).collect();
        let paths: Vec<_> =
            of.iter().map(|line| (line["type"].as_str().unwrap(), line["request"]["path"].as_str().unwrap())).collect();
        assert_eq!(paths.iter().filter(|(kind, _)| *kind == "request").count(), 2, "{paths:?}");
        assert_eq!(paths.iter().filter(|(kind, _)| *kind == "response").count(), 2, "{paths:?}");
        // No token was stored: the root token is the only one.
        let unit = rig.services().barrier.unit([0; 16]).unwrap();
        let report = crate::services::tokens::walk(&unit).unwrap();
        assert_eq!((report.tokens, report.problems), (1, vec![]));
    }

    #[tokio::test]
    async fn a_chain_whose_half_is_refused_does_nothing() {
        let rig = rig().await;
        assert_eq!(chained(&rig, "unknown", "secret/data/mine/a").await.status, 403);
        assert_eq!(chained(&rig, "k", "secret/data/other").await.status, 403);
        for path in ["secret/data/mine/a", "secret/data/other"] {
            assert_eq!(rig.root("GET", path, json!(null)).await.status, 404, "{path}");
        }
        let lines = rig.audit_lines();
        let count = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
        assert_eq!(count("request"), count("response"));
    }

    #[tokio::test]
    async fn chains_that_meet_are_done_one_after_the_other() {
        let rig = rig().await;
        let answers = join_all((0..20).map(|_| chained(&rig, "k", "secret/data/mine/shared"))).await;
        let mut versions: Vec<_> = answers.iter().map(|answer| answer.body["data"]["version"].as_u64()).collect();
        versions.sort_unstable();
        assert_eq!(versions, (1..=20).map(Some).collect::<Vec<_>>());
        let lines = rig.audit_lines();
        let of = |kind: &str, path: &str| {
            lines.iter().filter(|line| line["type"] == kind && line["request"]["path"] == path).count()
        };
        for path in ["auth/signed/login", "secret/data/mine/shared"] {
            assert_eq!((of("request", path), of("response", path)), (20, 20), "{path}");
        }
    }

    /// Alone, or as the second half of a chain.
    #[tokio::test]
    async fn a_request_that_meets_others_without_end_is_given_up_at_its_deadline() {
        let rig = rig().await;
        let alone = async { rig.root("POST", "auth/signed/contended", json!({})).await };
        let half = chained(&rig, "k", "auth/signed/contended");
        let clock = async {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            rig.clock.advance(Ttl::from_secs(61));
        };
        let (alone, half, ()) = tokio::join!(alone, half, clock);
        for answer in [alone, half] {
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.error().contains("try again"), "{answer:?}");
        }
        let lines = rig.audit_lines();
        let count = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
        assert_eq!(count("request"), count("response"));
    }

    /// A recognised caller was looked up once. A request that met others went on as its principal, even after that was
    /// deleted.
    #[tokio::test]
    async fn a_recognised_caller_is_recognised_at_each_try() {
        let rig = rig().await;
        let body = json!({"any": 1});
        let is_over = std::cell::Cell::new(false);
        let tried = async {
            let answer = signed(&rig, "auth/signed/contended", &body, body.clone()).await;
            is_over.set(true);
            answer
        };
        let ended = async {
            assert_eq!(rig.root("POST", "auth/signed/end", json!({})).await.status, 204);
            // A request that is wrongly tried on and on ends at its deadline.
            for _ in 0..1_000_000 {
                if is_over.get() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            rig.clock.advance(Ttl::from_secs(61));
        };
        let (answer, ()) = tokio::join!(tried, ended);
        assert_eq!(answer.status, 403, "{answer:?}");
        let lines = rig.audit_lines();
        let of = |kind: &str| {
            lines
                .iter()
                .filter(|line| line["type"] == kind && line["request"]["path"] == "auth/signed/contended")
                .count()
        };
        assert_eq!((of("request"), of("response")), (1, 1));
    }

    /// A sibling: who is still recognised goes on, with the body that was signed.
    #[tokio::test]
    async fn signed_requests_that_meet_are_done_one_after_the_other() {
        let rig = rig().await;
        let body = json!({"data": {"a": 1}});
        let answers = join_all((0..20).map(|_| signed(&rig, "secret/data/mine/shared", &body, body.clone()))).await;
        let mut versions: Vec<_> = answers.iter().map(|answer| answer.body["data"]["version"].as_u64()).collect();
        versions.sort_unstable();
        assert_eq!(versions, (1..=20).map(Some).collect::<Vec<_>>(), "{answers:?}");
    }

    #[tokio::test]
    async fn a_chain_begins_with_a_login() {
        let rig = rig().await;
        let login = request("", "GET", "sys/health", json!(null));
        let then = request("", "POST", "secret/data/mine/a", json!({"data": {"a": 1}}));
        assert_eq!(Reply::from(rig.broker.handle_chain(Chain { login, then }).await).status, 500);
    }
}
