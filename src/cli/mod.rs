//! The command line: what an operator, a developer and an auditor type. It talks to the daemon as any client would,
//! over the API; only `server`, `operator tls` and the offline audit tools touch this machine.
//!
//! Start reading at `commands/mod.rs` (the tree of commands). What a call needs is in `session`, what it prints in
//! `output`, how it fails in `fault` and `explain`.

mod argv;
mod audit;
mod audit_view;
pub mod commands;
mod confirm;
mod data;
mod denied;
mod diff;
mod dotenv;
mod environment;
mod explain;
mod fault;
mod heads;
mod home;
mod human;
mod output;
mod persona;
mod pins;
mod server;
mod session;
mod table;
mod terminal;
mod tokens;

#[cfg(test)]
mod tests;

use std::{ffi::OsString, process::ExitCode};

use self::{
    environment::Environment,
    fault::{Exit, Fault},
    output::Format,
    persona::Persona,
    session::Session,
    terminal::Terminal,
};
use crate::base::sys::harden_process;

/// Runs one command line, the program's name first, and says how it ended.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // What does not work here is for the server's log; a short call goes on without.
    let _ = harden_process();
    let mut args = args.into_iter();
    let persona = Persona::of(&args.next().unwrap_or_default());
    let environment = Environment::of_process();
    let terminal = Terminal::of_process();
    let mut wants_json = environment.setting("FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    match try_run(args.collect(), persona, environment, terminal, &mut wants_json) {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            if wants_json && !persona.is_vault() {
                eprintln!("{}", fault.json());
            } else {
                eprint!("{}", fault.render(persona));
            }
            ExitCode::from(fault.exit.code(persona))
        }
    }
}

fn try_run(
    args: Vec<OsString>,
    persona: Persona,
    environment: Environment,
    terminal: Terminal,
    wants_json: &mut bool,
) -> Result<u8, Fault> {
    let args: Result<Vec<String>, _> = args.into_iter().map(OsString::into_string).collect();
    let args = args.map_err(|_| Fault::usage("an argument is not UTF-8"))?;
    if matches!(args.first().map(String::as_str), Some("-version" | "--version" | "-v" | "-V")) {
        commands::version::print(persona);
        return Ok(0);
    }
    let command = match commands::read(args, persona) {
        Ok(command) => command,
        Err(error) => return said_by_clap(&error),
    };
    if let Some(format) = command.globals.format {
        *wants_json = format == Format::Json;
    }
    let session = Session::open(command.globals, persona, environment, terminal)?;
    commands::run(command.command, session)
}

/// Help goes to standard output and is no error; all else is a usage error in clap's words.
fn said_by_clap(error: &clap::Error) -> Result<u8, Fault> {
    let _ = error.print();
    if error.use_stderr() { Ok(Exit::Usage.code(Persona::Strongroom)) } else { Ok(0) }
}
