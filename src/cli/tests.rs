//! The command line against a server that answers from a list: exit codes and messages.

mod lives;

use super::{
    commands, config_dir::ConfigDir, environment::Environment, error::CliError, invocation::Invocation,
    persona::Persona, pins, terminal::Terminal, tokens,
};
use crate::{
    base::secret::Secret,
    client::{
        Address,
        fake::{Fake, Route},
    },
};

struct TestCli {
    fake: Fake,
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl TestCli {
    fn new(routes: &'static [Route]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let fake = runtime.block_on(Fake::plain(routes));
        Self { fake, dir: tempfile::tempdir().unwrap(), runtime }
    }

    fn config_dir(&self) -> ConfigDir {
        ConfigDir::of(&self.environment(None))
    }

    fn environment(&self, token: Option<&str>) -> Environment {
        let home = self.dir.path().to_str().unwrap();
        match token {
            Some(token) => Environment::of([
                ("STRONGROOM_ADDR", &self.fake.address),
                ("STRONGROOM_HOME", home),
                ("VAULT_TOKEN", token),
            ]),
            None => Environment::of([("STRONGROOM_ADDR", &self.fake.address), ("STRONGROOM_HOME", home)]),
        }
    }

    /// Runs a command line as its own process would, without a terminal.
    fn run(&self, line: &str, token: Option<&str>, persona: Persona) -> Result<u8, CliError> {
        let nobody = Terminal { input: false, output: false };
        let read = commands::read(line.split(' ').map(str::to_owned).collect(), persona).unwrap();
        let invocation = Invocation::open(read.globals, persona, self.environment(token), nobody)?;
        let _inside = self.runtime.enter();
        commands::run(read.command, invocation)
    }

    fn error_of(&self, line: &str, token: Option<&str>) -> String {
        let failure = self.run(line, token, Persona::Strongroom).unwrap_err();
        let text = failure.render(Persona::Strongroom).replace(&self.fake.address, "ADDRESS");
        format!("{text}exit {}", failure.exit.code(Persona::Strongroom))
    }
}

const MOUNT: Route = Route(
    "GET /v1/sys/internal/ui/mounts/secret/",
    200,
    r#"{"request_id":"m","data":{"type":"kv","path":"secret/","options":{"version":"2"}}}"#,
);
const DENIED: &str = r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"],"request_id":"4f1c-9d2e"}"#;
const EXPLAINED: &str = r#"{"request_id":"e","data":{
    "display_name":"jdm-app","policies":["default","jdm"],"mounts":[],
    "mount":{"path":"secret/","type":"kv","options":{"version":"2"}},
    "capabilities":{"secret/jdm/yahoo/account":["read"],"secret/data/jdm/yahoo/account":["deny"]},
    "rules":{"secret/jdm/yahoo/account":{"policy":"jdm","path":"secret/jdm/*","line":1}}}}"#;
const SELF: &str = r#"{"request_id":"s","data":{"display_name":"jdm-app","policies":["default","jdm"]}}"#;

#[test]
fn a_rule_without_data_is_found_and_the_right_rule_is_shown() {
    let cli = TestCli::new(&[
        Route("GET /v1/sys/internal/explain/secret/", 200, EXPLAINED),
        Route("GET /v1/secret/data/jdm/yahoo/account ", 403, DENIED),
    ]);
    assert_eq!(
        cli.error_of("kv get secret/jdm/yahoo/account", Some("t")),
        "error: permission denied: read secret/jdm/yahoo/account\n  \
         why  your token (\"jdm-app\", policies default, jdm) has no rule for secret/data/jdm/yahoo/account\n       \
         policy jdm has a rule for secret/jdm/*, but secret/ is KV version 2: reads go to secret/data/…\n  \
         fix  path \"secret/data/jdm/yahoo/account\" { capabilities = [\"read\"] }\n       \
         in one of its policies: strongroom policy write NAME FILE\n  \
         request 4f1c-9d2e\nexit 3"
    );
    // U16: besides the request itself, only the server's explanation is asked for, before and after.
    let asked: Vec<String> = cli.fake.asked().into_iter().filter(|line| line != "connect").collect();
    let others = asked.iter().filter(|line| !line.starts_with("GET /v1/sys/internal/explain/")).count();
    assert_eq!((asked.len(), others), (3, 1), "{asked:#?}");
}

#[test]
fn a_failed_compare_and_set_names_both_versions() {
    let cli = TestCli::new(&[
        MOUNT,
        Route(
            "POST /v1/secret/data/app ",
            400,
            r#"{"errors":["check-and-set parameter did not match the current version"]}"#,
        ),
        Route(
            "PUT /v1/secret/data/app ",
            400,
            r#"{"errors":["check-and-set parameter did not match the current version"]}"#,
        ),
        Route("GET /v1/secret/metadata/app ", 200, r#"{"request_id":"x","data":{"current_version":4}}"#),
    ]);
    assert_eq!(
        cli.error_of("kv put -cas=3 secret/app a=b", Some("t")),
        "error: check-and-set parameter did not match the current version: write secret/app\n  \
         why  -cas=3 expects that version 3 is the newest, but version 4 is\n  \
         fix  see what changed: strongroom kv get secret/app        then write with -cas=4\nexit 7"
    );
}

#[test]
fn a_deleted_version_is_not_found_and_can_come_back() {
    let deleted = r#"{"request_id":"x","data":{"data":null,
        "metadata":{"version":2,"destroyed":false,"deletion_time":"2026-11-24T09:00:00Z"}}}"#;
    let routes: &'static [Route] = vec![MOUNT, Route("GET /v1/secret/data/app ", 404, deleted)].leak();
    let cli = TestCli::new(routes);
    assert_eq!(
        cli.error_of("kv get secret/app", Some("t")),
        "error: version 2 of secret/app was deleted\n  why  at 2026-11-24T09:00:00Z\n  \
         fix  strongroom kv undelete -versions=2 secret/app\nexit 5"
    );
    assert_eq!(cli.run("kv get secret/app", Some("t"), Persona::Vault).unwrap(), 0);
}

/// Once, a secret that lacked the requested version was reported as a folder.
#[test]
fn a_missing_version_is_not_reported_as_a_folder() {
    let cli = TestCli::new(&[
        MOUNT,
        Route("GET /v1/secret/metadata?list=true ", 200, r#"{"request_id":"l","data":{"keys":["app","apps/"]}}"#),
        Route("GET /v1/secret/data/", 404, r#"{"errors":[]}"#),
    ]);
    assert_eq!(
        cli.error_of("kv get -version=99 secret/app", Some("t")),
        "error: nothing found: read secret/app\n  why  secret/app exists, but not in that version\n  \
         fix  to see its versions: strongroom kv metadata get secret/app\nexit 5"
    );
    assert_eq!(
        cli.error_of("kv get secret/apps", Some("t")),
        "error: nothing found: read secret/apps\n  why  secret/apps is a folder\n  \
         fix  strongroom kv list secret/apps\nexit 5"
    );
}

const SEALED: &[Route] = &[
    Route(
        "GET /v1/sys/seal-status ",
        200,
        r#"{"initialized":true,"sealed":true,"t":3,"n":5,"progress":1,"version":"1.19.0"}"#,
    ),
    Route("GET /v1/sys/leader ", 503, r#"{"errors":["Vault is sealed"]}"#),
    Route("GET /v1/", 503, r#"{"errors":["Vault is sealed"]}"#),
];

#[test]
fn a_sealed_server_says_its_progress_and_what_to_do() {
    let cli = TestCli::new(SEALED);
    assert_eq!(
        cli.error_of("kv get secret/app", Some("t")),
        "error: the server is sealed: 1 of 3 shares given\n  \
         why  a sealed server cannot decrypt its data; every server is sealed after a start\n  \
         fix  strongroom operator unseal        (asks for one share; run it once for each missing share)\nexit 6"
    );
    for persona in [Persona::Strongroom, Persona::Vault] {
        assert_eq!(cli.run("status", None, persona).unwrap(), 2);
    }
    let failure = cli.run("kv get secret/app", Some("t"), Persona::Vault).unwrap_err();
    assert!(failure.render(Persona::Vault).ends_with("Code: 503. Errors:\n\n* Vault is sealed\n"));
}

const UNKNOWN_TOKEN: &[Route] = &[Route("GET /v1/", 403, r#"{"errors":["permission denied"]}"#)];

#[test]
fn a_token_of_another_server_is_recognised() {
    let cli = TestCli::new(UNKNOWN_TOKEN);
    let other = Address::parse("https://other:8200").unwrap();
    tokens::keep(&cli.config_dir(), &other, &Secret::text("srs.canary")).unwrap();
    assert_eq!(
        cli.error_of("kv get secret/app", Some("srs.canary")),
        "error: ADDRESS does not accept your token\n  \
         why  the token (from VAULT_TOKEN) belongs to another server: https://other:8200\n  \
         fix  --address=https://other:8200, or log in here: strongroom login\nexit 4"
    );
    assert_eq!(
        cli.error_of("kv get secret/app", Some("another")),
        "error: ADDRESS does not accept your token\n  \
         why  the token (from VAULT_TOKEN) has expired, was revoked, or belongs to another server\n  \
         fix  unset VAULT_TOKEN, then: strongroom login\nexit 4"
    );
}

#[test]
fn without_a_token_nothing_is_sent() {
    let cli = TestCli::new(UNKNOWN_TOKEN);
    assert!(cli.error_of("kv get secret/app", None).starts_with("error: not logged in to ADDRESS\n"));
    assert_eq!(cli.fake.asked(), Vec::<String>::new());
    let failure = cli.run("kv get secret/app", None, Persona::Vault).unwrap_err();
    assert_eq!(failure.exit.code(Persona::Vault), 2);
}

const MOUNTS: &[Route] = &[
    Route(
        "GET /v1/sys/mounts ",
        200,
        r#"{"request_id":"x","data":{"old/":{"type":"kv","description":"","options":{"version":"2"}}}}"#,
    ),
    Route("GET /v1/old/metadata?list=true ", 200, r#"{"request_id":"x","data":{"keys":["a","b/"]}}"#),
    Route("DELETE /v1/sys/mounts/old ", 204, ""),
];

#[test]
fn what_destroys_is_done_only_when_confirmed() {
    let cli = TestCli::new(MOUNTS);
    let deleted = |cli: &TestCli| cli.fake.asked().iter().any(|line| line.starts_with("DELETE"));
    assert!(cli.error_of("secrets disable old", Some("t")).ends_with("exit 1"));
    assert_eq!(cli.run("secrets disable old --dry-run", Some("t"), Persona::Strongroom).unwrap(), 0);
    assert!(!deleted(&cli));
    assert_eq!(cli.run("secrets disable old --confirm=old", Some("t"), Persona::Strongroom).unwrap(), 0);
    assert!(deleted(&cli));
}

/// MEM-05: an error holds no secret, in any form.
#[test]
fn an_error_shows_neither_token_nor_what_was_sent() {
    let cli = TestCli::new(&[MOUNT, Route("PUT /v1/secret/data/app ", 500, r#"{"errors":["internal error"]}"#)]);
    let failure =
        cli.run("kv put secret/app password=canary-value", Some("canary-token"), Persona::Strongroom).unwrap_err();
    for text in [failure.render(Persona::Strongroom), failure.render(Persona::Vault), failure.json().to_string()] {
        assert!(text.contains("internal error") && !text.contains("canary"), "{text}");
    }
}

#[test]
fn a_share_on_the_command_line_is_refused_except_as_vault() {
    let cli = TestCli::new(SEALED);
    assert!(
        cli.error_of("operator unseal 00ff", None).starts_with("error: a share must not stand on the command line\n")
    );
    assert!(!cli.fake.asked().iter().any(|line| line.contains("00ff")));
    let _ = cli.run("operator unseal 00ff", None, Persona::Vault);
    assert!(cli.fake.asked().iter().any(|line| line.starts_with("PUT /v1/sys/unseal") && line.contains("00ff")));
}

#[test]
fn the_first_role_mounts_its_auth_method() {
    let cli = TestCli::new(&[Route("POST /v1/sys/auth/approle ", 204, "")]);
    // The role is still not found afterwards, because this server has nothing else.
    assert!(cli.error_of("approle create web -token-policies=web", Some("t")).ends_with("exit 5"));
    let asked = cli.fake.asked();
    let posts: Vec<&str> = asked.iter().filter_map(|line| line.strip_prefix("POST /v1/")?.split(' ').next()).collect();
    assert_eq!(posts, ["auth/approle/role/web", "sys/auth/approle", "auth/approle/role/web"]);
}

const INIT: &[Route] = &[Route(
    "PUT /v1/sys/init ",
    200,
    r#"{"keys":["00"],"keys_base64":["AA=="],"root_token":"t","share_texts":["srk1-x"],"audit_public_key":"NEW"}"#,
)];

/// S25: an init replaced the pinned audit key without a word, so `audit verify` took the log of a stranger's store for
/// the operator's own.
#[test]
fn s25_an_init_replaces_a_pinned_audit_key_only_if_told() {
    let cli = TestCli::new(INIT);
    let address = Address::parse(&cli.fake.address).unwrap();
    let pin = |key: &str| pins::Pin { ca: None, audit_public_key: Some(key.to_owned()) };
    pins::keep(&cli.config_dir(), &address, &pin("OLD")).unwrap();
    let refused = cli.error_of("operator init", None);
    assert!(refused.starts_with("error: an audit key is pinned for ADDRESS already: nothing was sent\n"), "{refused}");
    assert!(refused.contains("operator init -repin") && refused.ends_with("exit 1"), "{refused}");
    assert_eq!(cli.fake.asked(), Vec::<String>::new());
    assert_eq!(cli.run("operator init -repin", None, Persona::Strongroom).unwrap(), 0);
    assert_eq!(pins::find(&cli.config_dir(), &address).unwrap(), pin("NEW"));
}

#[test]
fn s25_an_init_whose_key_cannot_be_pinned_is_not_sent() {
    let damages: [fn(&std::path::Path); 2] =
        [|path| std::fs::write(path, "no JSON").unwrap(), |path| std::fs::create_dir(path).unwrap()];
    for damage in damages {
        let cli = TestCli::new(INIT);
        damage(&cli.dir.path().join("pins"));
        let refused = cli.error_of("operator init", None);
        assert!(refused.contains("/pins ") && refused.ends_with("exit 1"), "{refused}");
        assert_eq!(cli.fake.asked(), Vec::<String>::new());
    }
}

/// Every command that changes or looks up something, with what it asks the server before that.
const CHANGES: &[&str] = &[
    "kv put secret/app a=b",
    "kv patch secret/app a=b",
    "kv delete secret/app",
    "kv delete -versions=1 secret/app",
    "kv undelete -versions=1 secret/app",
    "kv destroy -versions=1 secret/app --yes",
    "kv metadata put -max-versions=3 secret/app",
    "kv metadata patch -max-versions=3 secret/app",
    "kv metadata delete secret/app --yes",
    "write secret/data/app a=b",
    "patch secret/data/app a=b",
    "delete secret/data/app",
    "policy delete p --yes",
    "secrets enable kv",
    "secrets disable secret --yes",
    "secrets tune -description=d secret",
    "auth enable approle",
    "auth disable approle --yes",
    "auth tune -description=d approle",
    "approle create web -token-policies=web",
    "token create",
    "token renew",
    "token renew t2",
    "token lookup t2",
    "token lookup -accessor=a",
    "token revoke t2",
    "token revoke -self",
    "token revoke -accessor=a",
    "token capabilities t2 secret/app",
    "operator seal --yes",
    "operator init",
    "operator unseal -reset",
];

/// U5: a patch of a deleted secret was answered 404 with the data of the deletion, and printed as done.
#[test]
fn u5_no_command_takes_an_error_for_success() {
    let gone = r#"{"request_id":"x","data":{"version":1,"deletion_time":"2026-11-24T09:00:00Z"}}"#;
    let warned = r#"{"request_id":"x","data":null,"warnings":["nothing there"]}"#;
    for (status, body) in [
        (400, r#"{"errors":["no"]}"#),
        (403, DENIED),
        (404, r#"{"errors":[]}"#),
        (404, gone),
        (404, warned),
        (404, ""),
        (405, r#"{"errors":["unsupported"]}"#),
        (412, ""),
        (413, r#"{"errors":["too large"]}"#),
        (429, ""),
        (500, r#"{"errors":["internal error"]}"#),
        (502, "a proxy"),
        (503, r#"{"errors":["Vault is sealed"]}"#),
    ] {
        let mut routes = vec![MOUNT, Route("GET /v1/auth/token/lookup-self ", 200, SELF)];
        routes.extend(["GET /v1/", "LIST /v1/"].map(|any| Route(any, 200, r#"{"request_id":"g","data":{"keys":[]}}"#)));
        routes.extend(["PUT /v1/", "POST /v1/", "PATCH /v1/", "DELETE /v1/"].map(|any| Route(any, status, body)));
        let cli = TestCli::new(routes.leak());
        for (line, persona) in CHANGES.iter().flat_map(|line| [(line, Persona::Strongroom), (line, Persona::Vault)]) {
            let ended = cli.run(line, Some("t"), persona);
            let code = ended.unwrap_or_else(|failure| failure.exit.code(persona));
            assert_ne!(code, 0, "{line}, as {persona:?}, with {status} {body}");
        }
    }
}
