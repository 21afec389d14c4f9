//! Rewrites arguments in Vault's style for clap: `-x v`, `-x=v` and `--x` mean the same, a switch may carry `=true`,
//! and an underscore in a flag's name counts as a dash.

use std::collections::BTreeSet;

use clap::{ArgAction, Command};

/// The long flags of the whole command tree.
#[derive(Default)]
pub(crate) struct Flags {
    all: BTreeSet<String>,
    /// The flags that take no value in any command.
    switches: BTreeSet<String>,
}

impl Flags {
    pub(crate) fn of(command: &Command) -> Self {
        let mut flags = Self::default();
        let mut valued = BTreeSet::new();
        flags.collect(command, &mut valued);
        flags.switches.retain(|name| !valued.contains(name));
        flags
    }

    fn collect(&mut self, command: &Command, valued: &mut BTreeSet<String>) {
        for arg in command.get_arguments() {
            for name in arg.get_long_and_visible_aliases().into_iter().flatten() {
                self.all.insert(name.to_owned());
                if matches!(arg.get_action(), ArgAction::SetTrue) {
                    self.switches.insert(name.to_owned());
                } else {
                    valued.insert(name.to_owned());
                }
            }
        }
        for child in command.get_subcommands() {
            self.collect(child, valued);
        }
    }
}

/// Rewrites the arguments after the program's name. Everything after `--` is left as it is.
pub(crate) fn normalise(args: Vec<String>, flags: &Flags) -> Vec<String> {
    let mut out = Vec::with_capacity(args.len());
    let mut args = args.into_iter();
    for arg in args.by_ref() {
        if arg == "--" {
            out.push(arg);
            break;
        }
        out.extend(rewrite(arg, flags));
    }
    out.extend(args);
    out
}

fn rewrite(arg: String, flags: &Flags) -> Option<String> {
    let Some(body) = arg.strip_prefix('-') else { return Some(arg) };
    let body = body.strip_prefix('-').unwrap_or(body);
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    // A short flag with its number, such as `-n5`.
    let is_short = !arg.starts_with("--") && body.len() > 1 && body.bytes().skip(1).all(|b| b.is_ascii_digit());
    let is_flag = !is_short
        && name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !is_flag {
        return Some(arg);
    }
    let dashed = name.replace('_', "-");
    let name = if !flags.all.contains(name) && flags.all.contains(&dashed) { dashed.as_str() } else { name };
    match value {
        Some("true" | "1" | "t" | "T" | "True" | "TRUE") if flags.switches.contains(name) => Some(format!("--{name}")),
        Some("false" | "0" | "f" | "F" | "False" | "FALSE") if flags.switches.contains(name) => None,
        Some(value) => Some(format!("--{name}={value}")),
        None => Some(format!("--{name}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn check(args: &[&str], expected: &[&str]) {
        let command = Command::new("x")
            .arg(Arg::new("format").long("format"))
            .arg(Arg::new("dev").long("dev").action(ArgAction::SetTrue))
            .subcommand(Command::new("y").arg(Arg::new("ttl").long("token-ttl")));
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        assert_eq!(normalise(args, &Flags::of(&command)), expected);
    }

    #[test]
    fn one_dash_means_the_same_as_two() {
        check(
            &["-format=json", "kv", "-format", "json", "--format=json"],
            &["--format=json", "kv", "--format", "json", "--format=json"],
        );
    }

    #[test]
    fn a_switch_may_say_true_or_false() {
        check(&["-dev=true", "-dev=false", "--dev=1", "-dev"], &["--dev", "--dev", "--dev"]);
        check(&["-dev=perhaps"], &["--dev=perhaps"]);
    }

    #[test]
    fn an_underscore_in_a_flag_is_a_dash() {
        check(&["--token_ttl=5m", "-token-ttl=5m", "-no_such=1"], &["--token-ttl=5m", "--token-ttl=5m", "--no_such=1"]);
    }

    #[test]
    fn arguments_that_are_not_flags_stay() {
        check(
            &["-", "-f", "-h", "-1", "-n5", "key=-x", "-=", "-@x"],
            &["-", "-f", "-h", "-1", "-n5", "key=-x", "-=", "-@x"],
        );
        check(&["--", "-format=json"], &["--", "-format=json"]);
    }
}
