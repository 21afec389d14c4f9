//! Truth tables of the configuration.

use super::*;
use crate::server::tls::{Clients, Version};

fn read_with(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let mut config = Config::default();
    let environment = Environment::of(environment);
    config
        .add("c.hcl", text, &environment)
        .and_then(|()| config.check())
        .map(|()| config)
        .map_err(|error| error.to_string())
}

fn read(text: &str) -> Config {
    read_with(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    read_with(text, &[]).err().unwrap_or_else(|| panic!("accepted: {text}"))
}

fn addresses(text: &str) -> Vec<String> {
    read(text).listeners.iter().flat_map(|it| &it.addresses).map(ToString::to_string).collect()
}

#[test]
fn hcl_and_every_json_form_say_the_same() {
    for text in [
        "storage \"inmem\" {}\nlistener \"tcp\" { address = \"127.0.0.1:1\"\n tls_disable = 1 }\nlistener \"tcp\" { address = \"[::1]:2\"\n tls_disable = \"true\" }",
        "backend \"inmem\" {}\nlistener \"tcp\" { address = \"127.0.0.1:1\"\n tls_disable = true }\nlistener \"tcp\" { address = \"[::1]:2\"\n tls_disable = \"1\" }",
        r#"{"storage":{"inmem":{}},"listener":[{"tcp":{"address":"127.0.0.1:1","tls_disable":true}},{"tcp":{"address":"[::1]:2","tls_disable":1}}]}"#,
        r#"{"storage":[{"inmem":{}}],"listener":{"tcp":{"address":"127.0.0.1:1","tls_disable":"1"}},"listener":{"tcp":{"address":"[::1]:2","tls_disable":"true"}}}"#,
        r#"{"backend":{"inmem":{}},"listener":{"tcp":[{"address":"127.0.0.1:1","tls_disable":true},{"address":"[::1]:2","tls_disable":true}]}}"#,
    ] {
        assert_eq!(read(text).storage, Some(Storage::Memory), "{text}");
        assert_eq!(addresses(text), ["127.0.0.1:1", "[::1]:2"], "{text}");
    }
}

#[test]
fn the_whole_of_a_configuration_is_taken() {
    let config = read(
        r#"
        storage "sled" { path = "/data" }
        listener "tcp" {
          address = "127.0.0.1:8200"
          tls_cert_file = "a.pem"
          tls_key_file = "b.pem"
          tls_min_version = "tls12"
          tls_client_ca_file = "c.pem"
        }
        audit "file" "main" { options { file_path = "/log" } }
        audit "file" "second/" {
          path = "/log2"
          sync = "always"
          required = false
          rotate_bytes = 1000000
          keep = "3"
        }
        api_addr = "https://a:8200"
        default_lease_ttl = "1h"
        max_lease_ttl = 7200
        log_level = "debug"
        pid_file = "/run/pid"
        unsafe_allow_api_audit_creation = true
        "#,
    );
    assert_eq!(config.storage, Some(Storage::Sled { path: "/data".into() }));
    let tls = config.listeners[0].tls.as_ref().unwrap();
    assert_eq!((tls.oldest, &tls.clients), (Version::Tls12, &Clients::Asked));
    let device = |name: &str, path: &str, required, sync_always| AuditConfig {
        name: name.to_owned(),
        path: path.into(),
        required,
        sync_always,
        rotate_bytes: if sync_always { Some(1_000_000) } else { None },
        keep: if sync_always { Some(3) } else { None },
    };
    assert_eq!(config.audit, [device("main", "/log", true, false), device("second", "/log2", false, true)]);
    assert_eq!(config.api_addr.as_deref(), Some("https://a:8200"));
    assert_eq!(config.default_lease_ttl.map(Ttl::as_secs), Some(3_600));
    assert_eq!(config.max_lease_ttl.map(Ttl::as_secs), Some(7_200));
    assert_eq!(config.log_level.as_deref(), Some("debug"));
    assert_eq!(config.pid_file, Some("/run/pid".into()));
    assert!(config.allows_api_audit && config.warnings.is_empty() && config.seal.is_none());
}

#[test]
fn an_audit_device_without_a_name_is_called_file() {
    for text in [
        "audit \"file\" { options { file_path = \"/log\" } }",
        "audit \"file\" { path = \"/log\" }",
        "audit { type = \"file\"\n path = \"/log\" }",
        r#"{"audit":{"file":{"options":{"file_path":"/log"}}}}"#,
        r#"{"audit":[{"file":{"path":"/log"}}]}"#,
    ] {
        let audit = read(text).audit;
        assert!(audit.len() == 1 && audit[0].name == "file" && audit[0].path == Path::new("/log"), "{text}: {audit:?}");
    }
    assert_eq!(read(r#"{"audit":{"file":{"main":{"options":{"file_path":"/log"}}}}}"#).audit[0].name, "main");
}

#[test]
fn what_client_certificates_are_asked_for() {
    let clients = |lines: &str| {
        let text = format!("listener \"tcp\" {{\n tls_cert_file = \"a\"\n tls_key_file = \"b\"\n {lines} }}");
        read_with(&text, &[]).map(|config| config.listeners[0].tls.clone().unwrap().clients)
    };
    let ca = "tls_client_ca_file = \"c\"\n";
    let required = "tls_require_and_verify_client_cert = \"true\"\n";
    let disabled = "tls_disable_client_certs = true\n";
    assert_eq!(clients("").unwrap(), Clients::Unasked);
    assert_eq!(clients(ca).unwrap(), Clients::Asked);
    assert_eq!(clients(&[ca, disabled].concat()).unwrap(), Clients::Unasked);
    assert_eq!(clients(&[ca, required].concat()).unwrap(), Clients::Required("c".into()));
    assert!(clients(required).is_err());
    assert!(clients(&[ca, required, disabled].concat()).is_err());
}

#[test]
fn an_unknown_key_stops_the_start_with_its_line_and_a_suggestion() {
    assert_eq!(error("api_addr = \"a\"\napi_adr = \"b\""), "c.hcl:2: unknown key `api_adr`; did you mean `api_addr`?");
    assert_eq!(
        error("listener \"tcp\" {\n  tls_disable = 1\n  tls_dissable = 1\n}"),
        "c.hcl:3: unknown key `tls_dissable` in `listener`; did you mean `tls_disable`?"
    );
    assert_eq!(error("frobnicate = 1"), "c.hcl:1: unknown key `frobnicate`");
    assert_eq!(
        error("storage \"sled\" {\n path = \"a\"\n pth = \"b\" }"),
        "c.hcl:3: unknown key `pth` in `storage`; did you mean `path`?"
    );
    assert_eq!(
        error("audit \"file\" {\n options {\n file_pat = \"a\" } }"),
        "c.hcl:3: unknown key `file_pat` in `options`; did you mean `file_path`?"
    );
    assert_eq!(
        error("seal \"static\" { curent_key = \"a\" }"),
        "c.hcl:1: unknown key `curent_key` in `seal`; did you mean `current_key`?"
    );
    assert_eq!(error("ui = true\nui = false"), "c.hcl:2: `ui` is given twice, first in c.hcl:1: remove one");
}

/// C3: the last of two storage stanzas won, and a store on disk became one in memory.
#[test]
fn c3_what_may_stand_once_is_refused_with_both_lines() {
    let twice = |key: &str| format!("`{key}` is given twice, first in c.hcl:");
    let beside = |key: &str, other: &str| format!("`{key}` means the same as `{other}`, which is given in c.hcl:");
    let seal = format!("seal \"static\" {{ current_key_id = \"1\"\n current_key = \"{}\" }}", "07".repeat(32));
    for (text, second, first, said) in [
        ("storage \"sled\" { path = \"a\" }\nstorage \"inmem\" {}", 2, 1, twice("storage")),
        ("storage \"inmem\" {}\n\nstorage \"inmem\" {}", 3, 1, twice("storage")),
        ("backend \"inmem\" {}\nbackend \"inmem\" {}", 2, 1, twice("backend")),
        ("storage \"sled\" { path = \"a\" }\nbackend \"inmem\" {}", 2, 1, beside("backend", "storage")),
        ("backend \"inmem\" {}\nstorage \"sled\" { path = \"a\" }", 1, 2, beside("backend", "storage")),
        (&format!("{seal}\n{seal}"), 3, 1, twice("seal")),
        (&format!("seal \"shamir\" {{}}\n{seal}"), 2, 1, twice("seal")),
        ("telemetry {}\ntelemetry { address = \"127.0.0.1:1\" }", 2, 1, twice("telemetry")),
        ("audit \"file\" {\n options { path = \"a\" }\n options { path = \"b\" }\n}", 3, 2, twice("options")),
        ("{\"storage\":{\"inmem\":{},\n\"sled\":{\"path\":\"a\"}}}", 2, 1, twice("storage")),
        ("{\"storage\":{\"inmem\":{}},\n\"storage\":{\"inmem\":{}}}", 2, 1, twice("storage")),
        ("{\"storage\":{\"inmem\":{}},\n\"backend\":{\"inmem\":{}}}", 2, 1, beside("backend", "storage")),
        ("{\"log_level\":\"info\",\n\"log_level\":\"warn\"}", 2, 1, twice("log_level")),
        ("api_addr = \"a\"\ncluster_name = \"b\"\napi_addr = \"c\"", 3, 1, twice("api_addr")),
        ("listener \"tcp\" {\n tls_disable = 1\n tls_disable = 0\n}", 3, 2, twice("tls_disable")),
        ("storage \"sled\" {\n path = \"a\"\n path = \"b\"\n}", 3, 2, twice("path")),
        ("audit \"file\" {\n options {\n path = \"a\"\n path = \"b\" } }", 4, 3, twice("path")),
    ] {
        assert_eq!(error(text), format!("c.hcl:{second}: {said}{first}: remove one"), "{text}");
    }
}

#[test]
fn c3_a_stanza_that_may_stand_once_is_refused_in_a_second_file_too() {
    let dir = tempfile::tempdir().unwrap();
    for (stanza, other) in [
        ("storage \"inmem\" {}", "storage \"inmem\" {}"),
        ("storage \"inmem\" {}", "backend \"inmem\" {}"),
        ("seal \"shamir\" {}", "seal \"shamir\" {}"),
        ("telemetry {}", "telemetry {}"),
    ] {
        std::fs::write(dir.path().join("a.hcl"), format!("\n{stanza}")).unwrap();
        std::fs::write(dir.path().join("b.hcl"), other).unwrap();
        let error = Config::load(&[dir.path().to_owned()], &Environment::of(&[])).err().unwrap().to_string();
        assert!(error.contains("b.hcl:1: `") && error.contains("a.hcl:2: remove one"), "{error}");
    }
}

#[test]
fn a_key_that_vault_knows_and_we_do_not_need_is_one_warning() {
    let config = read(
        "ui = true\ndisable_mlock = true\ntelemetry {\n statsd_address = 1 }\nlistener \"tcp\" {\n cluster_address = \"a:1\"\n tls_disable = 1 }",
    );
    assert_eq!(config.warnings.len(), 4);
    assert_eq!(config.warnings[1], "c.hcl:2: `disable_mlock` is a key of Vault's that has no effect here");
    assert_eq!(config.warnings[2], "c.hcl:6: `cluster_address` is a key of Vault's that has no effect here");
}

#[test]
fn metrics_have_a_listener_only_if_asked_for_and_on_this_machine() {
    let telemetry = |lines: &str| read_with(&format!("telemetry {{ {lines} }}"), &[]).map(|config| config.telemetry);
    let addresses = |lines: &str| telemetry(lines).unwrap().map(|it| it.addresses);
    assert_eq!(read("").telemetry, None);
    assert_eq!(addresses("disable_hostname = true"), None);
    assert_eq!(addresses("address = \"127.0.0.1:9142\"").unwrap(), ["127.0.0.1:9142".parse().unwrap()]);
    assert!(
        telemetry("address = \"0.0.0.0:9142\"").unwrap_err().starts_with("c.hcl:1: metrics are served without TLS")
    );
    let loud = read("telemetry {\n address = \"192.0.2.1:9142\"\n tls_disable = true }");
    assert!(loud.telemetry.is_some() && loud.warnings[0].starts_with("c.hcl:1: PLAIN HTTP BEYOND THIS MACHINE"));
    assert!(telemetry("adress = \"a\"").unwrap_err().ends_with("did you mean `address`?"));
}

#[test]
fn plain_http_beyond_this_machine_is_loud_and_no_certificate_is_an_error() {
    let warnings =
        |address: &str| read(&format!("listener \"tcp\" {{ address = \"{address}\"\n tls_disable = 1 }}")).warnings;
    assert!(warnings("127.0.0.1:1").is_empty() && warnings("[::1]:1").is_empty());
    for address in ["0.0.0.0:1", "[::]:1", ":1", "192.0.2.1:1"] {
        assert!(warnings(address)[0].starts_with("c.hcl:1: PLAIN HTTP BEYOND THIS MACHINE"), "{address}");
    }
    for lines in ["", "tls_disable = false", "tls_cert_file = \"a\"", "tls_key_file = \"a\""] {
        assert!(error(&format!("listener \"tcp\" {{ {lines} }}")).contains("no certificate"), "{lines}");
    }
}

#[test]
fn what_is_known_and_not_built_is_refused_by_name() {
    for (text, said) in [
        ("storage \"file\" { path = \"a\" }", "c.hcl:1: `storage \"file\"` is not supported: use `storage \"sled\""),
        ("storage \"raft\" { path = \"a\" }", "c.hcl:1: `storage \"raft\"` is not supported"),
        ("listener \"unix\" { address = \"a\" }", "c.hcl:1: `listener \"unix\"` is not supported"),
        ("audit \"syslog\" {}", "c.hcl:1: `audit \"syslog\"` is not supported"),
        ("audit \"file\" { path = \"stdout\" }", "c.hcl:1: `stdout` is not supported"),
        ("audit \"file\" { options { file_path = \"a\"\n log_raw = true } }", "c.hcl:2: `log_raw` is not supported"),
        ("audit \"file\" { options { file_path = \"a\"\n format = \"jsonx\" } }", "c.hcl:2: `format` is not supported"),
        ("seal \"awskms\" {}", "c.hcl:1: `seal \"awskms\"` is not supported"),
        ("seal \"static\" {\n previous_key = \"a\" }", "c.hcl:2: `previous_key` is not supported"),
    ] {
        let error = error(text);
        assert!(error.starts_with(said), "{text}: {error}");
    }
}

#[test]
fn a_value_of_another_kind_is_named_by_its_key_and_never_shown() {
    for (text, said) in [
        ("api_addr = 1", "c.hcl:1: `api_addr` must be a string"),
        ("max_lease_ttl = \"soon\"", "c.hcl:1: `max_lease_ttl`: time: invalid duration \"soon\""),
        ("default_lease_ttl = \"2h\"\nmax_lease_ttl = \"1h\"", "`default_lease_ttl` is longer than `max_lease_ttl`"),
        ("listener \"tcp\" { tls_disable = \"maybe\" }", "c.hcl:1: `tls_disable` must be true or false"),
        (
            "listener \"tcp\" { address = \"127.0.0.1:99999\"\n tls_disable = 1 }",
            "c.hcl:1: `address` is not an address",
        ),
        ("listener { tls_disable = 1 }", "c.hcl:1: `listener` needs a kind"),
        ("storage \"sled\" {}", "c.hcl:1: `storage \"sled\"` needs `path`"),
        ("audit \"file\" {}", "c.hcl:1: `audit \"file\"` needs `path`"),
        (
            "audit \"file\" { path = \"a\" }\naudit \"file\" { path = \"b\" }",
            "two audit devices have the same name `file`",
        ),
        (
            "audit \"file\" \"a\" { path = \"a\" }\naudit \"file\" \"b\" { path = \"a\" }",
            "two audit devices write to a",
        ),
        (
            "seal \"static\" { current_key_id = \"1\"\n current_key = \"hunter2\" }",
            "c.hcl:2: `current_key` must be 32 bytes",
        ),
        ("listener \"tcp\" {", "c.hcl:1"),
    ] {
        let error = error(text);
        assert!(error.starts_with(said) && !error.contains("hunter2"), "{text}: {error}");
    }
}

#[test]
fn a_seal_key_comes_from_a_file_the_environment_or_the_text() {
    let dir = tempfile::tempdir().unwrap();
    let (raw, hex) = ([7; 32], "07".repeat(32));
    let key = |value: &str, environment: &[(&str, &str)]| {
        let text = format!("seal \"static\" {{ current_key_id = \"1\"\n current_key = \"{value}\" }}");
        read_with(&text, environment).map(|config| *config.seal.unwrap().key.expose())
    };
    for content in [raw.to_vec(), format!("{hex}\n").into_bytes(), data_encoding::BASE64.encode(&raw).into_bytes()] {
        let path = dir.path().join("key");
        std::fs::write(&path, content).unwrap();
        assert_eq!(key(&format!("file://{}", path.display()), &[]).unwrap(), raw);
    }
    assert_eq!(key(&hex, &[]).unwrap(), raw);
    assert_eq!(key("env://KEY", &[("KEY", &hex)]).unwrap(), raw);
    assert!(key("env://KEY", &[]).unwrap_err().ends_with("KEY is not set"));
    assert!(key("file:///none/key", &[]).unwrap_err().contains("/none/key"));
    // 32 characters of hex are half a key, not 32 raw bytes.
    assert!(key(&hex[..32], &[]).is_err());
}

#[test]
fn folders_files_and_the_environment_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("b.json", r#"{"log_level": "error"}"#);
    write("a.hcl", "log_level = \"warn\"\nlistener \"tcp\" { tls_disable = 1 }");
    write("c.txt", "nonsense");
    let load = |environment: &[(&str, &str)]| Config::load(&[dir.path().to_owned()], &Environment::of(environment));
    let config = load(&[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((config.log_level.as_deref(), config.listeners.len()), (Some("error"), 1));
    let local = r#"{"log_level":"trace","listener":{"tcp":{"address":"127.0.0.1:1","tls_disable":1}}}"#;
    let config = load(&[("VAULT_LOCAL_CONFIG", local)]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((config.log_level.as_deref(), config.listeners.len()), (Some("trace"), 2));
    let error = load(&[("BAO_LOCAL_CONFIG", "{\"x\":1}")]).err().unwrap();
    assert_eq!(error.to_string(), "BAO_LOCAL_CONFIG:1: unknown key `x`");
    let nowhere = Config::load(&["/none/at/all".into()], &Environment::of(&[])).err().unwrap();
    assert!(nowhere.to_string().starts_with("/none/at/all: cannot be read"));
    let empty = tempfile::tempdir().unwrap();
    assert!(Config::load(&[empty.path().to_owned()], &Environment::of(&[])).is_err());
}

#[test]
fn our_own_variables_come_before_vaults_and_openbaos() {
    let environment = Environment::of(&[("BAO_X", "b"), ("VAULT_X", "v"), ("STRONGROOM_X", ""), ("BAO_Y", "b")]);
    assert_eq!(environment.setting("X"), Some(Setting { name: "VAULT_X".into(), value: "v".into() }));
    assert_eq!(environment.setting("Y").unwrap().value, "b");
    assert_eq!(environment.setting("Z"), None);
}

#[test]
fn addresses_are_written_in_several_ways() {
    let resolved = |text| stanzas::resolve(text).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(resolved("127.0.0.1:1"), ["127.0.0.1:1"]);
    assert_eq!(resolved("[::]:8200"), ["[::]:8200"]);
    assert_eq!(resolved(":1"), ["[::]:1"]);
    assert_eq!(resolved("::1"), ["[::1]:8200"]);
    assert_eq!(resolved("127.0.0.1"), ["127.0.0.1:8200"]);
    assert!(resolved("localhost:1").contains(&"127.0.0.1:1".to_owned()));
    assert!(stanzas::resolve("127.0.0.1:x").is_err());
}
