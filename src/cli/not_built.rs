//! Commands of Vault that this program does not have. Each is refused by name, with what there is in its place: the
//! parser would only know words that look alike.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::error::CliError;
use crate::base::suggest::nearest;

const ONE_SERVER: &str = "a store belongs to one server: there is no cluster";
const NOT_YET: &str = "it is not built yet";
const NO_LEASES: &str = "no engine that is built makes leases";
const KINDS: &str = "what can be mounted: kv and service_tokens; to log in with: approle";

/// The commands: the words, why there is no such command, and what to do in its place (perhaps nothing).
const COMMANDS: &[(&str, &str, &str)] = &[
    ("agent", NOT_YET, "a service can log in by itself: docs/guides/first-service.md"),
    ("proxy", NOT_YET, "a service can log in by itself: docs/guides/first-service.md"),
    ("audit enable", "audit files stand in the configuration, never in a request", "docs/reference/configuration.md"),
    ("audit disable", "audit files stand in the configuration, never in a request", "docs/reference/configuration.md"),
    ("audit list", "audit files stand in the configuration, never in a request", "docs/reference/configuration.md"),
    ("auth move", NOT_YET, ""),
    ("secrets move", NOT_YET, ""),
    ("debug", NOT_YET, "the server's own log, and its metrics: docs/reference/metrics.md"),
    ("monitor", NOT_YET, "the server's own log, and its metrics: docs/reference/metrics.md"),
    ("events", NOT_YET, "strongroom audit tail --data DIR"),
    ("hcp", "it belongs to a service of Vault's maker", ""),
    ("kv rollback", NOT_YET, "strongroom kv get -version=N, then write it again: strongroom kv put"),
    ("lease", NO_LEASES, "tokens end with: strongroom token revoke"),
    ("namespace", "there are no namespaces", "folders and policies keep tenants apart"),
    ("operator diagnose", NOT_YET, "a server checks its configuration and its files when it starts"),
    (
        "operator generate-root",
        NOT_YET,
        "make an administrator while the root token is there: docs/guides/operating.md",
    ),
    ("operator key-status", NOT_YET, "strongroom read sys/key-status"),
    ("operator members", ONE_SERVER, ""),
    ("operator migrate", NOT_YET, "copy the data folder of a stopped server: docs/guides/operating.md"),
    ("operator raft", ONE_SERVER, "copy the data folder of a stopped server: docs/guides/operating.md"),
    ("operator rekey", NOT_YET, ""),
    ("operator rotate", NOT_YET, ""),
    ("operator rotate-keys", NOT_YET, ""),
    ("operator step-down", ONE_SERVER, ""),
    ("operator usage", NOT_YET, "docs/reference/metrics.md"),
    ("operator validate-config", NOT_YET, "a server checks its configuration when it starts"),
    ("pki", KINDS, ""),
    ("ssh", KINDS, ""),
    ("transform", KINDS, ""),
    ("transit", KINDS, ""),
    ("plugin", "kinds of engines are built in: there are no plugins", KINDS),
    ("policy fmt", NOT_YET, ""),
    ("print", "a token is shown only where that is asked", "strongroom login -token-only"),
    ("scan", NOT_YET, "strongroom list PATH, folder by folder"),
    ("unwrap", "there are no wrapped answers", ""),
    ("version-history", "a store does not keep it", "strongroom version"),
];

/// The refusal of a command of Vault that is not built. `None` if the parser's error is another one.
pub(super) fn refusal(args: &[String], error: &clap::Error) -> Option<CliError> {
    let typed = unknown_command(error)?;
    let group = args.iter().find(|arg| !arg.starts_with('-')).filter(|group| *group != typed);
    let words = group.map_or_else(|| typed.to_owned(), |group| format!("{group} {typed}"));
    let (command, why, instead) = COMMANDS.iter().find(|(command, ..)| *command == words)?;
    let failure = CliError::usage(format!("there is no command `{command}`")).why(*why);
    let failure = if instead.is_empty() { failure } else { failure.fix(*instead) };
    Some(failure.fix(match group {
        Some(group) => format!("what there is: strongroom {group} --help"),
        None => String::from("what there is: strongroom --help"),
    }))
}

/// Takes a tip out of a parser's error that leads astray: a command that only looks a little alike.
pub(super) fn without_wrong_tips(mut error: clap::Error) -> clap::Error {
    if let Some(typed) = unknown_command(&error).map(str::to_owned)
        && let Some(ContextValue::Strings(tips)) = error.remove(ContextKind::SuggestedSubcommand)
    {
        let tips: Vec<&str> = tips.iter().map(String::as_str).collect();
        if let Some(near) = nearest(&typed, &tips) {
            error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![near.to_owned()]));
        }
    }
    error
}

fn unknown_command(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(typed)) if error.kind() == ErrorKind::InvalidSubcommand => Some(typed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{commands, persona::Persona};

    fn parse(line: &str) -> (Vec<String>, clap::Error) {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        (args.clone(), commands::read(args, Persona::Strongroom).unwrap_err())
    }

    /// U17: `print` was answered with the tip to `write`.
    #[test]
    fn u17_commands_that_are_not_built_are_refused_by_name() {
        for (command, ..) in COMMANDS {
            for line in [(*command).to_owned(), format!("{command} -format=json")] {
                let (args, error) = parse(&line);
                let text = refusal(&args, &error).unwrap().render(Persona::Strongroom);
                assert!(text.starts_with(&format!("error: there is no command `{command}`\n  why  ")), "{text}");
                assert!(text.contains("what there is: strongroom"), "{text}");
            }
        }
    }

    #[test]
    fn u17_a_tip_is_given_only_if_it_is_near() {
        let told = |line: &str| {
            let (args, error) = parse(line);
            assert!(refusal(&args, &error).is_none(), "{line}");
            without_wrong_tips(error).to_string()
        };
        assert!(told("wriet secret/a").contains("'write'"));
        assert!(!told("prinz").contains("tip"));
        let flag = told("kv put -foo=x secret/a");
        assert!(flag.contains("--foo") && !flag.contains("as a value"), "{flag}");
        assert!(told("kv get -filed=x secret/a").contains("'--field'"));
    }
}
