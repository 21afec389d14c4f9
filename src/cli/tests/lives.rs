//! The lives that `approle create` gives a new role.

use super::{DENIED, SELF, TestCli};
use crate::{cli::persona::Persona, client::fake::Route};

const SHORT: &str = r#""token_ttl":"3600s","secret_id_ttl":"86400s","secret_id_num_uses":40"#;

/// What `line` writes to the server.
fn written(routes: &'static [Route], line: &str) -> String {
    let cli = TestCli::new(routes);
    assert_eq!(cli.run(line, Some("t"), Persona::Strongroom).unwrap(), 0, "{line}");
    let asked = cli.fake.asked();
    asked.iter().find(|line| line.starts_with("POST /v1/auth/approle/role/web ")).unwrap().clone()
}

const NEW: &[Route] = &[Route("POST /v1/auth/approle/role/web ", 204, "")];
const OLD: &[Route] = &[
    Route("POST /v1/auth/approle/role/web ", 204, ""),
    Route("GET /v1/auth/approle/role/web ", 200, r#"{"request_id":"g","data":{"token_ttl":0}}"#),
];

/// U21: tokens of a role lived 768 hours and its secret ids for ever, where nothing else was named.
#[test]
fn u21_a_new_role_has_short_lives_unless_they_are_named() {
    assert!(written(NEW, "approle create web -policies=p").contains(SHORT));
    for (named, sent) in [
        ("-token-ttl=5m", r#"{"token_ttl":"5m","secret_id_ttl":"86400s","secret_id_num_uses":40}"#),
        (
            "-secret-id-ttl=0 -secret-id-num-uses=0",
            r#"{"secret_id_ttl":"0","secret_id_num_uses":0,"token_ttl":"3600s"}"#,
        ),
        ("-token-max-ttl=20m", r#""token_ttl":"1200s""#),
        ("-token-max-ttl=8h", r#""token_ttl":"3600s""#),
        ("token_max_ttl=60", r#""token_ttl":"60s""#),
        ("-token-period=2h", r#"{"token_period":"2h","secret_id_ttl":"86400s","secret_id_num_uses":40}"#),
        ("period=2h", r#"{"period":"2h","secret_id_ttl":"86400s","secret_id_num_uses":40}"#),
        ("secret_id_num_uses=3", r#""secret_id_ttl":"86400s""#),
    ] {
        let body = written(NEW, &format!("approle create web {named}"));
        assert!(body.contains(sent), "{named}: {body}");
    }
}

#[test]
fn u21_a_role_that_exists_keeps_its_lives() {
    assert!(written(OLD, "approle create web -policies=p").ends_with(r#"{"token_policies":["p"]}"#));
}

#[test]
fn u21_who_may_not_look_names_the_lives() {
    const CLOSED: &[Route] = &[
        Route("POST /v1/auth/approle/role/web ", 204, ""),
        Route("GET /v1/auth/approle/role/web ", 403, DENIED),
        Route("GET /v1/auth/token/lookup-self ", 200, SELF),
    ];
    let refused = TestCli::new(CLOSED).error_of("approle create web -token-ttl=5m", Some("t"));
    assert!(refused.contains("-secret-id-ttl=… -secret-id-num-uses=…"), "{refused}");
    assert!(refused.starts_with("error: no role was written"), "{refused}");
    let all = "approle create web -token-ttl=5m -secret-id-ttl=1h -secret-id-num-uses=1";
    assert!(written(CLOSED, all).contains(r#""token_ttl":"5m""#));
}
