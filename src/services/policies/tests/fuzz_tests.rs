//! A fuzz target: any text parses as a policy or is refused, and no policy makes a root token.

use crate::services::policies::capabilities::Capabilities;
use std::cell::Cell;

use proptest::{
    prelude::*,
    sample::select,
    test_runner::{TestCaseResult, TestRunner},
};

use super::*;
use crate::base::fuzz;

const OPERATIONS: [Wanted; 7] =
    [Wanted::Read, Wanted::List, Wanted::Scan, Wanted::Create, Wanted::Update, Wanted::Patch, Wanted::Delete];

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => any::<String>(),
        2 => noise(),
        4 => policies(),
        // A policy with noise in front of it, behind it or instead of its end.
        2 => (noise(), policies()).prop_map(|(noise, policy)| noise + &policy),
        2 => (policies(), 0..200_usize, noise()).prop_map(|(policy, cut, noise)| {
            let kept: String = policy.chars().take(cut).collect();
            kept + &noise
        }),
    ]
}

/// Pieces of the syntax in any order.
fn noise() -> impl Strategy<Value = String> {
    r#"([\[\]{}=,"\\# \n:/*+]|\{\{|\}\}|<<E|\nE\n|path|capabilities|policy|"root"|"deny"|\x00|é|.){0,16}"#
}

/// Policies in HCL and in JSON. Most of them are valid.
fn policies() -> impl Strategy<Value = String> {
    let path = "(/|\\+/|\\+|a|A|sys/|root|é|\\*){0,3}[a-z*+]";
    let word = select(vec![
        "read", "list", "scan", "create", "update", "patch", "delete", "sudo", "deny", "root", "ROOT", "Read",
    ]);
    let words = proptest::collection::vec(prop_oneof![9 => word, 1 => Just("root")], 0..4).prop_map(|words| {
        let quoted: Vec<String> = words.into_iter().map(|word| format!("\"{word}\"")).collect();
        ("capabilities", format!("[{}]", quoted.join(", ")))
    });
    let shorthand = select(vec!["\"read\"", "\"write\"", "\"sudo\"", "\"deny\"", "\"root\"", "\"\"", "1"])
        .prop_map(|word| ("policy", word.to_owned()));
    let rule = (path, prop_oneof![3 => words, 1 => shorthand]);
    proptest::collection::vec(rule, 1..4).prop_flat_map(|rules| {
        let blocks: Vec<String> =
            rules.iter().map(|(path, (key, value))| format!("path \"{path}\" {{ {key} = {value} }}")).collect();
        let hcl = blocks.join("\n");
        let members: Vec<String> =
            rules.iter().map(|(path, (key, value))| format!("\"{path}\": {{ \"{key}\": {value} }}")).collect();
        select(vec![hcl, format!("{{ \"path\": {{ {} }} }}", members.join(", "))])
    })
}

/// Paths to ask about: some fixed ones, and for each rule one that it matches.
fn paths(policy: &Policy) -> Vec<String> {
    let fixed = ["", "/", "a", "sys/seal", "root", "auth/token/create"].map(String::from);
    let of_rules = policy.rules().iter().map(|rule| rule.pattern.text().replace('+', "x").replace('*', "y"));
    fixed.into_iter().chain(of_rules).collect()
}

/// Holds an ACL to what its policy says: every grant comes from one of its rules, and none grants `root`.
fn grants_come_from_rules(acl: &Acl, policy: &Policy, granted: &Cell<usize>) -> TestCaseResult {
    prop_assert!(!acl.is_root());
    for path in paths(policy) {
        let capabilities = acl.capabilities(&path);
        prop_assert!(!capabilities.has(Capabilities::ROOT) && !capabilities.words().contains(&"root"), "{}", path);
        for (wanted, access) in OPERATIONS.into_iter().flat_map(|w| [(w, Access::Ordinary), (w, Access::Sudo)]) {
            let verdict = acl.judge(&path, wanted, access);
            prop_assert!(!verdict.capabilities.has(Capabilities::ROOT), "{}", path);
            if verdict.allowed {
                let rule = verdict.rule.ok_or_else(|| TestCaseError::fail(format!("no rule allows {path}")))?;
                let granting = policy
                    .rules()
                    .iter()
                    .any(|known| *known.pattern.text() == *rule.pattern && known.capabilities.has(wanted.capability()));
                prop_assert!(granting, "{:?} at {}", wanted, path);
                granted.set(granted.get() + 1);
            }
        }
    }
    Ok(())
}

#[test]
fn no_policy_text_panics_or_grants_root() {
    let (refused, granted) = (Cell::new(0_usize), Cell::new(0_usize));
    let outcome = TestRunner::new(fuzz::config()).run(&texts(), |text| {
        let Ok(policy) = policy("p", &text) else {
            refused.set(refused.get() + 1);
            return Ok(());
        };
        grants_come_from_rules(&Acl::compile(std::slice::from_ref(&policy)), &policy, &granted)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // Without texts of both kinds the target would check nothing.
    assert!(refused.get() > 0 && granted.get() > 0);
}

/// The negative control of the fuzz target.
#[test]
fn an_acl_that_grants_more_than_its_policy_fails_the_check() {
    let (reading, writing) = (rules(&["read a"]), rules(&["read,update a"]));
    let granted = Cell::new(0);
    let check = |acl: &Acl| grants_come_from_rules(acl, &reading, &granted);
    assert!(check(&Acl::compile(std::slice::from_ref(&reading))).is_ok());
    assert!(check(&Acl::compile(&[writing])).is_err());
    assert!(check(&Acl::root()).is_err());
}
