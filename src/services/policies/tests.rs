//! Tables of precedence, of the syntax, and of texts that must be refused. Where a table says so, OpenBao gave the
//! expected answers.

mod agreement;
mod fuzz_tests;
mod reference;

use crate::services::policies::capabilities::Capabilities;
use std::sync::Arc;

use super::*;
use crate::{base::limits::POLICY_BYTES_MAX, contract::Access};

fn policy(name: &str, text: &str) -> Result<Arc<Policy>, String> {
    let record = PolicyRecord { name: name.to_owned(), text: text.to_owned(), version: 1, modified: 0 };
    Policy::parse(record).map(Arc::new).map_err(|error| error.to_string())
}

fn refusal(text: &str) -> String {
    policy("p", text).expect_err(text)
}

/// One policy. Each line is `capability,capability path`.
fn rules(lines: &[&str]) -> Arc<Policy> {
    named("p", lines)
}

fn named(name: &str, lines: &[&str]) -> Arc<Policy> {
    let text: String = lines.iter().map(|line| line.split_once(' ').unwrap()).map(block).collect();
    policy(name, &text).unwrap()
}

fn block((words, path): (&str, &str)) -> String {
    let words: Vec<String> = words.split(',').filter(|word| *word != "-").map(|word| format!("\"{word}\"")).collect();
    format!("path \"{path}\" {{ capabilities = [{}] }}\n", words.join(", "))
}

fn acl(lines: &[&str]) -> Acl {
    Acl::compile(&[rules(lines)])
}

fn words(acl: &Acl, path: &str) -> String {
    acl.capabilities(path).words().join(",")
}

/// The table from the advisory behind ACL-04 (GHSA-xp3c-3jw3-4vcr). OpenBao 2.7.2 gives the same answers to LIST,
/// GET?list and SCAN on a KV v1 mount.
#[test]
fn a_list_does_not_slip_past_a_more_specific_deny() {
    let acl =
        acl(&["list,scan foo/metadata/*", "deny foo/metadata/private/*", "list,scan foo/metadata/private/granted/*"]);
    for (path, allowed) in [
        ("foo/metadata", true),
        ("foo/metadata/test", true),
        ("foo/metadata/private", false),
        ("foo/metadata/private/internal", false),
        ("foo/metadata/private/granted", true),
        ("foo/metadata/private/granted/test", true),
        ("foo", false),
    ] {
        for wanted in [Wanted::List, Wanted::Scan] {
            assert_eq!(acl.judge(path, wanted, Access::Ordinary).allowed, allowed, "{path}");
            assert_eq!(acl.judge(&format!("{path}/"), wanted, Access::Ordinary).allowed, allowed, "{path}/");
            assert_eq!(acl.capabilities(&format!("{path}/")).grants(wanted), allowed, "{path}/");
        }
    }
}

/// The answers of OpenBao 2.7.2 to LIST and SCAN of `kv1/a` on a KV v1 mount, and to `sys/capabilities` of `kv1/a/`:
/// first the exact rules, `a/` before `a`, then the others in the same order.
#[test]
fn a_list_asks_for_the_folder_before_the_record() {
    for (lines, allowed) in [
        (["list kv1/a", "deny kv1/a/"], false),
        (["deny kv1/a", "list kv1/a/"], true),
        (["deny kv1/a", "list kv1/a/*"], false),
        (["list kv1/a", "deny kv1/a/*"], true),
        (["list kv1/a*", "deny kv1/a/*"], false),
        (["deny kv1/a*", "list kv1/a/*"], true),
        (["list kv1/+", "read kv1/a/*"], false),
        (["list kv1/+", "read kv1/a*"], false),
        (["list kv1/+", "deny kv1/*"], false),
        (["deny kv1/+", "list kv1/*"], true),
        (["deny kv1/+/", "list kv1/+"], false),
        (["deny kv1/+", "list kv1/+/"], true),
        (["list kv1/+", "scan x"], true),
        (["list kv1/+/", "scan x"], true),
        (["list kv1/+/*", "scan x"], true),
        (["list kv1/a", "scan x"], true),
        (["list +/a", "scan x"], true),
        (["scan kv1/a", "list x"], false),
    ] {
        assert_eq!(acl(&lines).judge("kv1/a/", Wanted::List, Access::Ordinary).allowed, allowed, "{lines:?}");
        assert!(!acl(&lines).judge("kv1/a", Wanted::Update, Access::Ordinary).allowed, "{lines:?}");
    }
    assert!(!acl(&["read kv1/a/"]).judge("kv1/a", Wanted::Read, Access::Ordinary).allowed, "only a list has two names");
}

/// The path of the root folder is empty. Looking it up recursed until the stack overflowed. The fuzz target found it; the
/// Vault dialect refuses an empty path, so no request came so far.
#[test]
fn the_root_can_be_listed() {
    let open = acl(&["list *"]);
    for path in ["", "/", "//"] {
        assert!(open.judge(path, Wanted::List, Access::Ordinary).allowed, "`{path}`");
        assert!(!acl(&["list a/*"]).judge(path, Wanted::List, Access::Ordinary).allowed, "`{path}`");
        assert!(!open.judge(path, Wanted::Read, Access::Ordinary).allowed, "`{path}`");
    }
    assert_eq!(words(&open, "/"), "list");
}

/// The answers of OpenBao 2.7.2 to `sys/capabilities`.
#[test]
fn the_most_specific_rule_wins() {
    for (lines, path, expected) in [
        (vec!["read x/+/+/d/e", "list x/+/c/+/e"], "x/1/c/d/e", "list"),
        (vec!["read a/*", "list a/+/*"], "a/b/c", "read"),
        (vec!["read a/+/*", "list a/+/b*"], "a/b/bc", "list"),
        (vec!["read a/+", "list a/b*"], "a/b", "list"),
        (vec!["read a/+", "list a/b*"], "a/c", "read"),
        (vec!["read a/+/c", "list a/b/*"], "a/b/c", "list"),
        (vec!["read +/b", "list a*"], "a/b", "list"),
        (vec!["read +/b", "list *"], "a/b", "read"),
        (vec!["read +/*", "list *"], "a/b", "list"),
        (vec!["read +/b/*", "list *"], "a/b/c", "list"),
        (vec!["read a/+/c", "list a/+/+", "update a/+/*"], "a/b/c", "read"),
        (vec!["read a/+/c", "list a/+/+", "update a/+/*"], "a/b/d", "list"),
        (vec!["read a/+/c", "list a/+/+", "update a/+/*"], "a/b/d/e", "update"),
        (vec!["read a/b", "update a/+", "list a/*"], "a/b", "read"),
        (vec!["read a/b", "update a/+", "list a/*"], "a/b/", "read"),
        (vec!["read a/b", "update a/+", "list a/*"], "a/", "update"),
        (vec!["read a/+"], "a/b/c", "deny"),
        (vec!["read a/+/"], "a/b", "deny"),
        (vec!["read a/+/"], "a/b/", "read"),
        (vec!["read a/+/+"], "a/b/", "read"),
        (vec!["read a/b", "deny A/B"], "A/b", "deny"),
        (vec!["- a", "read *"], "a", "deny"),
        (vec!["read /a"], "/a", "read"),
        (vec!["read a"], "A", "deny"),
        (vec!["read a*"], "ab", "read"),
        (vec!["read a/*"], "a", "deny"),
        (vec!["read *"], "a/b/c", "read"),
    ] {
        assert_eq!(words(&acl(&lines), path), expected, "{lines:?} at {path}");
    }
}

/// The answers of OpenBao 2.7.2 with exact, prefix and segment rules, in one policy and in several.
#[test]
fn rules_with_one_path_are_combined_and_deny_wins() {
    for path in ["a/b", "a/b*", "a/*", "a/+", "+/b"] {
        let grants = [format!("read {path}"), format!("update {path}"), format!("deny {path}")];
        let [read, update, deny] = grants.each_ref().map(String::as_str);
        for (policies, expected) in [
            (vec![vec![read, update]], "read,update"),
            (vec![vec![read], vec![update]], "read,update"),
            (vec![vec![read, deny, update]], "deny"),
            (vec![vec![deny], vec![read], vec![update]], "deny"),
            (vec![vec![read], vec![update], vec![deny]], "deny"),
        ] {
            let policies: Vec<_> = policies.iter().map(|lines| rules(lines)).collect();
            assert_eq!(words(&Acl::compile(&policies), "a/b"), expected, "{path}");
        }
    }
}

/// ACL-06.
#[test]
fn a_deny_holds_in_every_ascii_case() {
    let users = acl(&["update auth/userpass/users/*", "deny auth/userpass/users/admin"]);
    for (name, allowed) in
        [("admin", false), ("Admin", false), ("ADMIN", false), ("aDmIn", false), ("admin2", true), ("Bob", true)]
    {
        let verdict = users.judge(&format!("auth/userpass/users/{name}"), Wanted::Update, Access::Ordinary);
        assert_eq!(verdict.allowed, allowed, "{name}");
        let pattern = if allowed { "auth/userpass/users/*" } else { "auth/userpass/users/admin" };
        assert_eq!(&*verdict.rule.unwrap().pattern, pattern, "{name}");
    }
    for (lines, path, expected) in [
        (vec!["read kv/Secret", "deny kv/secret"], "kv/Secret", "deny"),
        (vec!["read kv/secret", "deny kv/Secret"], "kv/secret", "deny"),
        (vec!["read kv/*", "deny kv/Private/*"], "kv/private/x", "deny"),
        (vec!["read kv/*", "deny kv/Private/*"], "kv/privat", "read"),
        (vec!["read kv/a/*", "deny kv/+/Key"], "kv/a/KEY", "read"),
        (vec!["read kv/*", "deny kv/+/Key"], "kv/a/KEY", "deny"),
        (vec!["read kv/*", "deny kv/a/+/Key"], "kv/A/b/KEY", "deny"),
        (vec!["read KV/*", "deny kv/*"], "KV/a", "deny"),
        (vec!["read KV/A/*", "deny kv/*"], "KV/A/a", "read"),
        // A grant applies only to its own case, and does not exempt another case from the deny.
        (vec!["read *", "deny kv/private/*", "read kv/Private/granted/*"], "kv/PRIVATE/granted/x", "deny"),
        (vec!["read *", "deny kv/private/*", "read kv/Private/granted/*"], "kv/Private/granted/x", "read"),
        (vec!["read *", "deny kv/private/*", "read kv/private/x"], "kv/private/x", "read"),
        (vec!["read *", "deny kv/private/*", "read kv/private/x"], "kv/private/X", "deny"),
        (vec!["list kv/A", "deny kv/a/"], "kv/A/", "deny"),
        (vec!["list kv/A/", "deny kv/a"], "kv/A/", "list"),
        (vec!["read kv/*", "deny kv/É"], "kv/é", "read"),
    ] {
        assert_eq!(words(&acl(&lines), path), expected, "{lines:?} at {path}");
    }
}

#[test]
fn a_verdict_names_the_block_that_decided() {
    let first = policy("first", "# one\npath \"a\" {\n  capabilities = [\"read\"]\n}").unwrap();
    let second = policy("second", "path \"a\" { capabilities = [\"update\", \"sudo\"] }").unwrap();
    let place = |acl: &Acl, wanted, needs_sudo| {
        let verdict = acl.judge("a", wanted, needs_sudo);
        let rule = verdict.rule.unwrap();
        assert_eq!(&*rule.pattern, "a");
        (verdict.allowed, rule.policy.to_string(), rule.line)
    };
    let both = Acl::compile(&[first.clone(), second.clone()]);
    assert_eq!(place(&both, Wanted::Read, Access::Ordinary), (true, "first".to_owned(), 2));
    assert_eq!(place(&both, Wanted::Read, Access::Sudo), (true, "first".to_owned(), 2));
    assert_eq!(place(&both, Wanted::Update, Access::Ordinary), (true, "second".to_owned(), 1));
    assert_eq!(place(&both, Wanted::Delete, Access::Ordinary), (false, "first".to_owned(), 2));
    assert_eq!(
        place(&Acl::compile(std::slice::from_ref(&first)), Wanted::Read, Access::Sudo),
        (false, "first".to_owned(), 2)
    );

    let denied = Acl::compile(&[first, second, named("third", &["deny a"])]);
    assert_eq!(place(&denied, Wanted::Read, Access::Ordinary), (false, "third".to_owned(), 1));
    let listed = denied.judge("a", Wanted::List, Access::Ordinary);
    assert_eq!((listed.capabilities, &*listed.rule.unwrap().pattern), (Capabilities::DENY, "a"));

    assert!(denied.judge("b", Wanted::Read, Access::Ordinary).rule.is_none());
}

#[test]
fn root_may_do_all_and_no_policy_makes_a_root() {
    let root = Acl::root();
    for wanted in [Wanted::Read, Wanted::Scan, Wanted::Delete] {
        assert!(root.judge("sys/x", wanted, Access::Sudo).allowed);
    }
    assert_eq!(words(&root, "a"), "root");
    assert!(root.allows_any_below("secret/"));

    for acl in [Acl::compile(&[]), Acl::compile(&[named("root", &["read a"])])] {
        assert!(!acl.judge("b", Wanted::Read, Access::Ordinary).allowed);
        assert_eq!(words(&acl, "b"), "deny");
        assert!(!acl.allows_any_below("secret/"));
    }
}

/// OpenBao 2.7.2 shows a mount in `sys/internal/ui/mounts` in the same cases, but also to a token whose only rules
/// there are `deny` or grant nothing (the first and the fourth `false`).
#[test]
fn a_mount_is_seen_by_whoever_may_do_something_in_it() {
    for (lines, expected) in [
        (vec!["deny kv1/*"], false),
        (vec!["read kv1/a"], true),
        (vec!["read kv*"], true),
        (vec!["- kv1/*", "read kv*"], false),
        (vec!["deny kv1/*", "read kv*"], false),
        (vec!["deny kv1/*", "read kv*", "read kv1/x/*"], true),
        (vec!["deny kv1/", "read kv*"], true),
        (vec!["deny kv1/+", "read kv1/+/x"], true),
        (vec!["deny kv1/+/*", "read kv1/+/x"], true),
        (vec!["deny kv1/x", "read KV1/x", "read kv1/X"], false),
        (vec!["read +/a"], true),
        (vec!["read +/+/a"], true),
        (vec!["read +/*"], true),
        (vec!["read *"], true),
        (vec!["deny kv1/+", "read *"], true),
        (vec!["read kv1"], true),
        (vec!["read kv1/"], true),
        (vec!["list kv1/+/"], true),
        (vec!["read kv1b/*"], false),
        (vec!["read kv"], false),
        (vec!["read auth/+/x"], false),
        (vec!["read kv1/+/+/+/x*"], true),
    ] {
        for prefix in ["kv1/", "kv1"] {
            assert_eq!(acl(&lines).allows_any_below(prefix), expected, "{lines:?}");
        }
    }
    for (line, expected) in [
        ("read auth/+/x", true),
        ("read +/token/x", true),
        ("read +/a", false),
        ("read auth/t*", true),
        ("read auth/*", true),
        ("read auth", false),
        ("read +/*", true),
        ("read +/x*", false),
        ("read auth/token", true),
    ] {
        assert_eq!(acl(&[line]).allows_any_below("auth/token/"), expected, "{line}");
    }
}

/// Each text, and the capabilities of `a` that OpenBao 2.7.2 gave for it.
#[test]
fn texts_are_read_as_vault_reads_them() {
    for (text, expected) in [
        ("   \n", "deny"),
        ("# nothing\n", "deny"),
        ("{}", "deny"),
        ("path \"a\" {}", "deny"),
        ("path \"a\" { capabilities = [] }", "deny"),
        ("path \"a\" { policy = \"\" }", "deny"),
        ("path \"a\" { policy = \"deny\" }", "deny"),
        ("path \"a\" { policy = \"read\" }", "list,read"),
        ("path \"a\" { policy = \"write\" }", "create,delete,list,read,update"),
        ("path \"a\" { policy = \"sudo\" }", "create,delete,list,read,sudo,update"),
        ("path \"a\" { policy = \"read\" capabilities = [\"patch\"] }", "list,patch,read"),
        ("path \"a\" { policy = \"deny\" capabilities = [\"read\"] }", "deny"),
        ("path \"a\" { capabilities = [\"deny\", \"sudo\"] }", "deny"),
        ("path \"a\" { capabilities = [\"sudo\"] }", "sudo"),
        ("path \"a\" { capabilities = [\"read\", \"read\",] }", "read"),
        ("path \"a\" { comment = \"why\" capabilities = [\"read\"] }", "read"),
        ("name = \"x\" path \"a\" { capabilities = [\"read\"] }", "read"),
        ("path \"a*\" { policy = \"deny\" } path \"a\" { policy = \"read\" }", "list,read"),
        ("{\"path\": {\"a\": {\"capabilities\": [\"read\"]}}}", "read"),
        ("{\"path\": [{\"a\": {\"policy\": \"read\"}}, {\"a\": {\"capabilities\": [\"scan\"]}}]}", "list,read,scan"),
        ("path a { capabilities = [<<E\nread\nE\n] }", "invalid"),
    ] {
        match policy("p", text) {
            Ok(policy) => assert_eq!(words(&Acl::compile(&[policy]), "a"), expected, "{text}"),
            Err(error) => assert_eq!(expected, "invalid", "{text}: {error}"),
        }
    }
}

#[test]
fn unknown_text_is_refused_with_its_line() {
    for (text, message) in [
        ("", "the policy is empty"),
        ("\npath \"a\" {\n capabilities = [\"reed\"] }", "line 3: unknown capability `reed`; did you mean `read`?"),
        ("path \"a\" { capabilities = [\"READ\"] }", "line 1: unknown capability `READ`; did you mean `read`?"),
        ("path \"a\" { capabilities = [\"root\"] }", "line 1: unknown capability `root`"),
        ("path \"a\" { capabilities = [\"\"] }", "line 1: unknown capability ``"),
        ("path \"a\" { capabilities = [\"re\\nd\"] }", "line 1: unknown capability `re\\nd`; did you mean `read`?"),
        ("path \"a\" { capabilities = \"read\" }", "line 1: `capabilities` must be a list of capabilities in quotes"),
        ("path \"a\" { capabilities = [1] }", "line 1: `capabilities` must be a list of capabilities in quotes"),
        ("path \"a\" { capabilites = [\"read\"] }", "line 1: unknown key `capabilites`; did you mean `capabilities`?"),
        (
            "path \"a\" {\n Capabilities = [\"read\"] }",
            "line 2: unknown key `Capabilities`; did you mean `capabilities`?",
        ),
        ("PATH \"a\" {}", "line 1: unknown key `PATH`; did you mean `path`?"),
        ("foo = 1", "line 1: unknown key `foo`"),
        ("name = 1", "line 1: `name` must be a text in quotes"),
        ("path \"a\" { comment = 1 }", "line 1: `comment` must be a text in quotes"),
        (
            "path \"a\" { policy = \"foo\" }",
            "line 1: `policy` must be `read`, `write`, `sudo` or `deny`; use `capabilities`",
        ),
        (
            "path \"a\" {\n capabilities = [\"read\"]\n capabilities = [\"list\"] }",
            "line 3: `capabilities` is given twice",
        ),
        ("path {}", "line 1: `path` takes one path in quotes and a block"),
        ("path \"a\" \"b\" {}", "line 1: `path` takes one path in quotes and a block"),
        ("path = \"a\"", "line 1, column 1: `path` must be a block"),
        ("path \"\" {}", "line 1: a path is missing between the quotes"),
        ("path \"/\" {}", "line 1: a path is missing between the quotes"),
        ("path \"a*b\" {}", "line 1: `*` is only allowed at the end of a path"),
        ("path \"a**\" {}", "line 1: `*` is only allowed at the end of a path"),
        ("path \"a/+*\" {}", "line 1: `+` stands for a whole segment: nothing may follow it but `/`"),
        ("path \"a/c+*\" {}", "line 1: `+` stands for a whole segment: nothing may follow it but `/`"),
        ("path \"+b/c\" {}", "line 1: `+` stands for a whole segment: nothing may follow it but `/`"),
        ("\n\npath \"a/{{identity.entity.id}}\" {}", "line 3: templates (`{{…}}`) are not supported"),
        ("path \"a/}}\" {}", "line 1: templates (`{{…}}`) are not supported"),
        ("path \"a\" {}}", "line 1, column 12: this `}` has no matching `{`"),
    ] {
        assert_eq!(refusal(text), message, "{text}");
    }
    for path in ["//a", "a//b", "a/../b", "a/./b*", "..", "a\\u0000", "a\\\\b", "a%2fb", "e\\u0301", "a\\u200bb"] {
        let error = refusal(&format!("path \"{path}\" {{}}"));
        assert!(error.starts_with("line 1: no request can match this path: "), "{path}: {error}");
    }
    for path in ["a/...", "a/.*", "c++", "c++/+/x*", "a b", "é*", "a/", "+", "a/+/", "50%*", "a:b@c"] {
        assert!(policy("p", &format!("path \"{path}\" {{}}")).is_ok(), "{path}");
    }
}

#[test]
fn unsupported_constraints_are_refused_by_name() {
    for key in [
        "allowed_parameters = {}",
        "allowed_parameters { \"*\" = [] }",
        "denied_parameters = { a = [] }",
        "required_parameters = []",
        "min_wrapping_ttl = \"0\"",
        "max_wrapping_ttl = 1",
        "control_group = { factor \"x\" {} }",
        "mfa_methods = [\"x\"]",
        "pagination_limit = 3",
        "expiration = \"2030-01-01T00:00:00Z\"",
        "response_keys_filter_path = \"x\"",
        "list_scan_response_keys_filter_path = \"x\"",
        "subscribe_event_types = []",
    ] {
        let error = refusal(&format!("path \"a\" {{\n  capabilities = [\"read\"]\n  {key}\n}}"));
        let name = key.split([' ', '=']).next().unwrap();
        assert_eq!(error, format!("line 3: `{name}` is not supported"));
    }
}

#[test]
fn an_error_repeats_no_path_and_no_long_word() {
    let word = "s3cret".repeat(100);
    for text in [
        format!("path \"a\" {{ capabilities = [\"{word}\"] }}"),
        format!("path \"a\" {{ \"{word}\" = 1 }}"),
        format!("\"{word}\" = 1"),
        format!("path \"a\" {{ \"{word}\" = 1 }} "),
    ] {
        assert!(refusal(&text).len() < 90, "{}", refusal(&text));
    }
    for text in ["path \"s3cret*b\" {}", "path \"s3cret//\" {}", "path \"s3cret\" \"b\" {}", "path \"s3cret\" = 1"] {
        assert!(!refusal(text).contains("s3cret"), "{text}");
    }
}

/// HTTP-13: each text is refused or read within a limit, and the cost is at most proportional to its length.
#[test]
fn hostile_texts_are_stopped_by_a_limit() {
    let rest = POLICY_BYTES_MAX;
    for text in [
        "x".repeat(1 << 20),
        "path \"a\" {".repeat(rest / 10),
        "path \"a\" { capabilities = [".to_owned() + &"[".repeat(rest / 2),
        format!("path \"{}\" {{}}", "a*".repeat(rest / 4)),
        format!("path \"{}\" {{}}", "+/".repeat(rest / 4)),
        format!("path \"{}\" {{}}", "a".repeat(rest / 2)),
        "{\"path\":".repeat(rest / 8),
        format!("path \"a\" {{ capabilities = [{}] }}", "\"read\",".repeat(rest / 8)),
        "path \"a\" {} ".repeat(rest / 12),
        format!("{{\"path\":{{{}\"a\":{{}}}}}}", "\"a\":{},".repeat(rest / 8)),
    ] {
        refusal(&text);
    }
    // As many rules as the limits allow, each a prefix of the next.
    let chain: Vec<_> = (1..500).map(|length| format!("path \"{}*\" {{}}\n", "a".repeat(length))).collect();
    let acl = Acl::compile(&[policy("p", &chain.concat()).unwrap()]);
    for (length, line) in [(505, 499), (20, 20)] {
        let verdict = acl.judge(&format!("{}b", "a".repeat(length)), Wanted::Read, Access::Ordinary);
        assert_eq!(verdict.rule.map(|rule| rule.line), Some(line));
    }
}

#[test]
fn the_default_policy_serves_a_token_and_no_more() {
    let acl = Acl::compile(&[policy("default", DEFAULT_POLICY).unwrap()]);
    for (path, wanted) in [
        ("auth/token/lookup-self", Wanted::Read),
        ("auth/token/renew-self", Wanted::Update),
        ("auth/token/revoke-self", Wanted::Update),
        ("sys/capabilities-self", Wanted::Update),
        ("sys/internal/ui/resultant-acl", Wanted::Read),
        ("sys/leases/renew", Wanted::Update),
        ("sys/leases/lookup", Wanted::Update),
        ("sys/renew", Wanted::Update),
        ("cubbyhole/a/b", Wanted::Create),
        ("cubbyhole/", Wanted::List),
        ("sys/wrapping/wrap", Wanted::Update),
        ("sys/wrapping/lookup", Wanted::Update),
        ("sys/wrapping/unwrap", Wanted::Update),
        ("sys/tools/hash", Wanted::Update),
        ("sys/tools/hash/sha2-512", Wanted::Update),
        ("identity/oidc/provider/main/authorize", Wanted::Read),
    ] {
        assert!(acl.judge(path, wanted, Access::Ordinary).allowed, "{path}");
        assert!(!acl.judge(path, wanted, Access::Sudo).allowed, "{path}");
    }
    for path in ["auth/token/create", "auth/token/lookup", "sys/mounts", "secret/data/a", "sys/tools/random", "sys/raw"]
    {
        assert_eq!(words(&acl, path), "deny", "{path}");
    }
    // OpenBao 2.7.2 refuses a POST to lookup-self under `default`.
    assert!(!acl.judge("auth/token/lookup-self", Wanted::Update, Access::Ordinary).allowed);
}

#[test]
fn a_record_survives_its_encoding() {
    let record = PolicyRecord { name: "a".into(), text: "path \"é\" {}".into(), version: 7, modified: -1 };
    let bytes = minicbor::to_vec(&record).unwrap();
    assert_eq!(minicbor::decode::<PolicyRecord>(&bytes).unwrap(), record);
}
