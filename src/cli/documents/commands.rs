//! docs/reference/cli.md: every command with its arguments, flags and defaults, and the environment.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::cells::cell;
use crate::cli::environment::{PLAIN, SETTINGS};

const HEAD: &str = "\
# Command line

Made from the source by `cargo run --example api_documents`; change the comments there, not this page.

A flag has one dash or two, and its value follows after `=` or a blank: `-format=json` and `--format json` are the same.
Flags stand in any place. `strongroom COMMAND --help` shows what stands here. What a command answers is on standard
output; questions, hints and errors are on standard error. [Exit codes](exit-codes.md) tell scripts what happened.

Called through a link named `vault` or `bao`, the program keeps the words and exit codes of those.
";

/// The page of a tree of commands.
pub(super) fn page(tree: &Command) -> String {
    let mut text = format!("{HEAD}\n## Flags of every command\n\n");
    text.push_str(&table(tree.get_arguments().filter(|arg| arg.is_global_set())));
    text.push_str(&environment());
    for command in tree.get_subcommands() {
        describe(command, tree.get_name(), &mut text);
    }
    text
}

fn environment() -> String {
    let mut text = String::from(
        "\n## Environment\n\nEach of these is looked for as `STRONGROOM_…`, then `VAULT_…`, then `BAO_…`; the first that is set and not empty \
         counts. A flag comes before a variable.\n\n| variable | |\n|---|---|\n",
    );
    for (name, what) in SETTINGS {
        let _ = writeln!(text, "| `STRONGROOM_{name}` | {what} |");
    }
    text.push_str("\nThese have one name:\n\n| variable | |\n|---|---|\n");
    for (name, what) in PLAIN {
        let _ = writeln!(text, "| `{name}` | {what} |");
    }
    text
}

/// Adds a command and those below it.
fn describe(command: &Command, above: &str, text: &mut String) {
    let name = format!("{above} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(text, "\n## `{name}`\n\n{about}.");
    if command.has_subcommands() {
        for child in command.get_subcommands() {
            describe(child, &name, text);
        }
        return;
    }
    let has_flags = command.get_arguments().any(|arg| !arg.is_positional());
    let mut words = vec![name];
    words.extend(has_flags.then(|| "[FLAGS]".to_owned()));
    words.extend(command.get_positionals().map(written));
    let _ = writeln!(text, "\n`{}`", words.join(" "));
    if command.get_arguments().next().is_some() {
        let _ = write!(text, "\n{}", table(command.get_arguments()));
    }
}

fn table<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let mut text = String::from("| | default | |\n|---|---|---|\n");
    for arg in args {
        let defaults: Vec<String> =
            arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Count);
        let default = if is_switch { String::new() } else { defaults.join(", ") };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "| `{}` | {default} | {} |", cell(&written(arg)), cell(&help));
    }
    text
}

/// How an argument is written: `-field=NAME`, `PATH`, `[DATA…]`.
fn written(arg: &Arg) -> String {
    let is_many = matches!(arg.get_action(), ArgAction::Append);
    let value = || {
        let names = arg.get_value_names().unwrap_or_default();
        names.first().map_or_else(|| arg.get_id().to_string().to_uppercase(), ToString::to_string)
    };
    if arg.is_positional() {
        let word = if is_many { format!("{}…", value()) } else { value() };
        return if arg.is_required_set() { word } else { format!("[{word}]") };
    }
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let aliases: Vec<String> =
        arg.get_visible_aliases().unwrap_or_default().into_iter().map(|alias| format!(", -{alias}")).collect();
    let name = format!("{short}-{}{}", arg.get_long().unwrap_or_default(), aliases.concat());
    if matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Count) { name } else { format!("{name}={}", value()) }
}
