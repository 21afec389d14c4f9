//! Logins and the renewals of their tokens.

use std::{collections::BTreeMap, sync::Arc};

use super::*;
use crate::{
    base::ttl::Ttl,
    contract::{
        EndedLogins, Fault, Login, Operation,
        bench::{Ending, EndingOf, conformance_of_logins},
    },
};

#[tokio::test]
async fn a_login_asks_for_what_the_role_says() {
    let bench = bench(json!({
        "token_policies": "ro,rw", "token_ttl": "20m", "token_max_ttl": "1h", "token_explicit_max_ttl": "2h",
        "token_period": "3h", "token_num_uses": 7, "token_no_default_policy": true
    }))
    .await;
    let id = role_id(&bench, "svc").await;
    let (secret, _) = secret_id(&bench, "svc", json!({ "metadata": r#"{"env":"prod","role_name":"zz"}"# })).await;
    let login = log_in(&bench, &id, &secret).await.unwrap();
    assert_eq!(login.alias, uuid::Uuid::from_bytes(login.origin.principal).to_string());
    assert_eq!(login.display_name, "test");
    assert_eq!(login.policies, ["ro", "rw"]);
    let metadata = [("env", "prod"), ("role_name", "svc")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(login.metadata, BTreeMap::from(metadata), "a SecretID cannot claim another role");
    assert_eq!(
        [login.ttl, login.max_ttl, login.explicit_max_ttl, login.period].map(Ttl::as_secs),
        [1200, 3600, 7200, 10800]
    );
    assert_eq!((login.num_uses, login.has_no_default_policy), (7, true));
}

#[tokio::test]
async fn every_failed_login_gets_the_same_answer() {
    let bench = bench(json!({ "secret_id_ttl": 60, "secret_id_num_uses": 1 })).await;
    bench.write("role/other", json!({})).await.unwrap();
    let id = role_id(&bench, "svc").await;
    let (spent, _) = secret_id(&bench, "svc", json!({})).await;
    log_in(&bench, &id, &spent).await.unwrap();
    let (expired, _) = secret_id(&bench, "svc", json!({})).await;
    bench.clock.advance(Ttl::from_secs(60));
    let (others, _) = secret_id(&bench, "other", json!({})).await;
    let before = bench.everything();
    for (role_id, secret_id) in [
        ("nope", "nope"),
        ("nope", others.as_str()),
        (&id, "nope"),
        (&id, &spent),
        (&id, &expired),
        (&id, &others),
        (&id, &others.to_uppercase()),
        (&id.to_uppercase(), &others),
    ] {
        let error = log_in(&bench, role_id, secret_id).await.err().unwrap();
        assert_eq!(said(&error), (Fault::Invalid, "invalid role or secret ID", false), "{role_id} {secret_id}");
    }
    assert_eq!(bench.everything(), before);
}

#[tokio::test]
async fn a_login_error_names_the_missing_field() {
    let bench = bench(json!({})).await;
    let id = role_id(&bench, "svc").await;
    for (fields, message) in [
        (json!({}), "missing role_id"),
        (json!({ "secret_id": "x" }), "missing role_id"),
        (json!({ "role_id": "", "secret_id": "" }), "missing role_id"),
        (json!({ "role_id": id }), "missing secret_id"),
        (json!({ "role_id": id, "secret_id": "" }), "missing secret_id"),
        (json!({ "role_id": "nope" }), "missing secret_id"),
        (json!({ "role_id": {}, "secret_id": "x" }), "error converting input for field \"role_id\": expected a text"),
        (json!({ "role_id": "x", "secret_id": [] }), "error converting input for field \"secret_id\": expected a text"),
    ] {
        let error = bench.login("login", fields.clone()).await.err().unwrap();
        assert_eq!(said(&error), (Fault::Invalid, message, false), "{fields}");
    }
}

#[tokio::test]
async fn a_secret_id_is_good_for_its_number_of_logins() {
    let bench = bench(json!({ "secret_id_num_uses": 3, "secret_id_ttl": "1h" })).await;
    let id = role_id(&bench, "svc").await;
    let empty = bench.everything().len();
    let (secret, _) = secret_id(&bench, "svc", json!({})).await;
    for left in [2, 1] {
        bench.clock.advance(Ttl::from_secs(1));
        log_in(&bench, &id, &secret).await.unwrap();
        let known = bench.write("role/svc/secret-id/lookup", json!({ "secret_id": secret })).await.unwrap();
        assert_eq!(known["secret_id_num_uses"], left);
        assert_ne!(known["last_updated_time"], known["creation_time"]);
    }
    log_in(&bench, &id, &secret).await.unwrap();
    assert!(log_in(&bench, &id, &secret).await.is_err());
    assert_eq!(bench.everything().len(), empty, "the last use deletes it");
}

#[tokio::test]
async fn a_login_writes_nothing_where_uses_are_unlimited() {
    let bench = bench(json!({ "secret_id_ttl": "1h" })).await;
    let id = role_id(&bench, "svc").await;
    let (secret, _) = secret_id(&bench, "svc", json!({})).await;
    let before = bench.everything();
    for _ in 0..3 {
        log_in(&bench, &id, &secret).await.unwrap();
    }
    assert_eq!(bench.everything(), before);
}

/// AUTH-08 on one node.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_200_logins_at_once_as_many_succeed_as_the_secret_id_has_uses() {
    for uses in [1, 5] {
        let bench = Arc::new(bench(json!({ "secret_id_num_uses": uses })).await);
        let id = role_id(&bench, "svc").await;
        let (secret, _) = secret_id(&bench, "svc", json!({})).await;
        let logins: Vec<_> = (0..200)
            .map(|_| {
                let (bench, id, secret) = (Arc::clone(&bench), id.clone(), secret.clone());
                tokio::spawn(async move { log_in(&bench, &id, &secret).await })
            })
            .collect();
        let mut succeeded = 0;
        for login in logins {
            match login.await.unwrap() {
                Ok(_) => succeeded += 1,
                Err(error) => assert_eq!(error.message, "invalid role or secret ID"),
            }
        }
        assert_eq!(succeeded, uses);
    }
}

/// AUTH-11: deleting a role ends its SecretIDs and the renewal of its tokens.
#[tokio::test]
async fn a_deleted_role_takes_everything_with_it() {
    let bench =
        bench(json!({ "role_id": "fixed", "token_ttl": "5m", "token_max_ttl": "1h", "token_period": 60 })).await;
    let (secret, accessor) = secret_id(&bench, "svc", json!({})).await;
    let login = log_in(&bench, "fixed", &secret).await.unwrap();
    let renewal = bench.renew(&login).await.unwrap();
    assert_eq!([renewal.ttl, renewal.max_ttl, renewal.period].map(Ttl::as_secs), [300, 3600, 60]);
    bench.delete("role/svc").await.unwrap();
    assert!(bench.everything().is_empty(), "nothing is left behind");
    let error = bench.renew(&login).await.err().unwrap();
    assert_eq!(said(&error), (Fault::Invalid, "role \"svc\" does not exist during renewal", false));
    assert!(bench.renew(&Login { metadata: BTreeMap::new(), ..login }).await.is_err());
    assert!(log_in(&bench, "fixed", &secret).await.is_err());
    // A later role with the same name and RoleID is another role.
    bench.write("role/svc", json!({ "role_id": "fixed" })).await.unwrap();
    assert!(log_in(&bench, "fixed", &secret).await.is_err());
    let found = bench.write("role/svc/secret-id-accessor/destroy", json!({ "secret_id_accessor": accessor })).await;
    assert_eq!(found.unwrap_err().fault, Fault::Missing);
}

/// S20: tokens lived on after their role was deleted or their SecretID was destroyed, and a new role of the same name
/// renewed them.
#[tokio::test]
async fn s20_it_passes_the_conformance_suite_of_logins() {
    let bench = Bench::auth::<AppRole>().await;
    let ending = |operation, path, of| Ending { operation, path, of };
    let endings = [
        ending(Operation::Delete, "role/svc", EndingOf::Principal),
        ending(Operation::Update, "role/svc/secret-id/destroy", EndingOf::Credential),
        ending(Operation::Delete, "role/svc/secret-id/destroy", EndingOf::Credential),
        ending(Operation::Update, "role/svc/secret-id-accessor/destroy", EndingOf::Credential),
        ending(Operation::Delete, "role/svc/secret-id-accessor/destroy", EndingOf::Credential),
    ];
    let principal = async |bench: &Bench| {
        bench.write("role/svc", json!({ "role_id": "fixed" })).await.unwrap();
        let (secret, accessor) = secret_id(bench, "svc", json!({})).await;
        let login = log_in(bench, "fixed", &secret).await.unwrap();
        (login, json!({ "secret_id": secret, "secret_id_accessor": accessor }))
    };
    assert_eq!(conformance_of_logins(&bench, principal, &endings).await, Vec::<String>::new());
    // The suite finds what is missing.
    let found = conformance_of_logins(&bench, principal, &endings[1..]).await;
    assert_eq!(found, ["delete role/{role_name}: the suite is not told what it ends"]);
    let wrong = [ending(Operation::Update, "role/svc/secret-id/lookup", EndingOf::Credential)];
    let found = conformance_of_logins(&bench, principal, &wrong).await;
    assert!(found.iter().any(|text| text.contains("it ends None")), "{found:?}");
}

/// A SecretID that is used up, expires or is tidied away ends no token; otherwise each login with a SecretID for one use
/// would end itself. An expired one can still be destroyed by hand.
#[tokio::test]
async fn s20_only_a_secret_id_that_is_destroyed_by_hand_ends_tokens() {
    let bench = bench(json!({ "role_id": "fixed", "secret_id_ttl": 60 })).await;
    let fields = json!({ "role_id": "fixed", "secret_id": secret_id(&bench, "svc", json!({"num_uses": 1})).await.0 });
    let last = bench.ask(Operation::Update, "login", fields).await.unwrap();
    assert_eq!(last.ended, None, "the last use");
    let (secret, _) = secret_id(&bench, "svc", json!({})).await;
    let origin = log_in(&bench, "fixed", &secret).await.unwrap().origin;
    bench.clock.advance(Ttl::from_secs(60));
    let by_hand = json!({ "secret_id": secret });
    let destroyed = bench.ask(Operation::Update, "role/svc/secret-id/destroy", by_hand.clone()).await.unwrap();
    assert_eq!(destroyed.ended, Some(EndedLogins::OfCredential(origin)), "an expired one");
    let again = bench.ask(Operation::Update, "role/svc/secret-id/destroy", by_hand).await.unwrap();
    assert_eq!(again.ended, None, "one that is gone");
    // The same text, registered twice, is two credentials.
    let chosen = json!({ "secret_id": "chosen" });
    bench.write("role/svc/custom-secret-id", chosen.clone()).await.unwrap();
    let first = log_in(&bench, "fixed", "chosen").await.unwrap().origin;
    bench.write("role/svc/secret-id/destroy", chosen.clone()).await.unwrap();
    bench.write("role/svc/custom-secret-id", chosen).await.unwrap();
    let second = log_in(&bench, "fixed", "chosen").await.unwrap().origin;
    assert_eq!(first.principal, second.principal);
    assert_ne!(first.credential, second.credential);
    // An expired one is tidied away when the next one is made.
    secret_id(&bench, "svc", json!({})).await;
    bench.clock.advance(Ttl::from_secs(60));
    let made = bench.ask(Operation::Update, "role/svc/secret-id", json!({})).await.unwrap();
    assert_eq!(made.ended, None, "what was tidied away");
}

#[tokio::test]
async fn secret_ids_of_a_deleted_role_stop_at_once_and_are_deleted_later() {
    let bench = bench(json!({ "role_id": "fixed", "secret_id_ttl": "1h" })).await;
    let mut secrets = Vec::new();
    for _ in 0..200 {
        secrets.push(secret_id(&bench, "svc", json!({})).await.0);
    }
    bench.delete("role/svc").await.unwrap();
    assert!(!bench.everything().is_empty());
    bench.write("role/svc", json!({ "role_id": "fixed" })).await.unwrap();
    for secret in &secrets {
        assert!(log_in(&bench, "fixed", secret).await.is_err());
    }
    for _ in 0..2 {
        bench.write("role/svc", json!({})).await.unwrap();
    }
    bench.delete("role/svc").await.unwrap();
    assert!(bench.everything().is_empty());
}

#[tokio::test]
async fn a_login_with_the_old_role_id_fails_once_it_is_changed() {
    let bench = bench(json!({ "role_id": "first" })).await;
    let (secret, _) = secret_id(&bench, "svc", json!({})).await;
    bench.write("role/svc/role-id", json!({ "role_id": "second" })).await.unwrap();
    assert!(log_in(&bench, "first", &secret).await.is_err());
    assert!(log_in(&bench, "second", &secret).await.is_ok());
}

#[test]
fn tokens_are_named_after_their_mount() {
    let name = crate::auth_methods::approle::login::display_name;
    assert_eq!([name("auth/approle/"), name("auth/team/a/"), name("auth/auth/")], ["approle", "team-a", "auth"]);
}
