//! The command line, for operators, developers and auditors. It talks to the server over the API, as any client would.
//! Only `server`, `dev`, `operator tls`, `operator walk` and the offline audit tools work without a server.
//!
//! Start reading at `commands/mod.rs`, the tree of commands. `invocation` has what one call needs, `output` prints,
//! `error` and `diagnosis` say what went wrong.

pub(crate) mod commands;
mod argv;
mod invocation;
mod environment;
mod persona;
mod config_dir;
mod ca_folder;
mod vault_token;
mod tokens;
mod pins;
mod data;
mod dotenv;
mod duration_flag;
mod terminal;
mod confirm;
mod output;
mod human;
mod table;
mod printable;
mod diff;
mod error;
mod attempt;
mod not_built;
mod diagnosis;
mod connection_error;
mod denial;
mod explain;
mod kv2_hint;
mod mount_hint;
mod server;
mod audit;
mod audit_view;
mod checkpoints;
pub(crate) mod documents;

#[cfg(test)]
mod tests;

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use self::{
    commands::CommandLine,
    environment::Environment,
    error::{CliError, Exit},
    invocation::Invocation,
    output::Format,
    persona::Persona,
    terminal::Terminal,
};
use crate::base::sys::harden_process;

/// Runs one command line, which begins with the program's name, and returns its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A server logs what could not be hardened. A short call simply goes on.
    let _ = harden_process();
    let mut args = args.into_iter();
    let persona = Persona::of(&args.next().unwrap_or_default());
    let environment = Environment::of_process();
    let mut format = match environment.setting("FORMAT") {
        Some(text) if text.eq_ignore_ascii_case("json") => Format::Json,
        _ => Format::Table,
    };
    let ended = read(args.collect(), persona).and_then(|read| match read {
        Read::Ended(code) => Ok(code),
        Read::Command(line) => {
            format = line.globals.format.unwrap_or(format);
            let invocation = Invocation::open(line.globals, persona, environment, Terminal::of_process())?;
            commands::run(line.command, invocation)
        }
    });
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let text = if format == Format::Json && !persona.is_vault() {
                format!("{}\n", failure.json())
            } else {
                failure.render(persona)
            };
            // If nobody reads stderr, the exit code still tells.
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
            ExitCode::from(failure.exit.code(persona))
        }
    }
}

/// The result of reading the arguments.
enum Read {
    /// Nothing more is to be done: help, the version or a usage error was printed. The value is the exit code.
    Ended(u8),
    Command(Box<CommandLine>),
}

fn read(args: Vec<OsString>, persona: Persona) -> Result<Read, CliError> {
    let args: Result<Vec<String>, _> = args.into_iter().map(OsString::into_string).collect();
    let args = args.map_err(|_| CliError::usage("an argument is not UTF-8"))?;
    if matches!(args.first().map(String::as_str), Some("-version" | "--version" | "-v" | "-V")) {
        commands::version::print(persona);
        return Ok(Read::Ended(0));
    }
    // Vault has an exit code of its own where no command is named.
    let wrong = if persona.is_vault() && !commands::names_one(&args) { 127 } else { Exit::Usage.code(persona) };
    match commands::read(args.clone(), persona) {
        Ok(line) => Ok(Read::Command(Box::new(line))),
        Err(error) => {
            if let Some(refusal) = not_built::refusal(&args, &error) {
                return Err(refusal);
            }
            let error = not_built::without_wrong_tips(error);
            // clap writes help to standard output and usage errors to standard error.
            let _ = error.print();
            Ok(Read::Ended(if error.use_stderr() { wrong } else { 0 }))
        }
    }
}
